# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that pages and downloads are made of: directories, differences, who made a commit (design: web.md 2).

They are told in bytes where the API has texts: a page shows what a file really holds, and a download keeps every byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MOST_CONTEXT: Final = 10_000
"""Lines of context around a change, at most (system.md 2.4)."""


class EntryKind(StrEnum):
    """What an entry of a directory is."""

    FILE = "file"
    EXECUTABLE = "executable"
    SYMLINK = "symlink"
    """Its content is the path that it leads to."""
    DIRECTORY = "dir"
    LINK = "link"
    """A link to another repository: a submodule, a subrepository or an external (`abilities.Links`)."""


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One entry of a directory."""

    path: str
    """From the root of the repository. Undecodable bytes are surrogates (`os.fsdecode` in UTF-8)."""
    kind: EntryKind
    id: str
    """What the content is kept under, as `values.Node.id`; of a link the id of the commit that it leads to."""
    size: int | None = None
    """Bytes; None of directories and links."""
    target: str = ""
    """Of a link the address of the other repository, as it stands in the repository; empty when that is not known."""

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class CommitDetails:
    """What is known of a commit beside `values.Changeset`."""

    raw_id: str
    author: str
    author_date: str
    """ISO 8601 with the zone in which it was made, such as `2026-11-28T13:10:05+01:00`."""
    committer: str
    """Who put the commit into the repository; empty where the system knows no such person."""
    commit_date: str
    """ISO 8601 with zone; empty where the system does not know."""
    phase: str = ""
    """`draft`, `public` or `secret`; empty where the system has no phases."""
    signed: bool = False
    """Whether there is a signature; nobody has verified it."""
    closes_branch: bool = False
    children: tuple[str, ...] = ()
    """Full ids of commits that build on this one, as far as they are found cheaply; at most some dozens."""
    copied_from: str = ""
    """Of Subversion: `path@revision` that the only changed path was copied from, else empty."""


@dataclass(frozen=True, slots=True)
class DiffOptions:
    """What is wanted of differences."""

    context: int = 3
    """Unchanged lines around each change, from 0 to `MOST_CONTEXT`."""
    ignore_space: bool = False
    """Whether lines that differ in white space alone are equal."""
    path: str = ""
    """Only what is at this path or below it; empty: everything."""
    per_file: int = 1 << 20
    """Bytes of hunks of one file; what has more is told without hunks (`FileDifference.cut`)."""
    total: int = 16 << 20
    """Bytes of hunks of all files together; when they are used up, files are told without hunks."""
    renames: bool = True
    old_path: str | None = None
    """What stands for `path` on the older side, where branches are directories; None: the same path."""


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two directories have gone their own ways, where branches are directories."""

    met: tuple[str, str] | None
    """The path and the full id of the commit at which they were one for the last time; None: they never were."""
    there: list[str]
    """Full ids of the commits that touched the second one since, newest first."""
    here: list[str]
    """Those that touched the first one."""


class Op(StrEnum):
    """What became of a file."""

    ADDED = "A"
    MODIFIED = "M"
    DELETED = "D"
    RENAMED = "R"
    COPIED = "C"


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """What became of a property of a file or directory in Subversion."""

    name: str
    old: bytes | None
    """None: there was none. Values are cut at 64 KiB."""
    new: bytes | None


@dataclass(frozen=True, slots=True)
class FileDifference:
    """One file that differs between two revisions."""

    op: Op
    old_path: str | None
    """None when the file was added."""
    new_path: str | None
    """None when it was deleted."""
    old_kind: EntryKind | None
    new_kind: EntryKind | None
    old_id: str
    """As `TreeEntry.id`; empty on the side where there is none."""
    new_id: str
    binary: bool = False
    added: int | None = None
    """Lines; None where they were not counted (binary, or too large to be compared)."""
    deleted: int | None = None
    hunks: bytes = b""
    """The unified diff from the first `@@` on, each line with its end, `\\ No newline at end of file` included."""
    cut: bool = False
    """Whether there are hunks that are not told, for they are too large."""
    properties: tuple[PropertyChange, ...] = field(default=())

    @property
    def path(self) -> str:
        """Where the file is now, or was."""
        return self.new_path if self.new_path is not None else self.old_path or ""


Properties = Mapping[str, bytes]
"""Name → value of what Subversion keeps beside a file or directory; values are cut at 64 KiB."""
