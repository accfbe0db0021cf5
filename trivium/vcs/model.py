# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository can do, whatever system it belongs to, in terms of plain values.

A back end knows paths and ids, never users or names of repositories. Errors are `VcsError`; nothing that a user
sent reaches a program in option position (security.md S-1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Protocol

from trivium.egress.remote import Remote, TransferLimits
from trivium.vcs.abilities import Abilities
from trivium.vcs.pages import Apart, CommitDetails, DiffOptions, FileDifference, Properties, TreeEntry
from trivium.vcs.values import (
    AnnotatedLine,
    Changeset,
    Content,
    DiffLimits,
    FileChange,
    FileCommit,
    History,
    Layout,
    Names,
    Node,
    Refs,
    RefUpdate,
)


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

    def first_branch(self) -> str:
        """The branch that the first commit of an empty repository belongs on; empty where branches are directories."""
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

    # What pages and downloads need (design: web.md 2).

    def entry(self, raw_id: str, path: str) -> TreeEntry:
        """What is called so at a commit, be it a file, a directory or a link; the empty path is the root.

        Raises `UnknownPath`.
        """
        ...

    def children(self, raw_id: str, path: str) -> list[TreeEntry]:
        """One level of a directory with the sizes of its files, directories first, then by name.

        Raises `UnknownPath` when no directory is called so. Nothing below is looked at.
        """
        ...

    def last_changes(self, raw_id: str, path: str) -> dict[str, str]:
        """Name of each entry of a directory → full id of the commit that last changed it, or something below it.

        By definition what `git log -1 <raw_id> -- <entry>` tells, and its like in the other systems. An entry for which
        the budget of time does not suffice is left out. Raises `UnknownPath`.
        """
        ...

    def files_below(self, raw_id: str, path: str) -> Iterator[TreeEntry]:
        """All files and symbolic links below a directory, ordered by path as bytes, one by one; for archives.

        Where a system keeps them (Subversion), directories with nothing in them are told as well. Raises `UnknownPath`.
        """
        ...

    def parts(self, raw_id: str) -> list[TreeEntry]:
        """Links to other repositories whose files are thought of as this one's: subrepositories, at any depth.

        Submodules and externals are none (system.md 2.5).
        """
        ...

    def stream(self, entry: TreeEntry) -> Iterator[bytes]:
        """The content of a file in pieces of at most some hundred KiB, however large it is, never whole in memory."""
        ...

    def details(self, raw_ids: Sequence[str]) -> list[CommitDetails]:
        """Commits by their full ids: what `changesets` does not tell."""
        ...

    def page(self, head: str | None, after: str | None, limit: int) -> list[str]:
        """Full ids of commits, newest first: those that `head` leads to, or all when it is None.

        Children stand before their parents. `after` is the last id of the page before; None begins at the newest.
        `head` and `after` are full ids. Costs no more with a long history behind the page. Where a branch is a name
        that commits carry (`Lines.NAMED`), `branch_page` tells those of a branch.
        """
        ...

    def branch_page(self, branch: str, after: str | None, limit: int) -> list[str]:
        """As `page`, of a branch by its name as `names` tells it; raises `UnknownRevision`.

        Git: what the head of the branch leads to. Mercurial: the changesets that carry the name. Subversion: the
        revisions that touched the directory.
        """
        ...

    def ancestor(self, one: str, other: str) -> str | None:
        """The full id of the best common ancestor of two commits; None: there is none."""
        ...

    def lacking(self, old: str, new: str, limit: int) -> list[str]:
        """Full ids of the commits that `new` leads to and `old` does not, newest first, at most `limit`."""
        ...

    def apart(self, old: tuple[str, str], new: tuple[str, str], limit: int) -> Apart:
        """What became of two directories, each a path and a full id, since they were one; at most `limit` commits each.

        Raises `UnknownPath`, and `NotPossible` where branches are no directories.
        """
        ...

    def differences(self, old: str | None, new: str, options: DiffOptions) -> Iterator[FileDifference]:
        """The files that differ between two commits, ordered by path, one by one; `old` None is the empty tree.

        Which files there are is known before the first of them is compared: `differing` counts them cheaply.
        Properties that changed alone are told as well, without hunks.
        """
        ...

    def differing(self, old: str | None, new: str, options: DiffOptions) -> list[FileDifference]:
        """As `differences`, without hunks and counts of lines: only which files, and what became of them."""
        ...

    def raw_diff(self, old: str | None, new: str, options: DiffOptions) -> Iterator[bytes]:
        """The whole difference as a diff that `git apply` takes, in pieces (system.md 2.4); nothing is left out.

        Git: as `git diff --full-index --binary -M`. Mercurial: as `hg export --git` has it, binary included.
        Subversion: in git's form, with binary files named only. `options.per_file` and `options.total` do not count.
        """
        ...

    def patch(self, raw_id: str, options: DiffOptions) -> Iterator[bytes]:
        """A commit as a patch with its header, against its first parent, in pieces (system.md 2.4)."""
        ...

    def properties(self, raw_id: str, path: str) -> Properties:
        """What is kept beside a file or directory; empty where a system has nothing such. Raises `UnknownPath`."""
        ...


class BackEnd(Protocol):
    """One version-control system."""

    kind: ClassVar[str]
    """What repositories of this system are stored as."""
    abilities: ClassVar[Abilities]
    """What the system has; what it has not is declared here, besides that the methods below raise `NotPossible`."""

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

    def fork(self, source: Path, target: Path, check: Callable[[], None] = lambda: None) -> None:
        """Make a complete and independent copy at `target`, which does not exist yet.

        `check` is called again and again meanwhile. What it raises ends the copy: nobody writes to `target` any more
        when it is raised from here.
        """
        ...

    def import_from(self, remote: Remote, target: Path, limits: TransferLimits) -> None:
        """Make a copy of a repository of another server at `target`, which does not exist yet."""
        ...

    def pull(self, remote: Remote, path: Path, limits: TransferLimits) -> list[RefUpdate]:
        """Fetch what another server has; returns what moved."""
        ...

    def commit(
        self, path: Path, wanted: FileCommit, announce: Callable[[Sequence[RefUpdate]], None]
    ) -> list[RefUpdate]:
        """Record a change of one file; returns what moved. Raises `HeadMoved` and `UnknownPath`.

        `announce` is called before anything moves, with what will move as far as the system can tell.
        """
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

    def open_with(self, path: Path, index: Any, other: Path, other_index: Any) -> AbstractContextManager[Snapshot]:
        """Open a repository together with another one of its fork network.

        The full ids of both can be given to `differences`, `differing`, `ancestor` and `lacking`; revisions are
        resolved in the first one. Raises `NotPossible` where a system cannot (Subversion: a number means another
        revision in each repository).
        """
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

    def tidy(self, path: Path, *, thorough: bool, keep: int, check: Callable[[], None]) -> None:
        """Put a repository in good order, beside readers and pushes.

        `thorough`: whatever it costs. Every process that works on the repository inherits the descriptor `keep`.
        Raises what `check` raises, which is called again and again.
        """
        ...

    def verify(self, path: Path, check: Callable[[], None]) -> list[str]:
        """Look through all that a repository holds, beside readers and pushes and behind them.

        Returns what is damaged, a line each, at most a hundred; nothing for a sound one. What was written meanwhile may
        seem so: only what two looks tell is sure. Raises `VcsError` when it cannot be looked at, and what `check`
        raises, which is called again and again.
        """
        ...

    def recover(self, path: Path) -> None:
        """Remove what a transfer that was killed left behind and would stop the next one."""
        ...
