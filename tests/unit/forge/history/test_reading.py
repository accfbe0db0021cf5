# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading while repositories get other names: nobody is given what belongs to another one."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

from trivium.forge.caches.files import RepositoryCache
from trivium.forge.history.reading import History, Moment
from trivium.forge.site import Site
from trivium.vcs.errors import VcsError


class Repository:
    id = 1
    kind = "git"


REPOSITORY: Any = Repository()


class Moving(History):
    """A repository that is called something else each time somebody looks, for a while."""

    def __init__(self, site: Site, names: list[str]) -> None:
        super().__init__(site)
        self._names = names

    def now(self, repository: Any) -> Moment:
        name = self._names.pop(0) if len(self._names) > 1 else self._names[0]
        return Moment(name, "state", "since")

    @contextlib.contextmanager
    def _opened(self, repository: Any, moment: Moment) -> Iterator[Any]:
        yield moment.name


def test_what_was_read_under_a_name_that_was_given_away_is_neither_told_nor_kept(site: Site) -> None:
    history = Moving(site, ["old", "new", "new"])
    cache = RepositoryCache(site, 1)

    def look(snapshot: Any) -> str:
        with cache.draft("what") as draft:
            draft.write(snapshot.encode())
            cache.finish(draft)
        return str(snapshot)

    assert history.read(REPOSITORY, look) == "new"
    assert cache.find("what") == b"new"


def test_a_repository_that_is_never_where_it_was_is_given_up(site: Site) -> None:
    history = Moving(site, [str(number) for number in range(100)])
    with pytest.raises(VcsError):
        history.read(REPOSITORY, str)
    assert RepositoryCache(site, 1).find("what") is None


class Opening(Moving):
    """A repository of which each opening is told, and each closing."""

    def __init__(self, site: Site, names: list[str]) -> None:
        super().__init__(site, names)
        self.told: list[str] = []

    _opened = History._opened

    @contextlib.contextmanager
    def _opened_now(self, repository: Any, moment: Moment) -> Iterator[Any]:
        self.told.append(f"open {moment.name}")
        try:
            yield moment.name
        finally:
            self.told.append(f"close {moment.name}")


def test_what_is_read_in_one_sitting_is_opened_once(site: Site) -> None:
    history = Opening(site, ["one"])
    with history.sitting():
        for _ in range(3):
            assert history.read(REPOSITORY, str) == "one"
        # Who reads while somebody reads opens it for themselves.
        assert history.read(REPOSITORY, lambda _: history.read(REPOSITORY, str)) == "one"
        assert history.told == ["open one", "open one", "close one"]
    assert history.told.count("close one") == 2
    assert history.read(REPOSITORY, str) == "one"
    assert history.told[-2:] == ["open one", "close one"]


def test_what_has_failed_or_has_another_name_is_opened_anew(site: Site) -> None:
    history = Opening(site, ["one"])
    with history.sitting():
        with pytest.raises(ZeroDivisionError):
            history.read(REPOSITORY, lambda _: 1 // 0)
        assert history.told == ["open one", "close one"]
        history.read(REPOSITORY, str)
        history._names = ["two"]
        assert history.read(REPOSITORY, str) == "two"
        assert history.told[2:] == ["open one", "open two"]
    assert sorted(history.told[4:]) == ["close one", "close two"]


def test_what_goes_on_after_a_sitting_is_closed_by_itself(site: Site) -> None:
    history = Opening(site, ["one"])
    with history.sitting():
        pieces = history.stream(REPOSITORY, lambda snapshot: iter([snapshot.encode(), b"more"]))
        assert next(pieces) == b"one"
    assert history.told == ["open one"]
    assert list(pieces) == [b"more"]
    assert history.told == ["open one", "close one"]
