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
