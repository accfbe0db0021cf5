# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are created, changed, renamed, moved and deleted (api-repos.md 4)."""

from __future__ import annotations

import re
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import REPO_GROUPS, REPOSITORIES, allows_globally, global_permissions
from trivium.errors import (
    AlreadyExists,
    Forbidden,
    Invalid,
    Kind,
    NotFound,
    OwnerReserved,
)
from trivium.forge import accounts, journal, repo_groups, repositories
from trivium.forge.accounts import User
from trivium.forge.grants import copy_rows, factory_level, grant_row
from trivium.forge.placement import Placement, staging
from trivium.forge.repositories import Repository, stored_changeset
from trivium.forge.site import Site
from trivium.names import (
    check_field_key,
    check_path,
    check_segment,
    is_clean_text,
    key_of,
    last_segment,
    parent_of,
    path_of,
)
from trivium.store.disk import sync_directory
from trivium.store.engine import insert_id
from trivium.store.intents import Move, carry_out
from trivium.store.locks import RepositoryLock
from trivium.store.tables import DEFAULT_USER_ID, now, repository_fields, repository_followers
from trivium.store.tables import repositories as table

KINDS: Final = ("git", "hg", "svn")
_LANDING_REV = re.compile(r"(rev|branch|tag|book):[^\x00-\x1f\x7f]{1,240}")
_TRIES: Final = 5


class _Replan(Exception):
    """Somebody created a group on the way in the meantime."""


@dataclass(frozen=True, slots=True)
class NewRepository:
    """What is asked for; `check` says whether it can be had at all."""

    path: str
    kind: str
    description: str
    private: bool
    clone_uri: str | None
    landing_rev: str
    enable_statistics: bool
    enable_locking: bool
    enable_downloads: bool
    copy_permissions: bool

    def check(self, site: Site) -> None:
        check_path(self.path)
        if self.kind not in KINDS:
            raise Invalid(f"{self.kind!r} is not a kind of repository")
        if self.kind not in site.back_ends:
            raise Invalid(f"this server does not host {self.kind} repositories")
        if self.clone_uri:
            raise Invalid("this server does not import repositories from other servers")
        check_landing_rev(self.landing_rev)


def check_landing_rev(landing_rev: str) -> str:
    """`<type>:<name>` with one of the documented types (system.md 6.2)."""
    if not _LANDING_REV.fullmatch(landing_rev):
        raise Invalid(f"{landing_rev!r} is not a landing revision")
    return landing_rev


def create(
    site: Site,
    caller: Caller,
    *,
    name: str,
    kind: str,
    owner: object = None,
    description: str = "",
    private: bool = False,
    clone_uri: str | None = None,
    landing_rev: str = "rev:tip",
    enable_statistics: bool = False,
    enable_locking: bool = False,
    enable_downloads: bool = False,
    copy_permissions: bool = False,
) -> str:
    """Create an empty repository with the groups on the way to it; returns its full name.

    `owner` is named as in an argument; None is the caller, who must be a super-admin to choose. Killed at any
    moment, this leaves a usable repository or nothing at all.
    """
    path = path_of(name)
    wanted = NewRepository(
        path=path,
        kind=kind,
        description=description or last_segment(path),
        private=private,
        clone_uri=clone_uri,
        landing_rev=landing_rev,
        enable_statistics=enable_statistics,
        enable_locking=enable_locking,
        enable_downloads=enable_downloads,
        copy_permissions=copy_permissions,
    )
    for _ in range(_TRIES):
        with site.store.read() as db:
            check_may_create(db, caller, path)
            owning = _chosen_owner(db, caller, owner)
            if is_clean_text(path):
                _check_new(db, path)
        wanted.check(site)
        site.tree.check_space()
        try:
            _build(site, caller, wanted, owning)
            return path
        except _Replan:
            continue
    raise Invalid("the groups on the way keep changing")


def _chosen_owner(db: Connection, caller: Caller, given: object) -> User:
    if given is None:
        return accounts.by_id(db, caller.user_id)
    if not caller.super_admin:
        raise OwnerReserved
    owner = accounts.find(db, given)
    if owner.id == DEFAULT_USER_ID:
        raise Invalid("the user default owns nothing")
    return owner


def check_may_create(db: Connection, caller: Caller, path: str) -> None:
    """The right to create a repository of this name (api-repos.md 4, create_repo)."""
    if caller.super_admin:
        return
    granted = global_permissions(db, caller)
    creates = granted["hg.create"] == "hg.create.repository"
    parent = parent_of(path)
    if not parent:
        if not creates:
            raise Forbidden
        return
    above = repo_groups.ancestry(db, caller, path)
    if above.deepest is None:
        if not creates:
            raise Forbidden
        return
    level = above.deepest.level
    if level >= Level.ADMIN:
        return
    in_groups = creates and granted["hg.create.write_on_repogroup"].endswith("true")
    if level < Level.WRITE or not in_groups:
        raise NotFound(Kind.REPO_GROUP, parent)
    if above.missing and granted["hg.repogroup.create"] != "hg.repogroup.create.true":
        raise NotFound(Kind.REPO_GROUP, parent)


def _check_new(db: Connection, path: str) -> None:
    """Refuse a name that is taken: by a repository with its own words, by a group as unusable."""
    try:
        repo_groups.check_name_free(db, path)
    except AlreadyExists as error:
        if error.kind is Kind.REPO_GROUP:
            raise Invalid("a repository group has this name") from error
        fork = db.execute(select(table.c.fork_of_id).where(table.c.name_key == key_of(path))).scalar()
        raise AlreadyExists(Kind.REPOSITORY, path, is_fork=fork is not None) from error


def _build(site: Site, caller: Caller, wanted: NewRepository, owner: User) -> None:
    back_end = site.back_ends[wanted.kind]

    def insert_rows(db: Connection) -> None:
        check_may_create(db, caller, wanted.path)
        _check_new(db, wanted.path)
        if Placement.plan(site.tree, wanted.path) != placement:
            raise _Replan
        _insert_repository(db, caller, wanted, owner, stored_changeset(back_end.empty_changeset()))

    with staging(site) as aside:
        placement = Placement.plan(site.tree, wanted.path)
        if not placement.below:
            # Somebody else's repository may stand there already while its row is not committed yet: wait for it.
            with site.store.write() as db:
                _check_new(db, wanted.path)
        moves = placement.stage(aside, back_end.create)
        try:
            carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=insert_rows)
        except AlreadyExists as error:
            if error.name == wanted.path:
                raise
            raise _Replan from error


def _insert_repository(db: Connection, caller: Caller, wanted: NewRepository, owner: User, last_changeset: str) -> None:
    """The rows of a new repository: groups on the way, itself, permissions, its first follower, the journal."""
    above = repo_groups.ancestry(db, caller, wanted.path)
    parent_id = above.deepest.id if above.deepest else None
    for missing in above.missing:
        parent_id = repo_groups.insert_group(
            db, path=missing, parent_id=parent_id, owner_id=caller.user_id, description=f"{missing} group"
        )
        journal.record(db, caller, "repo_group.create", missing, owner=caller.username)
    repository_id = insert_id(
        db,
        table,
        name=wanted.path,
        name_key=key_of(wanted.path),
        group_id=parent_id,
        kind=wanted.kind,
        owner_id=owner.id,
        description=wanted.description,
        private=wanted.private,
        archived=False,
        landing_rev=wanted.landing_rev,
        enable_downloads=wanted.enable_downloads,
        enable_locking=wanted.enable_locking or bool(above.deepest and above.deepest.enable_locking),
        enable_statistics=wanted.enable_statistics,
        created_on=now(),
        updated_on=now(),
        last_changeset=last_changeset,
        history_state="",
    )
    if wanted.copy_permissions and parent_id is not None:
        copy_rows(db, REPO_GROUPS, parent_id, REPOSITORIES, repository_id)
    else:
        default = factory_level(
            global_permissions(db, accounts.by_id(db, DEFAULT_USER_ID).as_caller("")), Scope.REPOSITORY
        )
        grant_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID, level=default)
    if wanted.private:
        grant_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID, level=Level.NONE)
    db.execute(insert(repository_followers).values(repository_id=repository_id, user_id=owner.id))
    journal.record(
        db,
        caller,
        "repository.create",
        wanted.path,
        repository_id=repository_id,
        kind=wanted.kind,
        private=wanted.private,
        owner=owner.username,
    )


def parse_fields(text: str) -> dict[str, str]:
    r"""`key=value,key2=value2` with `\,` for a comma in a value (api-repos.md 4, update_repo)."""
    found = {}
    for item in re.split(r"(?<!\\),", text):
        if item:
            key, separator, value = item.replace("\\,", ",").partition("=")
            if not separator:
                raise Invalid(f"the field {item!r} has no value")
            found[key.strip()] = value
    return found


def update_repository(
    site: Site,
    caller: Caller,
    repository: Repository,
    *,
    name: str | None = None,
    group: object = None,
    owner: object = None,
    description: str | None = None,
    private: bool | None = None,
    clone_uri: str | None = None,
    landing_rev: str | None = None,
    enable_statistics: bool | None = None,
    enable_locking: bool | None = None,
    enable_downloads: bool | None = None,
    fields: dict[str, str] | None = None,
    fork_of: object = None,
) -> Repository:
    """Change what is given and leave the rest; returns the repository as it is then.

    `name` is the new last segment, `group` names the new group (an empty string: top level).
    """
    with site.store.read() as db:
        path = _new_path(db, caller, repository, name, group)
        owning = None if owner is None else accounts.find(db, owner)
        parent = None if fork_of is None else _fork_parent(db, caller, fork_of)
    if owning is not None and owning.id == DEFAULT_USER_ID:
        raise Invalid("the user default owns nothing")
    if parent is not None and (parent.id == repository.id or parent.kind != repository.kind):
        raise Invalid("a repository is a fork of another one of its kind")
    if clone_uri:
        raise Invalid("this server does not import repositories from other servers")
    given: dict[str, Any] = {
        "owner_id": owning.id if owning else None,
        "description": description,
        "private": private,
        "landing_rev": check_landing_rev(landing_rev) if landing_rev is not None else None,
        "enable_statistics": enable_statistics,
        "enable_locking": enable_locking,
        "enable_downloads": enable_downloads,
        "fork_of_id": parent.id if parent else None,
    }
    changes = {column: value for column, value in given.items() if value is not None}
    check_path(path)

    def change(db: Connection) -> Repository:
        if repositories.find(db, caller, repository.id, Level.ADMIN).name != repository.name:
            raise Invalid("the repository was renamed by somebody else")
        if parent is not None:
            _check_no_circle(db, repository.id, parent.id)
        if path != repository.name:
            if _new_path(db, caller, repository, name, group) != path:
                raise Invalid("the group was renamed by somebody else")
            repo_groups.check_name_free(db, path, but_repository=repository.id)
            above = repo_groups.ancestry(db, caller, path)
            if above.missing:
                raise Invalid("the group was removed by somebody else")
            changes.update(name=path, name_key=key_of(path), group_id=above.deepest.id if above.deepest else None)
        if changes:
            db.execute(update(table).where(table.c.id == repository.id).values(**changes, updated_on=now()))
        if private:
            grant_row(db, REPOSITORIES, repository.id, user_id=DEFAULT_USER_ID, level=Level.NONE)
        for key, value in (fields or {}).items():
            db.execute(
                update(repository_fields)
                .where(repository_fields.c.repository_id == repository.id, repository_fields.c.key == key)
                .values(value=value)
            )
        told = {column: value for column, value in changes.items() if column != "name_key"}
        journal.record(
            db,
            caller,
            "repository.update",
            repository.name,
            repository_id=repository.id,
            changes=told | ({"fields": fields} if fields else {}),
        )
        return repositories.by_id(db, caller, repository.id)

    if path == repository.name:
        with site.store.write() as db:
            return change(db)
    move = Move(site.tree.path_of(repository.name), site.tree.path_of(path))
    with RepositoryLock(site.tree.locks, repository.id).exclusive(site.settings.exclusive_timeout):
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=[move], change=change)


def _new_path(db: Connection, caller: Caller, repository: Repository, name: str | None, group: object) -> str:
    """The full name after a rename or move; raises unless the caller may put it there."""
    segment = last_segment(repository.name) if name is None else check_segment(name)
    if group is None:
        parent = parent_of(repository.name)
    elif group == "":
        parent = ""
        if parent_of(repository.name) and not allows_globally(db, caller, "hg.create.repository"):
            raise Invalid("the caller may not create repositories at top level")
    else:
        parent = repo_groups.find(db, caller, group, Level.WRITE).name
    return f"{parent}/{segment}" if parent else segment


def _fork_parent(db: Connection, caller: Caller, given: object) -> Repository:
    try:
        return repositories.find(db, caller, given, Level.READ)
    except NotFound as error:
        raise Invalid("the parent of the fork is unknown") from error


def _check_no_circle(db: Connection, repository_id: int, parent_id: int) -> None:
    """Forks form trees: refuse a parent that descends from the repository itself."""
    above: int | None = parent_id
    while above is not None:
        if above == repository_id:
            raise Invalid("a repository is not a fork of its own forks")
        above = db.execute(select(table.c.fork_of_id).where(table.c.id == above)).scalar()


def set_archived(site: Site, caller: Caller, repository: Repository, archived: bool) -> None:
    """Close a repository for pushes, or open it again; it stays readable."""
    with site.store.write() as db:
        db.execute(update(table).where(table.c.id == repository.id).values(archived=archived))
        journal.record(
            db, caller, "repository.archive", repository.name, repository_id=repository.id, archived=archived
        )


def delete_repository(site: Site, caller: Caller, repository: Repository, forks: str = "") -> int:
    """Delete a repository; returns how many direct forks it had.

    `forks` says what becomes of them: `detach`, `delete` (theirs too; all of them or nothing), or nothing, which
    raises `Invalid` when there are any. What is deleted goes to the trash, its name is free at once.
    """
    if forks not in ("", "detach", "delete"):
        raise Invalid(f"{forks!r} is not something to do with forks")
    with site.store.read() as db:
        direct, doomed = _doomed(db, caller, repository, forks)
    expected = [(one.id, one.name) for one in doomed]
    moves = [_to_trash(site, caller, one) for one in doomed]

    def change(db: Connection) -> int:
        now_direct, now_doomed = _doomed(db, caller, repository, forks)
        if now_direct != direct or [(one.id, one.name) for one in now_doomed] != expected:
            raise Invalid("the repository or its forks were changed by somebody else")
        for one in doomed:
            db.execute(delete(table).where(table.c.id == one.id))
            journal.record(db, caller, "repository.delete", one.name, repository_id=one.id, kind=one.kind)
        return direct

    with _exclusive(site, [one.id for one in doomed]):
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)


def _doomed(db: Connection, caller: Caller, repository: Repository, forks: str) -> tuple[int, list[Repository]]:
    """How many direct forks there are, and every repository that goes."""
    doomed = [repositories.find(db, caller, repository.id, Level.ADMIN)]
    if doomed[0].name != repository.name:
        raise Invalid("the repository was renamed by somebody else")
    direct = [row[0] for row in db.execute(select(table.c.id).where(table.c.fork_of_id == repository.id))]
    if direct and not forks:
        raise Invalid("the repository still has forks")
    generation = direct if forks == "delete" else []
    while generation:
        doomed += [repositories.find(db, caller, fork, Level.ADMIN) for fork in sorted(generation)]
        generation = [row[0] for row in db.execute(select(table.c.id).where(table.c.fork_of_id.in_(generation)))]
    return len(direct), doomed


def _to_trash(site: Site, caller: Caller, repository: Repository) -> Move:
    """The move of a repository to the trash, with what is needed to bring it back written beside it."""
    label = f"{now().replace(':', '')}-{repository.id}"
    about = {
        "repo_id": repository.id,
        "name": repository.name,
        "kind": repository.kind,
        "owner": repository.owner,
        "description": repository.description,
        "private": repository.private,
        "deleted_by": caller.username,
    }
    (site.tree.trash / f"{label}.json").write_bytes(msgspec.json.encode(about))
    sync_directory(site.tree.trash)
    return Move(site.tree.path_of(repository.name), site.tree.trash / label)


def _exclusive(site: Site, ids: list[int]) -> ExitStack:
    stack = ExitStack()
    try:
        for repository_id in sorted(ids):
            lock = RepositoryLock(site.tree.locks, repository_id)
            stack.enter_context(lock.exclusive(site.settings.exclusive_timeout))
    except BaseException:
        stack.close()
        raise
    return stack


def add_field(
    site: Site, caller: Caller, repository: Repository, key: str, *, label: str = "", description: str = ""
) -> None:
    """Add an extra field with an empty value; the label defaults to the key."""
    check_field_key(key)
    with site.store.write() as db:
        if _has_field(db, repository, key):
            raise AlreadyExists(Kind.FIELD, key)
        db.execute(
            insert(repository_fields).values(
                repository_id=repository.id, key=key, label=label or key, description=description, value=""
            )
        )
        journal.record(db, caller, "field.create", repository.name, repository_id=repository.id, key=key)


def remove_field(site: Site, caller: Caller, repository: Repository, key: str) -> None:
    """Remove an extra field with its value."""
    with site.store.write() as db:
        if not _has_field(db, repository, key):
            raise NotFound(Kind.FIELD, key)
        db.execute(
            delete(repository_fields).where(
                repository_fields.c.repository_id == repository.id, repository_fields.c.key == key
            )
        )
        journal.record(db, caller, "field.delete", repository.name, repository_id=repository.id, key=key)


def _has_field(db: Connection, repository: Repository, key: str) -> bool:
    where = (repository_fields.c.repository_id == repository.id, repository_fields.c.key == key)
    return db.execute(select(repository_fields.c.id).where(*where)).first() is not None
