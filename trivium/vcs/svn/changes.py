# SPDX-License-Identifier: GPL-3.0-or-later
"""What revisions did to files, as the API tells it (api-repos.md 2.3, 2.4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from trivium.vcs.budget import present
from trivium.vcs.diff.files import Side, change_of, mode_change
from trivium.vcs.svn.trees import DIRECTORY, FILE, MODES, At, Touched, Trees
from trivium.vcs.values import LARGEST_COMPARED, DiffLimits, FileChange


def changes_of(trees: Trees, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
    """As `Snapshot.changes`."""
    left = limits.total if limits else 0
    for raw_id in raw_ids:
        number = int(raw_id)
        (touched,) = trees.touched(number, number)
        found = []
        for path in sorted(_candidates(trees, touched, number)):
            present().spend(1, len(path))
            old, new = _sides(trees, touched, path, number)
            if old is None and new is None:
                continue  # it came and went with its directory
            if limits is None:
                found.append(FileChange(path, "A" if old is None else "D" if new is None else "M"))
                continue
            change = _compared(trees, path, old, new, min(limits.per_file, left))
            left -= len(change.diff or "")
            found.append(change)
        yield found


def _candidates(trees: Trees, touched: dict[str, Touched], number: int) -> set[str]:
    """Every file that may have changed, below directories that were copied or deleted too."""
    found: set[str] = set()
    for path, entry in touched.items():
        if entry.action in ("D", "R"):
            found.update(_files(trees, path, number - 1))
        if entry.action != "D" and trees.root(number).is_file(path):
            found.add(path)
        elif entry.action in ("A", "R") and entry.source is not None:
            found.update(_files(trees, path, number))
    return found


def _files(trees: Trees, path: str, number: int) -> list[str]:
    """A file itself, or all files below a directory."""
    kind = trees.kind(path, number)
    if kind == FILE:
        return [path]
    return [below for below, kind in trees.below(path, number) if kind == FILE] if kind == DIRECTORY else []


def _sides(trees: Trees, touched: dict[str, Touched], path: str, number: int) -> tuple[At | None, At | None]:
    """A file before and after a revision; before means what it was copied from, if it was."""
    new = At(path, number) if trees.root(number).is_file(path) else None
    if new is not None and (source := _source(touched, path)) and trees.root(source.revision).is_file(source.path):
        return source, new
    return (At(path, number - 1) if trees.root(number - 1).is_file(path) else None), new


def _compared(trees: Trees, path: str, old: At | None, new: At | None, limit: int) -> FileChange:
    """The change of one file. What is too large to be compared is not read either."""
    sides = [side for side in (old, new) if side is not None]
    same = old is not None and new is not None and trees.same_content(old, new)
    if same or any(trees.length(side) > LARGEST_COMPARED for side in sides):
        return FileChange(
            path,
            "A" if old is None else "D" if new is None else "M",
            old_revision=str(old.revision) if old else None,
            new_revision=str(new.revision) if new else None,
            diff=mode_change(path, *(MODES[trees.entry_kind(side)] for side in sides)) if same else None,
            added=0,
            deleted=0,
            binary=any(trees.begins_binary(side) for side in sides),
        )
    return change_of(path, _side(trees, old), _side(trees, new), limit)


def _side(trees: Trees, file: At | None) -> Side | None:
    if file is None:
        return None
    kind = trees.entry_kind(file)
    return Side(str(file.revision), trees.content(file, kind), MODES[kind])


def _source(touched: dict[str, Touched], path: str) -> At | None:
    """What a file was copied from, with one of its directories or by itself."""
    above = path
    while above:
        entry = touched.get(above)
        if entry is not None and entry.action in ("A", "R"):
            if entry.source is None:
                return None
            return At(entry.source + path[len(above) :], entry.source_revision)
        above = above.rpartition("/")[0]
    return None
