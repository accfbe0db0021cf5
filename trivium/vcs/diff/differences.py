# SPDX-License-Identifier: GPL-3.0-or-later
"""One file before and after, as pages tell it (`pages.FileDifference`): the same for all systems.

Lines stay bytes, and whoever asks for many files has a limit for all their hunks together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from trivium.vcs.diff.comparing import TooSlow, compare
from trivium.vcs.pages import MOST_CONTEXT, DiffOptions, EntryKind, FileDifference, Op, PropertyChange
from trivium.vcs.values import LARGEST_COMPARED

_NAME: Final = "file"
"""What the library calls both sides: the head of its diff is not told."""


@dataclass(frozen=True, slots=True)
class Version:
    """A file on one side of a difference."""

    path: str
    kind: EntryKind
    id: str
    size: int
    """Bytes; what is larger than `LARGEST_COMPARED` is not read."""
    read: Callable[[], bytes]
    """Gives the content: of a symbolic link the path that it leads to, of a link to another repository a line."""


class Differences:
    """Makes the differences of one answer, within the limits of its options."""

    def __init__(self, options: DiffOptions) -> None:
        self._options = options
        self._left = options.total
        """Bytes of hunks that may still be told."""

    def of(
        self, op: Op, old: Version | None, new: Version | None, properties: tuple[PropertyChange, ...] = ()
    ) -> FileDifference:
        """What became of a file; `old` is None when it was added, `new` when it was deleted."""
        if old and new and old.id == new.id:
            return difference(op, old, new, properties=properties, added=0, deleted=0)
        if max(side.size for side in (old, new) if side) > LARGEST_COMPARED:
            return difference(op, old, new, properties=properties, cut=True)
        options = self._options
        try:
            compared = compare(
                old.read() if old else None,
                new.read() if new else None,
                _NAME,
                context=min(max(options.context, 0), MOST_CONTEXT),
                ignore_space=options.ignore_space,
            )
        except TooSlow:
            return difference(op, old, new, properties=properties, cut=True)
        if compared.binary:
            return difference(op, old, new, properties=properties, binary=True)
        hunks = hunks_of(compared.text)
        cut = len(hunks) > min(options.per_file, self._left)
        if cut:
            hunks = b""
        self._left -= len(hunks)
        counts = {"added": compared.added, "deleted": compared.deleted}
        return difference(op, old, new, properties=properties, hunks=hunks, cut=cut, **counts)


def difference(op: Op, old: Version | None, new: Version | None, **more: Any) -> FileDifference:
    """What became of a file, with as much `more` of `FileDifference` as is known; without anything: as `differing`."""
    return FileDifference(
        op,
        old.path if old else None,
        new.path if new else None,
        old.kind if old else None,
        new.kind if new else None,
        old.id if old else "",
        new.id if new else "",
        **more,
    )


def hunks_of(diff: bytes) -> bytes:
    """The diff of one file from its first hunk on; nothing when there is none."""
    # A name in the lines before has no line end in it: it would be quoted.
    at = diff.find(b"\n@@ ")
    return diff[at + 1 :] if at >= 0 else b""
