# SPDX-License-Identifier: GPL-3.0-or-later
"""The diff of one file from its two contents, in Git's form, for Mercurial and Subversion.

Git's own commits are compared tree by tree (`snapshot`), by the same library, so that diffs and counts of all
three systems agree (api-repos.md 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pygit2

from trivium.vcs.diff.comparing import TooSlow, compare
from trivium.vcs.texts import text_of
from trivium.vcs.values import FileChange

PLAIN: Final = "100644"
EXECUTABLE: Final = "100755"
LINK: Final = "120000"


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after a change."""

    revision: str
    """The system's name for this content, as answers show it."""
    content: bytes
    mode: str = PLAIN


def change_of(path: str, old: Side | None, new: Side | None, limit: int) -> FileChange:
    """The change of a file; `old` is None when it did not exist before, `new` when it does not exist any more.

    The diff is left out when it has more than `limit` bytes; without time, the counts are left out too. For a copied or
    renamed file `old` is the source of the copy, and the change is an `M` of its new name.
    """
    before = old.content if old else None
    after = new.content if new else None
    operation = "A" if old is None else "D" if new is None else "M"
    revisions = (old.revision if old else None, new.revision if new else None)
    try:
        compared = compare(before, after, path)
    except TooSlow:
        return FileChange(path, operation, *revisions)
    raw = _with_modes(path, compared.text, old.mode if old else "", new.mode if new else "")
    return FileChange(
        path,
        operation,
        *revisions,
        diff=text_of(raw) if len(raw) <= limit else None,
        added=compared.added,
        deleted=compared.deleted,
        binary=compared.binary,
    )


def mode_change(path: str, old: str, new: str) -> str:
    """The diff of a file whose content stays the same."""
    return text_of(_with_modes(path, b"", old, new))


def _with_modes(path: str, raw: bytes, old: str, new: str) -> bytes:
    """A diff of two contents, which the library takes for plain files, with the modes that they have."""
    if old and new and old != new:
        # The library makes the first line even where nothing differs: it knows when a name is quoted.
        unlike: Any = raw or pygit2.Patch.create_from(b"", b"x", old_as_path=path, new_as_path=path).data
        first: bytes = unlike.partition(b"\n")[0]
        _, _, rest = raw.partition(b"\n")
        index, _, rest = rest.partition(b"\n")
        modes = b"old mode %b\nnew mode %b\n" % (old.encode(), new.encode())
        return first + b"\n" + modes + (index.removesuffix(b" 100644") + b"\n" + rest if raw else b"")
    mode = new or old
    if mode == PLAIN or not raw:
        return raw
    first, second, rest = raw.split(b"\n", 2)
    return b"\n".join((first, second.removesuffix(PLAIN.encode()) + mode.encode(), rest))
