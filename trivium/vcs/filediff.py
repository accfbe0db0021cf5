# SPDX-License-Identifier: GPL-3.0-or-later
"""The diff of one file from its two contents, in Git's form: what Mercurial and Subversion show is made here.

Git's own commits are compared tree by tree (`gitsnapshot`), by the same library, so that diffs and counts of all
three systems agree (api-repos.md 2.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pygit2

from trivium.vcs.gitobjects import text_of
from trivium.vcs.model import FileChange


@dataclass(frozen=True, slots=True)
class Side:
    """A file before or after a change."""

    revision: str
    """What the system calls this content, as answers show it."""
    content: bytes


def change_of(path: str, old: Side | None, new: Side | None, limit: int) -> FileChange:
    """What happened to a file that did not exist before (`old` is None), or does not any more (`new` is None).

    The diff is left out when it has more than `limit` bytes. Of a copied or renamed file `old` is what it was copied
    from, and the change is an `M` of its new name.
    """
    before = old.content if old else None
    after = new.content if new else None
    # libgit2 keeps pointing into both contents: they live as long as the patch does.
    patch: Any = pygit2.Patch.create_from(before, after, old_as_path=path, new_as_path=path)
    raw: bytes = patch.data
    binary = bool(patch.delta.is_binary)
    _, added, deleted = (0, 0, 0) if binary else patch.line_stats
    return FileChange(
        path,
        "A" if old is None else "D" if new is None else "M",
        old_revision=old.revision if old else None,
        new_revision=new.revision if new else None,
        diff=text_of(raw) if len(raw) <= limit else None,
        added=added,
        deleted=deleted,
        binary=binary,
    )
