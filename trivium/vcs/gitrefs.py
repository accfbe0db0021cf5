# SPDX-License-Identifier: GPL-3.0-or-later
"""All refs of a repository as they were last recognised: what moved beside the pushes that were, is told from that.

The state of a history has a digest of them, and a push costs one digest more when it is forced. Which ref it was is
looked up in a file, kept as the list of commits is (`gitcommits`): a push appends what it moved. Losing the file costs
the names, not that something moved.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from trivium.vcs.gitobjects import ZERO, refs_digest
from trivium.vcs.model import RefUpdate

REFS: Final = "refs"
"""The directory of the file, in the cache of a repository."""
SOME_REFS: Final = RefUpdate("refs/", ZERO, ZERO)
"""Some ref moved, and nobody can tell any more which."""
_SHORT: Final = 64 << 10
"""Bytes that may be appended to the file however short it was."""


class KnownRefs:
    """The refs of one repository as they were recognised, in a directory that anybody may remove at any time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, digest: str) -> dict[str, str] | None:
        """The refs that have this digest; None when they are not known any more."""
        found = {}
        with contextlib.suppress(OSError, ValueError):
            for line in self._place(digest).read_bytes().splitlines():
                name, _, raw_id = line.decode("utf-8", "surrogateescape").rpartition(" ")
                found[name] = raw_id
                if raw_id == ZERO:
                    del found[name]
            if refs_digest(found) == digest:
                return found
        return None

    def write(self, digest: str, refs: dict[str, str]) -> None:
        """Keep them; whatever goes wrong with the directory is no error."""
        with contextlib.suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self._directory / f".{os.getpid()}-{threading.get_ident()}"
            temporary.write_bytes(_lines(refs.items()))
            temporary.replace(self._place(digest))
            for stale in self._directory.iterdir():
                if stale.name != digest:
                    stale.unlink(missing_ok=True)

    def move(self, before: str, after: str, updates: Sequence[RefUpdate], refs: dict[str, str]) -> None:
        """Make what is known that which is known after `updates`, by their digests; `refs` are all there are then."""
        added = _lines((update.name, update.new) for update in updates)
        try:
            with self._place(before).open("r+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                if not os.path.samestat(os.fstat(stream.fileno()), self._place(before).stat()):
                    return  # somebody else was first
                size = stream.seek(0, os.SEEK_END)
                if size + len(added) <= _SHORT + _length(refs):
                    stream.write(added)
                    stream.flush()
                    self._place(before).rename(self._place(after))
                    return
        except OSError:
            pass
        self.write(after, refs)

    def _place(self, digest: str) -> Path:
        return self._directory / digest


def moved(before: dict[str, str] | None, after: dict[str, str], updates: Sequence[RefUpdate]) -> list[RefUpdate]:
    """What moved between two moments that none of `updates` tells of; `before` is None when nobody knows it."""
    if before is None:
        return [SOME_REFS]
    told = {(update.name, update.new) for update in updates}
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    found = (RefUpdate(name, before.get(name, ZERO), after.get(name, ZERO)) for name in names)
    return [update for update in found if (update.name, update.new) not in told]


def _length(refs: dict[str, str]) -> int:
    """Twice as many bytes as the file needs that has nothing appended, about."""
    return 2 * len(refs) * 64


def _lines(refs: Iterable[tuple[str, str]]) -> bytes:
    return "".join(f"{name} {raw_id}\n" for name, raw_id in refs).encode("utf-8", "surrogateescape")
