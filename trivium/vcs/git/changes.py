# SPDX-License-Identifier: GPL-3.0-or-later
"""What commits did to files, as answers of the API have it (api-repos.md 2.3, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pygit2
from pygit2.enums import DiffOption

from trivium.vcs.budget import Budget, present
from trivium.vcs.diff.comparing import AT_ONCE
from trivium.vcs.diff.files import Side, change_of
from trivium.vcs.git.commit import Commit
from trivium.vcs.git.differences import find_renames, is_file
from trivium.vcs.git.opened import Opened
from trivium.vcs.git.trees import Trees
from trivium.vcs.texts import text_of
from trivium.vcs.values import LARGEST_COMPARED, DiffLimits, FileChange

_OPERATIONS: Final = {"A": "A", "D": "D"}


def changes(opened: Opened, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
    """As `model.Snapshot.changes`."""
    left = limits.total if limits else 0
    budget = present()
    trees = Trees(opened.repository, budget)
    for raw_id in raw_ids:
        budget.check()
        diff = _diff(opened, opened.commit(raw_id), budget, trees)
        budget.spend(len(diff))
        if limits is None:
            yield [_change(delta) for delta in diff.deltas]
            continue
        found = []
        for number, delta in enumerate(list(diff.deltas)):
            change = _full_change(opened, diff, number, delta, min(limits.per_file, left))
            left -= len(change.diff or "")
            found.append(change)
        yield found


def _diff(opened: Opened, commit: Commit, budget: Budget, trees: Trees) -> pygit2.Diff:
    """A commit compared with its first parent; a root commit with nothing."""
    flags = DiffOption.INCLUDE_TYPECHANGE
    parent = opened.commit(str(commit.parent_ids[0])) if commit.parent_ids else None
    if budget.nodes:
        # The library lists all that differs before anybody can stop it. A file may have two names.
        trees.check_changes(parent.tree_id.raw if parent else None, commit.tree_id.raw, 2 * budget.nodes)
    if parent is not None:
        diff = opened.tree(parent).diff_to_tree(opened.tree(commit), flags=flags)
    else:
        diff = opened.tree(commit).diff_to_tree(flags=flags, swap=True)
    find_renames(diff, opened.size)
    return diff


def _size(opened: Opened, file: Any) -> int:
    """The size of a file, by its header; 0 where there is none, and for a link to another repository."""
    return opened.size(file.id) if is_file(file.mode) else 0


def _full_change(opened: Opened, diff: pygit2.Diff, number: int, delta: Any, limit: int) -> FileChange:
    """One file of a commit, with its diff unless that has more than `limit` bytes."""
    change = _change(delta)
    before, after = delta.old_file, delta.new_file  # made anew whenever somebody asks
    revisions = (_revision(before), _revision(after))
    sizes = (_size(opened, before), _size(opened, after))
    if max(sizes) > LARGEST_COMPARED:
        # As Git does with files above its own threshold.
        return FileChange(change.path, change.op, *revisions, added=0, deleted=0, binary=True)
    if all(sizes) and sum(sizes) > AT_ONCE and before.id != after.id:
        old, new = (Side(str(file.id), opened.read(file.id), f"{file.mode:o}") for file in (before, after))
        return change_of(change.path, old, new, limit)
    with present().compare() as seconds:
        patch: Any = diff[number] if seconds > 0 else None
        if patch is None:
            return FileChange(change.path, change.op, *revisions)
        raw = patch.data
        binary = bool(patch.delta.is_binary)
        _, added, deleted = (0, 0, 0) if binary else patch.line_stats
    return FileChange(
        change.path,
        change.op,
        *revisions,
        diff=text_of(raw) if len(raw) <= limit else None,
        added=added,
        deleted=deleted,
        binary=binary,
    )


def _path_of(file: Any) -> str:
    return text_of(file.raw_path)


def _change(delta: Any) -> FileChange:
    operation = _OPERATIONS.get(delta.status_char(), "M")
    return FileChange(_path_of(delta.old_file if operation == "D" else delta.new_file), operation)


def _revision(file: Any) -> str | None:
    raw_id = str(file.id)
    return raw_id if raw_id.strip("0") else None
