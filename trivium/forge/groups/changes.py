# SPDX-License-Identifier: GPL-3.0-or-later
"""Repository groups are changed, renamed and moved, with all that they hold (api-repos.md 6)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, func, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import allows_globally
from trivium.errors import Forbidden, Invalid
from trivium.forge.accounts import users as accounts
from trivium.forge.bounds import check_description
from trivium.forge.events import journal
from trivium.forge.events.event import values_before
from trivium.forge.events.groups import RepoGroupChanged
from trivium.forge.groups import repo_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.naming import former_names, grams
from trivium.forge.naming.former_names import below
from trivium.forge.partial_changes import PartialChanges
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.names import check_path, check_segment, key_of, last_segment
from trivium.store.intents import Move, carry_out
from trivium.store.tables import DEFAULT_USER_ID, repositories
from trivium.store.tables import repo_groups as groups


class RepoGroupChanges(PartialChanges, frozen=True, kw_only=True):
    """Wanted changes of a repository group."""

    name: str | UnsetType = UNSET
    """The new last segment."""
    description: str | UnsetType = UNSET
    owner: object = UNSET
    """A user, by name or id."""
    parent: object = UNSET
    """The group that will hold it, by name or id; None is the top level."""
    enable_locking: bool | UnsetType = UNSET
    """Set on everything inside as well."""


def update_group(
    site: Site, caller: Caller, group: RepoGroup, wanted: RepoGroupChanges, seen: Seen = whatever
) -> RepoGroup:
    """Make the wanted changes and leave the rest; a group moves with its contents."""
    with site.store.read() as db:
        into = _new_parent(db, caller, group, wanted.parent)
        owning = None if wanted.owner is UNSET else accounts.find(db, wanted.owner)
        if owning is not None and owning.id == DEFAULT_USER_ID:
            raise Invalid("the user default owns nothing", about="owner")
    segment = last_segment(group.name) if wanted.name is UNSET else check_segment(wanted.name)
    path = f"{into.name}/{segment}" if into else segment
    check_path(path, inside=path)

    def change(db: Connection) -> RepoGroup:
        seen(db, caller)
        was = values_before(db, groups, group.id, ["name", "description", "enable_locking", "owner_id"])
        if repo_groups.find(db, caller, group.id, Level.ADMIN).name != group.name:
            raise Invalid("the group was renamed by somebody else", about="name")
        present = _new_parent(db, caller, group, wanted.parent)
        if (present and present.name) != (into and into.name):
            raise Invalid("the parent group was renamed by somebody else", about="parent")
        values: dict[str, Any] = {"parent_id": present.id if present else None}
        if wanted.description is not UNSET:
            values["description"] = check_description(wanted.description)
        if owning is not None:
            values["owner_id"] = owning.id
        db.execute(update(groups).where(groups.c.id == group.id).values(**values))
        locking = wanted.given("enable_locking")
        if locking:
            for table in (groups, repositories):
                db.execute(update(table).where(below(table, group.name)).values(**locking))
            db.execute(update(groups).where(groups.c.id == group.id).values(**locking))
        if path != group.name:
            repo_groups.check_name_free(db, path, but_group=group.id)
            _rename_rows(db, group, path)
        was["owner"] = accounts.by_id(db, was.pop("owner_id")).username
        event = RepoGroupChanged(
            subject=group.name,
            name=path,
            description=values.get("description"),
            owner=owning.username if owning else None,
            enable_locking=locking.get("enable_locking"),
            was=was,
        )
        journal.record(db, caller, event)
        return repo_groups.by_id(db, caller, group.id)

    moves = [] if path == group.name else [Move(site.tree.path_of(group.name), site.tree.path_of(path))]
    return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)


def _new_parent(db: Connection, caller: Caller, group: RepoGroup, given: object) -> RepoGroup | None:
    """The group that will hold `group`: the present one when none is given."""
    if given is UNSET:
        return repo_groups.by_name(db, caller, group.parent) if group.parent else None
    if given is None or given == "":
        if group.parent and not allows_globally(db, caller, "hg.repogroup.create.true"):
            raise Forbidden
        return None
    into = repo_groups.find(db, caller, given, Level.ADMIN)
    if into.id == group.id or into.name.startswith(group.name + "/"):
        raise Invalid("a group cannot be moved into itself", about="parent")
    return into


def _rename_rows(db: Connection, group: RepoGroup, path: str) -> None:
    """Give a group and everything inside its new path: a fixed number of statements, however many rows."""
    former_names.group_left(db, group.name)
    for table in (groups, repositories):
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
    db.execute(update(groups).where(groups.c.id == group.id).values(name=path, name_key=key_of(path)))
    former_names.group_taken(db, path)
    grams.group_named(db, path)
