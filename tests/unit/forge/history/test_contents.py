# SPDX-License-Identifier: GPL-3.0-or-later
"""After a push only what it brought is read anew, and what is kept says the same as what is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from trivium.forge.caches.files import RepositoryCache
from trivium.forge.caches.pieces import Pieces
from trivium.forge.history.contents import Changes, FileFacts, facts_of_files
from trivium.forge.site import Site
from trivium.vcs.budget import Budget, Exhausted, present, spending
from trivium.vcs.values import Content, DiffLimits, FileChange, Node

_LIMITS = DiffLimits(per_file=100, total=1000)


class _Snapshot:
    """A repository whose commits change one file each, by a diff of 60 characters."""

    def __init__(self, era: str | None = "", *, lasting_files: bool = True) -> None:
        self.era = era
        self.lasting_files = lasting_files
        self.read: list[str] = []

    def changes(self, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
        left = limits.total if limits else 0
        for raw_id in raw_ids:
            self.read.append(raw_id)
            diff = f"{self.era}{raw_id:60}" if limits else None
            if diff is not None and len(diff) > left:
                diff = None
            left -= len(diff or "")
            yield [FileChange(f"{raw_id}.txt", "M", diff=diff)]

    def contents(self, nodes: Sequence[Node], most: int) -> Iterator[Content]:
        for node in nodes:
            self.read.append(node.path)
            yield Content(len(node.id), node.id.encode())


def _changes(site: Site, snapshot: Any, *ids: str, limits: DiffLimits | None = _LIMITS) -> list[list[FileChange]]:
    return list(Changes(Pieces(site, 1), snapshot, limits).of(ids))


def test_only_new_commits_are_read(site: Site) -> None:
    snapshot = _Snapshot()
    before = _changes(site, snapshot, "a", "b")
    after = _changes(site, snapshot, "a", "b", "c")
    assert snapshot.read == ["a", "b", "c"]
    RepositoryCache(site, 1).clear()
    assert _changes(site, snapshot, "a", "b", "c") == after
    assert after[:2] == before
    assert snapshot.read == ["a", "b", "c", "a", "b", "c"]


def test_what_is_kept_without_diffs_is_not_shown_with_them(site: Site) -> None:
    snapshot = _Snapshot()
    assert _changes(site, snapshot, "a", limits=None)[0][0].diff is None
    assert _changes(site, snapshot, "a")[0][0].diff is not None
    assert _changes(site, snapshot, "a", limits=DiffLimits(per_file=99, total=1000))[0][0].diff is not None
    assert snapshot.read == ["a", "a", "a"]


def test_what_one_answer_had_no_room_for_is_not_kept(site: Site) -> None:
    snapshot = _Snapshot()
    many = [f"{number:02}" for number in range(30)]
    shown = [bool(changed[0].diff) for changed in _changes(site, snapshot, *many)]
    assert shown == [True] * 16 + [False] * 14
    assert _changes(site, snapshot, many[-1])[0][0].diff is not None
    for one in many:
        _changes(site, snapshot, one)  # now each is kept with its diff
    snapshot.read.clear()
    again = [bool(changed[0].diff) for changed in _changes(site, snapshot, *many)]
    assert (again, snapshot.read) == (shown, [])


def test_what_was_left_out_for_lack_of_time_is_not_kept(site: Site) -> None:
    snapshot = _Snapshot()
    with spending(Budget):
        present().cut = True
        _changes(site, snapshot, "a")
    _changes(site, snapshot, "a")
    assert snapshot.read == ["a", "a"]


def test_what_is_kept_counts_against_the_budget_too(site: Site) -> None:
    snapshot = _Snapshot()
    ids = [str(number) for number in range(10)]
    _changes(site, snapshot, *ids)
    for limits in (Budget(nodes=5), Budget(text=20)):
        try:
            with spending(lambda limits=limits: limits):
                _changes(site, snapshot, *ids)
        except Exhausted:
            continue
        raise AssertionError("it cost nothing")


def test_the_same_number_in_another_history_is_another_commit(site: Site) -> None:
    one, other, unknown = _Snapshot("one"), _Snapshot("other"), _Snapshot(None)
    assert _changes(site, one, "1") != _changes(site, other, "1")
    _changes(site, unknown, "1")
    _changes(site, unknown, "1")
    assert (one.read, other.read, unknown.read) == (["1"], ["1"], ["1", "1"])


def _facts(site: Site, snapshot: Any, files: dict[str, str], most: int | None) -> list[FileFacts]:
    nodes = [Node(path, "file", content) for path, content in files.items()]
    return list(facts_of_files(Pieces(site, 1), snapshot, nodes, most=most))


def test_only_new_contents_are_read(site: Site) -> None:
    snapshot = _Snapshot()
    before = _facts(site, snapshot, {"a": "1\n", "b": "2\0", "twice": "1\n"}, 10)
    assert [one.content for one in before] == ["1\n", None, "1\n"]
    snapshot.read.clear()
    after = _facts(site, snapshot, {"a": "1\n", "moved": "2\0", "new": "3", "twice": "1\n"}, 10)
    assert after[0] == after[3] == before[0]
    assert after[1] == before[1]
    assert snapshot.read == ["new"]
    # Without contents, or with another limit for them, it is another question.
    assert [one.content for one in _facts(site, snapshot, {"a": "1\n"}, None)] == [None]
    assert [one.content for one in _facts(site, snapshot, {"a": "1\n"}, 1)] == [None]
    assert snapshot.read == ["new", "a", "a"]


def test_ids_that_do_not_last_are_not_kept(site: Site) -> None:
    snapshot = _Snapshot(lasting_files=False)
    for _ in range(2):
        assert _facts(site, snapshot, {"a": "1"}, None)[0].lines == 1
    assert snapshot.read == ["a", "a"]
