# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Subversion repository: revisions, changes and trees (api-repos.md 2, 3)."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from trivium.vcs.annotation import annotated, lines_of, origins_of
from trivium.vcs.budget import present
from trivium.vcs.errors import TooLarge, UnknownPath, UnknownRevision, VcsError
from trivium.vcs.pages import Apart, CommitDetails, DiffOptions, EntryKind, FileDifference, Properties, TreeEntry
from trivium.vcs.paths import clean_path
from trivium.vcs.svn import listing
from trivium.vcs.svn.apart import apart
from trivium.vcs.svn.changes import changes_of
from trivium.vcs.svn.details import details_of
from trivium.vcs.svn.differences import differences, differing
from trivium.vcs.svn.filesystem import changeset_of
from trivium.vcs.svn.patches import patch, raw_diff
from trivium.vcs.svn.trees import CREATED, DIRECTORY, FILE, KIND, LINK, At, Trees, at
from trivium.vcs.values import (
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
_PATIENCE: Final = 60
"""Seconds that a file may take to be annotated."""
_MOST_PLACES: Final = 10_000
"""Branches or tags that one pattern may find."""
_TURN: Final = threading.Lock()
"""Threads that read revisions take turns: libsvn gives the interpreter away for each revision, and two readers that
hand it to each other a hundred times use half as much time again (`make bench`)."""
_AT_A_TIME: Final = 100
"""Revisions of one turn, a millisecond."""


class SvnSnapshot:
    """One repository, opened by one reader, which does not see later commits."""

    lasting_files = False

    def __init__(self, place: Path, filesystem: Any, last: int) -> None:
        self._place = place
        self._trees = Trees(place, filesystem)
        self._last = last

    @cached_property
    def era(self) -> str | None:
        """The instance of the file system: a number means something else in a repository that was loaded anew."""
        try:
            told = (self._place / "db" / "uuid").read_text("ascii").split()
        except (OSError, UnicodeDecodeError):
            return None
        return told[1] if len(told) > 1 else None

    def is_empty(self) -> bool:
        return not self.ids(0, 1)

    def first_branch(self) -> str:
        return ""

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
                found += [changeset_of(self._trees.filesystem, int(raw_id)) for raw_id in some]
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
        if name is not None and self._trees.kind(f"{path}/{name}" if path else name, self._last) != DIRECTORY:
            return {}
        entries, _ = self._trees.directory(path, self._last, KIND | CREATED)
        return {
            one: int(entry["created_rev"])
            for one, entry in entries.items()
            if entry["kind"] == DIRECTORY and name in (None, one)
        }

    def path_history(self, raw_id: str, path: str, start: int, limit: int) -> Sequence[str]:
        path, number = clean_path(path), int(raw_id)
        if self._trees.kind(path, number) not in (FILE, DIRECTORY):
            raise UnknownPath(path)
        return self._log(path, number, 1, start + limit)[start:] if limit > 0 else []

    def _log(self, path: str, newest: int, oldest: int, limit: int) -> list[str]:
        """The newest revisions that touched a path, as long as it has the name."""
        found: list[str] = []
        if limit > 0:  # libsvn takes 0 for all

            def take(_: Any, revision: int, *__: Any) -> None:
                found.append(str(revision))

            self._trees.session.get_log(take, [path], newest, oldest, limit, False, True, False, [])
        return found

    def annotate(self, raw_id: str, path: str, limit: int) -> list[AnnotatedLine]:
        path, number = clean_path(path), int(raw_id)
        if self._trees.kind(path, number) != FILE:
            raise UnknownPath(path)
        file = At(path, number)
        if self._trees.length(file) > limit + len(LINK):
            raise TooLarge(path)
        content = self._content(file)
        if len(content) > limit:
            raise TooLarge(path)
        return annotated(lines_of(content), origins_of(self._versions(file, limit)))

    def _versions(self, file: At, limit: int) -> Iterator[tuple[str, bytes]]:
        """A file and what it was before, newest first, as long as it had not more than `limit` bytes."""
        revisions: list[At] = []

        def take(path: str, revision: int, *_: Any) -> None:
            revisions.append(At(path.strip("/"), revision))

        self._trees.session.get_file_revs(file.path, 0, file.revision, take)
        end = time.monotonic() + _PATIENCE
        for one in reversed(revisions):
            if self._trees.length(one) > limit + len(LINK):
                return
            if time.monotonic() > end:
                raise VcsError(f"{file.path} has too long a history to be annotated")
            yield str(one.revision), self._content(one)

    def nodes(self, raw_id: str, path: str) -> list[Node]:
        number = int(raw_id)
        kind = self._trees.kind(path, number)
        if kind == FILE:
            return []
        if kind != DIRECTORY:
            raise UnknownPath(path)
        found = [
            Node(below, "dir" if kind == DIRECTORY else "file", f"{raw_id}/{below}")
            for below, kind in self._trees.below(path, number)
        ]
        return sorted(found, key=lambda node: (node.kind, node.path))

    def file(self, raw_id: str, path: str) -> Node:
        path = clean_path(path)
        if self._trees.kind(path, int(raw_id)) != FILE:
            raise UnknownPath(path)
        return Node(path, "file", f"{raw_id}/{path}")

    def sizes(self, nodes: Sequence[Node]) -> list[int]:
        files = [at(node.id) for node in nodes]
        return [self._trees.size(file, self._trees.entry_kind(file)) for file in files]

    def contents(self, nodes: Sequence[Node], most: int) -> Iterator[Content]:
        for node in nodes:
            present().check()
            file = at(node.id)
            size = self._trees.length(file)
            if size > most:
                yield Content(size, None)
                continue
            data = self._content(file)
            yield Content(len(data), data)

    def _content(self, file: At) -> bytes:
        return self._trees.content(file, self._trees.entry_kind(file))

    def changes(self, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
        return changes_of(self._trees, raw_ids, limits)

    def entry(self, raw_id: str, path: str) -> TreeEntry:
        return listing.entry(self._trees, At(clean_path(path), int(raw_id)))

    def children(self, raw_id: str, path: str) -> list[TreeEntry]:
        return listing.children(self._trees, At(clean_path(path), int(raw_id)))

    def last_changes(self, raw_id: str, path: str) -> dict[str, str]:
        return listing.last_changes(self._trees, At(clean_path(path), int(raw_id)))

    def files_below(self, raw_id: str, path: str) -> Iterator[TreeEntry]:
        return listing.files_below(self._trees, At(clean_path(path), int(raw_id)))

    def parts(self, raw_id: str) -> list[TreeEntry]:
        """Subversion has none."""
        del raw_id
        return []

    def stream(self, entry: TreeEntry) -> Iterator[bytes]:
        if entry.kind in (EntryKind.DIRECTORY, EntryKind.LINK):
            raise UnknownPath(entry.path)
        return self._trees.pieces(at(entry.id), entry.kind)

    def properties(self, raw_id: str, path: str) -> Properties:
        return listing.properties(self._trees, At(clean_path(path), int(raw_id)))

    def details(self, raw_ids: Sequence[str]) -> list[CommitDetails]:
        return [details_of(self._trees, changeset, self._last) for changeset in self.changesets(raw_ids)]

    def page(self, head: str | None, after: str | None, limit: int) -> list[str]:
        newest = self._newest(head, after)
        return [str(number) for number in range(newest, max(0, newest - limit), -1)]

    def _newest(self, head: str | None, after: str | None) -> int:
        """The revision that a page begins with."""
        newest = self._last if head is None else int(head)
        return newest if after is None else min(newest, int(after) - 1)

    def branch_page(self, branch: str, after: str | None, limit: int) -> list[str]:
        """The revisions that touched the directory since it is called so; what it was copied from is not followed."""
        try:
            path = clean_path(branch)
        except UnknownPath as error:
            raise UnknownRevision(branch) from error
        if not path or path != branch or self._trees.kind(path, self._last) != DIRECTORY:
            raise UnknownRevision(branch)
        newest = self._newest(None, after)
        first = self._trees.segments(path, self._last)[0].first
        if newest < first:
            return []  # it was called something else, or was not there at all
        return self._log(path, newest, first, limit)

    def ancestor(self, one: str, other: str) -> str | None:
        return min(one, other, key=int)

    def lacking(self, old: str, new: str, limit: int) -> list[str]:
        newest = int(new)
        return [str(number) for number in range(newest, max(int(old), newest - limit), -1)]

    def apart(self, old: tuple[str, str], new: tuple[str, str], limit: int) -> Apart:
        sides = [At(clean_path(path), int(raw_id)) for path, raw_id in (old, new)]
        return apart(self._trees, sides[0], sides[1], limit)

    def differences(self, old: str | None, new: str, options: DiffOptions) -> Iterator[FileDifference]:
        return differences(self._trees, int(old or 0), int(new), options)

    def differing(self, old: str | None, new: str, options: DiffOptions) -> list[FileDifference]:
        return differing(self._trees, int(old or 0), int(new), options)

    def raw_diff(self, old: str | None, new: str, options: DiffOptions) -> Iterator[bytes]:
        return raw_diff(self._trees, int(old or 0), int(new), options)

    def patch(self, raw_id: str, options: DiffOptions) -> Iterator[bytes]:
        return patch(self._trees, int(raw_id), options)
