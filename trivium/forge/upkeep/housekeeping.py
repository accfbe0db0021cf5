# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are kept fast: lightly after pushes, and thoroughly when an administrator asks for it.

The work holds the repository's lock shared, as a push does, and stops as soon as somebody wants it alone. It is
recorded like a push: if the server is killed, recovery removes half-done work.
"""

from __future__ import annotations

import contextlib
import os
import queue
from collections.abc import Callable
from typing import Final

import structlog
from sqlalchemy import bindparam, select

from trivium.access.caller import the_system
from trivium.errors import TriviumError
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import growth
from trivium.forge.site import Site
from trivium.store.query import Query
from trivium.store.tables import repositories
from trivium.tree.kernel_locks import RepositoryLock, one_at_a_time
from trivium.vcs.errors import Interrupted

_log = structlog.get_logger(__name__)

TIDY: Final = "tidy"

_PLACE = Query(select(repositories.c.name, repositories.c.kind).where(repositories.c.id == bindparam("repository_id")))


def tidy_pushed(site: Site, stop: Callable[[], bool]) -> None:
    """Look after the repositories that were pushed to through this process (`Site.pushed`).

    One process of a server at a time, so that pushes keep the machine; what is left waits for the next call.
    """
    with one_at_a_time(site.tree.locks / "housekeeping") as alone:
        if not alone:
            return
        for repository_id in _taken(site):
            if stop():
                return
            try:
                tidy(site, repository_id, thorough=False, stop=stop)
            except Interrupted:
                site.pushed.put(repository_id)
            except TriviumError as error:
                _log.warning("a repository was not put in order", repository_id=repository_id, why=str(error))


def _taken(site: Site) -> set[int]:
    taken = set()
    with contextlib.suppress(queue.Empty):
        while True:
            taken.add(site.pushed.get_nowait())
    return taken


def tidy(site: Site, repository_id: int, *, thorough: bool, stop: Callable[[], bool]) -> None:
    """Put one repository in good order, if that is worth while or `thorough`.

    Raises `VcsError`, `StorageFull`, or `Interrupted` when somebody wants the repository alone or `stop` says so.
    """
    lock = RepositoryLock(site.tree.locks, repository_id)
    held = lock.try_shared()
    if held is None:
        raise Interrupted("the repository is in use")
    work: pushes.Push | None = None
    try:
        with site.store.read() as db:
            row = _PLACE.first(db, {"repository_id": repository_id})
        if row is None:
            return
        name, kind = row
        back_end = site.back_ends[kind]
        path = site.tree.path_of(name)
        if not (thorough or back_end.is_untidy(path)):
            return
        work = pushes.begin(site, the_system(), repository_id, (), action=TIDY)
        back_end.tidy(path, thorough=thorough, keep=held, stop=lambda: stop() or lock.is_wanted())
        growth.forget(site, repository_id)
        pushes.finish(site, work, ())
        work = None
    finally:
        os.close(held)
        if work is not None:
            pushes.recover(site, work)  # not even git removes everything that it leaves unfinished
