# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks that users see: set by hand, taken by a pull, released by a push (system.md 3.4).

A lock refuses every pull, and every push but the holder's. With `enable_locking` on, a pull by somebody who may write
takes the lock and their push releases it; a lock that was set by hand also binds when the switch is off.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, insert, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Forbidden, Locked
from trivium.forge.accounts.users import User
from trivium.forge.events import journal
from trivium.forge.events.repositories import RepositoryLocked, RepositoryUnlocked
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.store.locks import lock, user_lock_of
from trivium.store.query import Query
from trivium.store.tables import repositories as table
from trivium.store.tables import repository_locks, users


class LockReason(StrEnum):
    """How a lock came about."""

    API = "lock_api"
    WEB = "lock_web"
    PULL = "lock_pull"
    AUTO = "lock_auto"


_HELD = Query(
    select(repository_locks.c.user_id, table.c.enable_locking)
    .join(table, table.c.id == repository_locks.c.repository_id)
    .where(repository_locks.c.repository_id == bindparam("repository_id"))
)
_HOLDER = Query(
    select(users.c.username)
    .join(repository_locks, repository_locks.c.user_id == users.c.id)
    .where(repository_locks.c.repository_id == bindparam("repository_id"))
)


def locked_date(repository: Repository) -> str | None:
    """Since when a repository is locked, as answers show moments."""
    if repository.locked_on is None:
        return None
    return datetime.fromtimestamp(repository.locked_on, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")


def check(caller: Caller, repository: Repository, *, writes: bool) -> None:
    """Raise `Locked` when the caller may not push (`writes`) or pull because of a lock."""
    if repository.locked_by_id is None or repository.locked_by is None:
        return
    if writes and repository.locked_by_id == caller.user_id and not caller.anonymous:
        return
    raise Locked(repository.name, repository.locked_by, repository.lock_reason or "")


def set_lock(
    site: Site,
    caller: Caller,
    repository: Repository,
    holder: User,
    *,
    locked: bool,
    reason: LockReason = LockReason.API,
) -> Repository:
    """Lock a repository for a user, whoever held it before, or unlock it; returns it as it is then."""
    with site.store.write(told_apart=True) as db:
        lock(db, user_lock_of(repository.id))
        was = _store(db, repository.id, holder.id if locked else None, reason)
        _record(db, caller, repository.id, repository.name, holder=holder.username, was=was, locked=locked)
        return repositories.by_id(db, caller, repository.id)


def toggle(site: Site, caller: Caller, repository: Repository) -> bool:
    """Take the lock of a repository, or release it; returns whether the caller holds it now.

    Raises `Forbidden` unless the caller may write, and `Locked` where somebody else holds it and the caller does not
    administer the repository.
    """
    with site.store.write(told_apart=True) as db:
        lock(db, user_lock_of(repository.id))
        present = repositories.by_id(db, caller, repository.id)
        if caller.anonymous or present.level < Level.WRITE:
            raise Forbidden
        if present.locked_by is not None and present.level < Level.ADMIN:
            check(caller, present, writes=True)
        locked = present.locked_by is None
        was = _store(db, present.id, caller.user_id if locked else None, LockReason.WEB)
        holder = present.locked_by or caller.username
        _record(db, caller, present.id, present.name, holder=holder, was=was, locked=locked)
    return locked


def take_for_push(site: Site, caller: Caller, repository: Repository) -> bool:
    """Lock a repository for the push of a caller that has pulled; True when the lock was taken."""
    if not repository.enable_locking or caller.anonymous or repository.level < Level.WRITE:
        return False
    with site.store.write(told_apart=True) as db:
        lock(db, user_lock_of(repository.id))
        if _HELD.first(db, {"repository_id": repository.id}) is not None:
            return False
        was = _store(db, repository.id, caller.user_id, LockReason.PULL)
        _record(db, caller, repository.id, repository.name, holder=caller.username, was=was, locked=True)
    return True


def release_after_push(db: Connection, caller: Caller, repository_id: int, name: str) -> bool:
    """Release the pusher's lock, in the transaction that records the push; True when they held one."""
    lock(db, user_lock_of(repository_id))
    held = _HELD.first(db, {"repository_id": repository_id})
    if held is None or held[0] != caller.user_id or not held[1]:
        return False
    was = _store(db, repository_id, None, LockReason.AUTO)
    _record(db, caller, repository_id, name, holder=caller.username, was=was, locked=False)
    return True


def _store(db: Connection, repository_id: int, holder_id: int | None, reason: LockReason) -> str | None:
    """Store who holds the lock; returns who held it."""
    found = _HOLDER.first(db, {"repository_id": repository_id})
    db.execute(delete(repository_locks).where(repository_locks.c.repository_id == repository_id))
    if holder_id is not None:
        db.execute(
            insert(repository_locks).values(
                repository_id=repository_id, user_id=holder_id, locked_on=int(time.time()), reason=str(reason)
            )
        )
    return None if found is None else str(found[0])


def _record(
    db: Connection, caller: Caller, repository_id: int, name: str, *, holder: str, was: str | None, locked: bool
) -> None:
    kind = RepositoryLocked if locked else RepositoryUnlocked
    journal.record(db, caller, kind(subject=name, repository_id=repository_id, holder=holder, was={"holder": was}))
