# SPDX-License-Identifier: GPL-3.0-or-later
"""What an address of a page means: a commit, and what is at a path in it (system.md 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from trivium.forge.history.locating import located
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.errors import UnknownPath, UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import EntryKind, TreeEntry

TIP: Final = "tip"
OF_SYSTEMS: Final = frozenset({".git", ".hg", "..", "."})
"""Segments that no page looks for: nothing here is the inside of a repository (system.md 2.1)."""
_MOST_PROPERTIES: Final = 100
_MOST_OF_A_PROPERTY: Final = 4 << 10


@dataclass(frozen=True, slots=True)
class Place:
    """Something in a repository: a file, a directory or a link at a commit."""

    stamp: str
    """With the ids below it says all that a content depends on (`vcs.model.Snapshot.era`)."""
    raw_id: str
    """Of the commit."""
    short_id: str
    number: int
    """The commit's position in the list of commits (`Changeset.revision`)."""
    name: str
    """What the address calls the commit."""
    path: str
    kind: EntryKind
    id: str
    size: int | None = None
    target: str = ""
    """`kind` to `target` are those of `vcs.pages.TreeEntry`."""
    properties: Mapping[str, str] = field(default_factory=dict)
    """What is kept beside it (`Abilities.properties`), cut at 4 KiB each."""

    @property
    def entry(self) -> TreeEntry:
        return TreeEntry(self.path, self.kind, self.id, self.size, self.target)

    @property
    def file_name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    @property
    def is_file(self) -> bool:
        """Whether it has a content."""
        return self.kind not in (EntryKind.DIRECTORY, EntryKind.LINK)


def place(history: History, repository: Repository, revision: str, path: str, at: Moment | None = None) -> Place | None:
    """What is at a path of a revision; None when the repository has no commits.

    A revision's name may go on in the path (`locating.located`). Without a name it is where the repository's pages
    begin. Raises `UnknownRevision` and `UnknownPath`. `at` as for `History.read`.
    """
    check_path(path)
    moment = at or history.now(repository)
    return history.read(
        repository, lambda snapshot: place_in(history, snapshot, repository, moment, revision, path), moment
    )


def check_path(path: str) -> None:
    """Raise `UnknownPath` for a path at which no page looks."""
    if any(segment.lower() in OF_SYSTEMS for segment in path.split("/")):
        raise UnknownPath(path)


def place_in(
    history: History, snapshot: Snapshot, repository: Repository, at: Moment, revision: str, path: str
) -> Place | None:
    """As `place`, in an open repository; the path has been looked at (`check_path`)."""
    if snapshot.is_empty():
        return None
    name = revision or landing(snapshot, repository)
    raw_id, rest = located(snapshot, name, path)
    if rest != path:
        name = f"{name}/{path}"[: -len(rest) - 1] if rest else f"{name}/{path}"
    entry = snapshot.entry(raw_id, rest)
    (changeset,) = snapshot.changesets([raw_id])
    era = snapshot.era
    with_properties = history.site.back_ends[repository.kind].abilities.properties
    return Place(
        stamp=at.key if era is None else era,
        raw_id=raw_id,
        short_id=changeset.short_id,
        number=changeset.revision,
        name=name,
        path=entry.path,
        kind=entry.kind,
        id=entry.id,
        size=entry.size,
        target=entry.target,
        properties=_properties(snapshot, raw_id, entry) if with_properties else {},
    )


def landing(snapshot: Snapshot, repository: Repository) -> str:
    """The revision that is shown when none is named."""
    _, _, name = repository.landing_rev.partition(":")
    try:
        snapshot.resolve(name)
    except UnknownRevision:
        return TIP
    return name


def _properties(snapshot: Snapshot, raw_id: str, entry: TreeEntry) -> dict[str, str]:
    if entry.kind is EntryKind.LINK:
        return {}
    found = sorted(snapshot.properties(raw_id, entry.path).items())[:_MOST_PROPERTIES]
    return {name: value[:_MOST_OF_A_PROPERTY].decode("utf-8", "replace") for name, value in found}
