# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of commits and contents of files: read once, and kept under ids whose content never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from trivium.forge.caches.pieces import NOTHING, Made, Pieces, digest_of
from trivium.vcs.budget import present
from trivium.vcs.model import Snapshot
from trivium.vcs.values import LARGEST_COMPARED, Content, DiffLimits, FileChange, Node

_changes = msgspec.json.Decoder(list[FileChange])


@dataclass(frozen=True, slots=True)
class FileFacts:
    """Facts about a file's content (api-repos.md 2.5); a file that is too large to be read has only its size."""

    md5: str | None
    binary: bool | None
    size: int
    lines: int | None
    content: str | None


_facts = msgspec.json.Decoder(FileFacts)


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A file of a tree as an answer shows it, in JSON: it goes from the cache into the answer as it is."""

    size: int
    """Bytes of the file."""
    length: int
    """Characters of the content that is shown."""
    head: msgspec.Raw
    """An object with everything but the content."""
    content: msgspec.Raw
    """A text; or null when no content is shown."""

    def shown(self, *, with_content: bool) -> msgspec.Raw:
        """The object with its content."""
        content = bytes(self.content) if with_content else b"null"
        return msgspec.Raw(b'%b,"content":%b}' % (bytes(self.head)[:-1], content))


_entry = msgspec.json.Decoder(Entry)

T = TypeVar("T")


class Changes:
    """The changes of commits, within the limits of one answer; with limits also diffs and counts."""

    def __init__(self, pieces: Pieces, snapshot: Snapshot, limits: DiffLimits | None) -> None:
        self._pieces = pieces
        self._snapshot = snapshot
        self._limits = limits
        self._left = limits.total if limits else 0
        """Bytes of diffs that may still be told."""

    def of(self, ids: Sequence[str]) -> Iterator[list[FileChange]]:
        """The changes of each commit."""
        limits, era = self._limits, self._snapshot.era
        per_file = limits.per_file if limits else None
        keys = {raw_id: digest_of("changes", era, raw_id, per_file) for raw_id in ids}
        kept = self._pieces.read([keys[raw_id] for raw_id in ids]) if era is not None else NOTHING
        missing = [raw_id for raw_id in ids if not kept.has(keys[raw_id])]
        read = self._snapshot.changes(missing, limits) if missing else iter(())
        enough = limits.total if limits else 0
        """Bytes of diffs that may still be read."""
        made = Made(self._pieces)
        for raw_id in ids:
            if kept.has(keys[raw_id]):
                changed = kept.take(keys[raw_id], _changes)
                if changed is None:
                    (changed,) = self._snapshot.changes([raw_id], limits)
                else:
                    present().spend(len(changed), sum(len(change.path) for change in changed))
            else:
                changed = next(read)
                enough -= _length(changed)
                # Changes are incomplete when time, or the room that other commits of this answer left, ran out.
                whole = not present().cut and (limits is None or enough >= limits.per_file)
                if era is not None and whole:
                    made.add(keys[raw_id], changed)
            yield self._shown(changed)
        made.keep()

    def _shown(self, changed: list[FileChange]) -> list[FileChange]:
        """The changes, with as many diffs as the answer has room for."""
        if self._limits is None:
            return changed
        shown = []
        for change in changed:
            length = len(change.diff or "")
            fits = length <= self._left
            self._left -= length if fits else 0
            shown.append(change if fits else replace(change, diff=None))
        return shown


def _length(changed: Sequence[FileChange]) -> int:
    return sum(len(change.diff or "") for change in changed)


def facts_of_files(
    pieces: Pieces, snapshot: Snapshot, files: Sequence[Node], *, most: int | None
) -> Iterator[FileFacts]:
    """Facts about each file, with the content of files of at most `most` bytes; None: of no file.

    One by one, so that not all contents stand in memory.
    """

    def look(_: Node, content: Content) -> FileFacts:
        return facts_of(content, with_content=most is not None and content.size <= most)

    keys = [digest_of("facts", node.id, most) for node in files]
    return _kept_of_files(pieces, snapshot, files, keys, _facts, look)


def entries_of_files(
    pieces: Pieces, snapshot: Snapshot, files: Sequence[Node], *, most: int | None, form: str, show: _Show
) -> Iterator[Entry]:
    """Each file as an answer shows it; `show` makes an object of a file's facts, `form` names its shape.

    `most` as for `facts_of_files`.
    """

    def look(node: Node, content: Content) -> Entry:
        facts = facts_of(content, with_content=most is not None and content.size <= most)
        head, text = msgspec.json.encode(show(node, facts)), msgspec.json.encode(facts.content)
        return Entry(facts.size, len(facts.content or ""), msgspec.Raw(head), msgspec.Raw(text))

    # What is shown depends on the name as well.
    keys = [digest_of("entry", form, node.id, node.path, most) for node in files]
    return _kept_of_files(pieces, snapshot, files, keys, _entry, look)


_Show = Callable[[Node, FileFacts], object]


def _kept_of_files(
    pieces: Pieces,
    snapshot: Snapshot,
    files: Sequence[Node],
    keys: Sequence[bytes],
    decoder: msgspec.json.Decoder[T],
    look: Callable[[Node, Content], T],
) -> Iterator[T]:
    """A value for each file: the one kept under its key, or what `look` makes of its content."""
    kept = pieces.read(keys) if snapshot.lasting_files else NOTHING
    missing = [node for node, key in zip(files, keys, strict=True) if not kept.has(key)]
    read = snapshot.contents(missing, LARGEST_COMPARED) if missing else iter(())
    made = Made(pieces)
    for node, key in zip(files, keys, strict=True):
        if kept.has(key):
            present().check()
            found = kept.take(key, decoder)
            yield look(node, next(snapshot.contents([node], LARGEST_COMPARED))) if found is None else found
            continue
        found = look(node, next(read))
        if snapshot.lasting_files:
            made.add(key, found)
        yield found
    made.keep()


def facts_of(found: Content, *, with_content: bool) -> FileFacts:
    """Look at a file's content: binary means a NUL byte in it; lines end with a line feed or the end."""
    data = found.data
    if data is None:
        return FileFacts(None, None, found.size, None, None)
    binary = b"\0" in data
    content = data.decode("utf-8", "replace") if with_content and not binary else None
    return FileFacts(
        md5=hashlib.md5(data, usedforsecurity=False).hexdigest(),
        binary=binary,
        size=len(data),
        lines=data.count(b"\n") + (1 if data and not data.endswith(b"\n") else 0),
        content=content,
    )
