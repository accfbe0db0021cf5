# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that repositories of all systems are told in: changesets, what they changed, names, trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec


class Parent(msgspec.Struct, frozen=True):
    """A commit that another one builds on."""

    raw_id: str


class Changeset(msgspec.Struct, frozen=True):
    """One commit; its JSON is the documented object (api-repos.md 2.2), stored as it will be shown."""

    raw_id: str
    short_id: str
    revision: int
    """Position in the repository's list of commits, oldest first, from 0; -1 for the empty changeset."""
    author: str
    date: str
    """ISO 8601, UTC, without zone."""
    message: str
    parents: tuple[Parent, ...]
    branch: str | None


MOST_OF_A_MESSAGE: Final = 64 << 10
"""Bytes of a commit's message that are stored and shown (decisions.md A21)."""
_MOST_OF_A_NAME: Final = 1 << 10
_MOST_PARENTS: Final = 1000


def bounded(changeset: Changeset) -> Changeset:
    """A commit with so much of its texts as is stored and shown: everybody's answers repeat them (A21)."""
    if (
        4 * len(changeset.message) <= MOST_OF_A_MESSAGE
        and 4 * (len(changeset.author) + len(changeset.branch or "")) <= _MOST_OF_A_NAME
        and len(changeset.parents) <= _MOST_PARENTS
    ):
        return changeset  # nearly every one
    author = cut(changeset.author, _MOST_OF_A_NAME)
    message = cut(changeset.message, MOST_OF_A_MESSAGE)
    branch = changeset.branch and cut(changeset.branch, _MOST_OF_A_NAME)
    parents = changeset.parents[:_MOST_PARENTS]
    if (author, message, branch, parents) == (
        *(changeset.author, changeset.message, changeset.branch, changeset.parents),
    ):
        return changeset
    return msgspec.structs.replace(changeset, author=author, message=message, branch=branch, parents=parents)


def cut(text: str, most: int) -> str:
    """The beginning of a text, `most` bytes of it in UTF-8."""
    if len(text) * 4 <= most:
        return text
    encoded = text.encode("utf-8", "surrogatepass")
    return text if len(encoded) <= most else encoded[:most].decode("utf-8", "ignore")


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One accepted change of a push: a name that moved. An id of zeros stands for "did not exist"."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileCommit:
    """A change of one file that the server itself is to record, at the head of a branch (`Abilities.edits`)."""

    branch: str
    parent: str
    """The full id at which the branch must still be; zeros: the repository is empty."""
    path: str
    content: bytes | None
    """None: the file is removed."""
    username: str
    """Of the account; its person is `author`."""
    author: str
    email: str
    message: str
    publishes: bool = True
    """Where changesets have phases: whether it is public at once."""
    directories: tuple[str, ...] = ()
    """Where there are empty directories: some that are made with it, unless they are there."""


@dataclass(frozen=True, slots=True)
class History:
    """What is known about the whole history at one moment."""

    last: Changeset
    """The last of the list of commits: the youngest."""
    state: str
    """What the back end needs to extend this answer after the next push; opaque to everybody else."""
    beside: tuple[RefUpdate, ...] = field(default=(), compare=False)
    """What moved since the state that was known, and is not among the updates that were told (security.md S-31).

    Whoever asked knows whether others are at work who will tell of it.
    """


LARGEST_COMPARED: Final = 32 << 20
"""Bytes; a file that is larger is not read for an answer. Its size is shown, and of its changes no diff and no counts,
as if it were binary."""


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a commit did to one file, compared with its first parent (api-repos.md 2.3, 2.4)."""

    path: str
    op: str
    """`A`, `M` or `D`; a renamed or copied file is an `M` of its new name."""
    old_revision: str | None = None
    new_revision: str | None = None
    diff: str | None = None
    """Unified diff in Git's form; None where it was not asked for or is too large."""
    added: int | None = None
    deleted: int | None = None
    binary: bool | None = None


@dataclass(frozen=True, slots=True)
class Refs:
    """The names that point at one commit."""

    branches: tuple[str, ...]
    bookmarks: tuple[str, ...]
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """All names of a repository, each with the full id of the commit that it stands for."""

    branches: Mapping[str, str]
    bookmarks: Mapping[str, str]
    tags: Mapping[str, str]
    closed: Mapping[str, str] = field(default_factory=dict)
    """Branches on which work has ended; `branches` does not have them."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where branches and tags are in a system that has none: patterns of paths, in which `*` is any one name."""

    branches: tuple[str, ...] = ("trunk", "branches/*")
    tags: tuple[str, ...] = ("tags/*",)


@dataclass(frozen=True, slots=True)
class AnnotatedLine:
    """One line of a file, and where it comes from."""

    raw_id: str
    """The commit that last changed the line."""
    number: int
    """In the annotated file, from 1."""
    content: bytes
    """With its end, which is a line feed unless it is the last line: all lines together are the file."""


@dataclass(frozen=True, slots=True)
class Node:
    """One entry of a tree: a file, a directory, or a link to another repository."""

    path: str
    """From the root of the repository."""
    kind: str
    """`file`, `dir` or `submodule`; a symbolic link is a file with the link's text in it."""
    id: str
    """What the content is kept under; two files with one id have the same content."""


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a file."""

    size: int
    """In bytes."""
    data: bytes | None
    """None: there is more of it than was asked for."""


@dataclass(frozen=True, slots=True)
class DiffLimits:
    """How much of a diff is wanted, in bytes of its text. What is larger itself than
    `LARGEST_COMPARED` is not compared.
    """

    per_file: int
    total: int
    """Of all commits that are asked for together."""
