# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit changed and what is in a file: read once, and kept under ids whose content never changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec

from trivium.forge.pieces import NOTHING, Made, Pieces, digest_of
from trivium.vcs.budget import present
from trivium.vcs.model import LARGEST_COMPARED, Content, DiffLimits, FileChange, Node, Snapshot

_changes = msgspec.json.Decoder(list[FileChange])


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What is told about a file's content (api-repos.md 2.5); of one that is too large to be read its size alone."""

    md5: str | None
    binary: bool | None
    size: int
    lines: int | None
    content: str | None


_facts = msgspec.json.Decoder(FileFacts)


class Changes:
    """What commits changed, within the limits of one answer; with limits also diffs and counts."""

    def __init__(self, pieces: Pieces, snapshot: Snapshot, limits: DiffLimits | None) -> None:
        self._pieces = pieces
        self._snapshot = snapshot
        self._limits = limits
        self._left = limits.total if limits else 0
        """Bytes of diffs that may still be told."""

    def of(self, ids: Sequence[str]) -> Iterator[list[FileChange]]:
        """For each commit what it changed."""
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
                # What was left out for lack of time, or for what others in this answer took, is not the whole truth.
                whole = not present().cut and (limits is None or enough >= limits.per_file)
                if era is not None and whole:
                    made.add(keys[raw_id], changed)
            yield self._shown(changed)
        made.keep()

    def _shown(self, changed: list[FileChange]) -> list[FileChange]:
        """So much of it as the answer has room for."""
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
    """What is told about each file; with the content of those that have at most so many bytes, None: of none.

    One by one, so that not all contents stand in memory.
    """
    keys = {node.id: digest_of("facts", node.id, most) for node in files}
    kept = pieces.read([keys[node.id] for node in files]) if snapshot.lasting_files else NOTHING
    missing = [node for node in files if not kept.has(keys[node.id])]
    read = snapshot.contents(missing, LARGEST_COMPARED)
    made = Made(pieces)

    def look(content: Content) -> FileFacts:
        return facts_of(content, with_content=most is not None and content.size <= most)

    for node in files:
        if kept.has(keys[node.id]):
            present().check()
            facts = kept.take(keys[node.id], _facts)
            yield look(next(snapshot.contents([node], LARGEST_COMPARED))) if facts is None else facts
            continue
        facts = look(next(read))
        if snapshot.lasting_files:
            made.add(keys[node.id], facts)
        yield facts
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
