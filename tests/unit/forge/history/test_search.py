# SPDX-License-Identifier: GPL-3.0-or-later
"""Search in one repository: what a query means, which paths come first, and how far changesets are looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, TypeVar

import pytest

from trivium.forge.history import search
from trivium.forge.history.search import LONGEST, Sought, changesets, parsed
from trivium.vcs.abilities import Lines
from trivium.vcs.budget import present
from trivium.vcs.values import Changeset, Names, Refs

T = TypeVar("T")


@pytest.mark.parametrize(
    ("query", "sought"),
    [
        ("", Sought(())),
        ("Tide  TABLE", Sought(("tide", "table"))),
        ("a repo:x kind:git repo:y b", Sought(("a", "b"), "x y", "git")),
        ("path:src/ x:y path:Z", Sought(("x:y",), paths=("src/", "z"))),
        ("repo: kind:", Sought(())),
        ("STRASSE straße", Sought(("strasse", "strasse"))),
    ],
)
def test_what_a_query_means(query: str, sought: Sought) -> None:
    assert parsed(query) == sought


def test_a_query_is_bounded() -> None:
    assert len(parsed("a " * 5000).words) == 10
    assert parsed("x" * 5000).words == ("x" * LONGEST,)


def test_the_best_paths_come_first() -> None:
    paths = ["tide/x.py", "src/deep/tide.py", "a/tide.py", "TIDE", "İtide", "other"]
    assert search._matching(paths, parsed("tide")) == ["TIDE", "İtide", "a/tide.py", "src/deep/tide.py", "tide/x.py"]
    assert search._matching(paths, parsed("tide py")) == ["a/tide.py", "src/deep/tide.py", "tide/x.py"]
    assert search._matching([], parsed("tide")) == search._matching(paths, parsed("")) == []


class Snapshot:
    """A history in one line; number 1 is the oldest."""

    def __init__(self, count: int) -> None:
        self.count = count

    def is_empty(self) -> bool:
        return not self.count

    def resolve(self, revision: str) -> str:
        return revision

    def page(self, head: None, after: str | None, limit: int) -> list[str]:
        newest = self.count if after is None else int(after) - 1
        return [str(number) for number in range(newest, max(0, newest - limit), -1)]

    def changesets(self, ids: Sequence[str]) -> list[Changeset]:
        return [
            Changeset(one, one, int(one), "Mira", "2026-11-29T00:00:00", f"Message #{one}.", (), None) for one in ids
        ]

    def refs_at(self, raw_id: str) -> Refs:
        return Refs((), (), ())

    def names(self) -> Names:
        return Names({}, {}, {})


class Reading:
    """A history that reads it."""

    def __init__(self, count: int) -> None:
        abilities = SimpleNamespace(phases=False, lines=Lines.POINTERS)
        self.site = SimpleNamespace(back_ends={"git": SimpleNamespace(abilities=abilities)})
        self._snapshot = Snapshot(count)

    def read(self, repository: object, look: Callable[[Any], T]) -> T:
        return look(self._snapshot)


def found(count: int, query: str, **given: Any) -> tuple[list[str], str, int]:
    hits = changesets(Reading(count), SimpleNamespace(kind="git"), parsed(query), **given)  # type: ignore[arg-type]
    return [row.change.raw_id for row in hits.rows], hits.after, hits.looked_at


def test_all_changesets_are_looked_at() -> None:
    assert found(1700, "message #1234.") == (["1234"], "", 1700)
    assert found(1700, "mira nowhere") == ([], "", 1700)
    assert found(1000, "nowhere") == ([], "", 1000), "a whole number of steps"
    assert found(0, "message") == ([], "", 0)
    assert found(10, "") == ([], "", 0)


def test_a_page_ends_with_its_last_hit() -> None:
    ids, after, looked_at = found(1700, "mira", limit=3)
    assert (ids, after, looked_at) == (["1700", "1699", "1698"], "1698", 3)
    assert found(1700, "mira", limit=3, after=after)[0] == ["1697", "1696", "1695"]


def test_no_more_are_looked_at_than_allowed() -> None:
    assert found(1700, "#3.", most=700) == ([], "1001", 700)
    assert found(1700, "#3.", most=700, after="1001") == ([], "301", 700)
    assert found(1700, "#3.", most=700, after="301") == (["3"], "", 300)


def test_it_ends_when_the_time_is_over() -> None:
    """After the step that is under way: a search gets on however little time it has."""
    assert found(1700, "#3.", seconds=0) == ([], "1201", 500)


def test_what_was_found_counts_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """The paths before the limit are searched, and the answer says that these are not all."""

    class Tree(Snapshot):
        def files_below(self, raw_id: str, path: str) -> Any:
            for number in range(20):
                present().spend(1)
                yield SimpleNamespace(path=f"f{number}")

    reading: Any = Reading(1)
    reading.read = lambda repository, look, at: look(Tree(1))
    monkeypatch.setattr(search, "MOST_PATHS", 7)
    monkeypatch.setattr(search, "landing", lambda snapshot, repository: "main")
    repository: Any = SimpleNamespace(kind="git")
    paths, keep = search._read_paths(reading, repository, None)  # type: ignore[arg-type]
    assert (paths.paths, paths.whole, keep) == (tuple(f"f{number}" for number in range(7)), False, True)
