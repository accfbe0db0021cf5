# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleted repositories stay in the trash: listed, brought back, removed for good.

What was deleted stands under `<root>/.trash/<moment>-<id>`, with notes of what it was beside it (`trash_notes`);
bundles of stripped commits stand there too.

Restoring and removing are renames that are recorded like all others (`store.intents`). A restoration that is killed
before its commit leaves the repository in the trash with its notes; one killed after it leaves the repository in its
place with all its rows. A removal first moves the entry to the staging directory, where the next start clears away the
remains of killed processes.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, Busy, Invalid, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.events import journal
from trivium.forge.events.repositories import RepositoryRestored, TrashRemoved
from trivium.forge.groups import repo_groups
from trivium.forge.naming.placement import Placement, staging
from trivium.forge.repositories import trash_notes
from trivium.forge.repositories.creation import check_may_create, check_number
from trivium.forge.repositories.new import NewRepository, insert_repository
from trivium.forge.repositories.trash_notes import Note
from trivium.forge.site import Site
from trivium.forge.trash.restored_rows import give_back
from trivium.names import check_path, last_segment, path_of
from trivium.store.intents import Move, carry_out, undo_all
from trivium.vcs.values import History

_LABEL: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d)(\d\d)(\d\d\.\d{3})-(\d{1,19})(?:-([0-9a-f]{12,64})\.bundle)?", re.ASCII
)
_TRIES: Final = 5
BUNDLE: Final = "bundle"
"""The kind of an entry that holds stripped commits."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in the trash."""

    label: str
    deleted_on: str
    """A moment, as answers show it."""
    kind: str
    """That of the repository, `BUNDLE`, or nothing where that is not known."""
    note: Note | None

    @property
    def name(self) -> str:
        """What the repository was called; nothing where that is not known."""
        return self.note.name if self.note else ""


def entries(site: Site) -> list[Entry]:
    """What is in the trash, oldest first."""
    return [entry(site, label) for label in labels(site)]


def labels(site: Site) -> list[str]:
    """What the trash calls its entries, oldest first."""
    return sorted(path.name for path in site.tree.trash.iterdir() if _LABEL.fullmatch(path.name))


def is_there(site: Site, label: str) -> bool:
    """Whether something in the trash is called so."""
    return _LABEL.fullmatch(label) is not None and os.path.lexists(site.tree.trash / label)


def find(site: Site, label: str) -> Entry:
    """One entry; raises `Invalid` when there is no such thing in the trash."""
    if not is_there(site, label):
        raise Invalid(f"there is no {label!r} in the trash")
    return entry(site, label)


def entry(site: Site, label: str) -> Entry:
    """What is known of something that is there."""
    found = _LABEL.fullmatch(label)
    assert found is not None
    moment = f"{found[1]}:{found[2]}:{found[3]}"
    if found[5]:
        return Entry(label, moment, BUNDLE, None)
    note = trash_notes.read(site, label)
    if note is not None:
        return Entry(label, moment, note.kind, note)
    path = site.tree.trash / label
    kind = next((one.kind for one in site.back_ends.values() if one.is_repository(path)), "")
    return Entry(label, moment, kind, None)


class _Replan(Exception):
    """Somebody created a group on the way in the meantime."""


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back."""

    name: str
    """Its full name."""
    left_out: tuple[str, ...]
    """What did not come back with it, and why: sentences without a full stop."""


def restore(site: Site, caller: Caller, entry: Entry, name: str | None = None, owner: User | None = None) -> Restored:
    """Bring a deleted repository back, under its old name or as `name`.

    It has its history, description and settings again, what was said of its commits, and the permissions of everybody
    who is still there. It belongs to `owner`, else to its former owner, or to the first super-admin if that account is
    gone. It gets a new id. Without a note of its permissions it is open to its owner alone. Raises `Invalid`,
    `AlreadyExists`, `VcsError` or `Busy`.
    """
    if entry.kind == BUNDLE:
        raise Invalid("a bundle of stripped commits is not restored: fetch from it with git or hg", about="entry")
    if entry.kind not in site.back_ends:
        raise Invalid("it is not known what kind of repository %(entry)s is", about="entry", entry=entry.label)
    if name is None and entry.note is None:
        raise Invalid("it is not known what %(entry)s was called: give a name", about="name", entry=entry.label)
    path = check_path(path_of(name if name is not None else entry.name))
    place = site.tree.trash / entry.label
    back_end = site.back_ends[entry.kind]
    wanted = _wanted(path, entry)
    with staging(site) as aside:
        history = back_end.history(place, aside / "cache")
        for number in range(_TRIES):
            try:
                repository_id, left_out = _put_back(
                    site, caller, entry, wanted, owner, aside / f"groups-{number}", history
                )
            except _Replan:
                continue
            RepositoryCache(site, repository_id).adopt(aside / "cache")
            trash_notes.forget(site, entry.label)
            return Restored(path, tuple(left_out))
    raise Busy("the groups on the way keep changing")


def _wanted(path: str, entry: Entry) -> NewRepository:
    note = entry.note
    if note is None:
        return NewRepository(path, entry.kind, last_segment(path), private=True, landing_rev="rev:tip", imported=True)
    return NewRepository(
        path,
        entry.kind,
        note.description,
        private=note.private,
        landing_rev=note.landing_rev,
        enable_statistics=note.enable_statistics,
        enable_locking=note.enable_locking,
        enable_downloads=note.enable_downloads,
        archived=note.archived,
        imported=True,
    )


def _put_back(
    site: Site,
    caller: Caller,
    entry: Entry,
    wanted: NewRepository,
    owner: User | None,
    staged: Path,
    history: History,
) -> tuple[int, list[str]]:
    """Insert the rows of a repository and move it from the trash to its place, with the groups on the way."""
    placement = Placement.plan(site.tree, wanted.path)
    if not placement.below:
        with site.store.write(told_apart=True) as db:  # nothing is under way
            undo_all(db, site.tree)
            repo_groups.check_name_free(db, wanted.path)
            placement = Placement.plan(site.tree, wanted.path)
        if not placement.below:
            raise Invalid(
                "a directory that is not registered stands in the repository root under this name", about="name"
            )
    moves = []
    if len(placement.below) > 1:
        groups = Placement(placement.anchor, placement.below[:-1])
        moves += groups.stage_directory(staged)
    moves.append(Move(site.tree.trash / entry.label, site.tree.path_of(wanted.path)))

    def change(db: Connection) -> tuple[int, list[str]]:
        if not os.path.lexists(site.tree.trash / entry.label):
            raise Invalid("there is no %(entry)s in the trash any more", about="entry", entry=entry.label)
        check_may_create(db, caller, wanted.path)
        repo_groups.check_name_free(db, wanted.path)
        if Placement.plan(site.tree, wanted.path) != placement:
            raise _Replan
        left_out: list[str] = []
        owning = owner or _owner(db, entry.note, left_out)
        if not owning.admin:
            check_number(db, site, owning)
        formerly = entry.note.repo_id if entry.note else None
        event = partial(RepositoryRestored, entry=entry.label, formerly=formerly)
        repository_id = insert_repository(db, site, caller, wanted, owning, history, event=event)
        left_out += give_back(db, site, entry.label, entry.note, repository_id)
        return repository_id, left_out

    try:
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)
    except AlreadyExists as error:
        if error.name == wanted.path:
            raise
        raise _Replan from error


def _owner(db: Connection, note: Note | None, left_out: list[str]) -> User:
    """Its former owner, if that account still exists; a later account with the same name is somebody else."""
    if note is not None:
        try:
            return accounts.find(db, note.owner) if note.owner_id is None else accounts.by_id(db, note.owner_id)
        except NotFound:
            left_out.append(f"the account of its owner {note.owner} is gone; it belongs to the first administrator now")
    return accounts.first_super_admin(db)


def remove(site: Site, caller: Caller, entry: Entry) -> None:
    """Remove an entry for good; raises `Invalid` when it is not there any more."""
    place = site.tree.trash / entry.label

    def change(db: Connection) -> None:
        if not os.path.lexists(place):
            raise Invalid("there is no %(entry)s in the trash any more", about="entry", entry=entry.label)
        journal.record(db, caller, TrashRemoved(subject=entry.name or entry.label, entry=entry.label, kind=entry.kind))

    with staging(site) as aside:
        move = Move(place, aside / "removed")
        carry_out(site.store, site.tree, worker=site.worker.id, moves=[move], change=change)
        trash_notes.forget(site, entry.label)
