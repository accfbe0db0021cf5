# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository root is compared with the database: repositories put there by hand become known (api-users.md 6).

A repository in both places is not touched. While somebody else creates, moves or deletes a repository, it looks
unknown or lost from outside. So every decision is taken anew under the lock of renames, when nothing is under way
(`store.intents`).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, delete, select

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, Invalid
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.events import journal
from trivium.forge.events.repositories import RepositoryDeleted
from trivium.forge.groups import repo_groups
from trivium.forge.naming.placement import staging
from trivium.forge.repositories.new import NewRepository, insert_repository
from trivium.forge.site import Site
from trivium.names import check_path, last_segment
from trivium.store.intents import Move, carry_out, undo_all
from trivium.store.tables import repositories, users
from trivium.vcs.errors import VcsError
from trivium.vcs.model import BackEnd
from trivium.vcs.values import History

_WORKING_COPIES: Final = frozenset({".git", ".hg", ".svn"})


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in the repository root that looks like a repository and was not registered."""

    name: str
    """From the root; bytes that are no text are replaced."""
    reason: str


@dataclass(frozen=True, slots=True)
class Rescan:
    """What a rescan changed: full names, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class _Found:
    """A repository that has no row."""

    name: str
    path: Path
    back_end: BackEnd


class _Report:
    """Collects what is skipped, for the caller of the rescan."""

    def __init__(self, site: Site) -> None:
        self._root = f"{site.tree.root}/"
        self._most = site.settings.max_api_items
        self.skipped: list[Skipped] = []

    def skip(self, name: str, reason: object) -> None:
        # Nobody is told where the root is.
        if len(self.skipped) < self._most:
            self.skipped.append(Skipped(_shown(name), _shown(str(reason).replace(self._root, ""))))


def _shown(text: str) -> str:
    """A name of the file system as text."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def rescan(site: Site, caller: Caller, *, remove_obsolete: bool = False, at_most_half: bool = False) -> Rescan:
    """Register repositories that stand in the root and are not known; the first super-admin will own them.

    With `remove_obsolete`, rows whose directory is gone are deleted. Raises `Invalid`, with nothing changed, when the
    root is missing, or empty while repositories are registered: then it is a disk that is not mounted (decisions.md
    T2); with `at_most_half` also when more than half of all rows would go.
    """
    root = site.tree.root
    if not root.is_dir():
        raise Invalid(f"the repository root {root} is missing")
    with site.store.read() as db:
        known = _names(db)
    lost = [name for name in known if not os.path.lexists(site.tree.path_of(name))] if remove_obsolete else []
    if lost and not any(not entry.name.startswith(".") for entry in root.iterdir()):
        raise Invalid(f"the repository root {root} is empty; is its disk mounted?")
    if at_most_half and 2 * len(lost) > len(known):
        raise Invalid(f"{len(lost)} of {len(known)} repositories are missing; is a disk not mounted?")
    report = _Report(site)
    added = [
        name
        for found in _unknown(site, root, "", frozenset(known), report)
        if (name := _register(site, caller, found, report))
    ]
    removed = [name for name in lost if _unregister(site, caller, name)]
    return Rescan(tuple(sorted(added)), tuple(sorted(removed)), tuple(report.skipped))


def _names(db: Connection) -> list[str]:
    return [name for (name,) in db.execute(select(repositories.c.name).order_by(repositories.c.name))]


def _unknown(site: Site, directory: Path, prefix: str, known: frozenset[str], report: _Report) -> Iterator[_Found]:
    """Repositories below a directory that have no row. Links and hidden directories are not followed."""
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except FileNotFoundError:
        return  # somebody has moved or deleted it meanwhile
    except OSError as error:
        report.skip(prefix.rstrip("/"), f"the directory cannot be read: {error.strerror}")
        return
    for entry in entries:
        name = prefix + entry.name
        if entry.name.startswith(".") or name in known:
            continue
        if entry.is_symlink():
            report.skip(name, "it is a link")
            continue
        if not entry.is_dir(follow_symlinks=False):
            continue
        path = Path(entry.path)
        back_end = next((one for one in site.back_ends.values() if one.is_repository(path)), None)
        if back_end is not None:
            yield _Found(name, path, back_end)
        elif any((path / inside).exists() for inside in _WORKING_COPIES):
            report.skip(name, "it is a working copy: only repositories that stand by themselves are registered")
        else:
            yield from _unknown(site, path, f"{name}/", known, report)


def _register(site: Site, caller: Caller, found: _Found, report: _Report) -> str | None:
    """Give a repository its row and return its name; None when it is no repository after all, or has an invalid name.

    The customary ending of such a name is removed, on the disk too: `name.git` becomes `name`.
    """
    path, back_end = found.path, found.back_end
    name = found.name.removesuffix(back_end.abilities.ending)
    wanted = NewRepository(
        path=name, kind=back_end.kind, description=last_segment(name), private=False, landing_rev="rev:tip"
    )

    def insert(db: Connection, history: History) -> int | None:
        if not back_end.is_repository(path):
            return None  # somebody was moving it to another place
        repo_groups.check_name_free(db, name)
        return insert_repository(db, site, caller, wanted, _first_administrator(db), history)

    try:
        check_path(name)
        back_end.adopt(path)
        with staging(site) as aside:
            history = back_end.history(path, aside / "cache")
            if name == found.name:
                with site.store.write() as db:
                    undo_all(db, site.tree)
                    repository_id = insert(db, history)
            else:
                repository_id = _insert_renamed(site, path, site.tree.path_of(name), lambda db: insert(db, history))
            if repository_id is None:
                return None
            RepositoryCache(site, repository_id).adopt(aside / "cache")
    except (Invalid, AlreadyExists, VcsError, OSError) as error:
        if not _was_settled(site, found):
            report.skip(found.name, error)
        return None
    return name


def _was_settled(site: Site, found: _Found) -> bool:
    """Whether somebody has moved, deleted or registered a repository meanwhile."""
    if not found.back_end.is_repository(found.path):
        return True
    with site.store.read() as db:
        return db.execute(select(repositories.c.id).where(repositories.c.name == found.name)).first() is not None


class _Gone(Exception):
    """There is nothing to rename."""


def _insert_renamed(site: Site, path: Path, target: Path, insert: Callable[[Connection], int | None]) -> int | None:
    """Insert a row together with the rename of its directory; both happen, or nothing."""

    def change(db: Connection) -> int:
        repository_id = insert(db)
        if repository_id is None:
            raise _Gone
        return repository_id

    with contextlib.suppress(_Gone):
        return carry_out(site.store, site.tree, worker=site.worker.id, moves=[Move(path, target)], change=change)
    return None


def _unregister(site: Site, caller: Caller, name: str) -> bool:
    """Delete the row of a repository whose directory is gone; False when it is there after all."""
    with site.store.write() as db:
        undo_all(db, site.tree)
        row = db.execute(select(repositories.c.id, repositories.c.kind).where(repositories.c.name == name)).first()
        if row is None or os.path.lexists(site.tree.path_of(name)):
            return False
        db.execute(delete(repositories).where(repositories.c.id == row.id))
        event = RepositoryDeleted(subject=name, repository_id=row.id, kind=row.kind, was_missing=True)
        journal.record(db, caller, event)
    return True


def _first_administrator(db: Connection) -> User:
    """The owner of repositories that nobody has created here."""
    first = select(users.c.id).where(users.c.admin, users.c.active).order_by(users.c.id).limit(1)
    return accounts.by_id(db, db.execute(first).scalar_one())
