# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories: found and listed (api-repos.md 1.2, 2.1). `creation` and `changes` do the rest."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import takewhile
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, func, null, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, binds, effective_level, levels_joined
from trivium.errors import Kind, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import MAX_ID
from trivium.forge.jobs.reservations import pending
from trivium.names import MAX_DEPTH, is_clean_text, key_of
from trivium.store.query import Query, Values
from trivium.store.tables import former_names, repositories, repository_locks, users
from trivium.vcs.values import Changeset, bounded


class Repository(msgspec.Struct, frozen=True, gc=False):
    """A repository and what the caller who looked it up may do with it.

    Made by the thousand for a list, where a dataclass would cost three times as much.
    """

    id: int
    name: str
    """The full name with groups."""
    kind: str
    owner_id: int
    owner: str
    description: str
    private: bool
    archived: bool
    landing_rev: str
    """`<type>:<name>`."""
    enable_downloads: bool
    enable_locking: bool
    enable_statistics: bool
    fork_of_id: int | None
    fork_of: str | None
    """The name of the parent; None also when the caller may not read that."""
    created_on: str
    clone_uri: str | None
    """Where it was imported from, without the password."""
    last_changeset: str
    """The changeset as answers show it, as JSON text (`stored_changeset`)."""
    level: int
    """A `Level`."""
    locked_by_id: int | None = None
    """Who holds the lock that users see (`locks`), if it is locked."""
    locked_by: str | None = None
    locked_on: int | None = None
    """Seconds since the epoch."""
    lock_reason: str | None = None


_parents = repositories.alias("parents")
_holders = users.alias("holders")


def _columns(level: Any) -> tuple[Any, ...]:
    repos = repositories.c
    return (
        repos.id,
        repos.name,
        repos.kind,
        repos.owner_id,
        users.c.username,
        repos.description,
        repos.private,
        repos.archived,
        repos.landing_rev,
        repos.enable_downloads,
        repos.enable_locking,
        repos.enable_statistics,
        repos.fork_of_id,
        _parents.c.name.label("fork_of"),
        repos.created_on,
        repos.clone_uri,
        repos.last_changeset,
        level.label("level"),
    )


_LEVEL_AT: Final = len(_columns(null())) - 1
_LOCK_COLUMNS: Final = (
    repository_locks.c.user_id,
    _holders.c.username,
    repository_locks.c.locked_on,
    repository_locks.c.reason,
)


def _with_names(source: Any) -> Any:
    """Rows of repositories with the names of their owners and parents."""
    return source.join(users, users.c.id == repositories.c.owner_id).outerjoin(
        _parents, _parents.c.id == repositories.c.fork_of_id
    )


_ONE = select(*_columns(effective_level(REPOSITORIES)), *_LOCK_COLUMNS).select_from(
    _with_names(repositories)
    .outerjoin(repository_locks, repository_locks.c.repository_id == repositories.c.id)
    .outerjoin(_holders, _holders.c.id == repository_locks.c.user_id)
)
_BY_ID = Query(_ONE.where(repositories.c.id == bindparam("sought")))
# The index is on the key.
_BY_NAME = Query(_ONE.where(repositories.c.name_key == bindparam("key"), repositories.c.name == bindparam("sought")))
_ABOVE = Query(
    # By their keys, which are indexed; the exact spelling is checked afterwards.
    _ONE.where(repositories.c.name_key.in_([bindparam(f"key{depth}") for depth in range(MAX_DEPTH)]))
)


def _all_statement() -> Any:
    source, level = levels_joined(REPOSITORIES)
    return (
        select(*_columns(level))
        .select_from(_with_names(source))
        .where(level >= int(Level.READ))
        .order_by(func.lower(repositories.c.name))
    )


_ALL = _all_statement()
_LOCKED_BY = _ONE.where(
    repository_locks.c.user_id == bindparam("holder"), effective_level(REPOSITORIES) >= int(Level.READ)
).order_by(func.lower(repositories.c.name))
# Few are locked at any time: looking for them apart is cheaper than joining them to all.
_LOCKS = Query(
    select(repository_locks.c.repository_id, *_LOCK_COLUMNS).join(_holders, _holders.c.id == repository_locks.c.user_id)
)
_AMONG = select(repositories.c.name).where(
    repositories.c.name_key.in_(bindparam("keys", expanding=True)),
    effective_level(REPOSITORIES) >= int(Level.READ),
)
_SOME = _ONE.where(
    repositories.c.id.in_(bindparam("ids", expanding=True)), effective_level(REPOSITORIES) >= int(Level.READ)
)
_LEVEL = Query(select(effective_level(REPOSITORIES)).where(repositories.c.id == bindparam("sought")))
_FORMERLY = Query(
    _ONE.join(former_names, former_names.c.repository_id == repositories.c.id).where(
        former_names.c.name_key == bindparam("key"), former_names.c.name == bindparam("sought")
    )
)


def _repository_of(row: Iterable[Any]) -> Repository:
    return Repository(*row)


def find(db: Connection, caller: Caller, given: object, needs: Level) -> Repository:
    """The repository that an argument names, if the caller has at least `needs` on it.

    An integer is an id; a string is a full name, or an id when it is all digits and no name. Refusal equals absence;
    who may know that it is just being created is told so (system.md 4).
    """
    row = None
    if isinstance(given, int) and not isinstance(given, bool):
        row = _by_id(db, caller, given)
    elif isinstance(given, str) and given and is_clean_text(given):
        row = _BY_NAME.first(db, binds(caller) | {"sought": given, "key": key_of(given)})
        if row is None and (repository_id := accounts.id_in(given)) is not None:
            row = _by_id(db, caller, repository_id)
    if row is None or row[_LEVEL_AT] < needs:
        # Asked for hidden ones too: nobody may tell by the time which ones there are.
        job = pending(db, caller, given) if isinstance(given, str) else None
        raise NotFound(Kind.REPOSITORY, given, f"it is being created, by the task {job.id}" if job is not None else "")
    return _shown(db, caller, row)


def by_former_name(db: Connection, caller: Caller, name: str) -> Repository | None:
    """The repository that had this name last, if the caller may read it and nobody has taken the name since."""
    row = _FORMERLY.first(db, binds(caller) | {"sought": name, "key": key_of(name)})
    return None if row is None or row[_LEVEL_AT] < Level.READ else _shown(db, caller, row)


def find_above(db: Connection, caller: Caller, path: str, needs: Level) -> Repository:
    """The repository that a path leads into: the shortest leading part of it that names one."""
    # What follows the name may be anything, also bytes that no name has.
    segments = list(takewhile(is_clean_text, path.split("/")[:MAX_DEPTH]))
    names = ["/".join(segments[: depth + 1]) for depth in range(len(segments))]
    rows = []
    if names:
        keys = {f"key{depth}": key_of(names[depth]) if depth < len(names) else "" for depth in range(MAX_DEPTH)}
        rows = [row for row in _ABOVE.all(db, binds(caller) | keys) if row[1] in names]
    row = min(rows, key=lambda row: len(row[1]), default=None)
    if row is None or row[_LEVEL_AT] < needs:
        raise NotFound(Kind.REPOSITORY, path)
    return _shown(db, caller, row)


def readable_among(db: Connection, caller: Caller, names: Collection[str]) -> frozenset[str]:
    """Those of some full names that are repositories which the caller may read: one statement."""
    wanted = {name: key_of(name) for name in names if is_clean_text(name)}
    if not wanted:
        return frozenset()
    rows = db.execute(_AMONG, binds(caller) | {"keys": sorted(set(wanted.values()))})
    return frozenset(name for (name,) in rows if name in wanted)


def readable_by_ids(db: Connection, caller: Caller, ids: Collection[int]) -> dict[int, Repository]:
    """Those of some repositories that the caller may read, by id: one statement. Nothing is told of their parents."""
    rows = db.execute(_SOME, binds(caller) | {"ids": list(ids)})
    found = [msgspec.structs.replace(_repository_of(row), fork_of_id=None, fork_of=None) for row in rows]
    return {one.id: one for one in found}


def by_id(db: Connection, caller: Caller, repository_id: int) -> Repository:
    """The repository with this id, whatever the caller may do with it: for operations that began with `find`."""
    row = _by_id(db, caller, repository_id)
    if row is None:
        raise NotFound(Kind.REPOSITORY, repository_id)
    return _shown(db, caller, row)


def _shown(db: Connection, caller: Caller, row: Values) -> Repository:
    """One repository, without the name of a parent that the caller may not read."""
    repository = _repository_of(row)
    if repository.fork_of_id is not None:
        level = _LEVEL.first(db, binds(caller) | {"sought": repository.fork_of_id})
        if level is None or level[0] < Level.READ:
            return msgspec.structs.replace(repository, fork_of=None)
    return repository


def _by_id(db: Connection, caller: Caller, repository_id: int) -> Values | None:
    if not 0 <= repository_id <= MAX_ID:
        return None
    return _BY_ID.first(db, binds(caller) | {"sought": repository_id})


def readable(db: Connection, caller: Caller) -> list[Repository]:
    """All repositories that the caller may read, by name: two statements."""
    found = [_repository_of(row) for row in db.execute(_ALL, binds(caller)).all()]
    locks = {repository_id: lock for repository_id, *lock in _LOCKS.all(db, {})}
    ids: set[int] | None = None
    for number, repository in enumerate(found):
        if repository.id in locks:
            found[number] = repository = _locked(repository, *locks[repository.id])
        if repository.fork_of_id is not None:
            ids = ids or {one.id for one in found}
            if repository.fork_of_id not in ids:
                found[number] = msgspec.structs.replace(repository, fork_of=None)
    return found


def _locked(repository: Repository, holder_id: int, holder: str, since: int, reason: str) -> Repository:
    return msgspec.structs.replace(
        repository, locked_by_id=holder_id, locked_by=holder, locked_on=since, lock_reason=reason
    )


def locked_by(db: Connection, caller: Caller, holder_id: int) -> list[Repository]:
    """The repositories that a user holds locked and the caller may read, by name."""
    found = db.execute(_LOCKED_BY, binds(caller) | {"holder": holder_id}).all()
    return [_shown(db, caller, tuple(row)) for row in found]


def stored_changeset(changeset: Changeset) -> str:
    """A changeset as it is stored, which is how it is shown."""
    return msgspec.json.encode(bounded(changeset)).decode()
