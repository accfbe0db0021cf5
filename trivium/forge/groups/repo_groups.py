# SPDX-License-Identifier: GPL-3.0-or-later
"""Repository groups: found, listed, created, renamed and moved (api-repos.md 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import (
    REPO_GROUPS,
    allows_globally,
    binds,
    effective_level,
    global_permissions,
    levels_joined,
)
from trivium.errors import AlreadyExists, Forbidden, Invalid, Kind, NotFound, OwnerReserved
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import MAX_ID
from trivium.forge.bounds import check_description
from trivium.forge.events import journal
from trivium.forge.events.event import values_before
from trivium.forge.events.groups import RepoGroupChanged, RepoGroupCreated
from trivium.forge.grants.on_objects import copy_rows, factory_level, grant_row
from trivium.forge.naming import former_names
from trivium.forge.naming.former_names import below
from trivium.forge.naming.placement import Placement, staging
from trivium.forge.site import Site
from trivium.names import (
    MAX_DEPTH,
    MAX_NAME,
    check_path,
    check_segment,
    is_clean_text,
    key_of,
    last_segment,
    parent_of,
    path_of,
)
from trivium.store.engine import Record, insert_id
from trivium.store.intents import Move, carry_out
from trivium.store.tables import DEFAULT_USER_ID, now, repo_groups, repositories, users


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


class Unset:
    """Stands for an argument that was not given, where None has a meaning of its own."""


UNSET: Final = Unset()


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
# The key is what is indexed.
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


def _by_id(db: Connection, caller: Caller, group_id: int) -> Record | None:
    if not 0 <= group_id <= MAX_ID:
        return None
    return db.execute(_BY_ID, binds(caller) | {"sought": group_id}).first()


def readable(db: Connection, caller: Caller) -> list[RepoGroup]:
    """All groups that the caller may read, by name."""
    return [_group_of(row) for row in db.execute(_ALL, binds(caller))]


def path_below(db: Connection, caller: Caller, parent: object, name: str) -> str:
    """The full name of what is called `name` below a group; raises `NotFound` unless the caller may read the group.

    `parent` names the group as in `find`; None and an empty text stand for the top level.
    """
    return name if parent is None or parent == "" else f"{find(db, caller, parent, Level.READ).name}/{name}"


@dataclass(frozen=True, slots=True)
class Ancestry:
    """What stands on the way to a name: the deepest group that exists, and the names of those that do not."""

    deepest: RepoGroup | None
    missing: tuple[str, ...]
    """Full paths of the groups to create, outermost first."""


def ancestry(db: Connection, caller: Caller, path: str) -> Ancestry:
    """Look at the groups above `path`; raises `Invalid` when a repository is in the way.

    Above what is no name at all there are none.
    """
    missing: list[str] = []
    above = parent_of(path) if is_clean_text(path) and len(path) <= MAX_NAME else ""
    while above:
        row = _by_name(db, caller, above)
        if row is not None:
            return Ancestry(_group_of(row), tuple(reversed(missing)))
        if db.execute(_REPOSITORY_BY_KEY, {"sought": key_of(above)}).first():
            raise Invalid(f"{above!r} is a repository and cannot hold another")
        missing.append(above)
        above = parent_of(above)
    return Ancestry(None, tuple(reversed(missing)))


def existing_above(db: Connection, caller: Caller, path: str) -> list[RepoGroup]:
    """The groups above `path` that exist, also hidden ones, deepest first."""
    segments = path.split("/", MAX_DEPTH)[:-1] if is_clean_text(path) and len(path) <= MAX_NAME else []
    names = ["/".join(segments[:depth]) for depth in range(len(segments), 0, -1)]
    rows = [_by_name(db, caller, name) for name in names]
    return [_group_of(row) for row in rows if row is not None]


def check_name_free(db: Connection, path: str, *, but_group: int = 0, but_repository: int = 0) -> None:
    """Repositories and groups share one name space, ignoring case (api-repos.md 1.4)."""
    found = db.execute(_REPOSITORY_BY_KEY, {"sought": key_of(path)}).scalar()
    if found not in (None, but_repository):
        raise AlreadyExists(Kind.REPOSITORY, path)
    group = db.execute(_BY_KEY, {"sought": key_of(path)}).first()
    if group is not None and group.id != but_group:
        raise AlreadyExists(Kind.REPO_GROUP, path)


def insert_group(db: Connection, *, path: str, parent_id: int | None, owner_id: int, description: str) -> int:
    """The row of a new group, with the factory permission for everybody."""
    group_id = insert_id(
        db,
        repo_groups,
        name=path,
        name_key=key_of(path),
        parent_id=parent_id,
        owner_id=owner_id,
        description=description,
        enable_locking=False,
        created_on=now(),
    )
    former_names.taken(db, path)
    of_default = global_permissions(db, accounts.by_id(db, DEFAULT_USER_ID).as_caller(""))
    grant_row(db, REPO_GROUPS, group_id, user_id=DEFAULT_USER_ID, level=factory_level(of_default, Scope.REPO_GROUP))
    return group_id


def create(
    site: Site,
    caller: Caller,
    *,
    name: str,
    description: str = "",
    owner: object = None,
    copy_permissions: bool = False,
) -> RepoGroup:
    """Create a group in an existing one, or at top level. Parents are not created."""
    path = path_of(name)
    with site.store.read() as db:
        parent = permitted_parent(db, caller, path)
        if owner is not None and not caller.super_admin:
            raise OwnerReserved
        if is_clean_text(path) and path:
            _check_new(db, path)
        check_path(path)
        check_description(description)
        owning = accounts.by_id(db, caller.user_id) if owner is None else accounts.find(db, owner)
        if owning.id == DEFAULT_USER_ID:
            raise Invalid("the user default owns nothing")

    def insert(db: Connection) -> RepoGroup:
        present = permitted_parent(db, caller, path)
        _check_new(db, path)
        if (present and present.id) != (parent and parent.id):
            raise Invalid("the parent group changed")
        if Placement.plan(site.tree, path) != placement:
            raise Invalid("the directories on the way changed")
        group_id = insert_group(
            db,
            path=path,
            parent_id=present.id if present else None,
            owner_id=owning.id,
            description=description or path,
        )
        if copy_permissions and present:
            db.execute(REPO_GROUPS.grants.delete().where(REPO_GROUPS.grants.c.object_id == group_id))
            copy_rows(db, REPO_GROUPS, present.id, REPO_GROUPS, group_id)
        if not owning.admin:
            grant_row(db, REPO_GROUPS, group_id, user_id=owning.id, level=Level.ADMIN)
        journal.record(db, caller, RepoGroupCreated(subject=path, owner=owning.username))
        return _reread(db, caller, group_id)

    with staging(site) as aside:
        placement = Placement.plan(site.tree, path)
        moves = placement.stage_directory(aside)
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=insert)


def _check_new(db: Connection, path: str) -> None:
    """Refuse a name that is taken: by a group with its own words, by a repository as unusable."""
    try:
        check_name_free(db, path)
    except AlreadyExists as error:
        if error.kind is Kind.REPO_GROUP:
            raise
        raise Invalid("a repository has this name") from error


def permitted_parent(db: Connection, caller: Caller, path: str) -> RepoGroup | None:
    """The group that will hold `path`, if the caller may create a group there."""
    parent = parent_of(path)
    found = None
    if parent and is_clean_text(parent):
        row = _by_name(db, caller, parent)
        found = _group_of(row) if row is not None else None
    if allows_globally(db, caller, "hg.repogroup.create.true"):
        if parent and (found is None or found.level < Level.WRITE):
            raise NotFound(Kind.REPO_GROUP, parent)
    elif found is None or found.level < Level.ADMIN:
        raise Forbidden
    return found


def update_group(
    site: Site,
    caller: Caller,
    group: RepoGroup,
    *,
    name: str | None = None,
    description: str | None = None,
    owner: object = None,
    parent: object = UNSET,
    enable_locking: bool | None = None,
) -> RepoGroup:
    """Change what is given. `name` is the new last segment; `parent` names the new parent, None means top level."""
    with site.store.read() as db:
        into = _new_parent(db, caller, group, parent)
        owning = None if owner is None else accounts.find(db, owner)
        if owning is not None and owning.id == DEFAULT_USER_ID:
            raise Invalid("the user default owns nothing")
    segment = last_segment(group.name) if name is None else check_segment(name)
    path = f"{into.name}/{segment}" if into else segment
    check_path(path, inside=path)

    def change(db: Connection) -> RepoGroup:
        was = values_before(db, repo_groups, group.id, ["name", "description", "enable_locking", "owner_id"])
        if find(db, caller, group.id, Level.ADMIN).name != group.name:
            raise Invalid("the group was renamed by somebody else")
        present = _new_parent(db, caller, group, parent)
        if (present and present.name) != (into and into.name):
            raise Invalid("the parent group was renamed by somebody else")
        values: dict[str, Any] = {"parent_id": present.id if present else None}
        if description is not None:
            values["description"] = check_description(description)
        if owning is not None:
            values["owner_id"] = owning.id
        db.execute(update(repo_groups).where(repo_groups.c.id == group.id).values(**values))
        if enable_locking is not None:
            for table in (repo_groups, repositories):
                db.execute(update(table).where(below(table, group.name)).values(enable_locking=enable_locking))
            db.execute(update(repo_groups).where(repo_groups.c.id == group.id).values(enable_locking=enable_locking))
        if path != group.name:
            check_name_free(db, path, but_group=group.id)
            _rename_rows(db, group, path)
        was["owner"] = accounts.by_id(db, was.pop("owner_id")).username
        event = RepoGroupChanged(
            subject=group.name,
            name=path,
            description=description,
            owner=owning.username if owning else None,
            enable_locking=enable_locking,
            was=was,
        )
        journal.record(db, caller, event)
        return _reread(db, caller, group.id)

    moves = [] if path == group.name else [Move(site.tree.path_of(group.name), site.tree.path_of(path))]
    return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)


def _new_parent(db: Connection, caller: Caller, group: RepoGroup, given: object) -> RepoGroup | None:
    """The group that will hold `group`: the present one when `given` is unset."""
    if given is UNSET:
        return _group_of(row) if group.parent and (row := _by_name(db, caller, group.parent)) else None
    if given is None or given == "":
        if group.parent and not allows_globally(db, caller, "hg.repogroup.create.true"):
            raise Forbidden
        return None
    into = find(db, caller, given, Level.ADMIN)
    if into.id == group.id or into.name.startswith(group.name + "/"):
        raise Invalid("a group cannot be moved into itself")
    return into


def _by_name(db: Connection, caller: Caller, name: str) -> Record | None:
    return db.execute(_BY_NAME, binds(caller) | {"sought": name, "key": key_of(name)}).first()


def _rename_rows(db: Connection, group: RepoGroup, path: str) -> None:
    """Give a group and everything inside its new path: a fixed number of statements, however many rows."""
    former_names.group_left(db, group.name)
    for table in (repo_groups, repositories):
        for (name,) in db.execute(select(table.c.name).where(below(table, group.name))):
            moved = path + name[len(group.name) :]
            check_path(moved, inside=moved)
        db.execute(
            update(table)
            .where(below(table, group.name))
            .values(
                name=path + func.substr(table.c.name, len(group.name) + 1),
                name_key=key_of(path) + func.substr(table.c.name_key, len(key_of(group.name)) + 1),
            )
        )
    db.execute(update(repo_groups).where(repo_groups.c.id == group.id).values(name=path, name_key=key_of(path)))
    former_names.group_taken(db, path)


def _reread(db: Connection, caller: Caller, group_id: int) -> RepoGroup:
    row = _by_id(db, caller, group_id)
    if row is None:
        raise NotFound(Kind.REPO_GROUP, group_id)
    return _group_of(row)
