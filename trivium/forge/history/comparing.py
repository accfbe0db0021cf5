# SPDX-License-Identifier: GPL-3.0-or-later
"""Two revisions beside each other: what lies between them, in one repository or in two (system.md 2.3)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.history.reading import History
from trivium.forge.repositories import finding
from trivium.forge.repositories.finding import Repository
from trivium.vcs.abilities import Lines
from trivium.vcs.budget import Exhausted
from trivium.vcs.errors import NotPossible, UnknownPath, UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Changeset, Layout, Names, bounded

SHOWN: Final = 50
"""Changesets between two revisions that are told, the newest."""
COUNTED: Final = 10_000
"""Up to so many are counted."""


class RefType(StrEnum):
    """What the name of a revision is looked for among."""

    BRANCH = "branch"
    BOOK = "book"
    TAG = "tag"
    REV = "rev"
    """Whatever a revision may be called."""


TYPES: Final = frozenset(RefType)


class Ref(msgspec.Struct, frozen=True):
    """One side of a comparison."""

    type: RefType
    name: str

    def __str__(self) -> str:
        return f"{self.type}@{self.name}"


class End(msgspec.Struct, frozen=True):
    """What a side of a comparison stands for."""

    raw_id: str
    path: str = ""
    """The directory or file that is compared, where branches are directories; empty: everything."""


class Comparison(msgspec.Struct, frozen=True):
    """What leads from one revision to another."""

    left: Changeset
    right: Changeset
    ancestor: str | None
    """The full id of the best common ancestor; None: they have nothing in common."""
    old: str
    """Where the differences begin: at `left`, or at the common ancestor."""
    commits: tuple[Changeset, ...]
    """What `right` has and `left` has not, newest first, at most `SHOWN`."""
    count: int
    """How many there are; `COUNTED` stands for more as well."""
    missing: int
    """What `left` has and `right` has not, counted in the same way."""
    old_path: str = ""
    path: str = ""
    """Of the sides what is compared (`End.path`), the older one where the differences begin."""


class Span(msgspec.Struct, frozen=True):
    """The changesets from one to another, both included."""

    first: Changeset
    last: Changeset
    base: str | None
    """What the first one builds on; None: on nothing."""
    commits: tuple[Changeset, ...]
    """Newest first, at most `SHOWN`."""
    count: int


def parsed(text: str) -> tuple[Ref, Ref] | None:
    """The sides that `<type>@<name>...<type>@<name>` names; a name may have dots in it.

    A side without a type is whatever may be called so (`RefType.REV`). None for what names no two sides.
    """
    return _typed(text) or _bare(text)


def _bare(text: str) -> tuple[Ref, Ref] | None:
    left, dots, right = text.partition("...")
    sides = [_ref(side) or Ref(RefType.REV, side) for side in (left, right)]
    # Of a type alone nothing is named.
    names = all(side.name and side.name.rstrip("@") not in TYPES for side in sides)
    return (sides[0], sides[1]) if dots and names else None


def _typed(text: str) -> tuple[Ref, Ref] | None:
    at = text.find("...")
    while at >= 0:
        left, right = _ref(text[:at]), _ref(text[at + 3 :])
        if left is not None and right is not None:
            return left, right
        if left is None and at > _LONGEST_TYPE:
            return None  # a longer beginning has no other type
        at = text.find("...", at + 1)
    return None


_YOUNGEST: Final = "tip"
_LONGEST_TYPE: Final = max(map(len, RefType))


def _ref(text: str) -> Ref | None:
    kind, at, _ = text[: _LONGEST_TYPE + 1].partition("@")
    if not at or kind not in TYPES or len(text) == len(kind) + 1:
        return None
    return Ref(RefType(kind), text[len(kind) + 1 :])


def other_side(history: History, caller: Caller, repository: Repository, name: str) -> Repository:
    """The repository on the other side of a comparison, which the caller must be able to read too.

    Raises `NotFound`, and `NotPossible` for one of another system.
    """
    with history.site.store.read() as db:
        found = finding.find(db, caller, name, Level.READ)
    if found.kind != repository.kind:
        raise NotPossible("Only repositories of the same system can be compared.")
    return found


def names(history: History, repository: Repository) -> Names:
    """What can be chosen for a comparison."""
    return history.names(repository, Layout())


def resolved(history: History, repository: Repository, ref: Ref) -> End:
    """What one side of a comparison names; raises `UnknownRevision`."""
    in_paths = history.site.back_ends[repository.kind].abilities.lines is Lines.PATHS
    return history.read(
        repository, lambda snapshot: _directory(snapshot, ref) if in_paths else End(_resolved(snapshot, ref))
    )


def _resolved(snapshot: Snapshot, ref: Ref) -> str:
    if ref.type is RefType.REV:
        return snapshot.resolve(ref.name)
    raw_id = _among(snapshot, ref)
    if raw_id is None:
        raise UnknownRevision(ref.name)
    return raw_id


def _among(snapshot: Snapshot, ref: Ref) -> str | None:
    found = snapshot.names(Layout())
    among = {RefType.BRANCH: found.branches, RefType.BOOK: found.bookmarks, RefType.TAG: found.tags}[ref.type]
    return among.get(ref.name) or (found.closed.get(ref.name) if ref.type is RefType.BRANCH else None)


def _directory(snapshot: Snapshot, ref: Ref) -> End:
    """A side where branches are directories: a revision, `path`, or `path@revision`."""
    if ref.type is RefType.REV:
        try:
            return End(snapshot.resolve(ref.name))
        except UnknownRevision:
            pass  # then it may be a path
    elif (raw_id := _among(snapshot, ref)) is not None:
        return End(raw_id, ref.name)
    path, at, revision = ref.name.rpartition("@")
    try:
        raw_id = snapshot.resolve(revision if at else _YOUNGEST)
        return End(raw_id, snapshot.entry(raw_id, path if at else ref.name).path)
    except (UnknownPath, UnknownRevision) as error:
        raise UnknownRevision(ref.name) from error


def compared(
    history: History, repository: Repository, left: End, other: Repository, right: End, *, merge: bool
) -> Comparison:
    """What leads from `left`, in `repository`, to `right`, in `other`.

    With `merge` the differences begin where the two parted. Raises `NotPossible` where two repositories of a system
    cannot be read together.
    """
    if left.path or right.path:
        return _of_directories(history, repository, left, other, right, merge=merge)

    def look(snapshot: Snapshot) -> tuple[str | None, list[str], list[str]]:
        # From two ids that are one nothing leads anywhere.
        ancestor = snapshot.ancestor(left.raw_id, right.raw_id)
        there, here = (
            snapshot.lacking(*ids, COUNTED) for ids in ((left.raw_id, right.raw_id), (right.raw_id, left.raw_id))
        )
        return ancestor, there, here

    if repository.id == other.id:
        ancestor, there, here = history.read(repository, look)
    else:
        ancestor, there, here = history.read_both(repository, other, look)
    first = _told(history, repository, [left.raw_id])
    last = _told(history, other, [right.raw_id, *there[:SHOWN]])
    return Comparison(
        left=first[0],
        right=last[0],
        ancestor=ancestor,
        old=ancestor if merge and ancestor is not None else left.raw_id,
        commits=tuple(last[1:]),
        count=len(there),
        missing=len(here),
    )


def _of_directories(
    history: History, repository: Repository, left: End, other: Repository, right: End, *, merge: bool
) -> Comparison:
    if repository.id != other.id:
        # There is no way to say so of directories alone, and none to read both: the back end has the words.
        history.read_both(repository, other, lambda _: None)

    def look(snapshot: Snapshot) -> Comparison:
        found = snapshot.apart((left.path, left.raw_id), (right.path, right.raw_id), COUNTED)
        told = [bounded(one) for one in snapshot.changesets([left.raw_id, right.raw_id, *found.there[:SHOWN]])]
        start = left
        if merge and found.met is not None:
            start = End(found.met[1], found.met[0])
        return Comparison(
            left=told[0],
            right=told[1],
            ancestor=found.met[1] if found.met is not None else None,
            old=start.raw_id,
            commits=tuple(told[2:]),
            count=len(found.there),
            missing=len(found.here),
            old_path=start.path,
            path=right.path,
        )

    return history.read(repository, look)


def _told(history: History, repository: Repository, ids: list[str]) -> list[Changeset]:
    return history.read(repository, lambda snapshot: [bounded(one) for one in snapshot.changesets(ids)])


def span(history: History, repository: Repository, first: str, last: str) -> Span:
    """The changesets from one to another.

    Raises `UnknownRevision`, and `NotPossible` when the one does not lead to the other.
    """

    def look(snapshot: Snapshot) -> Span:
        base, ids = between(snapshot, first, last, COUNTED)
        ends = snapshot.changesets([ids[0], ids[-1]])
        shown = ids[: -SHOWN - 1 : -1]
        return Span(
            bounded(ends[0]),
            bounded(ends[1]),
            base,
            tuple(bounded(one) for one in snapshot.changesets(shown)),
            len(ids),
        )

    return history.read(repository, look)


def between(snapshot: Snapshot, first: str, last: str, most: int) -> tuple[str | None, list[str]]:
    """What a range begins after, and the full ids of its changesets, oldest first.

    The range has what `last` leads to, and the first parent of `first` does not. Raises `UnknownRevision`,
    `NotPossible`, and `Exhausted` for more than `most`.
    """
    start, end = snapshot.resolve(first), snapshot.resolve(last)
    (changeset,) = snapshot.changesets([start])
    base = changeset.parents[0].raw_id if changeset.parents else None
    found = snapshot.page(end, None, most + 1) if base is None else snapshot.lacking(base, end, most + 1)
    if len(found) > most:
        raise Exhausted(f"the range has more than {most} changesets")
    if start not in found:
        raise NotPossible("The first of these changesets does not lead to the second one.")
    found.reverse()
    return base, found
