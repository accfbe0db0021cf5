# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Subversion repository: revisions, changes and trees (api-repos.md 2, 3).

libsvn wants canonical paths: relative, without empty or dot segments. Paths of users are cleaned before they arrive
here, and paths of the repository are canonical.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from trivium.vcs.annotation import annotated, lines_of, origins_of
from trivium.vcs.budget import present
from trivium.vcs.diff.files import EXECUTABLE, LINK, PLAIN, Side, change_of, mode_change
from trivium.vcs.errors import TooLarge, UnknownPath, UnknownRevision, VcsError
from trivium.vcs.paths import clean_path
from trivium.vcs.svn.filesystem import changeset_of
from trivium.vcs.values import (
    LARGEST_COMPARED,
    AnnotatedLine,
    Changeset,
    Content,
    DiffLimits,
    FileChange,
    Layout,
    Names,
    Node,
    Refs,
)

_REVISION = re.compile("[1-9][0-9]{0,9}")
_YOUNGEST: Final = frozenset({"tip", "HEAD"})
_FILE: Final = 1
_DIRECTORY: Final = 2
_KIND: Final = 1
"""Only the kinds of a directory's entries are wanted."""
_LINK: Final = b"link "
"""A symbolic link is a file with a property, and with this text before its target."""
_BEGINNING: Final = 8000
"""Bytes in which a NUL makes a file binary, as for Git."""
_CHUNK: Final = 1 << 20
_PATIENCE: Final = 60
"""Seconds that a file may take to be annotated."""
_MOST_PLACES: Final = 10_000
"""Branches or tags that one pattern may find."""
_TURN: Final = threading.Lock()
"""Threads that read revisions take turns: libsvn gives the interpreter away for each revision, and two readers that
hand it to each other a hundred times use half as much time again (`make bench`)."""
_AT_A_TIME: Final = 100
"""Revisions of one turn, a millisecond."""


@dataclass(frozen=True, slots=True)
class _Touched:
    """One entry of a revision's list of changed paths; a copied or deleted directory is one entry."""

    action: str
    """`A`, `M`, `D`, or `R` for another object under an old name."""
    source: str | None
    """The source, if it was copied."""
    source_revision: int


@dataclass(frozen=True, slots=True)
class _At:
    """A file of a revision."""

    path: str
    revision: int


class SvnSnapshot:
    """One repository, opened by one reader, which does not see later commits."""

    lasting_files = False

    def __init__(self, place: Path, filesystem: Any, last: int) -> None:
        self._place = place
        self._filesystem = filesystem
        self._last = last
        self._roots: dict[int, Any] = {}

    @cached_property
    def era(self) -> str | None:
        """The instance of the file system: a number means something else in a repository that was loaded anew."""
        try:
            told = (self._place / "db" / "uuid").read_text("ascii").split()
        except (OSError, UnicodeDecodeError):
            return None
        return told[1] if len(told) > 1 else None

    @cached_property
    def _session(self) -> Any:
        """The interface for lists of directories and logs, which the file system's own does not offer."""
        from subvertpy.ra import RemoteAccess

        return RemoteAccess("file://" + quote(str(self._place)))

    def _root(self, number: int) -> Any:
        root = self._roots.get(number)
        if root is None:
            root = self._roots[number] = self._filesystem.revision_root(number)
        return root

    def is_empty(self) -> bool:
        return not self.ids(0, 1)

    def ids(self, start: int, limit: int | None) -> Sequence[str]:
        end = self._last if limit is None else min(self._last, start + limit)
        return [str(number) for number in range(start + 1, end + 1)]

    def resolve(self, revision: str) -> str:
        if revision in _YOUNGEST and self._last:
            return str(self._last)
        if _REVISION.fullmatch(revision) and int(revision) <= self._last:
            return revision
        raise UnknownRevision(revision)

    def start(self, revision: str) -> int:
        if revision == "0" and self._last:
            return 0
        return self.position(self.resolve(revision))

    def position(self, raw_id: str) -> int:
        return int(raw_id) - 1

    def changesets(self, raw_ids: Sequence[str]) -> list[Changeset]:
        found: list[Changeset] = []
        while some := raw_ids[len(found) : len(found) + _AT_A_TIME]:
            with _TURN:
                found += [changeset_of(self._filesystem, int(raw_id)) for raw_id in some]
        return found

    def refs_at(self, raw_id: str) -> Refs:  # noqa: ARG002
        return Refs((), (), ())

    def names(self, layout: Layout | None = None) -> Names:
        """A path's id is the revision that last touched something below it; copying it counts as well."""
        if layout is None or not self._last:
            return Names({}, {}, {})
        return Names(self._placed(layout.branches), {}, self._placed(layout.tags))

    def _placed(self, patterns: Sequence[str]) -> dict[str, str]:
        """The directories of the youngest revision that match one of these patterns."""
        found: dict[str, str] = {}
        for pattern in patterns:
            places = {"": self._last}
            for segment in pattern.split("/"):
                places = {
                    f"{above}/{name}" if above else name: revision
                    for above in places
                    for name, revision in self._directories(above, None if segment == "*" else segment).items()
                }
                if len(places) > _MOST_PLACES:
                    raise TooLarge(pattern)
            found |= {path: str(revision) for path, revision in places.items()}
        return found

    def _directories(self, path: str, name: str | None) -> dict[str, int]:
        """The directories in a directory, or the one with this name: name → the revision that last touched it."""
        from subvertpy.ra import DIRENT_CREATED_REV, DIRENT_KIND

        if name is not None and self._session.check_path(f"{path}/{name}" if path else name, self._last) != _DIRECTORY:
            return {}
        entries, _, _ = self._session.get_dir(path, self._last, DIRENT_KIND | DIRENT_CREATED_REV)
        return {
            one: int(entry["created_rev"])
            for one, entry in entries.items()
            if entry["kind"] == _DIRECTORY and name in (None, one)
        }

    def path_history(self, raw_id: str, path: str, start: int, limit: int) -> Sequence[str]:
        path, number = clean_path(path), int(raw_id)
        if self._session.check_path(path, number) not in (_FILE, _DIRECTORY):
            raise UnknownPath(path)
        found: list[str] = []
        if limit > 0:  # libsvn takes 0 for all

            def take(_: Any, revision: int, *__: Any) -> None:
                found.append(str(revision))

            self._session.get_log(take, [path], number, 1, start + limit, False, True, False, [])
        return found[start:]

    def annotate(self, raw_id: str, path: str, limit: int) -> list[AnnotatedLine]:
        path, number = clean_path(path), int(raw_id)
        if self._session.check_path(path, number) != _FILE:
            raise UnknownPath(path)
        if self._root(number).file_length(path) > limit + len(_LINK):
            raise TooLarge(path)
        file = _At(path, number)
        content = self._content(file)
        if len(content) > limit:
            raise TooLarge(path)
        return annotated(lines_of(content), origins_of(self._versions(file, limit)))

    def _versions(self, file: _At, limit: int) -> Iterator[tuple[str, bytes]]:
        """The versions of a file, newest first, as long as they have at most `limit` bytes."""
        revisions: list[_At] = []

        def take(path: str, revision: int, *_: Any) -> None:
            revisions.append(_At(path.strip("/"), revision))

        self._session.get_file_revs(file.path, 0, file.revision, take)
        end = time.monotonic() + _PATIENCE
        for one in reversed(revisions):
            if self._root(one.revision).file_length(one.path) > limit + len(_LINK):
                return
            if time.monotonic() > end:
                raise VcsError(f"{file.path} has too long a history to be annotated")
            yield str(one.revision), self._content(one)

    def nodes(self, raw_id: str, path: str) -> list[Node]:
        number = int(raw_id)
        kind = self._session.check_path(path, number)
        if kind == _FILE:
            return []
        if kind != _DIRECTORY:
            raise UnknownPath(path)
        found = [
            Node(below, "dir" if kind == _DIRECTORY else "file", f"{raw_id}/{below}")
            for below, kind in self._below(path, number)
        ]
        return sorted(found, key=lambda node: (node.kind, node.path))

    def _below(self, path: str, number: int) -> Iterator[tuple[str, int]]:
        """Everything below a directory, with its kind."""
        waiting = [path]
        budget = present()
        while waiting:
            budget.check()
            directory = waiting.pop()
            entries, _, _ = self._session.get_dir(directory, number, _KIND)
            for name, entry in entries.items():
                below = f"{directory}/{name}" if directory else name
                budget.spend(1, len(below))
                yield below, entry["kind"]
                if entry["kind"] == _DIRECTORY:
                    waiting.append(below)

    def file(self, raw_id: str, path: str) -> Node:
        path = clean_path(path)
        if self._session.check_path(path, int(raw_id)) != _FILE:
            raise UnknownPath(path)
        return Node(path, "file", f"{raw_id}/{path}")

    def sizes(self, nodes: Sequence[Node]) -> list[int]:
        return [self._size(_at(node)) for node in nodes]

    def _size(self, file: _At) -> int:
        root = self._root(file.revision)
        length = int(root.file_length(file.path))
        return length - len(_LINK) if _is_link(root, file.path) else length

    def contents(self, nodes: Sequence[Node], most: int) -> Iterator[Content]:
        for node in nodes:
            present().check()
            file = _at(node)
            size = self._root(file.revision).file_length(file.path)
            if size > most:
                yield Content(size, None)
                continue
            data = self._content(file)
            yield Content(len(data), data)

    def _content(self, file: _At) -> bytes:
        root = self._root(file.revision)
        stream = root.file_content(file.path)
        pieces = []
        while piece := stream.read(_CHUNK):
            pieces.append(piece)
        stream.close()
        content = b"".join(pieces)
        return content.removeprefix(_LINK) if _is_link(root, file.path) else content

    def changes(self, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
        left = limits.total if limits else 0
        for raw_id in raw_ids:
            number = int(raw_id)
            touched = self._touched(number)
            found = []
            for path in sorted(self._candidates(touched, number)):
                present().spend(1, len(path))
                old, new = self._sides(touched, path, number)
                if old is None and new is None:
                    continue  # it came and went with its directory
                if limits is None:
                    found.append(FileChange(path, "A" if old is None else "D" if new is None else "M"))
                    continue
                change = self._compared(path, old, new, min(limits.per_file, left))
                left -= len(change.diff or "")
                found.append(change)
            yield found

    def _touched(self, number: int) -> dict[str, _Touched]:
        """The list of changed paths of a revision."""
        found: dict[str, _Touched] = {}

        def take(changed: dict[str, tuple[str, str | None, int]] | None, *_: Any) -> None:
            for path, (action, source, revision) in (changed or {}).items():
                found[path.strip("/")] = _Touched(action, source and source.strip("/"), revision)

        self._session.get_log(take, [""], number, number, 0, True, False, False, [])
        return found

    def _candidates(self, touched: dict[str, _Touched], number: int) -> set[str]:
        """Every file that may have changed, below directories that were copied or deleted too."""
        found: set[str] = set()
        for path, entry in touched.items():
            if entry.action in ("D", "R"):
                found.update(self._files(path, number - 1))
            if entry.action != "D" and self._root(number).is_file(path):
                found.add(path)
            elif entry.action in ("A", "R") and entry.source is not None:
                found.update(self._files(path, number))
        return found

    def _files(self, path: str, number: int) -> list[str]:
        """A file itself, or all files below a directory."""
        kind = self._session.check_path(path, number)
        if kind == _FILE:
            return [path]
        return [below for below, kind in self._below(path, number) if kind == _FILE] if kind == _DIRECTORY else []

    def _sides(self, touched: dict[str, _Touched], path: str, number: int) -> tuple[_At | None, _At | None]:
        """A file before and after a revision; the file before is the source if it was copied."""
        new = _At(path, number) if self._root(number).is_file(path) else None
        if new is not None and (source := _source(touched, path)) and self._root(source.revision).is_file(source.path):
            return source, new
        return (_At(path, number - 1) if self._root(number - 1).is_file(path) else None), new

    def _compared(self, path: str, old: _At | None, new: _At | None, limit: int) -> FileChange:
        """The change of one file. A file that is too large to be compared is not read either."""
        sides = [side for side in (old, new) if side is not None]
        same = self._same(sides)
        if same or any(self._root(side.revision).file_length(side.path) > LARGEST_COMPARED for side in sides):
            return FileChange(
                path,
                "A" if old is None else "D" if new is None else "M",
                old_revision=str(old.revision) if old else None,
                new_revision=str(new.revision) if new else None,
                diff=mode_change(path, *map(self._mode, sides)) if same else None,
                added=0,
                deleted=0,
                binary=any(self._begins_binary(side) for side in sides),
            )
        return change_of(path, self._side(old), self._side(new), limit)

    def _mode(self, file: _At) -> str:
        properties = self._root(file.revision).proplist(file.path)
        return LINK if "svn:special" in properties else EXECUTABLE if "svn:executable" in properties else PLAIN

    def _same(self, sides: list[_At]) -> bool:
        """Whether the content did not change: a copy, or a change of properties."""
        from subvertpy.repos import CHECKSUM_MD5

        if len(sides) != 2:
            return False
        old, new = (self._root(side.revision).file_checksum(side.path, CHECKSUM_MD5) for side in sides)
        return old is not None and old == new

    def _begins_binary(self, file: _At) -> bool:
        stream = self._root(file.revision).file_content(file.path)
        beginning: bytes = stream.read(_BEGINNING)
        stream.close()
        return b"\0" in beginning

    def _side(self, file: _At | None) -> Side | None:
        return None if file is None else Side(str(file.revision), self._content(file), self._mode(file))


def _at(node: Node) -> _At:
    return _At(node.path, int(node.id.partition("/")[0]))


def _is_link(root: Any, path: str) -> bool:
    return "svn:special" in root.proplist(path)


def _source(touched: dict[str, _Touched], path: str) -> _At | None:
    """The source of a file that was copied, by itself or with one of its directories."""
    above = path
    while above:
        entry = touched.get(above)
        if entry is not None and entry.action in ("A", "R"):
            if entry.source is None:
                return None
            return _At(entry.source + path[len(above) :], entry.source_revision)
        above = above.rpartition("/")[0]
    return None
