# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are changed, renamed, moved and deleted (api-repos.md 4)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, delete, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, allows_globally
from trivium.egress.policy import admit_remote, parse_remote
from trivium.errors import Invalid, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.bounds import check_description
from trivium.forge.caches import files as caches
from trivium.forge.events import journal
from trivium.forge.events.event import in_names, values_before
from trivium.forge.events.repositories import RepositoryArchived, RepositoryChanged, RepositoryDeleted
from trivium.forge.grants.on_objects import grant_row
from trivium.forge.groups import repo_groups
from trivium.forge.naming import former_names, grams
from trivium.forge.partial_changes import PartialChanges
from trivium.forge.repositories import fields as repository_fields
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import trash_notes
from trivium.forge.repositories.creation import myself
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.new import check_landing_rev, seal_remote
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.names import (
    check_path,
    check_segment,
    key_of,
    last_segment,
    parent_of,
)
from trivium.store.intents import Move, carry_out
from trivium.store.tables import DEFAULT_USER_ID, now
from trivium.store.tables import repositories as table
from trivium.tree.kernel_locks import RepositoryLock

_RIGHTS: Final = frozenset({"owner_id", "private"})
"""Columns that decide about rights."""


class RepositoryChanges(PartialChanges, frozen=True, kw_only=True):
    """Wanted changes of a repository."""

    name: str | UnsetType = UNSET
    """The new last segment."""
    group: object = UNSET
    """The group that will hold it, by name or id; an empty text is the top level."""
    owner: object = UNSET
    """A user, by name or id."""
    description: str | UnsetType = UNSET
    private: bool | UnsetType = UNSET
    clone_uri: str | UnsetType = UNSET
    """An empty text forgets the address."""
    landing_rev: str | UnsetType = UNSET
    enable_statistics: bool | UnsetType = UNSET
    enable_locking: bool | UnsetType = UNSET
    enable_downloads: bool | UnsetType = UNSET
    fields: Mapping[str, str] | UnsetType = UNSET
    """Values of extra fields, by key; unknown fields are ignored."""
    fork_of: object = UNSET
    """The parent, by name or id; None: it is no fork."""


def update_repository(
    site: Site, caller: Caller, repository: Repository, wanted: RepositoryChanges, seen: Seen = whatever
) -> Repository:
    """Make the wanted changes and leave the rest; returns the repository as it is then."""
    with site.store.read() as db:
        path = _new_path(db, caller, repository, wanted)
        owning = None if wanted.owner is UNSET else accounts.find(db, wanted.owner)
        parent = None if wanted.fork_of in (UNSET, None) else _fork_parent(db, caller, wanted.fork_of)
    if owning is not None and owning.id == DEFAULT_USER_ID:
        raise Invalid("the user default owns nothing", about="owner")
    if parent is not None and (parent.id == repository.id or parent.kind != repository.kind):
        raise Invalid("a repository is a fork of another one of its kind", about="fork_of")
    remote = parse_remote(wanted.clone_uri) if wanted.clone_uri else None
    if remote is not None:
        admit_remote(site.settings, remote, myself=myself(site, caller), must_resolve=False)
    changes = wanted.given("private", "enable_statistics", "enable_locking", "enable_downloads")
    if owning is not None:
        changes["owner_id"] = owning.id
    if wanted.description is not UNSET:
        changes["description"] = check_description(wanted.description)
    if wanted.landing_rev is not UNSET:
        changes["landing_rev"] = check_landing_rev(wanted.landing_rev)
    if wanted.fork_of is not UNSET:
        changes["fork_of_id"] = parent.id if parent is not None else None
    if wanted.clone_uri is not UNSET:
        changes |= seal_remote(site, remote)
    # A name that is older than the rules may stay (decisions.md A16); a new last segment was checked before.
    check_path(path, inside=path)

    def change(db: Connection) -> Repository:
        seen(db, caller)
        if repositories.find(db, caller, repository.id, Level.ADMIN).name != repository.name:
            raise Invalid("the repository was renamed by somebody else", about="name")
        if parent is not None:
            _check_no_circle(db, repository.id, parent.id)
        if path != repository.name:
            if _new_path(db, caller, repository, wanted) != path:
                raise Invalid("the group was renamed by somebody else", about="group")
            repo_groups.check_name_free(db, path, but_repository=repository.id)
            above = repo_groups.ancestry(db, caller, path)
            if above.missing:
                raise Invalid("the group was removed by somebody else", about="group")
            former_names.taken(db, path)
            former_names.left(db, repository.id, repository.name)
            changes.update(name=path, name_key=key_of(path), group_id=above.deepest.id if above.deepest else None)
        told = {column: value for column, value in changes.items() if column != "clone_secret"}
        was = in_names(db, values_before(db, table, repository.id, told))
        if changes:
            db.execute(update(table).where(table.c.id == repository.id).values(**changes, updated_on=now()))
        if "name_key" in changes:
            grams.named(db, repository.id, changes["name_key"])
        if wanted.private:
            grant_row(db, REPOSITORIES, repository.id, user_id=DEFAULT_USER_ID, level=Level.NONE)
        replaced, filled = repository_fields.set_values(db, repository, wanted.fields) if wanted.fields else ({}, {})
        event = RepositoryChanged(
            subject=repository.name,
            repository_id=repository.id,
            changes=in_names(db, told) | ({"fields": filled} if filled else {}),
            was=was | ({"fields": replaced} if filled else {}),
        )
        journal.record(db, caller, event)
        return repositories.by_id(db, caller, repository.id)

    if path == repository.name:
        with site.store.write(told_apart=not changes.keys() & _RIGHTS) as db:
            return change(db)
    move = Move(site.tree.path_of(repository.name), site.tree.path_of(path))
    with RepositoryLock(site.tree.locks, repository.id).exclusive(site.settings.exclusive_timeout):
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=[move], change=change)


def _new_path(db: Connection, caller: Caller, repository: Repository, wanted: RepositoryChanges) -> str:
    """The full name after a rename or move; raises unless the caller may put it there."""
    segment = last_segment(repository.name) if wanted.name is UNSET else check_segment(wanted.name)
    if wanted.group is UNSET:
        parent = parent_of(repository.name)
    elif wanted.group == "":
        parent = ""
        if parent_of(repository.name) and not allows_globally(db, caller, "hg.create.repository"):
            raise Invalid("the caller may not create repositories at top level", about="group")
    else:
        parent = repo_groups.find(db, caller, wanted.group, Level.WRITE).name
    return f"{parent}/{segment}" if parent else segment


def _fork_parent(db: Connection, caller: Caller, given: object) -> Repository:
    try:
        return repositories.find(db, caller, given, Level.READ)
    except NotFound as error:
        raise Invalid("the parent of the fork is unknown", about="fork_of") from error


def _check_no_circle(db: Connection, repository_id: int, parent_id: int) -> None:
    """Forks form trees: refuse a parent that descends from the repository itself."""
    above: int | None = parent_id
    while above is not None:
        if above == repository_id:
            raise Invalid("a repository is not a fork of its own forks", about="fork_of")
        above = db.execute(select(table.c.fork_of_id).where(table.c.id == above)).scalar()


def set_archived(site: Site, caller: Caller, repository: Repository, archived: bool) -> None:
    """Close a repository for pushes, or open it again; it stays readable."""
    with site.store.write(told_apart=True) as db:
        was = values_before(db, table, repository.id, ["archived"])
        db.execute(update(table).where(table.c.id == repository.id).values(archived=archived))
        event = RepositoryArchived(subject=repository.name, repository_id=repository.id, archived=archived, was=was)
        journal.record(db, caller, event)


def delete_repository(site: Site, caller: Caller, repository: Repository, forks: str = "") -> int:
    """Delete a repository; returns how many direct forks it had.

    `forks` says what becomes of them: `detach`, or `delete` (their forks too; all or none). Without it, any fork raises
    `Invalid`. A deleted repository goes to the trash, and its name is free at once.
    """
    if forks not in ("", "detach", "delete"):
        raise Invalid("forks can be detached or deleted: forks is detach or delete", about="forks")
    with site.store.read() as db:
        direct, doomed = _doomed(db, caller, repository, forks)
        notes = [trash_notes.note_of(db, caller, one) for one in doomed]
    expected = [(one.id, one.name) for one in doomed]
    moves = [trash_notes.announced(site, note) for note in notes]

    def change(db: Connection) -> int:
        # Until the end nothing is added that refers to them, and so would be missing in the notes.
        held = select(table.c.id).where(table.c.id.in_([one_id for one_id, _ in expected])).order_by(table.c.id)
        db.execute(held.with_for_update()).all()
        now_direct, now_doomed = _doomed(db, caller, repository, forks)
        if now_direct != direct or [(one.id, one.name) for one in now_doomed] != expected:
            raise Invalid("the repository or its forks were changed by somebody else", about="forks")
        for one, note in zip(now_doomed, notes, strict=True):
            trash_notes.renew(db, site, note, trash_notes.note_of(db, caller, one))
            db.execute(delete(table).where(table.c.id == one.id))
            journal.record(db, caller, RepositoryDeleted(subject=one.name, repository_id=one.id, kind=one.kind))
        return direct

    with _exclusive(site, [one.id for one in doomed]):
        forks_before = carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)
        for one in doomed:
            caches.forget(site, one.id)
    return forks_before


def _doomed(db: Connection, caller: Caller, repository: Repository, forks: str) -> tuple[int, list[Repository]]:
    """The number of direct forks, and every repository to delete."""
    doomed = [repositories.find(db, caller, repository.id, Level.ADMIN)]
    if doomed[0].name != repository.name:
        raise Invalid("the repository was renamed by somebody else", about="name")
    direct = [row[0] for row in db.execute(select(table.c.id).where(table.c.fork_of_id == repository.id))]
    if direct and not forks:
        raise Invalid("the repository still has forks", about="forks")
    generation = direct if forks == "delete" else []
    while generation:
        doomed += [repositories.find(db, caller, fork, Level.ADMIN) for fork in sorted(generation)]
        generation = [row[0] for row in db.execute(select(table.c.id).where(table.c.fork_of_id.in_(generation)))]
    return len(direct), doomed


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
