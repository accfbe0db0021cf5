# SPDX-License-Identifier: GPL-3.0-or-later
"""Expensive answers about a repository, kept in files that all workers share: `<data>/cache/<id>/`.

An answer (`forge/caches/answers.py`) is kept either under the state of the history that it shows, or under ids whose
content never changes. So no kept answer is ever wrong, and a push need not remove any. Pieces that a push does not
change are kept apart (`forge/caches/pieces.py`). Losing the directory costs time, nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import select

from trivium import __version__
from trivium.forge.caches.answers import Draft, Kept, open_kept
from trivium.forge.caches.makers import only_maker
from trivium.forge.site import Site
from trivium.store.tables import repositories
from trivium.tree.disk import remove_tree
from trivium.tree.kernel_locks import RepositoryLock


def forget(site: Site, repository_id: int) -> None:
    """Remove the cache and the lock files of a repository that was deleted."""
    RepositoryCache(site, repository_id).clear()
    archives = site.archives_of(repository_id)
    if archives is not None:
        remove_tree(archives)
    RepositoryLock(site.tree.locks, repository_id).remove()


def forget_deleted(site: Site) -> None:
    """Do that for all repositories that no longer exist."""
    kept = {int(path.name) for path in (site.settings.data / "cache").glob("*") if path.name.isdigit()}
    kept |= RepositoryLock.known(site.tree.locks)
    if not kept:
        return
    youngest = max(kept)
    with site.store.read() as db:
        # Ids are never given twice, and a repository created meanwhile has a larger one than those seen.
        there = {row[0] for row in db.execute(select(repositories.c.id).where(repositories.c.id <= youngest))}
    for repository_id in kept - there:
        forget(site, repository_id)


@dataclass(frozen=True, slots=True)
class Held:
    """How much is kept of one sort."""

    files: int
    room: int
    """Bytes on the disk."""


def held(site: Site, repository_id: int) -> tuple[Held, Held]:
    """What is kept about a repository: answers, and archives to download."""
    return _held(site.cache_of(repository_id)), _held(site.archives_of(repository_id))


def _held(directory: Path | None) -> Held:
    files = room = 0
    for place, _, names in os.walk(directory) if directory is not None else ():
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                room += max(os.lstat(os.path.join(place, name)).st_size, _BLOCK)
                files += 1
    return Held(files, room)


_MAX_BYTES: Final = 256 << 20
_CHECK_EVERY: Final = 8 << 20
"""Bytes that are written between two measurements of the cache, on average."""
_ANSWERS: Final = ("answer-", ".answer-")
"""How the names of answers begin, and those of unfinished answers that a killed process left."""
_BLOCK: Final = 4 << 10
"""Bytes that even the smallest answer takes on the disk."""


class RepositoryCache:
    """The cache of one repository."""

    def __init__(self, site: Site, repository_id: int) -> None:
        self.directory = site.cache_of(repository_id)
        self._known: tuple[object, bytes, Path] | None = None
        """The key that was asked for last, its digest and its file: an answer is looked for, made and kept there."""

    def find(self, key: object) -> Kept | bytes | None:
        """The answer kept under a key; a large one is an open file, which the caller closes."""
        return open_kept(self._path(key))

    def only_maker(self, key: object) -> AbstractContextManager[None]:
        """Be the only maker of an answer; raises `BeingMade` while there is another."""
        return only_maker(self.directory / "makers", self._place(key)[0])

    @contextlib.contextmanager
    def draft(self, key: object) -> Iterator[Draft]:
        """Write an answer that may be kept under a key (`finish`)."""
        path = self._path(key)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")
        with Draft(path, temporary) as draft:
            yield draft

    def finish(self, draft: Draft, *, keep: bool = True) -> Kept | bytes:
        """The answer that was written, kept for others or not; a large one is an open file, which the caller closes."""
        answer, size = draft.finish(keep=keep)
        # Chance replaces a count of the bytes that all workers wrote, before and after restarts.
        if keep and random.random() * _CHECK_EVERY < max(size, _BLOCK):  # noqa: S311
            self._make_room()
        return answer

    def adopt(self, directory: Path) -> None:
        """Take over answers from before the repository had its id; a failure is not worth an error."""
        with contextlib.suppress(OSError):
            self.directory.parent.mkdir(mode=0o700, exist_ok=True)
            shutil.move(directory, self.directory)

    def clear(self) -> None:
        """Forget everything."""
        remove_tree(self.directory)

    def _path(self, key: object) -> Path:
        return self._place(key)[1]

    def _place(self, key: object) -> tuple[bytes, Path]:
        """The digest of a key, and the file of what is kept under it."""
        if self._known is None or self._known[0] is not key:
            digest = _digest(key)
            self._known = key, digest, self.directory / f"answer-{digest.hex()[:40]}"
        return self._known[1:]

    def _make_room(self) -> None:
        """Remove the oldest answers while all take too many bytes; another process may clear the cache meanwhile."""
        found = []
        with contextlib.suppress(FileNotFoundError), os.scandir(self.directory) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.name.startswith(_ANSWERS):
                        state = entry.stat()
                        found.append((state.st_mtime, max(state.st_size, _BLOCK), Path(entry.path)))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= _MAX_BYTES:
                break
            path.unlink(missing_ok=True)
            total -= size


def _digest(key: object) -> bytes:
    # Another version may have kept answers of another shape.
    whole = (__version__, key)
    try:
        encoded = msgspec.json.encode(whole)
    except UnicodeEncodeError:  # there is a path in it with bytes that are no UTF-8
        encoded = repr(whole).encode()
    return hashlib.sha256(encoded).digest()
