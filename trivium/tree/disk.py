# SPDX-License-Identifier: GPL-3.0-or-later
"""The repository tree: where things stand below the root, and how they get there durably.

<root>/<group>/<name>     repositories, under the names that users see (decisions.md T1)
<root>/.staging/<worker>-<id>   what is being built; belongs to one worker
<root>/.trash/<id>        what was deleted, with `<id>.json` beside it
<root>/.locks/            kernel locks
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path
from queue import SimpleQueue
from typing import Final

import structlog

from trivium.errors import Invalid, StartRefused, StorageFull

STAGING: Final = ".staging"
TRASH: Final = ".trash"
LOCKS: Final = ".locks"
GISTS: Final = ".gists"
_MOST_PATHS: Final = 1000
_PAUSES: Final = (0.0, 0.01, 0.1, 0.5)
"""Seconds before each try to remove a directory."""

_log = structlog.get_logger(__name__)


class Tree:
    """The directories below one repository root."""

    def __init__(self, root: Path, *, min_free_bytes: int = 0) -> None:
        self.root = root
        self.staging = root / STAGING
        self.trash = root / TRASH
        self.locks = root / LOCKS
        self.gists = root / GISTS
        self._min_free = min_free_bytes
        self.unsettled: SimpleQueue[str] = SimpleQueue()
        """Intents of renames that may have been left behind because the database went away (`store/intents.py`)."""
        self._paths: dict[str, Path] = {}
        """What `path_of` has answered."""

    def prepare(self) -> None:
        """Make the root and our own directories, closed to other accounts (security.md S-32)."""
        try:
            self.root.mkdir(mode=0o750, parents=True, exist_ok=True)
            for path in (self.staging, self.trash, self.locks, self.gists):
                path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise StartRefused(f"the repository root {self.root} cannot be used: {error.strerror}") from error

    def path_of(self, name: str) -> Path:
        """Where the repository or group `name` stands. The one place where names become paths (S-4)."""
        if known := self._paths.get(name):
            return known
        segments = name.split("/")
        if any(segment in ("", ".", "..") or segment[0] == "." or "\0" in segment for segment in segments):
            raise Invalid(f"{name!r} is not the name of a repository")
        if len(self._paths) >= _MOST_PATHS:
            self._paths.clear()
        path = self._paths[name] = self.root.joinpath(*segments)
        return path

    def check_space(self, wanted: int = 0) -> None:
        """Raise `StorageFull` when new data, of `wanted` bytes as far as is known, must not be taken (R-9)."""
        check_free(self.root, self._min_free, wanted)

    def relative(self, path: Path) -> str:
        return str(path.relative_to(self.root))


def check_free(path: Path, least: int, wanted: int = 0) -> None:
    """Raise `StorageFull` if `wanted` more bytes leave less than `least` on the disk of `path`; `least` 0: never."""
    if least:
        state = os.statvfs(path)
        if state.f_bavail * state.f_frsize < least + wanted:
            raise StorageFull(
                "less than %(least)s bytes would be free on the server's disk (min_free_bytes)", least=least
            )


def room_of(path: Path) -> int:
    """How many bytes of the disk a directory takes with all that is in it, which may be changing."""
    found = 0
    waiting = [os.fspath(path)]
    while waiting:
        with contextlib.suppress(FileNotFoundError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(FileNotFoundError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    found += entry.stat(follow_symlinks=False).st_blocks * 512
    return found


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(path: Path) -> None:
    """Make everything below `path` durable, before it is moved to where it will be seen."""
    for directory, _, files in os.walk(path):
        for file in files:
            descriptor = os.open(os.path.join(directory, file), os.O_RDONLY | os.O_NOFOLLOW)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        sync_directory(Path(directory))


def remove_tree(path: Path) -> None:
    """Remove a directory of ours, whatever state it is in.

    A program that was just killed may still finish its last call, and put a file where nothing was left: so what is
    still there is removed again. What cannot be removed is logged, and stays.
    """
    if path.is_symlink() or path.is_file():
        path.unlink(missing_ok=True)
        return
    for pause in _PAUSES:
        if not path.exists():
            return
        time.sleep(pause)
        shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        _log.warning("a directory could not be removed", name=path.name)
