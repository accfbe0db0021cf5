# SPDX-License-Identifier: GPL-3.0-or-later
"""The trees of a Subversion repository: what is where in which revision, its content and its properties.

libsvn wants paths that are canonical: relative, without empty or dot segments. Those of users are cleaned before they
arrive here, and those of the repository are.

It is asked in two ways, and both are cheap (0.3 to 6 microseconds for a node, 30 for a directory of five). The file
system tells of files and of properties; a session lists directories and logs. The session's `stat` crashes where there
is nothing, so nobody may call it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from trivium.vcs.budget import present
from trivium.vcs.diff.files import EXECUTABLE, PLAIN
from trivium.vcs.diff.files import LINK as LINKED
from trivium.vcs.pages import EntryKind

FILE: Final = 1
DIRECTORY: Final = 2
KIND: Final = 1
SIZE: Final = 2
HAS_PROPERTIES: Final = 4
CREATED: Final = 8
"""What is wanted of the entries of a directory; the kind alone costs no look at the entries themselves."""
MOST_OF_A_VALUE: Final = 64 << 10
"""Bytes of a property's value that are told."""
LINK: Final = b"link "
"""A symbolic link is a file with a property and this before its target."""
MODES: Final = {EntryKind.FILE: PLAIN, EntryKind.EXECUTABLE: EXECUTABLE, EntryKind.SYMLINK: LINKED}
"""What Git calls the kinds of files."""
_LONGEST_TARGET: Final = 4096
_BEGINNING: Final = 8000
"""Bytes in which a NUL makes a file binary, as for Git."""
_PIECE: Final = 256 << 10
_ENTRY: Final = "svn:entry:"
"""What a session adds to the properties of a directory."""


@dataclass(frozen=True, slots=True)
class At:
    """A file or directory of a revision."""

    path: str
    revision: int

    @property
    def id(self) -> str:
        """As in `Node.id` and `TreeEntry.id`."""
        return f"{self.revision}/{self.path}"


def at(node_id: str) -> At:
    """What an id stands for."""
    revision, _, path = node_id.partition("/")
    return At(path, int(revision))


@dataclass(frozen=True, slots=True)
class Touched:
    """One entry of a revision's list of changed paths; of a directory that was copied or deleted only itself."""

    action: str
    """`A`, `M`, `D`, or `R` for something else under an old name."""
    source: str | None
    """What it was copied from, if it was."""
    source_revision: int


class Segment(NamedTuple):
    """A stretch of a node's history during which it had one path."""

    first: int
    last: int
    path: str


class Trees:
    """All revisions of one repository, for one reader."""

    def __init__(self, place: Path, filesystem: Any) -> None:
        self._place = place
        self.filesystem = filesystem
        self._roots: dict[int, Any] = {}

    @cached_property
    def session(self) -> Any:
        """What lists directories and logs, which the file system's own interface does not offer."""
        from subvertpy.ra import RemoteAccess

        return RemoteAccess("file://" + quote(str(self._place)))

    def root(self, number: int) -> Any:
        """The file system's view of a revision."""
        root = self._roots.get(number)
        if root is None:
            root = self._roots[number] = self.filesystem.revision_root(number)
        return root

    def kind(self, path: str, number: int) -> int:
        """`FILE`, `DIRECTORY`, or something else where there is nothing."""
        return int(self.session.check_path(path, number))

    def directory(self, path: str, number: int, wanted: int) -> tuple[dict[str, dict[str, Any]], dict[str, bytes]]:
        """The entries of a directory with what is `wanted` of them, and its properties."""
        entries, _, properties = self.session.get_dir(path, number, wanted)
        return entries, {name: value for name, value in properties.items() if not name.startswith(_ENTRY)}

    def below(self, path: str, number: int) -> Iterator[tuple[str, int]]:
        """Everything below a directory, with its kind."""
        waiting = [path]
        budget = present()
        while waiting:
            budget.check()
            directory = waiting.pop()
            entries, _, _ = self.session.get_dir(directory, number, KIND)
            for name, entry in entries.items():
                below = f"{directory}/{name}" if directory else name
                budget.spend(1, len(below))
                yield below, entry["kind"]
                if entry["kind"] == DIRECTORY:
                    waiting.append(below)

    def length(self, file: At) -> int:
        """Bytes of a file as it is stored."""
        return int(self.root(file.revision).file_length(file.path))

    def properties(self, node: At) -> dict[str, bytes]:
        """What is kept beside a file or directory, whole."""
        found: dict[str, bytes] = self.root(node.revision).proplist(node.path)
        return found

    def entry_kind(self, file: At, properties: dict[str, bytes] | None = None) -> EntryKind:
        """What a file is, by its properties, which may be at hand.

        A file that says that it is special and does not look like a link is a file, as for the clients.
        """
        if properties is None:
            properties = self.properties(file)
        if "svn:special" in properties and self._is_link(file):
            return EntryKind.SYMLINK
        return EntryKind.EXECUTABLE if "svn:executable" in properties else EntryKind.FILE

    def _is_link(self, file: At) -> bool:
        return self.length(file) <= _LONGEST_TARGET + len(LINK) and self.beginning(file, len(LINK)) == LINK

    def size(self, file: At, kind: EntryKind) -> int:
        """Bytes of a file, or of a link's target."""
        return self.length(file) - (len(LINK) if kind is EntryKind.SYMLINK else 0)

    def pieces(self, file: At, kind: EntryKind) -> Iterator[bytes]:
        """The content of a file, or a link's target."""
        stream = self.root(file.revision).file_content(file.path)
        try:
            if kind is EntryKind.SYMLINK:
                stream.read(len(LINK))
            while piece := stream.read(_PIECE):
                yield piece
        finally:
            stream.close()

    def content(self, file: At, kind: EntryKind) -> bytes:
        """As `pieces`, whole."""
        return b"".join(self.pieces(file, kind))

    def beginning(self, file: At, most: int = _BEGINNING) -> bytes:
        """The first bytes of a file as it is stored."""
        stream = self.root(file.revision).file_content(file.path)
        found: bytes = stream.read(most)
        stream.close()
        return found

    def begins_binary(self, file: At) -> bool:
        """Whether a file is binary by the look of it."""
        return b"\0" in self.beginning(file)

    def same_content(self, one: At, other: At) -> bool:
        """Whether two files are surely the same; costs no look at them, for the sums are stored."""
        from subvertpy.repos import CHECKSUM_MD5

        if one == other:
            return True
        sums = [self.root(file.revision).file_checksum(file.path, CHECKSUM_MD5) for file in (one, other)]
        return sums[0] is not None and sums[0] == sums[1]

    def touched(self, first: int, last: int) -> list[dict[str, Touched]]:
        """The lists of changed paths of revisions, newest first."""
        found: list[dict[str, Touched]] = []
        budget = present()

        def take(changed: dict[str, tuple[str, str | None, int]] | None, *_: Any) -> None:
            budget.check()
            found.append(
                {
                    path.strip("/"): Touched(action, source and source.strip("/"), revision)
                    for path, (action, source, revision) in (changed or {}).items()
                }
            )

        self.session.get_log(take, [""], last, first, 0, True, False, False, [])
        return found

    def segments(self, path: str, number: int) -> list[Segment]:
        """The history of what is called so in a revision, newest first, through copies."""
        found: list[Segment] = []

        def take(first: int, last: int, at: str | None) -> None:
            if at is not None:
                found.append(Segment(first, last, at.strip("/")))

        self.session.get_location_segments(path, number, number, 0, take)
        return found
