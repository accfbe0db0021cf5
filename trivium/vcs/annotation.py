# SPDX-License-Identifier: GPL-3.0-or-later
"""The commits that a file's lines come from, found from its versions where the system does not tell them itself."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

from trivium.vcs.diff.comparing import compare
from trivium.vcs.errors import NotText
from trivium.vcs.values import AnnotatedLine


def lines_of(content: bytes) -> list[bytes]:
    """The lines of a file with their ends, which are line feeds; raises `NotText`."""
    if b"\0" in content:
        raise NotText
    return list(io.BytesIO(content))


def annotated(lines: Sequence[bytes], origins: Sequence[str]) -> list[AnnotatedLine]:
    """Lines with the commits that they come from, numbered."""
    numbers = range(1, len(lines) + 1)
    return [AnnotatedLine(*line) for line in zip(origins, numbers, lines, strict=True)]


def origins_of(versions: Iterator[tuple[str, bytes]]) -> list[str]:
    """The commits that the lines of a file come from, by its versions: newest first, each with the commit that made it.

    Remaining lines come from the oldest version. No more versions are read once all lines are known.
    """
    made_by, content = next(versions)
    present = list(range(len(lines_of(content))))
    """For each line of the version at hand: the number of that line in the end; -1 for a line that went."""
    origins = [made_by] * len(present)
    left = len(present)
    while left and (version := next(versions, None)):
        older_by, older = version
        before: list[int] = []
        at = 0
        for old_start, old_count, new_start, new_count in _changes(older, content):
            before += present[at:new_start]
            before += [-1] * old_count
            assert len(before) == old_start + old_count
            left -= sum(1 for line in present[new_start : new_start + new_count] if line >= 0)
            at = new_start + new_count
        before += present[at:]
        for line in before:
            if line >= 0:
                origins[line] = older_by
        present, content = before, older
    return origins


def _changes(old: bytes, new: bytes) -> Iterator[tuple[int, int, int, int]]:
    """The replaced parts: in both versions the first line, counted from 0, and the number of lines."""
    if old == new:
        return
    for hunk in compare(old, new, "x", context=0, force_text=True).hunks:
        # For an empty part a diff tells the line before it.
        old_start = hunk.old_start - 1 if hunk.old_lines else hunk.old_start
        new_start = hunk.new_start - 1 if hunk.new_lines else hunk.new_start
        yield old_start, hunk.old_lines, new_start, hunk.new_lines
