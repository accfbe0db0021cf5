# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of commits of a repository, kept in a file: raw ids in date order, oldest first, 20 bytes each.

A list belongs to one state of the branches and tags, by their digest. A push that only adds younger commits appends
to the file, whatever the length of the history; every other change makes a new file. The name of a file tells how much
of it counts, and its checksum. So damage by a crash or a full disk is noticed, and only costs the time to list the
commits again.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import threading
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trivium.vcs.git.command import GitCommand
from trivium.vcs.git.objects import refs_digest

ID_BYTES: Final = 20
_YOUNG: Final = 1000 * ID_BYTES
COMMITS: Final = "commits"
"""The directory of the lists, in the cache of a repository."""

Ids = bytes | mmap.mmap
"""Raw ids in a row."""


@dataclass(frozen=True, slots=True)
class _File:
    """The facts in the name of a file."""

    path: Path
    count: int
    checksum: int


class CommitLists:
    """The lists of one repository, in a directory that anybody may remove at any time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, digest: str) -> Ids | None:
        """The list for a state of the refs; None when it is not known."""
        found = self._find(digest)
        if found is None or not found.count:
            return None  # an empty file cannot be mapped
        try:
            descriptor = os.open(found.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            size = found.count * ID_BYTES
            if os.fstat(descriptor).st_size < size:
                return None
            # Others may append meanwhile: the part mapped here does not change.
            ids = mmap.mmap(descriptor, size, prot=mmap.PROT_READ)
        finally:
            os.close(descriptor)
        return ids if zlib.crc32(ids) == found.checksum else None

    def write(self, digest: str, ids: bytes) -> None:
        """Keep a new list. Whatever goes wrong with the directory is no error: the list can be made again."""
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self._directory / f".{os.getpid()}-{threading.get_ident()}"
            temporary.write_bytes(ids)
            kept = self._place(digest, len(ids) // ID_BYTES, zlib.crc32(ids))
            temporary.replace(kept)
            for stale in self._directory.iterdir():
                if stale != kept:
                    stale.unlink(missing_ok=True)

    def extend(self, before: str, digest: str, added: bytes) -> None:
        """Turn the list of one state, if it is known, into that of the next, which has more commits at its end."""
        found = self._find(before)
        if found is None or before == digest:
            return
        with contextlib.suppress(OSError), found.path.open("r+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            if not os.path.samestat(os.fstat(stream.fileno()), found.path.stat()):
                return  # another process was first
            size = found.count * ID_BYTES
            if stream.seek(0, os.SEEK_END) < size:
                return
            stream.truncate(size)
            stream.seek(size)
            stream.write(added)
            stream.flush()
            checksum = zlib.crc32(added, found.checksum)
            found.path.rename(self._place(digest, found.count + len(added) // ID_BYTES, checksum))

    def of(self, command: GitCommand, path: Path, refs: dict[str, str]) -> Ids:
        """The list for exactly these refs, kept from before or made by git now."""
        if not refs:
            return b""
        digest = refs_digest(refs)
        found = self.read(digest)
        if found is not None:
            return found
        # In the order of `--branches --tags`, which decides between commits of the same second.
        tips = "\n".join(refs[name] for name in sorted(refs, key=os.fsencode)).encode()
        listed = command.run("rev-list", "--date-order", "--reverse", "--stdin", cwd=path, stdin=tips)
        ids = bytes.fromhex(listed.decode("ascii").replace("\n", ""))
        self.write(digest, ids)
        return ids

    def _place(self, digest: str, count: int, checksum: int) -> Path:
        return self._directory / f"{digest}-{count}-{checksum:08x}"

    def _find(self, digest: str) -> _File | None:
        with contextlib.suppress(FileNotFoundError):
            for path in self._directory.glob(f"{digest}-*"):
                _, count, checksum = path.name.split("-")
                return _File(path, int(count), int(checksum, 16))
        return None


def position_in(ids: Ids, raw_id: bytes) -> int | None:
    """Where a raw id stands in a list; None when it does not. Who is asked for is young most often."""
    if len(ids) > _YOUNG:
        start = len(ids) - _YOUNG
        found = position_in(ids[start:], raw_id)
        if found is not None:
            return start // ID_BYTES + found
    at = ids.find(raw_id)
    while at != -1 and at % ID_BYTES:
        at = ids.find(raw_id, at + 1)
    return None if at == -1 else at // ID_BYTES
