# SPDX-License-Identifier: GPL-3.0-or-later
"""Repository groups: found and listed (api-repos.md 1.2, 2.7). `creation`, `changes` and `deletion` do the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import (
    REPO_GROUPS,
    binds,
    effective_level,
    levels_joined,
)
from trivium.errors import AlreadyExists, Forbidden, Invalid, Kind, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import MAX_ID
from trivium.forge.jobs.reservations import is_reserved
from trivium.names import (
    MAX_DEPTH,
    MAX_NAME,
    is_clean_text,
    key_of,
    parent_of,
)
from trivium.store.engine import Record
from trivium.store.tables import repo_groups, repositories, users


@dataclass(frozen=True, slots=True)
class RepoGroup:
    """A repository group and what the caller who looked it up may do with it."""

    id: int
    name: str
    """The full path."""
    description: str
    parent_id: int | None
    owner_id: int
    owner: str
    enable_locking: bool
    level: Level

    @property
    def parent(self) -> str | None:
        """The full path of the group that holds it; None at top level."""
        return parent_of(self.name) or None


def _columns(level: Any) -> tuple[Any, ...]:
    groups = repo_groups.c
    return (
        groups.id,
        groups.name,
        groups.description,
        groups.parent_id,
        groups.owner_id,
        users.c.username,
        groups.enable_locking,
        level.label("level"),
    )


_ONE = select(*_columns(effective_level(REPO_GROUPS))).select_from(
    repo_groups.join(users, users.c.id == repo_groups.c.owner_id)
)
_BY_ID = _ONE.where(repo_groups.c.id == bindparam("sought"))
# The index is on the key.
_BY_NAME = _ONE.where(repo_groups.c.name_key == bindparam("key"), repo_groups.c.name == bindparam("sought"))


def _all_statement() -> Any:
    source, level = levels_joined(REPO_GROUPS)
    return (
        select(*_columns(level))
        .select_from(source.join(users, users.c.id == repo_groups.c.owner_id))
        .where(level >= int(Level.READ))
        .order_by(func.lower(repo_groups.c.name))
    )


_ALL = _all_statement()
_BY_KEY = select(repo_groups.c.id, repo_groups.c.name).where(repo_groups.c.name_key == bindparam("sought"))
_REPOSITORY_BY_KEY = select(repositories.c.id).where(repositories.c.name_key == bindparam("sought"))


def _group_of(row: Record) -> RepoGroup:
    columns = [*row[:-1], Level(row[-1])]
    return RepoGroup(*columns)


def find(db: Connection, caller: Caller, given: object, needs: Level) -> RepoGroup:
    """The group that an argument names (api-repos.md 1.2), if the caller has at least `needs` on it."""
    row = None
    if isinstance(given, int) and not isinstance(given, bool):
        row = _by_id(db, caller, given)
    elif isinstance(given, str) and given and is_clean_text(given):
        row = _by_name(db, caller, given)
        if row is None and (group_id := accounts.id_in(given)) is not None:
            row = _by_id(db, caller, group_id)
    if row is None or row.level < needs:
        raise NotFound(Kind.REPO_GROUP, given)
    return _group_of(row)


def administered(db: Connection, caller: Caller, name: str) -> RepoGroup:
    """The group with this full name, if the caller administers it.

    Raises `NotFound` for one that they may not read, and `Forbidden` for one that they may only read.
    """
    found = find(db, caller, name, Level.READ)
    if found.level < Level.ADMIN:
        raise Forbidden
    return found


def by_id(db: Connection, caller: Caller, group_id: int) -> RepoGroup:
    """The group with this id, whatever the caller may do with it: for operations that began with `find`."""
    row = _by_id(db, caller, group_id)
    if row is None:
        raise NotFound(Kind.REPO_GROUP, group_id)
    return _group_of(row)


def by_name(db: Connection, caller: Caller, name: str) -> RepoGroup | None:
    """The group with this full name, if there is one, whatever the caller may do with it."""
    row = _by_name(db, caller, name)
    return None if row is None else _group_of(row)


def _by_id(db: Connection, caller: Caller, group_id: int) -> Record | None:
    if not 0 <= group_id <= MAX_ID:
        return None
    return db.execute(_BY_ID, binds(caller) | {"sought": group_id}).first()


def _by_name(db: Connection, caller: Caller, name: str) -> Record | None:
    return db.execute(_BY_NAME, binds(caller) | {"sought": name, "key": key_of(name)}).first()


def readable(db: Connection, caller: Caller) -> list[RepoGroup]:
    """All groups that the caller may read, by name."""
    return [_group_of(row) for row in db.execute(_ALL, binds(caller))]


def path_below(db: Connection, caller: Caller, parent: object, name: str) -> str:
    """The full name of `name` below a group; raises `NotFound` unless the caller may read the group.

    `parent` names the group as in `find`; None and an empty text stand for the top level.
    """
    return name if parent is None or parent == "" else f"{find(db, caller, parent, Level.READ).name}/{name}"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The groups on the way to a name: the deepest one that exists, and the names of the missing ones."""

    deepest: RepoGroup | None
    missing: tuple[str, ...]
    """Full paths of the groups to create, outermost first."""


def ancestry(db: Connection, caller: Caller, path: str) -> Ancestry:
    """Look at the groups above `path`; raises `Invalid` when a repository is in the way.

    An invalid name has no groups above it.
    """
    missing: list[str] = []
    above = parent_of(path) if is_clean_text(path) and len(path) <= MAX_NAME else ""
    while above:
        found = by_name(db, caller, above)
        if found is not None:
            return Ancestry(found, tuple(reversed(missing)))
        if db.execute(_REPOSITORY_BY_KEY, {"sought": key_of(above)}).first():
            raise Invalid("%(name)s is a repository and cannot hold another", about="name", name=repr(above))
        missing.append(above)
        above = parent_of(above)
    return Ancestry(None, tuple(reversed(missing)))


def existing_above(db: Connection, caller: Caller, path: str) -> list[RepoGroup]:
    """The groups above `path` that exist, also hidden ones, deepest first."""
    segments = path.split("/", MAX_DEPTH)[:-1] if is_clean_text(path) and len(path) <= MAX_NAME else []
    names = ["/".join(segments[:depth]) for depth in range(len(segments), 0, -1)]
    found = [by_name(db, caller, name) for name in names]
    return [group for group in found if group is not None]


def check_name_free(
    db: Connection, path: str, *, but_group: int = 0, but_repository: int = 0, but_job: str = ""
) -> None:
    """Repositories and groups share one name space, ignoring case (api-repos.md 1.4).

    What a job is just creating has its name already (system.md 4).
    """
    found = db.execute(_REPOSITORY_BY_KEY, {"sought": key_of(path)}).scalar()
    if found not in (None, but_repository) or is_reserved(db, path, but_job=but_job):
        raise AlreadyExists(Kind.REPOSITORY, path)
    group = db.execute(_BY_KEY, {"sought": key_of(path)}).first()
    if group is not None and group.id != but_group:
        raise AlreadyExists(Kind.REPO_GROUP, path)
