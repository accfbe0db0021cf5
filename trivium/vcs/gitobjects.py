# SPDX-License-Identifier: GPL-3.0-or-later
"""Git's objects and refs, read through libgit2: the small pieces that its back end is made of."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pygit2

from trivium.vcs.model import Changeset, Parent, VcsError

ZERO: Final = "0" * 40
"""Stands for "no commit"."""
SHORT: Final = 12
LISTED: Final = ("refs/heads/", "refs/tags/")
"""The refs whose commits belong to a repository's list."""


@contextlib.contextmanager
def open_repository(path: Path) -> Iterator[pygit2.Repository]:
    """The repository at `path`. Whatever libgit2 stumbles over there, now or later, is a `VcsError`."""
    flags = pygit2.enums.RepositoryOpenFlag
    try:
        yield pygit2.Repository(str(path), flags.BARE | flags.NO_SEARCH)
    except (pygit2.GitError, KeyError) as error:
        raise VcsError(f"the git repository {path} cannot be read: {error}") from error


def refs_of(repository: pygit2.Repository) -> dict[str, str]:
    """Branches and tags with the ids they hold (of an annotated tag: the tag's own)."""
    return {ref.name: str(ref.target) for ref in repository.references.iterator() if ref.name.startswith(LISTED)}


def target_of(repository: pygit2.Repository, name: str) -> str | None:
    """The id that a ref holds; None when there is no such ref, or could not be one."""
    try:
        return str(repository.lookup_reference(name).target)
    except (KeyError, ValueError):  # no name for a ref; or longer than a path may be
        return None


def refs_digest(refs: dict[str, str]) -> str:
    """The same for the same refs only."""
    digest = hashlib.sha1(usedforsecurity=False)
    for name in sorted(refs):
        digest.update(f"{name} {refs[name]}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def peeled(repository: pygit2.Repository, raw_id: str) -> pygit2.Oid | None:
    """The commit that an id stands for; None for a tag of something else."""
    try:
        found = repository.get(raw_id)
        return found.peel(pygit2.Commit).id if found is not None else None
    except (pygit2.GitError, ValueError):
        return None


def commit_of(repository: pygit2.Repository, raw_id: str) -> pygit2.Commit:
    """The commit with this full id."""
    found: Any = repository[raw_id]
    if not isinstance(found, pygit2.Commit):
        raise VcsError(f"{raw_id} is not a commit")
    return found


def text_of(raw: bytes | str) -> str:
    """Bytes of a message, name or file as text; what is not UTF-8 becomes replacement characters."""
    return raw if isinstance(raw, str) else raw.decode("utf-8", "replace")


def _moment(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00"


def branch_at(heads: Sequence[str] | None, default: str) -> str | None:
    """Of the branches whose head a commit is: the default one if it is among them, else the first by name."""
    if not heads:
        return None
    return (default if default in heads else min(heads)).removeprefix("refs/heads/")


def changeset_of(commit: pygit2.Commit, revision: int, branch: str | None) -> Changeset:
    """A commit as everybody sees it (api-repos.md 2.2)."""
    author = commit.author
    raw_id = str(commit.id)
    return Changeset(
        raw_id=raw_id,
        short_id=raw_id[:SHORT],
        revision=revision,
        author=f"{text_of(author.raw_name)} <{text_of(author.raw_email)}>",
        date=_moment(author.time),
        message=text_of(commit.raw_message),
        parents=tuple(Parent(str(parent)) for parent in commit.parent_ids),
        branch=branch,
    )
