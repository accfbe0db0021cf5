# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository can do, whatever system it belongs to, in terms of plain values.

A back end knows paths and ids, never users or names of repositories. Errors are `VcsError`; nothing that a user
sent reaches a program in option position (security.md S-1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, Protocol

import msgspec

from trivium.egress.remote import Remote, TransferLimits
from trivium.errors import TriviumError


class VcsError(TriviumError):
    """A version-control system could not do what was asked; the message is for the log and for administrators."""

    public: str | None = None
    """What everybody may be told of it."""


class NotPossible(VcsError):
    """The system has no such thing, or the object is not one that it can be done to; everybody may read the message."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.public = why


class Interrupted(VcsError):
    """Work that can wait was given up for somebody who cannot."""


class Killed(VcsError):
    """A program ended in the middle of its work: it may have left locks and pieces (`BackEnd.recover`)."""


class PartlyDone(VcsError):
    """A transfer ended before its time, when some refs had moved already."""

    def __init__(self, why: str, moved: Sequence[RefUpdate]) -> None:
        super().__init__(why)
        self.moved = moved


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


class UnknownRevision(VcsError):
    """No commit of the repository is called that."""

    public = "the repository has no such revision or branch"


class UnknownPath(VcsError):
    """The path does not exist at that revision."""

    public = "there is no such path at that revision"


class TooLarge(VcsError):
    """The file has more bytes than the caller wants to have looked at."""


class NotText(VcsError):
    """The file has no lines: there is a NUL byte in it."""


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


class Snapshot(Protocol):
    """A repository opened for reading, with the names and commits of one moment; raises `VcsError`."""

    @property
    def era(self) -> str | None:
        """What tells this history from another one in which the same id means another commit; None: nothing does."""
        ...

    @property
    def lasting_files(self) -> bool:
        """Whether a file that a commit did not touch has the same id (`Node.id`) after it."""
        ...

    def is_empty(self) -> bool:
        """Whether there is no commit at all."""
        ...

    def ids(self, start: int, limit: int | None) -> Sequence[str]:
        """Full ids from a position of the list of commits on, oldest first."""
        ...

    def resolve(self, revision: str) -> str:
        """The full id of the commit that a user's text names (api-repos.md 3); raises `UnknownRevision`.

        Every revision that comes from outside passes here, and only what it returns goes further (S-1).
        """
        ...

    def start(self, revision: str) -> int:
        """The position from which a list of changesets that begins at `revision` goes on; raises `UnknownRevision`.

        What `resolve` finds, and the numbers that only a list may begin with (api-repos.md 3, get_repo_changesets).
        """
        ...

    def position(self, raw_id: str) -> int:
        """Where a commit stands in the list of commits, from 0."""
        ...

    def changesets(self, raw_ids: Sequence[str]) -> list[Changeset]:
        """Commits by their full ids."""
        ...

    def changes(self, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
        """For each of these commits the files that it touched; with `limits` also blob ids, diffs and counts."""
        ...

    def refs_at(self, raw_id: str) -> Refs:
        """The names that point at a commit."""
        ...

    def names(self, layout: Layout | None = None) -> Names:
        """All branches, bookmarks and tags; a system that has no such thing has what `layout` says, if anything."""
        ...

    def path_history(self, raw_id: str, path: str, start: int, limit: int) -> Sequence[str]:
        """Full ids of the commits that touched a file, or something below a directory, newest first.

        From the commit `raw_id` backwards to where the path came into being under this name: not what was called so
        before and deleted, nor what it was copied or renamed from. `start` of these are passed over, at most `limit`
        told. Raises `UnknownPath` when nothing is called so at `raw_id`.

        Each system has its own view of merges, as its log shows them: Git leaves out a side that contributed nothing
        to what there is. Mercurial's files do not notice the executable bit.
        """
        ...

    def annotate(self, raw_id: str, path: str, limit: int) -> list[AnnotatedLine]:
        """Every line of a file with the commit that last changed it, followed through renames.

        Raises `UnknownPath` when no file is called so at `raw_id`, `TooLarge` when it has more than `limit` bytes and
        `NotText` when it is binary. A symbolic link is a file with the link's text in it.
        """
        ...

    def nodes(self, raw_id: str, path: str) -> list[Node]:
        """Everything below a directory, at all depths, directories first; nothing when `path` is a file.

        Raises `UnknownPath`.
        """
        ...

    def file(self, raw_id: str, path: str) -> Node:
        """One file; raises `UnknownPath` when no file is called so at `raw_id`."""
        ...

    def sizes(self, nodes: Sequence[Node]) -> list[int]:
        """How many bytes each of these files has, without reading them."""
        ...

    def contents(self, nodes: Sequence[Node], most: int) -> Iterator[Content]:
        """The contents of files, in this order, one at a time. What has more than `most` bytes is not read."""
        ...


class BackEnd(Protocol):
    """One version-control system."""

    kind: ClassVar[str]

    def empty_changeset(self) -> Changeset:
        """What stands for the last changeset of a repository without commits."""
        ...

    def is_repository(self, path: Path) -> bool:
        """Whether a directory holds a repository of this system, by what is in it."""
        ...

    def adopt(self, path: Path) -> None:
        """Make a repository that was put at `path` by hand one of ours.

        Raises `VcsError` when it could lead the server to another place, or let it run something.
        """
        ...

    def create(self, path: Path) -> None:
        """Make an empty repository at `path`, which does not exist yet."""
        ...

    def fork(self, source: Path, target: Path) -> None:
        """Make a complete and independent copy at `target`, which does not exist yet."""
        ...

    def import_from(self, remote: Remote, target: Path, limits: TransferLimits) -> None:
        """Make a copy of a repository of another server at `target`, which does not exist yet."""
        ...

    def pull(self, remote: Remote, path: Path, limits: TransferLimits) -> list[RefUpdate]:
        """Fetch what another server has; returns what moved."""
        ...

    def strip(self, path: Path, raw_id: str, branch: str) -> RefUpdate:
        """What would move when a commit were removed; raises `VcsError` when it cannot be."""
        ...

    def apply_strip(self, path: Path, update: RefUpdate, keep: Path) -> None:
        """Carry out what `strip` said; what is removed is kept in a file at `keep`."""
        ...

    def purge(self, path: Path) -> None:
        """Remove what nothing reaches any more after a strip; nobody else works on the repository."""
        ...

    def settle(self, path: Path, updates: Sequence[RefUpdate]) -> None:
        """Put in order what a push leaves to the server, such as a default branch that does not exist."""
        ...

    def index(self, path: Path, cache: Path, state: str) -> Any:
        """What every reader of the history in this `state` needs, to be kept until that changes.

        `cache` is a directory for what is expensive to find out again. Only `open` uses the value; threads share it.
        """
        ...

    def open(self, path: Path, index: Any) -> AbstractContextManager[Snapshot]:
        """Open a repository for reading, for one thread."""
        ...

    def history(self, path: Path, cache: Path, known: str = "", updates: Sequence[RefUpdate] = ()) -> History:
        """The present state of the history; what readers will need is kept in `cache`, as by `index`.

        `known` is the `state` of an earlier answer and `updates` what happened since; with both, the cost is that
        of the update, not of the history. A state that does not fit is noticed and the history counted afresh. What
        moved beside (`History.beside`) can only be told with `known`.
        """
        ...

    def accepted(self, path: Path, updates: Sequence[RefUpdate], known: str = "") -> list[RefUpdate]:
        """What became of a push whose end nobody saw: those of `updates` that the repository shows.

        Without `updates` nobody knew beforehand what the push would move. Then it is what the repository shows beyond
        `known`, the state that is stored, as far as the system can tell.
        """
        ...

    def is_untidy(self, path: Path) -> bool:
        """Whether `tidy` is worth while; costs next to nothing."""
        ...

    def tidy(self, path: Path, *, thorough: bool, keep: int, stop: Callable[[], bool]) -> None:
        """Put a repository in good order, beside readers and pushes.

        `thorough`: whatever it costs. Every process that works on the repository inherits the descriptor `keep`.
        Raises `Interrupted` soon after `stop` says so.
        """
        ...

    def recover(self, path: Path) -> None:
        """Remove what a transfer that was killed left behind and would stop the next one."""
        ...
