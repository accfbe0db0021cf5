# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading repositories: changesets, what they changed, and trees (api-repos.md 3)."""

from __future__ import annotations

import contextlib
import mimetypes
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from cachetools import LRUCache
from sqlalchemy import bindparam, select

from trivium.errors import Busy
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.caches.pieces import Pieces
from trivium.forge.history.contents import Changes, Entry, FileFacts, entries_of_files, facts_of_files
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.settings import Settings
from trivium.store.query import Query
from trivium.store.tables import repositories
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.budget import Budget, Exhausted, Unwanted, spending
from trivium.vcs.errors import NotPossible, VcsError
from trivium.vcs.model import Snapshot
from trivium.vcs.values import (
    AnnotatedLine,
    Changeset,
    Content,
    DiffLimits,
    FileChange,
    Layout,
    Names,
    Node,
    Refs,
    bounded,
)

_KEPT: Final = 64
_SAT_WITH: Final = 4
"""Repositories that one thread keeps open."""
_TRIES: Final = 3
_AT_A_TIME: Final = 500
"""Commits that are read together."""

T = TypeVar("T")

_STATE = Query(
    select(repositories.c.name, repositories.c.history_state, repositories.c.updated_on).where(
        repositories.c.id == bindparam("repository_id")
    )
)


class Details(StrEnum):
    """How much of a changeset is wanted."""

    BASIC = "basic"
    EXTENDED = "extended"
    FULL = "full"


class Commit(msgspec.Struct, frozen=True):
    """A changeset with as much as was asked for."""

    changeset: Changeset
    changes: tuple[FileChange, ...] = ()
    refs: Refs | None = None


@dataclass(frozen=True, slots=True)
class FileAt:
    """A file as it is at a commit."""

    raw_id: str
    """Of the commit."""
    node: Node
    content: Content
    """Not read where it is too large to be shown (max_api_file)."""


@dataclass(frozen=True, slots=True)
class Moment:
    """The state of a history at some moment, as the database knows it."""

    name: str
    """Of the repository."""
    state: str
    since: str

    @property
    def key(self) -> str:
        """A text that changes with each push.

        It never comes back, even when a strip leads to an earlier history: a reader may see a push's commits before the
        database knows of them, and keep them under the earlier text.
        """
        return f"{self.since} {self.state}"


class Indexes:
    """The indexes of the repositories that this process read last (`vcs.model.BackEnd.index`)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[int, tuple[str, Any]] = LRUCache(_KEPT)

    def get(self, repository_id: int, state: str) -> Any | None:
        with self._lock:
            found = self._kept.get(repository_id)
        return found[1] if found is not None and found[0] == state else None

    def put(self, repository_id: int, state: str, index: Any) -> None:
        with self._lock:
            self._kept[repository_id] = (state, index)

    def drop(self, repository_id: int) -> None:
        with self._lock:
            self._kept.pop(repository_id, None)


class _Sitting:
    """Repositories that one thread keeps open for a while. Each has one reader at a time."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[Snapshot, contextlib.ExitStack]] = {}
        self._over = False

    @contextlib.contextmanager
    def opened(self, key: object, begin: Callable[[], AbstractContextManager[Snapshot]]) -> Iterator[Snapshot]:
        """The repository that is open under a key, or what `begin` opens; whatever fails is not kept."""
        kept = self._open.pop(key, None)  # a second reader meanwhile opens it for itself
        if kept is None:
            held = contextlib.ExitStack()
            kept = held.enter_context(begin()), held
        snapshot, held = kept
        with held:  # closed by what goes wrong
            yield snapshot
            held = held.pop_all()
        if self._over or len(self._open) >= _SAT_WITH or key in self._open:
            held.close()
        else:
            self._open[key] = snapshot, held

    def close(self) -> None:
        """Let go of all of them; whoever reads on lets go of theirs."""
        self._over = True
        with contextlib.ExitStack() as held:
            for _, one in self._open.values():
                held.push(one)
        self._open.clear()


class History:
    """The histories of a site's repositories."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._indexes = Indexes()
        self._thread = threading.local()

    def now(self, repository: Repository) -> Moment:
        """The present moment of a repository."""
        for _ in range(_TRIES):
            with self.site.store.read() as db:
                found = _STATE.first(db, {"repository_id": repository.id})
            if found is None:
                raise VcsError("the repository is gone")
            moment = Moment(*found)
            if moment.state:
                return moment
            pushes.refresh(self.site, repository.id)  # nobody has looked at it yet
        raise VcsError("the repository has no state")

    @contextlib.contextmanager
    def open(self, repository: Repository) -> Iterator[Snapshot]:
        """Open a repository for reading."""
        with self._opened(repository, self.now(repository)) as snapshot:
            yield snapshot

    @contextlib.contextmanager
    def sitting(self) -> Iterator[None]:
        """Keep open what this thread opens meanwhile, for whoever in it reads the same once more.

        To open a repository, its packs and what was read of it, is much of what a short look costs.
        """
        if getattr(self._thread, "sitting", None) is not None:
            yield
            return
        self._thread.sitting = sitting = _Sitting()
        try:
            yield
        finally:
            self._thread.sitting = None
            sitting.close()

    @contextlib.contextmanager
    def _opened(self, repository: Repository, moment: Moment) -> Iterator[Snapshot]:
        sitting: _Sitting | None = getattr(self._thread, "sitting", None)
        if sitting is None:
            with self._opened_now(repository, moment) as snapshot:
                yield snapshot
            return
        with sitting.opened((repository.id, moment), lambda: self._opened_now(repository, moment)) as snapshot:
            yield snapshot

    @contextlib.contextmanager
    def _opened_now(self, repository: Repository, moment: Moment) -> Iterator[Snapshot]:
        path = self.site.tree.path_of(moment.name)
        with self.site.back_ends[repository.kind].open(path, self._index(repository, moment, path)) as snapshot:
            yield snapshot

    def _index(self, repository: Repository, moment: Moment, path: Path) -> Any:
        index = self._indexes.get(repository.id, moment.key)
        if index is None:
            back_end = self.site.back_ends[repository.kind]
            index = back_end.index(path, self.site.cache_of(repository.id), moment.state)
            self._indexes.put(repository.id, moment.key, index)
        return index

    def read(self, repository: Repository, look: Callable[[Snapshot], T], at: Moment | None = None) -> T:
        """Read a repository with `look` and return its result.

        It is read again when a strip took away what `look` was reading, and when the repository was renamed meanwhile:
        back ends find their files by name, and another repository may have stood there. Results of such a read are not
        given out or kept. `at` is the present moment, from a caller that has just asked for it.
        """
        with spending(lambda: budget_of(self.site.settings)):
            for _ in range(_TRIES):
                moment = at or self.now(repository)
                at = None
                try:
                    with self._opened(repository, moment) as snapshot:
                        found = look(snapshot)
                except (Exhausted, Unwanted):
                    raise
                except VcsError:
                    if self._undisturbed(repository) == moment:
                        raise
                    continue
                if self.now(repository).name == moment.name:
                    return found
                self._indexes.drop(repository.id)
                RepositoryCache(self.site, repository.id).clear()
            raise VcsError("the repository keeps changing")

    def stream(self, repository: Repository, pieces: Callable[[Snapshot], Iterator[bytes]]) -> Iterator[bytes]:
        """Bytes of a repository, piece by piece: it stays open, in the thread that takes them, until the last one.

        What `pieces` reads must have been found before (`read`): when something is not there, it is too late to say
        so. The name is looked at once more after the repository was opened, as `read` does in the end.
        """
        with spending(lambda: Budget()), self.opened(repository) as snapshot:
            yield from pieces(snapshot)

    @contextlib.contextmanager
    def opened(self, repository: Repository) -> Iterator[Snapshot]:
        """Open a repository for what is read piece by piece; it is surely the one that has the name now."""
        moment = self.now(repository)
        with self._opened(repository, moment) as snapshot:
            self._check_name(repository, moment)
            yield snapshot

    @contextlib.contextmanager
    def opened_with(self, repository: Repository, other: Repository) -> Iterator[Snapshot]:
        """As `opened`, together with another repository of the same system (`vcs.model.BackEnd.open_with`)."""
        moments = self.now(repository), self.now(other)
        with self._opened_with((repository, other), moments) as snapshot:
            self._check_name(repository, moments[0])
            self._check_name(other, moments[1])
            yield snapshot

    def _check_name(self, repository: Repository, moment: Moment) -> None:
        if self.now(repository).name != moment.name:
            raise VcsError("the repository keeps changing")

    @contextlib.contextmanager
    def _opened_with(self, both: tuple[Repository, Repository], moments: tuple[Moment, Moment]) -> Iterator[Snapshot]:
        back_end = self.site.back_ends[both[0].kind]
        found: list[Any] = []
        for repository, moment in zip(both, moments, strict=True):
            path = self.site.tree.path_of(moment.name)
            found += [path, self._index(repository, moment, path)]
        with back_end.open_with(*found) as snapshot:
            yield snapshot

    def read_both(self, repository: Repository, other: Repository, look: Callable[[Snapshot], T]) -> T:
        """As `read`, of two repositories of one system together; raises `NotPossible` where a system cannot."""
        both = repository, other
        with spending(lambda: budget_of(self.site.settings)):
            for _ in range(_TRIES):
                moments = self.now(repository), self.now(other)
                try:
                    with self._opened_with(both, moments) as snapshot:
                        found = look(snapshot)
                except (Exhausted, Unwanted, NotPossible):
                    raise
                except VcsError:
                    if (self._undisturbed(repository), self._undisturbed(other)) == moments:
                        raise
                    continue
                moved = [one for one, moment in zip(both, moments, strict=True) if self.now(one).name != moment.name]
                if not moved:
                    return found
                for one in moved:
                    self._indexes.drop(one.id)
                    RepositoryCache(self.site, one.id).clear()
            raise VcsError("the repositories keep changing")

    def _undisturbed(self, repository: Repository) -> Moment:
        """The moment after any exclusive work on the repository has ended, or after the longest wait for that."""
        lock = RepositoryLock(self.site.tree.locks, repository.id)
        with contextlib.suppress(Busy), lock.shared(self.site.settings.exclusive_timeout):
            pass
        return self.now(repository)

    def commit(self, repository: Repository, revision: str, details: Details, at: Moment | None = None) -> Commit:
        """One changeset; raises `UnknownRevision`. `at` as for `read`."""

        def look(snapshot: Snapshot) -> Commit:
            (found,) = self.described(repository, snapshot, [snapshot.resolve(revision)], details)
            return found

        return self.read(repository, look, at)

    def file(self, repository: Repository, where: Callable[[Snapshot], tuple[str, str]]) -> FileAt:
        """One file, by the full id and the clean path that `where` finds; raises `UnknownRevision`, `UnknownPath`."""

        def look(snapshot: Snapshot) -> FileAt:
            raw_id, path = where(snapshot)
            node = snapshot.file(raw_id, path)
            return FileAt(raw_id, node, next(snapshot.contents([node], self.site.settings.max_api_file)))

        return self.read(repository, look)

    def names(self, repository: Repository, layout: Layout | None = None) -> Names:
        """All branches, bookmarks and tags; where these are only paths, `layout` says which."""
        return self.read(repository, lambda snapshot: snapshot.names(layout))

    def path_history(
        self, repository: Repository, revision: str, path: str, start: int, limit: int, details: Details = Details.BASIC
    ) -> list[Commit]:
        """The commits that touched a file or directory as it is at a revision, newest first.

        `vcs.model.Snapshot.path_history` tells which these are; raises `UnknownRevision` and `UnknownPath`.
        """

        def look(snapshot: Snapshot) -> list[Commit]:
            ids = snapshot.path_history(snapshot.resolve(revision), path, start, limit)
            return list(self.described(repository, snapshot, list(ids), details))

        return self.read(repository, look)

    def annotate(self, repository: Repository, revision: str, path: str) -> list[AnnotatedLine]:
        """The lines of a file at a revision, with the commits that they come from.

        Raises `UnknownRevision`, `UnknownPath`, `NotText`, and `TooLarge` when the file would not be shown either.
        """
        most = self.site.settings.max_api_file
        return self.read(repository, lambda snapshot: snapshot.annotate(snapshot.resolve(revision), path, most))

    def described(
        self, repository: Repository, snapshot: Snapshot, ids: Sequence[str], details: Details
    ) -> Iterator[Commit]:
        """Commits of an open repository, with as much as is wanted, one by one."""
        settings = self.site.settings
        limits = None
        if details is Details.FULL:
            limits = DiffLimits(settings.max_api_file, settings.max_api_answer)
        changes = Changes(Pieces(self.site, repository.id), snapshot, limits)
        for at in range(0, len(ids), _AT_A_TIME):
            some = ids[at : at + _AT_A_TIME]
            changesets = [bounded(changeset) for changeset in snapshot.changesets(some)]
            if details is Details.BASIC:
                yield from map(Commit, changesets)
                continue
            for changeset, changed in zip(changesets, changes.of(some), strict=True):
                yield Commit(changeset, tuple(changed), snapshot.refs_at(changeset.raw_id) if limits else None)

    def facts(
        self, repository: Repository, snapshot: Snapshot, files: Sequence[Node], *, with_content: bool
    ) -> Iterator[FileFacts]:
        """Facts about files of an open repository, one by one; contents only of those that may be shown."""
        most = self.site.settings.max_api_file if with_content else None
        return facts_of_files(Pieces(self.site, repository.id), snapshot, files, most=most)

    def entries(
        self,
        repository: Repository,
        snapshot: Snapshot,
        files: Sequence[Node],
        show: Callable[[Node, FileFacts], object],
        *,
        form: str,
        with_content: bool,
    ) -> Iterator[Entry]:
        """Files of an open repository as an answer shows them, one by one: `contents.entries_of_files`."""
        most = self.site.settings.max_api_file if with_content else None
        pieces = Pieces(self.site, repository.id)
        return entries_of_files(pieces, snapshot, files, most=most, form=form, show=show)


def budget_of(settings: Settings) -> Budget:
    """What one answer may cost."""
    return Budget(
        nodes=settings.max_api_nodes,
        text=settings.max_api_answer,
        seconds=settings.request_timeout,
        comparing=settings.diff_timeout,
    )


def extension_of(path: str) -> str:
    """What follows the last dot of a file's name; without a dot the whole name."""
    return path.rpartition("/")[2].rpartition(".")[2]


def mimetype_of(path: str, *, binary: bool | None) -> str:
    """The type that a file's name suggests."""
    guessed, _ = mimetypes.guess_type(path.rpartition("/")[2], strict=False)
    return guessed or ("application/octet-stream" if binary else "text/plain")
