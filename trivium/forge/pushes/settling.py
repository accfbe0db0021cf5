# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes are journalled, and the last changesets of repositories kept current (system.md 3.3).

An intent is recorded before the version-control system may change anything and cleared together with the journal
row, so that a push which was accepted just before a crash is journalled after it (`recovery`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

import msgspec
import structlog
from sqlalchemy import Connection, and_, bindparam, case, func, select, update

from trivium.access.caller import Caller, the_system
from trivium.errors import Busy, DatabaseAway, Kind, NotFound
from trivium.forge.events import journal
from trivium.forge.events.moves import MOVES, Pushed, Ref, Stripped, Unexplained
from trivium.forge.repositories import growth, user_locks
from trivium.forge.repositories.finding import stored_changeset
from trivium.forge.site import Site
from trivium.store import intents
from trivium.store.query import Change, Query
from trivium.store.tables import now, repositories
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.errors import VcsError
from trivium.vcs.values import MOST_OF_A_MESSAGE, Changeset, RefUpdate

_log = structlog.get_logger(__name__)

PUSH: Final = Pushed.action
STRIP: Final = Stripped.action
UNEXPLAINED: Final = Unexplained.action
"""The journal's action for refs that moved without a recorded push, strip or pull."""
_MOST_TOLD: Final = 1000
"""Refs that one such row names."""
_TRIES: Final = 20
_PAUSE: Final = 0.05
_AWAY_PAUSE: Final = 0.2

_ROW = Query(
    select(repositories.c.name, repositories.c.kind, repositories.c.history_state, repositories.c.last_changeset).where(
        repositories.c.id == bindparam("repository_id")
    )
)
_SETTLE = Change(
    update(repositories)
    .where(
        repositories.c.id == bindparam("repository_id"),
        # What was seen on the disk stood under this name, and nobody has stored something newer.
        repositories.c.name == bindparam("seen_as"),
        repositories.c.history_state == bindparam("known"),
    )
    .values(
        history_state=bindparam("state"),
        last_changeset=bindparam("changeset"),
        # Who looks into a new repository first has not changed it.
        updated_on=case(
            (
                and_(repositories.c.history_state == "", repositories.c.last_changeset == bindparam("changeset")),
                repositories.c.updated_on,
            ),
            else_=bindparam("moment"),
        ),
    )
)
# A message within its bounds can still be six times as long in JSON.
_LONG = select(repositories.c.id, repositories.c.last_changeset).where(
    func.length(repositories.c.last_changeset) > 8 * MOST_OF_A_MESSAGE
)
_SHORTEN = (
    update(repositories)
    .where(repositories.c.id == bindparam("repository_id"), repositories.c.last_changeset == bindparam("stored"))
    .values(last_changeset=bindparam("short"))
)


class Recorded(msgspec.Struct, frozen=True):
    """The detail of a push's intent."""

    repository_id: int
    user_id: int
    username: str
    super_admin: bool
    address: str
    updates: list[tuple[str, str, str]]
    action: str = PUSH
    """What the journal calls it: a strip and a pull move refs as well."""

    def caller(self) -> Caller:
        return Caller(self.user_id, self.username, self.super_admin, True, self.address)

    def ref_updates(self) -> list[RefUpdate]:
        return [RefUpdate(*update) for update in self.updates]


@dataclass(frozen=True, slots=True)
class Push:
    """A push under way."""

    intent: str
    repository_id: int
    caller: Caller
    updates: tuple[RefUpdate, ...]
    """The moves that the client asks for; empty when they are not known before they are done."""
    action: str = PUSH


class _SettledBefore(Exception):
    """What became of a push is recorded already, by a transaction of which nobody knew whether it was committed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of a push."""

    lock_released: bool = False
    """Whether this push released the lock that users see."""


class _Row(NamedTuple):
    """What is stored of a repository: a row of `_ROW`."""

    name: str
    kind: str
    history_state: str
    last_changeset: str


def begin(site: Site, caller: Caller, repository_id: int, updates: Sequence[RefUpdate], *, action: str = PUSH) -> Push:
    """Record which refs are about to move; without `updates`, only that some are. Raises `StorageFull`."""
    site.tree.check_space()
    if action == PUSH:
        growth.check_room(site, repository_id)
    detail = msgspec.to_builtins(
        Recorded(
            repository_id=repository_id,
            user_id=caller.user_id,
            username=caller.username,
            super_admin=caller.super_admin,
            address=caller.address,
            updates=[(update.name, update.old, update.new) for update in updates],
            action=action,
        )
    )
    intent = intents.begin(site.store, worker=site.worker.id, kind=PUSH, detail=detail, in_doubt=site.left)
    return Push(intent, repository_id, caller, tuple(updates), action)


def finish(site: Site, push: Push, accepted: Sequence[RefUpdate] | None) -> Finished:
    """Journal what was accepted and bring the repository's row up to date.

    `accepted` is None when the version-control process died before it told: then the repository is asked.
    A repository that was deleted in the meantime has nothing to bring up to date. Raises `VcsError` when the outcome
    cannot be found out, and `DatabaseAway` when it cannot be recorded; then the intent stays, for recovery to look at
    again.
    """
    deadline = time.monotonic() + site.store.busy_timeout
    away = False
    while True:
        try:
            if away and not _is_recorded(site, push):
                return Finished()  # the database went away while it committed this
            return _finished(site, push, accepted)
        except _SettledBefore:
            return Finished()
        except DatabaseAway:
            away = True
            if time.monotonic() > deadline:
                site.left.put(push.intent)
                raise
            time.sleep(_AWAY_PAUSE)


def _is_recorded(site: Site, push: Push) -> bool:
    with site.store.read() as db:
        return intents.is_recorded(db, push.intent)


def _finished(site: Site, push: Push, accepted: Sequence[RefUpdate] | None) -> Finished:
    for left in reversed(range(_TRIES)):
        try:
            return site.store.again(partial(_settled, site, push, accepted))
        except VcsError:
            if not left and accepted is None:
                raise
            # A group above is just being moved: the next look finds the new place.
            time.sleep(_PAUSE)
        except NotFound:
            break
    with site.store.write(access_unchanged=True) as db:
        if accepted:
            row = _row_of(db, push.repository_id)
            _journal(db, push, row.name if row else "", accepted)
        _end(db, push)
    return Finished()


def _end(db: Connection, push: Push) -> None:
    """Remove the intent of a push, or undo all of this transaction where that was done before."""
    if not intents.clear(db, push.intent):
        raise _SettledBefore(push.intent)


def recover(site: Site, push: Push) -> None:
    """Settle a push whose version-control process was killed, and so may have left locks and pieces behind.

    Raises `Busy` when the repository is in use for too long, and `VcsError` when the outcome cannot be found out yet;
    then nothing has happened.
    """
    with RepositoryLock(site.tree.locks, push.repository_id).exclusive(site.settings.exclusive_timeout):
        recover_alone(site, push)


def recover_alone(site: Site, push: Push) -> None:
    """The same for a caller that holds the repository alone."""
    with site.store.read() as db:
        row = _row_of(db, push.repository_id)
    accepted = None
    if row is not None:
        back_end, path = site.back_ends[row.kind], site.tree.path_of(row.name)
        back_end.recover(path)
        # Compared with the stored state: accepted updates are stored together with the end of the intent.
        accepted = back_end.accepted(path, push.updates, row.history_state)
        if push.action == STRIP and accepted:
            back_end.purge(path)
        if not accepted:
            refresh(site, push.repository_id)  # first: once the intent is gone nobody looks again
    finish(site, push, accepted)


def try_to_recover(site: Site, push: Push) -> None:
    """`recover`, if the repository can be locked; otherwise leave that for later."""
    with left_for_later(site, push):
        recover(site, push)


@contextlib.contextmanager
def left_for_later(site: Site, push: Push) -> Iterator[None]:
    """Surrounds the settling of a push. If that is impossible now, the intent stays, and the log says so.

    When the database is away the worker tries again later (`Site.left`).
    """
    try:
        yield
    except (Busy, VcsError) as error:
        if isinstance(error, DatabaseAway):
            site.left.put(push.intent)
        _log.error("a push could not be settled", repository_id=push.repository_id, why=str(error))


def shorten_stored(site: Site) -> None:
    """Cut the endless messages of commits that earlier versions stored (decisions.md A21)."""
    with site.store.read() as db:
        found = db.execute(_LONG).all()
    for repository_id, stored in found:
        short = stored_changeset(msgspec.json.decode(stored, type=Changeset))
        with site.store.write(access_unchanged=True) as db:
            db.execute(_SHORTEN, {"repository_id": repository_id, "stored": stored, "short": short})


def refresh(site: Site, repository_id: int) -> None:
    """Bring a repository's row up to date with what is on the disk."""
    for _ in range(_TRIES):
        with site.store.read() as db:
            row = _row_of(db, repository_id)
        if row is None:
            raise NotFound(Kind.REPOSITORY, repository_id)
        back_end, path = site.back_ends[row.kind], site.tree.path_of(row.name)
        try:
            back_end.settle(path, ())
            found = back_end.history(path, site.cache_of(repository_id))
            unexplained: Sequence[RefUpdate] = ()
            if row.history_state and found.state != row.history_state:
                beside = back_end.history(path, site.cache_of(repository_id), row.history_state).beside
                unexplained = _unexplained(site, repository_id, "", beside)
        except VcsError:
            time.sleep(_PAUSE)  # as in `finish`
            continue
        changeset = stored_changeset(found.last)
        if (found.state, changeset) == (row.history_state, row.last_changeset):
            return
        with site.store.write(access_unchanged=True) as db:
            if _store(db, repository_id, row, found.state, changeset):
                _tell_unexplained(db, repository_id, row.name, unexplained)
                return
    raise Busy("the repository keeps changing")


def _settled(site: Site, push: Push, accepted: Sequence[RefUpdate] | None) -> Finished:
    for _ in range(_TRIES):
        with site.store.read() as db:
            row = _row_of(db, push.repository_id)
        if row is None:
            raise NotFound(Kind.REPOSITORY, push.repository_id)
        back_end = site.back_ends[row.kind]
        path = site.tree.path_of(row.name)
        done = back_end.accepted(path, push.updates, row.history_state) if accepted is None else list(accepted)
        cache = site.cache_of(push.repository_id)
        if done:
            back_end.settle(path, done)
        found = back_end.history(path, cache, row.history_state, done)
        unexplained = _unexplained(site, push.repository_id, push.intent, found.beside)
        if not done and not unexplained:
            break
        if unexplained:
            found = back_end.history(path, cache, row.history_state, [*done, *unexplained])
        with site.store.write(access_unchanged=True) as db:
            # Of two pushes that end together, the one that looked first must look again.
            if not _store(db, push.repository_id, row, found.state, stored_changeset(found.last)):
                continue
            _tell_unexplained(db, push.repository_id, row.name, unexplained)
            if done:
                _journal(db, push, row.name, done)
            released = (
                bool(done)
                and push.action == PUSH
                and user_locks.release_after_push(db, push.caller, push.repository_id, row.name)
            )
            _end(db, push)
        site.rooms.pop(push.repository_id, None)
        return Finished(lock_released=released)
    else:
        raise VcsError("the repository keeps changing")
    with site.store.write(access_unchanged=True) as db:
        intents.clear(db, push.intent)
    return Finished()


def _unexplained(site: Site, repository_id: int, intent: str, beside: Sequence[RefUpdate]) -> list[RefUpdate]:
    """Moves beside the push with this intent that no other operation under way will report.

    An operation records its intent before it moves anything. So its moves on the disk are in its intent, unless it has
    reported already: then the state has changed, and the caller has to look again (`_store`).
    """
    if not beside:
        return []
    with site.store.read() as db:
        at_work = [
            msgspec.convert(one.detail, Recorded)
            for one in intents.recorded(db)
            if one.kind == PUSH and one.id != intent and one.detail.get("repository_id") == repository_id
        ]
    if any(not one.updates for one in at_work) or (at_work and any(one.name.endswith("/") for one in beside)):
        return []  # nobody knows what they will move, or what has moved
    expected = {(name, new) for one in at_work for name, _, new in one.updates}
    return [update for update in beside if (update.name, update.new) not in expected]


def _tell_unexplained(db: Connection, repository_id: int, name: str, moved: Sequence[RefUpdate]) -> None:
    """Journal moves without a known cause."""
    if not moved:
        return
    refs = _told(moved[:_MOST_TOLD])
    event = Unexplained(subject=name, repository_id=repository_id, refs=refs, count=len(moved))
    journal.record(db, the_system(), event)
    _log.error("refs moved that no push explains", repository=name, count=len(moved), refs=refs[:10])


def _row_of(db: Connection, repository_id: int) -> _Row | None:
    found = _ROW.first(db, {"repository_id": repository_id})
    return None if found is None else _Row(*found)


def _store(db: Connection, repository_id: int, seen: _Row, state: str, changeset: str) -> bool:
    """Store what was found out about a repository that was `seen` so; False when it has changed since."""
    changed = _SETTLE.run(
        db,
        {
            "repository_id": repository_id,
            "seen_as": seen.name,
            "known": seen.history_state,
            "state": state,
            "changeset": changeset,
            "moment": now(),
        },
    )
    return changed == 1


def _journal(db: Connection, push: Push, name: str, accepted: Sequence[RefUpdate]) -> None:
    event = MOVES[push.action](subject=name, repository_id=push.repository_id, refs=_told(accepted))
    journal.record(db, push.caller, event)


def _told(updates: Sequence[RefUpdate]) -> list[Ref]:
    """Moves as the journal tells them."""
    return [(update.name, update.old, update.new) for update in updates]
