# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files and directories differ between two revisions, and which of them belong together.

The log names what was touched between two revisions that are near each other. Between distant ones the trees are
compared, without what nobody touched: a directory that was not copied meanwhile has the same entries as before, where
these were created no later than the older revision. (libsvn compares trees itself, but its binding fails on a property
whose value is not UTF-8.)

Subversion records copies, and nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from trivium.vcs.budget import present
from trivium.vcs.errors import UnknownPath
from trivium.vcs.pages import DiffOptions, EntryKind, Op
from trivium.vcs.paths import clean_path
from trivium.vcs.svn.trees import CREATED, DIRECTORY, FILE, KIND, At, Trees

_FEW: Final = 1000
"""Revisions whose lists of changed paths are read, some milliseconds."""


@dataclass(frozen=True, slots=True)
class Side:
    """A file or directory before or after."""

    at: At
    kind: EntryKind
    properties: dict[str, bytes]


@dataclass(frozen=True, slots=True)
class Pair:
    """What differs."""

    op: Op
    old: Side | None
    """Of what was copied or renamed the source, in the revision that it was copied from."""
    new: Side | None

    @property
    def path(self) -> str:
        side = self.new or self.old
        return side.at.path if side else ""


_TURNED: Final = {Op.ADDED: Op.DELETED, Op.DELETED: Op.ADDED, Op.COPIED: Op.DELETED}


def pairs_of(trees: Trees, old: int, new: int, options: DiffOptions) -> list[Pair]:
    """What differs between two revisions, by path.

    A directory is among it when its properties differ, or when it came or went with nothing in it: otherwise the files
    tell of it. Going back in history, what was renamed is renamed back and what was copied is deleted.
    """
    try:
        path = clean_path(options.path)
    except UnknownPath:
        return []
    if options.old_path is not None:
        return _between(trees, options.old_path, old, path, new)
    if old == new:
        return []
    found = _Search(trees, min(old, new), max(old, new), path, options.renames).pairs()
    if old > new:
        found = map(_turned, found)
    return sorted(found, key=lambda pair: pair.path)


def _between(trees: Trees, old_path: str, old: int, path: str, new: int) -> list[Pair]:
    """What differs between two directories, or files, by their paths below these; nothing is renamed or copied."""
    try:
        places = (At(clean_path(old_path), old), At(path, new))
    except UnknownPath:
        return []
    before, after = (_kinds_below(trees, place) for place in places)
    found = []
    for below in sorted({*before, *after}):
        left = _place(trees, places[0], below, before.get(below, 0))
        right = _place(trees, places[1], below, after.get(below, 0))
        if left and right and (left.kind is EntryKind.DIRECTORY) is (right.kind is EntryKind.DIRECTORY):
            if _differ(trees, left, right):
                found.append(Pair(Op.MODIFIED, left, right))
            continue
        # Of a directory that is on one side the files tell.
        if left and left.kind is not EntryKind.DIRECTORY:
            found.append(Pair(Op.DELETED, left, None))
        if right and (right.kind is not EntryKind.DIRECTORY or right.properties):
            found.append(Pair(Op.ADDED, None, right))
    return found


def _kinds_below(trees: Trees, place: At) -> dict[str, int]:
    """The kind of a place, under the empty path, and of everything below it."""
    kind = trees.kind(place.path, place.revision)
    found = {"": kind}
    if kind == DIRECTORY:
        start = len(place.path) + 1 if place.path else 0
        found |= {below[start:]: of for below, of in trees.below(place.path, place.revision)}
    return found


def _place(trees: Trees, above: At, below: str, kind: int) -> Side | None:
    if kind not in (FILE, DIRECTORY):
        return None
    return _side(trees, At("/".join(filter(None, (above.path, below))), above.revision), kind)


def _differ(trees: Trees, old: Side, new: Side) -> bool:
    """Whether what is there on both sides differs."""
    if old.properties != new.properties or old.kind != new.kind:
        return True
    return new.kind is not EntryKind.DIRECTORY and not trees.same_content(old.at, new.at)


def _side(trees: Trees, node: At, kind: int) -> Side:
    properties = trees.properties(node)
    if kind == DIRECTORY:
        return Side(node, EntryKind.DIRECTORY, properties)
    return Side(node, trees.entry_kind(node, properties), properties)


def _turned(pair: Pair) -> Pair:
    op = _TURNED.get(pair.op, pair.op)
    return Pair(op, pair.new, None if op is Op.DELETED else pair.old)


class _Search:
    """Between two revisions of which the first is the older one."""

    def __init__(self, trees: Trees, low: int, high: int, path: str, renames: bool) -> None:
        self._trees, self._low, self._high = trees, low, high
        self._path = path
        self._renames = renames
        self._claimed: set[str] = set()
        """What was renamed: of a second copy it is only the source."""
        self._copies: dict[str, At] = {}
        """What is a copy of something that is there since the older revision, as far as that was found out."""
        self._exchanged: frozenset[str] | None = None
        """What came, went, or became something else under its name, where the log was read."""

    def pairs(self) -> Iterable[Pair]:
        found = self._logged() if self._high - self._low <= _FEW else self._walked()
        paths = sorted({path for path in found if self._is_wanted(path)})
        kinds = {path: (self._kind(path, self._low), self._kind(path, self._high)) for path in paths}
        full = [{path.rpartition("/")[0] for path in paths if kinds[path][side]} for side in (0, 1)]
        """The directories of which it is known that they had, and have, something in them."""
        told: list[Pair] = []
        gone: list[str] = []
        for path in paths:
            before, after = kinds[path]
            if before == after:
                told += self._changed(path, before) if before else ()
                continue
            if before:
                gone.append(path)
            if after:
                told += self._came(path, after, empty=path not in full[1])
        for path in gone:
            if path not in self._claimed and (kinds[path][0] == FILE or path not in full[0]):
                told.append(Pair(Op.DELETED, _side(self._trees, At(path, self._low), kinds[path][0]), None))
        return told

    def _kind(self, path: str, number: int) -> int:
        kind = self._trees.kind(path, number)
        return kind if kind in (FILE, DIRECTORY) else 0

    def _is_wanted(self, path: str) -> bool:
        return not self._path or path == self._path or path.startswith(f"{self._path}/")

    def _changed(self, path: str, kind: int) -> Iterator[Pair]:
        """What exists before and after, if it differs."""
        old, new = (_side(self._trees, At(path, number), kind) for number in (self._low, self._high))
        if _differ(self._trees, old, new):
            yield Pair(Op.MODIFIED, old, new)

    def _came(self, path: str, kind: int, *, empty: bool) -> Iterator[Pair]:
        """What exists only after."""
        new = _side(self._trees, At(path, self._high), kind)
        source = self._source(path) if self._renames else None
        if source is not None and not self._is_wanted(source.path):
            source = None
        old = None if source is None else _side(self._trees, source, kind)
        if kind == DIRECTORY and not empty and new.properties == (old.properties if old else {}):
            return
        if old is None:
            yield Pair(Op.ADDED, None, new)
            return
        left = old.at.path
        if left in self._claimed or self._kind(left, self._low) != kind or self._kind(left, self._high) == kind:
            yield Pair(Op.COPIED, old, new)
            return
        self._claimed.add(left)
        yield Pair(Op.RENAMED, old, new)

    def _source(self, path: str) -> At | None:
        """What a file or directory was before the older revision, if it has another name since.

        What was deleted and came back under its name is new.
        """
        above, _, name = path.rpartition("/")
        copied = self._copies.get(above)
        if copied is not None and self._exchanged is not None and path not in self._exchanged:
            found = self._copies[path] = At(f"{copied.path}/{name}", copied.revision)  # it came with its directory
            return found if found.path != path else None
        segments = self._trees.segments(path, self._high)
        for place, segment in enumerate(segments):
            if segment.first <= self._low:
                found = At(segment.path, min(segment.last, self._low))
                if place == 1 and segment.last <= self._low and segment.path:
                    self._copies[path] = found
                return found if segment.path != path else None
        return None

    def _logged(self) -> set[str]:
        """Everything that the revisions touched, and what is below directories that came, went or were exchanged."""
        touched: dict[str, bool] = {}
        for changed in self._trees.touched(self._low + 1, self._high):
            for path, entry in changed.items():
                touched[path] = touched.get(path, False) or entry.action != "M"
        self._exchanged = frozenset(path for path, exchanged in touched.items() if exchanged)
        found: set[str] = set()
        whole: set[str] = set()
        for path, exchanged in sorted(touched.items()):
            if exchanged and self._path.startswith(f"{path}/"):
                path = self._path
            elif not self._is_wanted(path):
                continue
            if any(above in whole for above in above_of(path)):
                continue
            present().spend(1, len(path))
            found.add(path)
            if exchanged:
                whole.add(path)
                found.update(self._below(path, self._low), self._below(path, self._high))
        return found

    def _below(self, path: str, number: int) -> Iterator[str]:
        if self._trees.kind(path, number) == DIRECTORY:
            for below, _ in self._trees.below(path, number):
                yield below

    def _walked(self) -> Iterator[str]:
        """Everything that differs, or may."""
        yield self._path
        kinds = [self._kind(self._path, number) for number in (self._low, self._high)]
        if kinds != [DIRECTORY, DIRECTORY]:
            for number in (self._low, self._high):
                yield from self._below(self._path, number)
            return
        waiting = [(self._path, self._is_same(self._path))]
        while waiting:
            present().check()
            directory, same = waiting.pop()
            before, after = (
                self._trees.directory(directory, number, KIND | CREATED)[0] for number in (self._low, self._high)
            )
            for name in {**before, **after}:
                old, new = before.get(name), after.get(name)
                if same and old and new and new["created_rev"] <= self._low:
                    continue
                path = f"{directory}/{name}" if directory else name
                present().spend(1, len(path))
                yield path
                if old and new and old["kind"] == new["kind"] == DIRECTORY:
                    waiting.append((path, same and self._is_same(path)))
                    continue
                for number, entry in ((self._low, old), (self._high, new)):
                    if entry and entry["kind"] == DIRECTORY:
                        yield from self._below(path, number)

    def _is_same(self, path: str) -> bool:
        """Whether a directory is what was called so in the older revision, and no copy."""
        return any(
            segment.first <= self._low <= segment.last and segment.path == path
            for segment in self._trees.segments(path, self._high)
        )


def above_of(path: str) -> Iterator[str]:
    """A path, and the directories that it is in."""
    while path:
        yield path
        path = path.rpartition("/")[0]


def at_ends(trees: Trees, pair: Pair, old: int, new: int) -> Pair:
    """A pair of files of which both sides are taken from the revisions that are compared, as a patch needs it."""
    return replace(
        pair,
        old=pair.old and _side(trees, At(pair.old.at.path, old), FILE),
        new=pair.new and _side(trees, At(pair.new.at.path, new), FILE),
    )
