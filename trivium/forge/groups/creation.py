# SPDX-License-Identifier: GPL-3.0-or-later
"""Repository groups are created (api-repos.md 6)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import REPO_GROUPS, allows_globally, global_permissions
from trivium.errors import AlreadyExists, Busy, Forbidden, Invalid, Kind, NotFound, OwnerReserved
from trivium.forge.accounts import users as accounts
from trivium.forge.bounds import check_description
from trivium.forge.events import journal
from trivium.forge.events.groups import RepoGroupCreated
from trivium.forge.grants.on_objects import copy_rows, factory_level, grant_row
from trivium.forge.groups import repo_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.naming import former_names
from trivium.forge.naming.placement import Placement, staging
from trivium.forge.site import Site
from trivium.names import check_path, is_clean_text, key_of, parent_of, path_of
from trivium.store.engine import insert_id
from trivium.store.intents import carry_out
from trivium.store.tables import DEFAULT_USER_ID, now
from trivium.store.tables import repo_groups as table

_TRIES: Final = 5


class _Replan(Exception):
    """The directories on the way changed in the meantime: what stood there was on its way to somewhere else."""


def insert_group(
    db: Connection, *, path: str, parent_id: int | None, owner_id: int, description: str, enable_locking: bool = False
) -> int:
    """The row of a new group, with the factory permission for everybody."""
    group_id = insert_id(
        db,
        table,
        name=path,
        name_key=key_of(path),
        parent_id=parent_id,
        owner_id=owner_id,
        description=description,
        enable_locking=enable_locking,
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
    enable_locking: bool = False,
) -> RepoGroup:
    """Create a group in an existing one, or at top level. Parents are not created.

    `enable_locking`: whether repositories that are created in it are locked by pulls (system.md 3.4).
    """
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
            raise Invalid("the user default owns nothing", about="owner")

    def insert(db: Connection) -> RepoGroup:
        present = permitted_parent(db, caller, path)
        _check_new(db, path)
        if (present and present.id) != (parent and parent.id):
            raise Invalid("the parent group changed", about="parent")
        if Placement.plan(site.tree, path) != placement:
            raise _Replan
        group_id = insert_group(
            db,
            path=path,
            parent_id=present.id if present else None,
            owner_id=owning.id,
            description=description or path,
            enable_locking=enable_locking,
        )
        if copy_permissions and present:
            db.execute(REPO_GROUPS.grants.delete().where(REPO_GROUPS.grants.c.object_id == group_id))
            copy_rows(db, REPO_GROUPS, present.id, REPO_GROUPS, group_id)
        if not owning.admin:
            grant_row(db, REPO_GROUPS, group_id, user_id=owning.id, level=Level.ADMIN)
        journal.record(db, caller, RepoGroupCreated(subject=path, owner=owning.username))
        return repo_groups.by_id(db, caller, group_id)

    with staging(site) as aside:
        for number in range(_TRIES):
            placement = Placement.plan(site.tree, path)
            moves = placement.stage_directory(aside / str(number))
            try:
                return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=insert)
            except _Replan:
                continue
    raise Busy("the directories on the way keep changing")


def _check_new(db: Connection, path: str) -> None:
    """Refuse a taken name: a group's with a message of its own, a repository's as unusable."""
    try:
        repo_groups.check_name_free(db, path)
    except AlreadyExists as error:
        if error.kind is Kind.REPO_GROUP:
            raise
        raise Invalid("a repository has this name", about="name") from error


def permitted_parent(db: Connection, caller: Caller, path: str) -> RepoGroup | None:
    """The group that will hold `path`, if the caller may create a group there."""
    parent = parent_of(path)
    found = repo_groups.by_name(db, caller, parent) if parent and is_clean_text(parent) else None
    if allows_globally(db, caller, "hg.repogroup.create.true"):
        if parent and (found is None or found.level < Level.WRITE):
            raise NotFound(Kind.REPO_GROUP, parent)
    elif found is None or found.level < Level.ADMIN:
        raise Forbidden
    return found
