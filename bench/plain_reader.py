# SPDX-License-Identifier: GPL-3.0-or-later
"""The floor under the methods that read histories: the same answers by plain pygit2, without a server.

Each function opens the repository, finds out what is asked for and encodes it, remembering nothing.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pygit2
from pygit2.enums import DiffFind, DiffOption, ObjectType, SortMode

Row = tuple[pygit2.Commit, dict[str, Any]]


def _rows(repository: pygit2.Repository, start: int, limit: int) -> list[Row]:
    """Commits from a position of the list on. This walks the whole list."""
    heads = {
        ref.target: ref.shorthand for ref in repository.references.iterator() if ref.name.startswith("refs/heads/")
    }
    walker = repository.walk(None, SortMode.TOPOLOGICAL | SortMode.TIME | SortMode.REVERSE)
    for tip in heads:
        walker.push(tip)
    return _described(itertools.islice(enumerate(walker), start, start + limit), heads)


def _newest(repository: pygit2.Repository, limit: int) -> list[Row]:
    """The newest commits, without looking at any other. Their positions stay unknown."""
    walker = repository.walk(repository.head.target, SortMode.TIME)
    return _described(enumerate(itertools.islice(walker, limit)), {repository.head.target: repository.head.shorthand})


def _described(commits: Iterable[tuple[int, pygit2.Commit]], heads: dict[Any, str]) -> list[Row]:
    found = []
    for position, commit in commits:
        author, raw_id = commit.author, str(commit.id)
        found.append(
            (
                commit,
                {
                    "raw_id": raw_id,
                    "short_id": raw_id[:12],
                    "revision": position,
                    "author": f"{author.name} <{author.email}>",
                    "date": datetime.fromtimestamp(author.time, UTC).replace(tzinfo=None).isoformat(),
                    "message": commit.message,
                    "parents": [{"raw_id": str(parent)} for parent in commit.parent_ids],
                    "branch": heads.get(commit.id),
                    "diff": [],
                },
            )
        )
    return found


def changesets(path: Path, start: int, limit: int) -> bytes:
    """A part of the list of commits with what `details=basic` tells about each."""
    repository = pygit2.Repository(str(path))
    return msgspec.json.encode([row for _, row in _rows(repository, start, limit)])


def newest(path: Path, limit: int) -> bytes:
    """The newest commits alone."""
    repository = pygit2.Repository(str(path))
    return msgspec.json.encode([row for _, row in _newest(repository, limit)])


def newest_diffs(path: Path, limit: int) -> bytes:
    """The newest commits alone, with their diffs."""
    repository = pygit2.Repository(str(path))
    return _with_diffs(_newest(repository, limit))


def diffs(path: Path, start: int, limit: int) -> bytes:
    """As `changesets`, with the diffs, blob ids and counts of `details=full`."""
    repository = pygit2.Repository(str(path))
    return _with_diffs(_rows(repository, start, limit))


def _with_diffs(rows: list[Row]) -> bytes:
    for commit, row in rows:
        if commit.parents:
            diff = commit.parents[0].tree.diff_to_tree(commit.tree, flags=DiffOption.INCLUDE_TYPECHANGE)
        else:
            diff = commit.tree.diff_to_tree(flags=DiffOption.INCLUDE_TYPECHANGE, swap=True)
        diff.find_similar(DiffFind.FIND_RENAMES)
        for patch in diff:
            delta = patch.delta
            _, added, deleted = patch.line_stats
            row["diff"].append(
                {
                    "filename": delta.new_file.path,
                    "op": delta.status_char(),
                    "old_revision": str(delta.old_file.id),
                    "new_revision": str(delta.new_file.id),
                    "raw_diff": patch.data.decode(errors="replace"),
                    "stats": {"added": added, "deleted": deleted, "binary": delta.is_binary},
                }
            )
    return msgspec.json.encode([row for _, row in rows])


def blobs(path: Path) -> bytes:
    """Every file at HEAD, read and hashed."""
    repository = pygit2.Repository(str(path))
    found = []
    waiting: list[tuple[Any, str]] = [(repository.head.peel(pygit2.Tree), "")]
    while waiting:
        tree, before = waiting.pop()
        for entry in tree:
            if entry.type == ObjectType.TREE:
                waiting.append((entry, f"{before}{entry.name}/"))
                found.append({"name": before + entry.name, "type": "dir"})
            elif entry.type == ObjectType.BLOB:
                data = entry.data
                md5 = hashlib.md5(data, usedforsecurity=False).hexdigest()
                found.append({"name": before + entry.name, "type": "file", "md5": md5, "size": len(data)})
    return msgspec.json.encode(found)
