# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are kept fast: lightly after pushes (`after_pushes`), and thoroughly when an administrator asks for it.

The work holds the repository's lock shared, as a push does, and stops as soon as somebody wants it alone. It is
recorded like a push: if the server is killed, recovery removes half-done work.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from sqlalchemy import bindparam, select

from trivium.access.caller import the_system
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import growth
from trivium.forge.site import Site
from trivium.store.query import Query
from trivium.store.tables import repositories
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.errors import Interrupted

TIDY: Final = "tidy"

_PLACE = Query(select(repositories.c.name, repositories.c.kind).where(repositories.c.id == bindparam("repository_id")))


def tidy(site: Site, repository_id: int, *, thorough: bool, check: Callable[[], None]) -> None:
    """Put one repository in good order, if that is worth while or `thorough`.

    Raises `VcsError`, `StorageFull`, `Interrupted` when somebody wants the repository alone, and what `check` raises.
    """
    lock = RepositoryLock(site.tree.locks, repository_id)

    def goes_on() -> None:
        check()
        if lock.is_wanted():
            raise Interrupted("the repository is in use")

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
        back_end.tidy(path, thorough=thorough, keep=held, check=goes_on)
        growth.forget(site, repository_id)
        pushes.finish(site, work, ())
        work = None
    finally:
        os.close(held)
        if work is not None:
            pushes.recover(site, work)  # not even git removes everything that it leaves unfinished
