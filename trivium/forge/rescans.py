# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository root is compared with the database: what was put there by hand becomes known (api-users.md 6).

What stands in both places is not touched. A repository that is just being created, moved or deleted by somebody
else looks unknown or lost from outside; so every decision is taken anew in the turn of a writer, when nothing is
under way (`store.intents`).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Connection, delete, select

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, Invalid
from trivium.forge import accounts, journal, repo_groups
from trivium.forge.accounts import User
from trivium.forge.caches import RepositoryCache
from trivium.forge.placement import staging
from trivium.forge.repository_creation import NewRepository, insert_repository
from trivium.forge.site import Site
from trivium.names import check_path, last_segment
from trivium.store.intents import undo_all
from trivium.store.tables import repositories, users
from trivium.vcs.model import BackEnd, VcsError

_log = structlog.get_logger(__name__)

_WORKING_COPIES: Final = frozenset({".git", ".hg", ".svn"})


@dataclass(frozen=True, slots=True)
class Rescan:
    """What a rescan changed: full names, sorted."""

    added: tuple[str, ...]
    removed: tuple[str, ...]


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
    unknown = _unknown(site, root, "", frozenset(known))
    added = [name for name, path, back_end in unknown if _register(site, caller, name, path, back_end)]
    removed = [name for name in lost if _unregister(site, caller, name)]
    return Rescan(tuple(sorted(added)), tuple(sorted(removed)))


def _names(db: Connection) -> list[str]:
    return [name for (name,) in db.execute(select(repositories.c.name).order_by(repositories.c.name))]


def _unknown(site: Site, directory: Path, prefix: str, known: frozenset[str]) -> Iterator[tuple[str, Path, BackEnd]]:
    """Repositories below a directory that have no row, and what serves them.

    Links and hidden directories are not followed.
    """
    try:
        entries = sorted(os.scandir(directory), key=lambda entry: entry.name)
    except OSError as error:
        _log.warning("a directory cannot be read", path=str(directory), why=error.strerror)
        return
    for entry in entries:
        name = prefix + entry.name
        if entry.name.startswith(".") or name in known or not entry.is_dir(follow_symlinks=False):
            continue
        path = Path(entry.path)
        back_end = next((one for one in site.back_ends.values() if one.is_repository(path)), None)
        if back_end is not None:
            yield name, path, back_end
        elif not any((path / inside).exists() for inside in _WORKING_COPIES):
            yield from _unknown(site, path, f"{name}/", known)


def _register(site: Site, caller: Caller, name: str, path: Path, back_end: BackEnd) -> bool:
    """Give a repository its row; False when it is not one after all, or cannot be called so."""
    wanted = NewRepository(
        path=name, kind=back_end.kind, description=last_segment(name), private=False, landing_rev="rev:tip"
    )
    try:
        check_path(name)
        back_end.adopt(path)
        with staging(site) as aside:
            history = back_end.history(path, aside / "cache")
            with site.store.write() as db:
                undo_all(db, site.tree)
                if not back_end.is_repository(path):
                    return False  # it was somebody's, and on its way to another place
                repo_groups.check_name_free(db, name)
                repository_id = insert_repository(db, site, caller, wanted, _first_administrator(db), history)
            RepositoryCache(site, repository_id).adopt(aside / "cache")
    except (Invalid, AlreadyExists, VcsError, OSError) as error:
        _log.warning("a directory was not registered", name=name, why=str(error))
        return False
    return True


def _unregister(site: Site, caller: Caller, name: str) -> bool:
    """Delete the row of a repository whose directory is gone; False when it is there after all."""
    with site.store.write() as db:
        undo_all(db, site.tree)
        row = db.execute(select(repositories.c.id, repositories.c.kind).where(repositories.c.name == name)).first()
        if row is None or os.path.lexists(site.tree.path_of(name)):
            return False
        db.execute(delete(repositories).where(repositories.c.id == row.id))
        journal.record(db, caller, "repository.delete", name, repository_id=row.id, kind=row.kind, was_missing=True)
    return True


def _first_administrator(db: Connection) -> User:
    """Who owns what nobody has created here."""
    first = select(users.c.id).where(users.c.admin, users.c.active).order_by(users.c.id).limit(1)
    return accounts.by_id(db, db.execute(first).scalar_one())
