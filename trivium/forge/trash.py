# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleted repositories stay in the trash: listed, brought back, removed for good.

What was deleted stands under `<root>/.trash/<moment>-<id>`, with a note of what it was in `….json` beside it; bundles
of stripped commits stand there too. The note is written, durably, before the deletion begins, and removed after a
restoration or removal is committed. So a crash leaves a note without its repository at worst, which the next start
removes (`recovery`), and never a repository that nobody can find.

Bringing back and removing are renames that are recorded like all others (`store.intents`): killed before its commit a
restoration leaves the repository in the trash, killed after it the repository is in its place. What is removed is
moved to the staging directory first, where the next start clears away what a killed process left.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES
from trivium.errors import AlreadyExists, Busy, Invalid, NotFound
from trivium.forge import accounts, journal, repo_groups
from trivium.forge.accounts import User
from trivium.forge.caches import RepositoryCache
from trivium.forge.grants import grant_row, revoke_row
from trivium.forge.new_repository import NewRepository, insert_repository
from trivium.forge.placement import Placement, staging
from trivium.forge.repositories import Repository
from trivium.forge.site import Site
from trivium.names import check_path, last_segment, path_of
from trivium.store.disk import sync_directory
from trivium.store.intents import Move, carry_out
from trivium.store.tables import DEFAULT_USER_ID, now, repository_grants, user_groups, users
from trivium.vcs.model import History

_LABEL: Final = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d)(\d\d)(\d\d\.\d{3})-(\d{1,19})(?:-([0-9a-f]{12,64})\.bundle)?", re.ASCII
)
_TRIES: Final = 5
BUNDLE: Final = "bundle"
"""What an entry is that holds stripped commits."""


class Note(msgspec.Struct, frozen=True):
    """What a deleted repository was. Notes of earlier versions lack what has a default here."""

    repo_id: int
    name: str
    kind: str
    owner: str
    description: str
    private: bool
    deleted_by: str
    owner_id: int | None = None
    archived: bool = False
    landing_rev: str = "rev:tip"
    enable_downloads: bool = False
    enable_locking: bool = False
    enable_statistics: bool = False
    permissions: list[tuple[int | None, int | None, int]] | None = None
    """Its rows: (user id, user group id, level), one of the two ids in each. Ids are never given again."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A deletion that is about to happen."""

    label: str
    note: Note


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


def note_of(db: Connection, caller: Caller, repository: Repository) -> Announced:
    """What is noted of a repository that is to be deleted, as it is now."""
    grants = repository_grants.c
    rows = db.execute(
        select(grants.user_id, grants.group_id, grants.level)
        .where(grants.object_id == repository.id)
        .order_by(grants.id)
    )
    note = Note(
        repo_id=repository.id,
        name=repository.name,
        kind=repository.kind,
        owner=repository.owner,
        owner_id=repository.owner_id,
        description=repository.description,
        private=repository.private,
        deleted_by=caller.username,
        archived=repository.archived,
        landing_rev=repository.landing_rev,
        enable_downloads=repository.enable_downloads,
        enable_locking=repository.enable_locking,
        enable_statistics=repository.enable_statistics,
        permissions=[(row.user_id, row.group_id, row.level) for row in rows],
    )
    return Announced(f"{now().replace(':', '')}-{repository.id}", note)


def announced(site: Site, deletion: Announced) -> Move:
    """Write the note of a deletion; returns the move to the trash."""
    _write(site, deletion)
    return Move(site.tree.path_of(deletion.note.name), site.tree.trash / deletion.label)


def renew(site: Site, before: Announced, present: Announced) -> None:
    """Write the note of a deletion anew where the repository was changed since; in the turn of its writer."""
    if before.note != present.note:
        _write(site, Announced(before.label, present.note))


def _write(site: Site, deletion: Announced) -> None:
    path = _note_path(site, deletion.label)
    with path.open("wb") as stream:
        stream.write(msgspec.json.encode(deletion.note))
        stream.flush()
        os.fsync(stream.fileno())
    sync_directory(site.tree.trash)


def entries(site: Site) -> list[Entry]:
    """What is in the trash, oldest first."""
    labels = sorted(path.name for path in site.tree.trash.iterdir() if _LABEL.fullmatch(path.name))
    return [_entry(site, label) for label in labels]


def find(site: Site, label: str) -> Entry:
    """One entry; raises `Invalid` when there is no such thing in the trash."""
    if not _LABEL.fullmatch(label) or not os.path.lexists(site.tree.trash / label):
        raise Invalid(f"there is no {label!r} in the trash")
    return _entry(site, label)


def _entry(site: Site, label: str) -> Entry:
    found = _LABEL.fullmatch(label)
    assert found is not None
    moment = f"{found[1]}:{found[2]}:{found[3]}"
    if found[5]:
        return Entry(label, moment, BUNDLE, None)
    note = _read_note(site, label)
    if note is not None:
        return Entry(label, moment, note.kind, note)
    path = site.tree.trash / label
    kind = next((one.kind for one in site.back_ends.values() if one.is_repository(path)), "")
    return Entry(label, moment, kind, None)


def _note_path(site: Site, label: str) -> Path:
    return site.tree.trash / f"{label}.json"


def _read_note(site: Site, label: str) -> Note | None:
    try:
        return msgspec.json.decode(_note_path(site, label).read_bytes(), type=Note)
    except (OSError, msgspec.MsgspecError):
        return None


class _Replan(Exception):
    """Somebody created a group on the way in the meantime."""


def restore(site: Site, caller: Caller, entry: Entry, name: str | None = None) -> str:
    """Bring a deleted repository back, under its old name or as `name`, and return its full name.

    It has its history, description and settings again, and the permissions of everybody who is still there; its owner
    is the old one, or the first super-admin where that account is gone. It gets a new id. Without a note of its
    permissions it is open to its owner alone. Raises `Invalid`, `AlreadyExists`, `VcsError` or `Busy`.
    """
    if entry.kind == BUNDLE:
        raise Invalid(f"{entry.label} is a bundle of stripped commits: fetch from it with git or hg")
    if entry.kind not in site.back_ends:
        raise Invalid(f"it is not known what kind of repository {entry.label} is")
    if name is None and entry.note is None:
        raise Invalid(f"it is not known what {entry.label} was called: give a name")
    path = check_path(path_of(name if name is not None else entry.name))
    place = site.tree.trash / entry.label
    back_end = site.back_ends[entry.kind]
    wanted = _wanted(path, entry)
    with staging(site) as aside:
        history = back_end.history(place, aside / "cache")
        for number in range(_TRIES):
            try:
                repository_id = _put_back(site, caller, entry, wanted, aside / f"groups-{number}", history)
            except _Replan:
                continue
            RepositoryCache(site, repository_id).adopt(aside / "cache")
            _forget_note(site, entry)
            return path
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


def _put_back(site: Site, caller: Caller, entry: Entry, wanted: NewRepository, staged: Path, history: History) -> int:
    """Insert the rows of a repository and move it from the trash to its place, with the groups on the way."""
    placement = Placement.plan(site.tree, wanted.path)
    if not placement.below:
        with site.store.write() as db:  # whoever is putting something there has finished
            repo_groups.check_name_free(db, wanted.path)
        if not (placement := Placement.plan(site.tree, wanted.path)).below:
            raise Invalid("a directory that is not registered stands in the repository root under this name")
    moves = []
    if len(placement.below) > 1:
        groups = Placement(placement.anchor, placement.below[:-1])
        moves += groups.stage_directory(staged)
    moves.append(Move(site.tree.trash / entry.label, site.tree.path_of(wanted.path)))

    def change(db: Connection) -> int:
        if not os.path.lexists(site.tree.trash / entry.label):
            raise Invalid(f"there is no {entry.label!r} in the trash any more")
        repo_groups.check_name_free(db, wanted.path)
        if Placement.plan(site.tree, wanted.path) != placement:
            raise _Replan
        repository_id = insert_repository(
            db, site, caller, wanted, _owner(db, entry.note), history, told_as="repository.restore"
        )
        _give_permissions(db, repository_id, entry.note)
        return repository_id

    try:
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)
    except AlreadyExists as error:
        if error.name == wanted.path:
            raise
        raise _Replan from error


def _owner(db: Connection, note: Note | None) -> User:
    """Who owned it, if that account is still there: an account that has got the name since is somebody else."""
    if note is None:
        return accounts.first_super_admin(db)
    try:
        return accounts.find(db, note.owner) if note.owner_id is None else accounts.by_id(db, note.owner_id)
    except NotFound:
        return accounts.first_super_admin(db)


def _give_permissions(db: Connection, repository_id: int, note: Note | None) -> None:
    """Give a repository the rows that it had, of those who are still there; without a note it stays closed."""
    if note is None or note.permissions is None:
        grant_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID, level=Level.NONE)
        return
    revoke_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID)
    there = {user_id for (user_id,) in db.execute(select(users.c.id))}
    groups = {group_id for (group_id,) in db.execute(select(user_groups.c.id))}
    for user_id, group_id, level in note.permissions:
        if user_id in there or group_id in groups:
            grant_row(db, REPOSITORIES, repository_id, user_id=user_id, group_id=group_id, level=Level(level))


def remove(site: Site, caller: Caller, entry: Entry) -> None:
    """Remove an entry for good; raises `Invalid` when it is not there any more."""
    place = site.tree.trash / entry.label

    def change(db: Connection) -> None:
        if not os.path.lexists(place):
            raise Invalid(f"there is no {entry.label!r} in the trash any more")
        journal.record(db, caller, "trash.remove", entry.name or entry.label, entry=entry.label, kind=entry.kind)

    with staging(site) as aside:
        move = Move(place, aside / "removed")
        carry_out(site.store, site.tree, worker=site.worker.id, moves=[move], change=change)
        _forget_note(site, entry)


def _forget_note(site: Site, entry: Entry) -> None:
    _note_path(site, entry.label).unlink(missing_ok=True)
    sync_directory(site.tree.trash)
