# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a Mercurial repository: revisions are resolved here, everything else is asked of the Mercurial processes.

The list of changesets is Mercurial's own, in the order of their arrival. One call of the API is one question, however
many changesets it is about.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from trivium.vcs.annotation import annotated, lines_of
from trivium.vcs.budget import present
from trivium.vcs.diff.files import EXECUTABLE, LINK, PLAIN, Side, change_of
from trivium.vcs.errors import UnknownRevision
from trivium.vcs.hg.client import HgProcesses, Stream
from trivium.vcs.hg.differing import Differing
from trivium.vcs.hg.directories import Directories
from trivium.vcs.hg.graph import Graph
from trivium.vcs.hg.index import HgIndex
from trivium.vcs.hg.reader import joined
from trivium.vcs.hg.values import Annotated, Change, Entry
from trivium.vcs.paths import clean_path, raw_path
from trivium.vcs.values import AnnotatedLine, Changeset, Content, DiffLimits, FileChange, Layout, Names, Node, Refs

_ID_BYTES: Final = 20
_FEW: Final = 16
_SMALL: Final = 64 << 10
"""Bytes of a file which is read together with others."""
_MODES: Final = {b"x": EXECUTABLE, b"l": LINK}
_PATIENCE: Final = 60.0
"""Seconds that the history of a file may take."""
_FULL_ID = re.compile("[0-9a-fA-F]{40}")
_PREFIX = re.compile("[0-9a-fA-F]{7,39}")
_NUMBER = re.compile("[0-9]{1,11}")


class HgSnapshot(Directories, Graph, Differing):
    """One repository, opened by one reader."""

    era: str | None = ""
    lasting_files = True

    def __init__(self, processes: HgProcesses, index: HgIndex, directory: int, *others: int) -> None:
        """`others` are directories of repositories that are read together with this one."""
        super().__init__(processes, index, directory, *others)
        self._branches: dict[str, str] = {}
        """Changeset → named branch, of the changesets that were read."""

    def is_empty(self) -> bool:
        return not self.ids(0, 1)

    def first_branch(self) -> str:
        return "default"

    def ids(self, start: int, limit: int | None) -> Sequence[str]:
        end = len(self._index) if limit is None else min(len(self._index), start + limit)
        return [self._index.at(position) for position in range(start, end)]

    def position(self, raw_id: str) -> int:
        return self._index.position(raw_id)

    def start(self, revision: str) -> int:
        return self.position(self.resolve(revision))

    def resolve(self, revision: str) -> str:
        index = self._index
        if revision == "tip" and len(index):
            return index.at(len(index) - 1)
        if _FULL_ID.fullmatch(revision) and any(True for _ in index.find(bytes.fromhex(revision))):
            return revision.lower()
        if _NUMBER.fullmatch(revision) and (numbered := index.numbered(int(revision))):
            return numbered
        for names in index.names:
            if revision in names:
                return names[revision]
        if _PREFIX.fullmatch(revision) and (found := self._by_prefix(revision.lower())):
            return found
        raise UnknownRevision(revision)

    def _by_prefix(self, prefix: str) -> str | None:
        """The only changeset whose id starts with these digits."""
        matching: list[str] = []
        for position in self._index.find(bytes.fromhex(prefix[: len(prefix) & ~1])):
            if self._index.at(position).startswith(prefix):
                matching.append(self._index.at(position))
                if len(matching) > 1:
                    return None
        return matching[0] if matching else None

    def changesets(self, raw_ids: Sequence[str]) -> list[Changeset]:
        found = self._processes.ask(list[Changeset], "changesets", self._directory, ids=joined(raw_ids))
        self._branches.update((changeset.raw_id, changeset.branch or "") for changeset in found)
        return found

    def refs_at(self, raw_id: str) -> Refs:
        if raw_id not in self._branches:
            self.changesets([raw_id])
        index = self._index
        return Refs(
            (self._branches[raw_id],), tuple(index.bookmarks.get(raw_id, ())), tuple(index.tags.get(raw_id, ()))
        )

    def changes(self, raw_ids: Sequence[str], limits: DiffLimits | None) -> Iterator[list[FileChange]]:
        asked = {"ids": joined(raw_ids), "contents": limits is not None}
        left = limits.total if limits else 0
        budget = present()
        with self._processes.stream("changes", self._directory, **asked) as stream:
            for _ in raw_ids:
                found = []
                budget.check()
                for change in stream.value(list[Change]):
                    budget.spend(1, len(change.path))
                    shown = (
                        _compared(change, stream, min(limits.per_file, left))
                        if limits
                        else FileChange(_text(change.path), change.op)
                    )
                    left -= len(shown.diff or "")
                    found.append(shown)
                yield found

    def names(self, layout: Layout | None = None) -> Names:  # noqa: ARG002
        branches, tags, bookmarks = self._index.names
        closed = {name: branches[name] for name in self._index.closed}
        return Names({name: branches[name] for name in branches.keys() - closed}, bookmarks, tags, closed)

    def path_history(self, raw_id: str, path: str, start: int, limit: int) -> Sequence[str]:
        wanted = {"raw_id": bytes.fromhex(raw_id), "path": raw_path(path), "start": start, "limit": max(limit, 0)}
        found = self._processes.ask(list[bytes], "path_history", self._directory, timeout=_PATIENCE, **wanted)
        return [one.hex() for one in found]

    def annotate(self, raw_id: str, path: str, limit: int) -> list[AnnotatedLine]:
        wanted = {"raw_id": bytes.fromhex(raw_id), "path": raw_path(path), "limit": limit}
        found = self._processes.ask(Annotated, "annotate", self._directory, timeout=_PATIENCE, **wanted)
        return annotated(lines_of(found.content), [one.hex() for one in found.ids])

    def nodes(self, raw_id: str, path: str, most: int | None = None) -> list[Node]:
        """As `model.Snapshot.nodes`; raises `TooLarge` when there are more than `most` files."""
        wanted: dict[str, Any] = {"raw_id": bytes.fromhex(raw_id), "path": path, "most": most}
        listed = self._processes.ask(list[Entry], "nodes", self._directory, **wanted)
        above = f"{path}/" if path else ""
        budget = present()
        directories: set[str] = set()
        files = []
        for entry in listed:
            name = _text(entry.path)
            budget.spend(1, len(name))
            # Names that are no UTF-8 may look alike, so the id includes the bytes of the name.
            files.append(Node(name, "file", f"{entry.file_id.hex()}{entry.path.hex()}"))
            at = name.rfind("/")
            while at >= len(above) and name[:at] not in directories:
                budget.spend(1, at)
                directories.add(name[:at])
                at = name.rfind("/", 0, at)
        return [Node(name, "dir", "") for name in sorted(directories)] + sorted(files, key=_by_path)

    def file(self, raw_id: str, path: str) -> Node:
        path = clean_path(path)
        entry = self._processes.ask(Entry, "file", self._directory, raw_id=bytes.fromhex(raw_id), path=path)
        return Node(path, "file", f"{entry.file_id.hex()}{entry.path.hex()}")

    def sizes(self, nodes: Sequence[Node]) -> list[int]:
        return self._processes.ask(list[int], "sizes", self._directory, files=[_file(node) for node in nodes])

    def contents(self, nodes: Sequence[Node], most: int) -> Iterator[Content]:
        asked: dict[str, Any] = {"files": [_file(node) for node in nodes], "most": min(most, _SMALL)}
        if len(nodes) <= _FEW:
            # The case after a push of a commit or two: no process need be forked for it.
            found = self._processes.ask(list[bytes | None], "few_contents", self._directory, **asked)
            if all(data is not None for data in found):
                present().check()
                yield from (Content(len(data), data) for data in found if data is not None)
                return
        asked["most"] = most
        with self._processes.stream("contents", self._directory, **asked) as stream:
            for node in nodes:
                present().check()
                data = stream.content()
                # The size of a content that is too large is missing here.
                yield Content(self.sizes([node])[0], None) if data is None else Content(len(data), data)


def _file(node: Node) -> tuple[bytes, bytes]:
    """A listed file's own name, and its id."""
    found = bytes.fromhex(node.id)
    return found[_ID_BYTES:], found[:_ID_BYTES]


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")


def _by_path(node: Node) -> str:
    return node.path


def _compared(change: Change, stream: Stream, limit: int) -> FileChange:
    old, new = (
        Side(file_id.hex(), content, _MODES.get(flags, PLAIN)) if file_id and content is not None else None
        for file_id, content, flags in (
            (change.old_id, stream.content(), change.old_flags),
            (change.new_id, stream.content(), change.new_flags),
        )
    )
    revisions = [file_id.hex() if file_id else None for file_id in (change.old_id, change.new_id)]
    wanted = (change.old_id is not None, change.new_id is not None)
    if wanted != (old is not None, new is not None):
        # Too large to compare.
        return FileChange(_text(change.path), change.op, revisions[0], revisions[1], None, 0, 0, True)
    return change_of(_text(change.path), old, new, limit)
