# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of a gist: a flat directory of texts that keeps every revision. Internally a bare Git repository."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pygit2
from pygit2.enums import FileMode, SortMode

from trivium.vcs.errors import UnknownRevision
from trivium.vcs.git.commit import read_commit
from trivium.vcs.git.objects import open_repository, told_of
from trivium.vcs.texts import text_of

_REF = "refs/heads/master"
_ID = re.compile(r"[0-9a-fA-F]{7,40}")
_MOST: Final = 10_000
"""Revisions of one store that are looked at."""


def write_files(path: Path, files: Mapping[str, bytes], *, author: str, message: str, after: str | None = None) -> bool:
    """Make a store at `path` with a first revision, or add a revision to it.

    False: `after`, a full id, is not the newest revision, or not any more; nothing was added then.
    """
    if not path.exists():
        with told_of(path):
            pygit2.init_repository(str(path), bare=True, initial_head="master")
    with open_repository(path) as repository:
        builder = repository.TreeBuilder()
        for name, content in sorted(files.items()):
            builder.insert(name, repository.create_blob(content), FileMode.BLOB)
        who = pygit2.Signature(author or "unknown", "gist@localhost")
        parents = [] if repository.head_is_unborn else [repository.lookup_reference(_REF).target]
        if after is not None and [str(one) for one in parents] != [after]:
            return False
        try:
            # The branch moves only from its parent, whoever else moves it at this moment.
            repository.create_commit(_REF, who, who, message, builder.write(), parents)
        except pygit2.GitError:
            if after is None or str(repository.lookup_reference(_REF).target) == after:
                raise
            return False
    return True


@dataclass(frozen=True, slots=True)
class FileRevision:
    """A revision of a store."""

    id: str
    """40 hexadecimal digits."""
    author: str
    date: str
    """ISO 8601, UTC, without zone."""


def read_revisions(path: Path, most: int) -> list[FileRevision]:
    """The newest revisions, the newest first."""
    with open_repository(path) as repository:
        return [
            FileRevision(str(commit.id), commit.author.name, _moment(commit.commit_time))
            for commit in islice(_walked(repository), most)
        ]


def read_files(path: Path, revision: str = "") -> dict[str, str]:
    """The files of a revision, by default of the newest, as texts.

    `revision` is an id or the beginning of one, of seven digits at least; raises `UnknownRevision`.
    """
    with open_repository(path) as repository:
        found = str(repository.lookup_reference(_REF).target)
        if revision:
            # What the store keeps beside its revisions has ids as well, and is none.
            sought = revision.lower() if _ID.fullmatch(revision) else "-"
            walked = (str(commit.id) for commit in _walked(repository))
            found = next((one for one in walked if one.startswith(sought)), "")
            if not found:
                raise UnknownRevision(revision)
        commit = read_commit(repository, found)
        tree: Any = repository[commit.tree_id]
        return {text_of(entry.raw_name or b""): text_of(repository[entry.id].read_raw()) for entry in tree}


def _walked(repository: pygit2.Repository) -> Iterator[Any]:
    return iter(islice(repository.walk(repository.lookup_reference(_REF).target, SortMode.TOPOLOGICAL), _MOST))


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
