# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that Mercurial processes hand to us, and the words in which the journal tells of moves."""

from __future__ import annotations

from typing import Final

import msgspec

ZERO: Final = "0" * 40
"""Stands for "no changeset"."""
BRANCH: Final = "branches/"
"""A changeset came to a named branch (old is zeros), or was stripped from it (new is zeros)."""
BOOKMARK: Final = "bookmarks/"
"""A bookmark moved."""
MOST_IDS: Final = 29_000
"""The most new changesets of one push that the journal tells (system.md 3.3)."""


class Index(msgspec.Struct, frozen=True):
    """The changesets and names that are published at one moment."""

    ids: bytes
    """Raw ids in the order of the repository."""
    revisions: list[int] | None
    """Their local revision numbers; None when these are the positions."""
    branches: dict[str, str]
    """Named branch → the id of its tip."""
    tags: dict[str, str]
    bookmarks: dict[str, str]
    closed: list[str]
    """Those of `branches` that have only closed heads."""


class State(msgspec.Struct, frozen=True):
    """The memory of `history`: enough to tell later additions."""

    digest: str
    """Of all ids, in their order."""
    count: int
    tip: str
    bookmarks: dict[str, str]


class Change(msgspec.Struct, frozen=True):
    """What a changeset did to a file, which may have had another name before."""

    path: bytes
    op: str
    old_path: bytes = b""
    old_id: bytes | None = None
    new_id: bytes | None = None
    old_flags: bytes = b""
    """`x` for a program, `l` for a symbolic link."""
    new_flags: bytes = b""


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A file of a tree."""

    path: bytes
    file_id: bytes


class Annotated(msgspec.Struct, frozen=True):
    """A file, and for each line the id of the changeset that last changed it."""

    content: bytes
    ids: list[bytes]


class Listed(msgspec.Struct, frozen=True, array_like=True):
    """An entry of a directory."""

    path: bytes
    flags: bytes
    """Of a file as `Change.new_flags`; `d` for a directory, `r` for a subrepository."""
    file_id: bytes = b""
    """Of a subrepository the name of a commit, as it stands in the changeset."""
    size: int | None = None
    target: bytes = b""
    """Of a subrepository its address."""


class Difference(msgspec.Struct, frozen=True, array_like=True):
    """A file that differs between two changesets; of one that was added or deleted the other side is empty."""

    op: str
    """As `pages.Op`."""
    old_path: bytes = b""
    old_id: bytes = b""
    old_flags: bytes = b""
    new_path: bytes = b""
    new_id: bytes = b""
    new_flags: bytes = b""


class Details(msgspec.Struct, frozen=True, array_like=True):
    """What is known of a changeset beside what everybody sees."""

    raw_id: bytes
    author: str
    seconds: int
    """Since 1970."""
    offset: int
    """Seconds west of Greenwich."""
    phase: str
    closes_branch: bool
    children: list[bytes]
