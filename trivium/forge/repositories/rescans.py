# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository root is compared with the database: repositories put there by hand become known (api-users.md 6).

A repository in both places is not touched. While somebody else creates, moves or deletes a repository, it looks
unknown or lost from outside, and two looks from outside, one at the disk and one at the rows, may have a whole change
between them. So whatever a rescan changes, refuses or reports is decided anew under the lock of renames, when nothing
is under way (`store.intents`).
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, Forbidden, Invalid
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.events import journal
from trivium.forge.events.repositories import RepositoryDeleted
from trivium.forge.events.site import CachesInvalidated
from trivium.forge.groups import repo_groups
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Work
from trivium.forge.jobs.submission import submit
from trivium.forge.naming.placement import staging
from trivium.forge.repositories.new import NewRepository, insert_repository
from trivium.forge.site import Site
from trivium.names import check_path, last_segment
from trivium.store.intents import Move, carry_out, undo_all
from trivium.store.tables import repositories, users
from trivium.vcs.errors import VcsError
from trivium.vcs.model import BackEnd
from trivium.vcs.values import History

_MOST_TOLD: Final = 100
"""Names of a kind in the log of a job."""
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
class _Place:
    """What stands somewhere below the root, and how it is recognised later."""

    name: str
    """From the root."""
    path: Path
    mode: int
    identity: tuple[int, int]
    """Device and inode."""

    @classmethod
    def seen(cls, name: str, path: Path) -> _Place:
        state = path.lstat()
        return cls(name, path, state.st_mode, (state.st_dev, state.st_ino))

    def still_there(self) -> bool:
        """Whether the same thing stands there now."""
        try:
            return _Place.seen(self.name, self.path).identity == self.identity
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class _Found:
    """A repository that had no row when the rescan began."""

    place: _Place
    back_end: BackEnd


class _Report:
    """Collects what is skipped, for the caller of the rescan."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._found: list[tuple[_Place, str]] = []

    def skip(self, place: _Place, reason: object) -> None:
        if len(self._found) < self._site.settings.max_api_items:
            # Nobody is told where the root is.
            self._found.append((place, str(reason).replace(f"{self._site.tree.root}/", "")))

    def skipped(self) -> tuple[Skipped, ...]:
        """What stands there without a row, when nothing is under way: all else was moved, deleted or registered."""
        if not self._found:
            return ()
        with _turn(self._site) as db:
            known = frozenset(_names(db))
            left = [(place, why) for place, why in self._found if place.name not in known and place.still_there()]
        return tuple(Skipped(_shown(place.name), _shown(why)) for place, why in left)


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
        raise Invalid("the repository root %(root)s is missing", root=root)
    with site.store.read() as db:
        known = _names(db)
    lost = _lost(site, known, at_most_half=at_most_half) if remove_obsolete else []
    report = _Report(site)
    added = [
        name
        for found in _unknown(site, _Place.seen("", root), frozenset(known), report)
        if (name := _register(site, caller, found, report))
    ]
    removed = [name for name in lost if _unregister(site, caller, name)]
    return Rescan(tuple(sorted(added)), tuple(sorted(removed)), report.skipped())


class RescanArguments(msgspec.Struct, frozen=True):
    """What a job looks for."""

    remove_obsolete: bool
    dry: bool
    """Whether it only tells what it would do."""
    even_most: bool = False
    """Whether repositories are forgotten even if they are more than half of all."""
    invalidate: bool = False
    """Whether what is kept of all repositories to answer faster is forgotten as well."""


RESCAN: Final = JobKind("rescan", RescanArguments, attempts=1, long=True)


def look(site: Site, *, remove_obsolete: bool = False) -> Rescan:
    """What `rescan` would register and forget now, by a look: nothing is opened, and nothing changes."""
    root = site.tree.root
    if not root.is_dir():
        raise Invalid("the repository root %(root)s is missing", root=root)
    with site.store.read() as db:
        known = _names(db)
    report = _Report(site)
    added = tuple(
        sorted(_shown(one.place.name) for one in _unknown(site, _Place.seen("", root), frozenset(known), report))
    )
    lost = tuple(name for name in known if not _stands(site, name)) if remove_obsolete else ()
    return Rescan(added, lost, report.skipped())


def carry_out_rescan(site: Site, work: Work, arguments: RescanArguments) -> None:
    """Compare the root with the database, as a job is told to; its log says what was found."""
    with site.store.read() as db:
        user = accounts.by_id(db, work.job.user_id)
    if not user.admin or not user.active:
        raise Invalid("only super-admins may do this")
    if arguments.dry:
        done = look(site, remove_obsolete=arguments.remove_obsolete)
    else:
        done = rescan(
            site,
            user.as_caller(work.job.address),
            remove_obsolete=arguments.remove_obsolete,
            at_most_half=not arguments.even_most,
        )
        if arguments.invalidate:
            _forget_answers(site, work, user.as_caller(work.job.address))
    words = ("would register", "would forget") if arguments.dry else ("registered", "forgot")
    for word, names in zip(words, (done.added, done.removed), strict=True):
        for name in names[:_MOST_TOLD]:
            work.log(f"{word} {name}")
    for one in done.skipped[:_MOST_TOLD]:
        work.log(f"skipped {one.name}: {one.reason}")
    work.log(f"{words[0]} {len(done.added)}, {words[1]} {len(done.removed)}, skipped {len(done.skipped)}")


def _forget_answers(site: Site, work: Work, caller: Caller) -> None:
    """Forget what is kept of all repositories; it is never wrong, so that a kill in between costs nothing."""
    with site.store.read() as db:
        ids = db.execute(select(repositories.c.id).order_by(repositories.c.id)).scalars().all()
    for number, repository_id in enumerate(ids):
        work.check()
        work.tell(number, len(ids), "repositories")
        RepositoryCache(site, repository_id).clear()
    with site.store.write(access_unchanged=True) as db:
        journal.record(db, caller, CachesInvalidated(subject="", count=len(ids)))
    work.log(f"forgot what was kept of {len(ids)} repositories")


def ask_for_rescan(site: Site, caller: Caller, wanted: RescanArguments) -> None:
    """Have a job do it; one waits at a time. Raises `Forbidden` for others than super-admins."""
    if not caller.super_admin:
        raise Forbidden
    submit(site, caller, RESCAN, wanted, subject="", only_one="rescan")


@contextlib.contextmanager
def _turn(site: Site) -> Iterator[Connection]:
    """The turn of a writer: disk and rows agree, but for what people did to the disk by hand."""
    with site.store.write(told_apart=True) as db:
        undo_all(db, site.tree)
        yield db


def _lost(site: Site, known: list[str], *, at_most_half: bool) -> list[str]:
    """Which of the `known` repositories stand nowhere; raises `Invalid` as `rescan` does."""
    seen = frozenset(name for name in known if not _stands(site, name))
    if not seen:
        return []
    root = site.tree.root
    with _turn(site) as db:
        registered = _names(db)
        lost = [name for name in registered if name in seen and not _stands(site, name)]
        if lost and not any(not entry.name.startswith(".") for entry in root.iterdir()):
            raise Invalid("the repository root %(root)s is empty; is its disk mounted?", root=root)
    if at_most_half and 2 * len(lost) > len(registered):
        raise Invalid(
            "%(lost)s of %(all)s repositories are missing; is a disk not mounted?", lost=len(lost), all=len(registered)
        )
    return lost


def _stands(site: Site, name: str) -> bool:
    return os.path.lexists(site.tree.path_of(name))


def _names(db: Connection) -> list[str]:
    return [name for (name,) in db.execute(select(repositories.c.name).order_by(repositories.c.name))]


def _unknown(site: Site, directory: _Place, known: frozenset[str], report: _Report) -> Iterator[_Found]:
    """Repositories below a directory that have no row. Links and hidden directories are not followed."""
    try:
        entries = sorted(os.scandir(directory.path), key=lambda entry: entry.name)
    except FileNotFoundError:
        return  # somebody has moved or deleted it meanwhile
    except OSError as error:
        report.skip(directory, f"the directory cannot be read: {error.strerror}")
        return
    for entry in entries:
        name = f"{directory.name}/{entry.name}" if directory.name else entry.name
        if entry.name.startswith(".") or name in known:
            continue
        try:
            place = _Place.seen(name, Path(entry.path))
        except FileNotFoundError:
            continue
        if stat.S_ISLNK(place.mode):
            report.skip(place, "it is a link")
        elif stat.S_ISDIR(place.mode):
            yield from _judged(site, place, known, report)


def _judged(site: Site, place: _Place, known: frozenset[str], report: _Report) -> Iterator[_Found]:
    """The repository that a directory is, or those below it."""
    back_end = next((one for one in site.back_ends.values() if one.is_repository(place.path)), None)
    if back_end is not None:
        yield _Found(place, back_end)
    elif any((place.path / inside).exists() for inside in _WORKING_COPIES):
        report.skip(place, "it is a working copy: only repositories that stand by themselves are registered")
    else:
        yield from _unknown(site, place, known, report)


def _register(site: Site, caller: Caller, found: _Found, report: _Report) -> str | None:
    """Give a repository its row and return its name; None when it is no repository after all, or has an invalid name.

    The customary ending of such a name is removed, on the disk too: `name.git` becomes `name`.
    """
    place, back_end = found.place, found.back_end
    name = place.name.removesuffix(back_end.abilities.ending)
    wanted = NewRepository(
        path=name, kind=back_end.kind, description=last_segment(name), private=False, landing_rev="rev:tip"
    )

    def insert(db: Connection, history: History) -> int | None:
        if not place.still_there():
            return None  # somebody was moving it to another place
        repo_groups.check_name_free(db, name)
        return insert_repository(db, site, caller, wanted, _first_administrator(db), history)

    try:
        check_path(name)
        back_end.adopt(place.path)
        with staging(site) as aside:
            history = back_end.history(place.path, aside / "cache")
            if name == place.name:
                with site.store.write() as db:
                    undo_all(db, site.tree)
                    repository_id = insert(db, history)
            else:
                target = site.tree.path_of(name)
                repository_id = _insert_renamed(site, place.path, target, lambda db: insert(db, history))
            if repository_id is None:
                return None
            RepositoryCache(site, repository_id).adopt(aside / "cache")
    except (Invalid, AlreadyExists, VcsError, OSError) as error:
        report.skip(place, error)
        return None
    return name


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
        if row is None or _stands(site, name):
            return False
        db.execute(delete(repositories).where(repositories.c.id == row.id))
        event = RepositoryDeleted(subject=name, repository_id=row.id, kind=row.kind, was_missing=True)
        journal.record(db, caller, event)
    return True


def _first_administrator(db: Connection) -> User:
    """The owner of repositories that nobody has created here."""
    first = select(users.c.id).where(users.c.admin, users.c.active).order_by(users.c.id).limit(1)
    return accounts.by_id(db, db.execute(first).scalar_one())
