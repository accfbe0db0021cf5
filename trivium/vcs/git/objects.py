# SPDX-License-Identifier: GPL-3.0-or-later
"""Git's objects and refs, read through libgit2: small pieces of the back end."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import ConfigLevel, ObjectType, Option

from trivium.vcs.errors import VcsError
from trivium.vcs.git.commit import Commit, moment
from trivium.vcs.values import Changeset, Parent

ZERO: Final = "0" * 40
"""Stands for "no commit"."""
SHORT: Final = 12
_LARGEST_TAG: Final = 4 << 20
_LONGEST_CHAIN: Final = 20
"""The longest chain of tags that point at tags."""
_TARGET = re.compile(rb"object ([0-9a-f]{40})\n")
LISTED: Final = ("refs/heads/", "refs/tags/")
"""The refs whose commits belong to a repository's list."""

# Like git itself the library does not compute the id of every object that it reads: that takes as long as all the rest
# of reading. What is damaged on the disk does not unpack; ids are looked at when objects come in, and by `git fsck`.
pygit2.option(Option.ENABLE_STRICT_HASH_VERIFICATION, False)
# What the account and the machine have configured for git is none of ours (security.md S-1, and `git/command.py`);
# to read it each time was a third of opening a repository.
for _level in (ConfigLevel.PROGRAMDATA, ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
    pygit2.settings.search_path[_level] = ""
pygit2.settings.owner_validation = False  # as git is told: `safe.directory = *`


@contextlib.contextmanager
def open_repository(path: Path) -> Iterator[pygit2.Repository]:
    """The repository at `path`. Every error of libgit2 there, now or later, is a `VcsError`."""
    flags = pygit2.enums.RepositoryOpenFlag
    repository = None
    with told_of(path):
        try:
            repository = pygit2.Repository(str(path), flags.BARE | flags.NO_SEARCH)
            yield repository
        finally:
            if repository is not None:
                # It refers to itself through its lists of names: its packs and all objects that were read would stay
                # in memory until the interpreter happens to collect such circles.
                repository.free()
                vars(repository).clear()


@contextlib.contextmanager
def told_of(path: Path) -> Iterator[None]:
    """Every error of libgit2 with the repository at `path` is a `VcsError`."""
    try:
        yield
    except (pygit2.GitError, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # not the library's: its errors of the system have words alone
        raise VcsError(f"the git repository {path} cannot be used: {error}") from error


def all_refs_of(repository: pygit2.Repository) -> dict[str, str]:
    """Everything below `refs/` with the ids it holds (of an annotated tag: the tag's own)."""
    return {ref.name: str(ref.target) for ref in repository.references.iterator()}


def listed(refs: dict[str, str]) -> dict[str, str]:
    """The branches and tags among them."""
    return {name: raw_id for name, raw_id in refs.items() if name.startswith(LISTED)}


def refs_of(repository: pygit2.Repository) -> dict[str, str]:
    """Branches and tags with the ids they hold."""
    return listed(all_refs_of(repository))


def target_of(repository: pygit2.Repository, name: str) -> str | None:
    """The id that a ref holds; None when there is no such ref, or the name is invalid."""
    try:
        return str(repository.lookup_reference(name).target)
    except (KeyError, ValueError):  # no name for a ref; or longer than a path may be
        return None


def refs_digest(refs: dict[str, str]) -> str:
    """A digest that is the same for the same refs only."""
    digest = hashlib.sha1(usedforsecurity=False)
    for name in sorted(refs):
        digest.update(f"{name} {refs[name]}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def peeled(repository: pygit2.Repository, raw_id: str) -> pygit2.Oid | None:
    """The commit that an id stands for; None for a tag of something else.

    Tags are taken apart here, as commits are (`commit`): libgit2 refuses some that git takes.
    """
    objects = repository.odb
    try:
        found = pygit2.Oid(hex=raw_id)
        for _ in range(_LONGEST_CHAIN):
            kind, size = objects.read_header(found)
            if kind == ObjectType.COMMIT:
                return found
            if kind != ObjectType.TAG or size > _LARGEST_TAG:
                return None
            target = _TARGET.match(objects.read(found)[1])
            if target is None:
                return None
            found = pygit2.Oid(hex=target[1].decode())
    except (pygit2.GitError, ValueError, KeyError):
        pass
    return None


def branch_at(heads: Sequence[str] | None, default: str) -> str | None:
    """Of the branches whose head a commit is: the default one if it is among them, else the first by name."""
    if not heads:
        return None
    return (default if default in heads else min(heads)).removeprefix("refs/heads/")


def changeset_of(commit: Commit, revision: int, branch: str | None) -> Changeset:
    """A commit as everybody sees it (api-repos.md 2.2)."""
    raw_id = str(commit.id)
    # By position: a list makes a hundred of these at once.
    return Changeset(
        raw_id,
        raw_id[:SHORT],
        revision,
        commit.author,
        moment(commit.author_time),
        commit.message,
        tuple([Parent(str(parent)) for parent in commit.parent_ids]),
        branch,
    )
