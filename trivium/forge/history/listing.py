# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories for pages: their entries, what last changed these, and all paths below (web.md 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from trivium.forge.history.places import Place
from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import EntryKind, TreeEntry
from trivium.vcs.values import Changeset

MOST_ENTRIES: Final = 1000
"""Entries of a directory that are told; it may have more."""
_DEEPEST_CHAIN: Final = 16
_READMES: Final = ("readme.md", "readme.markdown", "readme.rst", "readme.txt", "readme", "read.me")
"""Best first."""


@dataclass(frozen=True, slots=True)
class Listing:
    """One level of a directory."""

    entries: tuple[TreeEntry, ...]
    """At most `MOST_ENTRIES`. Where a directory has nothing but a directory, that one stands for it, with the longer
    path."""
    total: int
    """How many there are."""
    readme: TreeEntry | None
    """The file that tells of the directory."""


@dataclass(frozen=True, slots=True)
class Change:
    """A commit as rows show it."""

    raw_id: str
    short_id: str
    number: int
    subject: str
    """The first line of its message, cut at 200 characters."""
    author: str
    """The name without the address."""
    date: str
    """As `Changeset.date`."""


def listing(history: History, repository: Repository, place: Place) -> Listing:
    """The entries of a directory; raises `UnknownPath`."""
    return history.read(repository, lambda snapshot: listing_in(snapshot, place))


def listing_in(snapshot: Snapshot, place: Place) -> Listing:
    """As `listing`, in an open repository."""
    found = snapshot.children(place.raw_id, place.path)
    entries = _chain(snapshot, place.raw_id, found) if len(found) == 1 else found
    return Listing(tuple(entries[:MOST_ENTRIES]), len(entries), _readme(found))


def _chain(snapshot: Snapshot, raw_id: str, found: list[TreeEntry]) -> list[TreeEntry]:
    """The only entry of a directory, or the first below it that is not the only one."""
    (only,) = found
    for _ in range(_DEEPEST_CHAIN):
        if only.kind is not EntryKind.DIRECTORY:
            break
        inside = snapshot.children(raw_id, only.path)
        if len(inside) != 1 or inside[0].kind is not EntryKind.DIRECTORY:
            break
        (only,) = inside
    return [only]


def _readme(entries: Sequence[TreeEntry]) -> TreeEntry | None:
    files = {entry.name.lower(): entry for entry in entries if entry.kind in (EntryKind.FILE, EntryKind.EXECUTABLE)}
    return next((files[name] for name in _READMES if name in files), None)


def last_changes(history: History, repository: Repository, place: Place) -> dict[str, Change]:
    """Name of each entry of a directory → what last changed it (`Snapshot.last_changes`)."""

    def look(snapshot: Snapshot) -> dict[str, Change]:
        found = snapshot.last_changes(place.raw_id, place.path)
        ids = list(dict.fromkeys(found.values()))
        changes = {changeset.raw_id: change_of(changeset) for changeset in snapshot.changesets(ids)}
        return {name: changes[raw_id] for name, raw_id in found.items()}

    return history.read(repository, look)


def touched(history: History, repository: Repository, place: Place, most: int) -> list[Change]:
    """The commits that touched what is at a place, newest first."""

    def look(snapshot: Snapshot) -> list[Change]:
        ids = snapshot.path_history(place.raw_id, place.path, 0, most)
        return [change_of(changeset) for changeset in snapshot.changesets(list(ids))]

    return history.read(repository, look)


def paths_below(history: History, repository: Repository, place: Place) -> list[tuple[str, str]]:
    """Everything below a directory, directories first: path from the root, and `file`, `dir` or `submodule`.

    Raises `Exhausted` where there is too much (max_api_nodes).
    """
    return history.read(
        repository, lambda snapshot: [(node.path, node.kind) for node in snapshot.nodes(place.raw_id, place.path)]
    )


_LONGEST_SUBJECT: Final = 200
_LONGEST_AUTHOR: Final = 100


def change_of(changeset: Changeset) -> Change:
    """A commit as rows show it."""
    subject = changeset.message.lstrip()[: 4 * _LONGEST_SUBJECT].partition("\n")[0].rstrip()
    return Change(
        raw_id=changeset.raw_id,
        short_id=changeset.short_id,
        number=changeset.revision,
        subject=subject if len(subject) <= _LONGEST_SUBJECT else subject[:_LONGEST_SUBJECT] + "…",
        author=person(changeset.author),
        date=changeset.date,
    )


def person(author: str) -> str:
    """The name of an author such as `Mira Noll <mira@example.org>`; the whole text where there is no other."""
    name = author.partition("<")[0].strip().strip('"')
    return (name or author.strip().strip("<>"))[:_LONGEST_AUTHOR]
