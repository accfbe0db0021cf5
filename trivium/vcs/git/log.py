# SPDX-License-Identifier: GPL-3.0-or-later
"""The histories of files in a Git repository, told by git itself: it uses path filters in the commit graph, which
libgit2 cannot read, and annotates four times as fast.

A path is data (security.md S-1): it was found in the tree before, stands behind `--`, and is no pattern.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final

import pygit2
from pygit2.enums import ObjectType

from trivium.vcs.annotation import annotated, lines_of
from trivium.vcs.errors import TooLarge, UnknownPath
from trivium.vcs.git.command import GitCommand
from trivium.vcs.git.commit import read_commit
from trivium.vcs.values import AnnotatedLine

_PLAIN: Final = "--literal-pathspecs"
_PATIENCE: Final = 60
"""Seconds that a history may take."""


def entry_at(command: GitCommand, repository: pygit2.Repository, raw_id: str, path: str) -> Any:
    """The object at a path of a commit: the root, or an entry of its tree; raises `UnknownPath`."""
    tree: Any = repository[read_commit(repository, raw_id, command).tree_id]
    if not path:
        return tree
    try:
        return tree[path]
    except (KeyError, ValueError) as error:
        raise UnknownPath(path) from error


def path_history(
    command: GitCommand, place: Path, repository: pygit2.Repository, raw_id: str, path: str, start: int, limit: int
) -> list[str]:
    """As `model.Snapshot.path_history`.

    Git goes on beyond a deletion, to an older file of the same name. It also tells the parents of each commit among
    those that touched the path, which lets us stop there.
    """
    entry_at(command, repository, raw_id, path)
    found: list[str] = []
    if limit < 1:
        return found
    words = (_PLAIN, "rev-list", "--parents", raw_id, "--", *([path] if path else []))
    with contextlib.closing(command.lines(*words, cwd=place, timeout=_PATIENCE)) as lines:
        awaited: set[str] = set()
        for number, line in enumerate(lines):
            commit, *parents = line.decode("ascii").split()
            if number and commit not in awaited:
                continue
            awaited.discard(commit)
            if _is_there(command, repository, commit, path):
                found.append(commit)
                awaited.update(parents)
            if not awaited or len(found) >= start + limit:
                break
    return found[start:]


def _is_there(command: GitCommand, repository: pygit2.Repository, raw_id: str, path: str) -> bool:
    try:
        entry_at(command, repository, raw_id, path)
    except UnknownPath:
        return False
    return True


def annotate(
    command: GitCommand, place: Path, repository: pygit2.Repository, raw_id: str, path: str, limit: int
) -> list[AnnotatedLine]:
    """As `model.Snapshot.annotate`."""
    entry = entry_at(command, repository, raw_id, path)
    if entry.type != ObjectType.BLOB:
        raise UnknownPath(path)
    if repository.odb.read_header(entry.id)[1] > limit:
        raise TooLarge(path)
    lines = lines_of(entry.data)
    if not lines:
        return []
    origins = [""] * len(lines)
    words = (_PLAIN, "blame", "--incremental", "--no-textconv", raw_id, "--", path)
    with contextlib.closing(command.lines(*words, cwd=place, timeout=_PATIENCE)) as told:
        for line in told:
            commit, _, first, count = line.decode("ascii").split()
            at = int(first) - 1
            origins[at : at + int(count)] = [commit] * int(count)
            while not next(told).startswith(b"filename "):
                pass
    return annotated(lines, origins)
