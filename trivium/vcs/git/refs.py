# SPDX-License-Identifier: GPL-3.0-or-later
"""All refs of a repository as they were when last recognised, to find moves that no push told of.

The state of a history has a digest of them, so it costs nothing to see that there was such a move. The moved ref is
found with a file: a list of all refs, followed by the moves of pushes since. Losing the file costs the names, not the
fact.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from trivium.vcs.git.objects import ZERO, refs_digest
from trivium.vcs.values import RefUpdate

REFS: Final = "refs"
"""The file, in the cache of a repository."""
SOME_REFS: Final = RefUpdate("refs/", ZERO, ZERO)
"""Some ref moved, and it is unknown which."""
_NOTHING: Final = "-"
_SHORT: Final = 64 << 10
"""Bytes of moves that may follow even a short list."""
_LINE: Final = 64
"""About how many bytes a ref takes."""


class KnownRefs:
    """The refs of one repository at the moments at which they were recognised, by their digests.

    Two pushes that end together each write the refs that they saw, and one of them has to look again. So moves are kept
    with the digests before and after them, and moves that lead nowhere do no harm. Anybody may remove the file at any
    time.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, digest: str) -> dict[str, str] | None:
        """The refs that have this digest; None when they are not known any more."""
        with contextlib.suppress(OSError, ValueError):
            steps: dict[str, tuple[str, list[str]]] = {}
            moves: list[str] = []
            for line in self._path.read_bytes().decode("utf-8", "surrogateescape").split("\n")[:-1]:
                if line.startswith("= "):
                    _, before, after = line.split(" ")
                    moves = []
                    # The first way to a digest starts from known ones, and so never leads in a circle.
                    steps.setdefault(after, (before, moves))
                else:
                    moves.append(line)
            way: list[list[str]] = []
            at = digest
            while at != _NOTHING and at in steps and len(way) <= len(steps):
                before, moves = steps[at]
                way.append(moves)
                at = before
            found = dict(line.rsplit(" ", 1) for moves in reversed(way) for line in moves)
            found = {name: raw_id for name, raw_id in found.items() if raw_id != ZERO}
            if refs_digest(found) == digest:
                return found
        return None

    def write(self, digest: str, refs: dict[str, str]) -> None:
        """Forget everything but these; a failure with the file is no error."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = self._path.with_name(f".{REFS}.{os.getpid()}.{threading.get_ident()}")
            temporary.write_bytes(_step(_NOTHING, digest, refs.items()))
            temporary.replace(self._path)

    def move(self, before: str, after: str, updates: Sequence[RefUpdate], refs: dict[str, str]) -> None:
        """Note that `updates` lead from one moment to the next, at which there are these refs."""
        added = _step(before, after, ((update.name, update.new) for update in updates))
        with contextlib.suppress(OSError), self._path.open("ab") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            there = os.fstat(stream.fileno())
            if os.path.samestat(there, self._path.stat()) and there.st_size < _SHORT + 2 * _LINE * len(refs):
                stream.write(added)
                return
        self.write(after, refs)


def moved(before: dict[str, str], after: dict[str, str]) -> list[RefUpdate]:
    """The moves between two moments."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [RefUpdate(name, before.get(name, ZERO), after.get(name, ZERO)) for name in names]


def _step(before: str, after: str, refs: Iterable[tuple[str, str]]) -> bytes:
    lines = [f"= {before} {after}\n", *(f"{name} {raw_id}\n" for name, raw_id in refs)]
    return "".join(lines).encode("utf-8", "surrogateescape")
