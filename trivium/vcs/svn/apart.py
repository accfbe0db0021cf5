# SPDX-License-Identifier: GPL-3.0-or-later
"""How far two directories have gone their own ways since they were one, or one was copied from the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trivium.vcs.errors import UnknownPath
from trivium.vcs.pages import Apart
from trivium.vcs.svn.trees import DIRECTORY, FILE, At, Segment, Trees


def apart(trees: Trees, old: At, new: At, limit: int) -> Apart:
    """As `Snapshot.apart`."""
    for place in (old, new):
        if trees.kind(place.path, place.revision) not in (FILE, DIRECTORY):
            raise UnknownPath(place.path)
    histories = [trees.segments(place.path, place.revision) for place in (old, new)]
    met = _met(*histories)
    here, there = (
        _touched(trees, place, met.revision if met else history[-1].first - 1, limit)
        for place, history in zip((old, new), histories, strict=True)
    )
    return Apart((met.path, str(met.revision)) if met else None, there, here)


def _met(one: Sequence[Segment], other: Sequence[Segment]) -> At | None:
    """The last point that two histories have in common; both have their newest stretch first."""
    at, beside = 0, 0
    while at < len(one) and beside < len(other):
        first, second = one[at], other[beside]
        last = min(first.last, second.last)
        if first.path == second.path and last >= max(first.first, second.first):
            return At(first.path, last)
        if first.first >= second.first:
            at += 1
        else:
            beside += 1
    return None


def _touched(trees: Trees, place: At, after: int, limit: int) -> list[str]:
    """The revisions that touched a path, or what it was copied from, newest first."""
    found: list[str] = []
    if limit > 0 and place.revision > after:  # libsvn takes 0 for all

        def take(_: Any, revision: int, *__: Any) -> None:
            found.append(str(revision))

        trees.session.get_log(take, [place.path], place.revision, after + 1, limit, False, False, False, [])
    return found
