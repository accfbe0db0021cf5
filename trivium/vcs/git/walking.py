# SPDX-License-Identifier: GPL-3.0-or-later
"""Walking over the commits of a Git repository: pages of them, what two of them share, who builds on one.

The list of commits is in date order, and no parent stands in it before its child. So a page of a branch is read off it:
whoever goes down the list from the head, and remembers the parents of what was met, needs to read no more commits than
there are on the page, however long the history is.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

from trivium.vcs.budget import present
from trivium.vcs.errors import UnknownRevision
from trivium.vcs.git.commit_lists import ID_BYTES
from trivium.vcs.git.objects import peeled
from trivium.vcs.git.opened import Opened
from trivium.vcs.pages import CommitDetails

_FAR: Final = 2000
"""Commits between the head and a page, from which on git is asked for all that the head leads to."""
_PATIENCE: Final = 60
"""Seconds that git may take."""
_MOST_KEPT: Final = 256
"""Commits with which a page may go on, for it to be remembered."""
_NEAR: Final = 64
_NEIGHBOURS: Final = 512
"""Newer commits among which those are looked for that build on one; if some are `_NEAR`, they have to do."""
_MOST_CHILDREN: Final = 24
_NOTHING: Final = 1
"""The status with which git says that there is no common ancestor."""
_OFTEN: Final = 256


def page(opened: Opened, head: str | None, after: str | None, limit: int) -> list[str]:
    """As `model.Snapshot.page`."""
    if limit < 1:
        return []
    if head is None:
        end = opened.count if after is None else opened.position(after)
        return list(reversed(opened.ids(max(0, end - limit), end)))
    top = opened.position(head)
    if after is None:
        return _down(opened, head, top, frozenset([head]), limit)
    start = opened.position(after)
    if start > top:
        return []
    wanted = opened.index.pages.get((head, after))
    if wanted is not None:
        return _down(opened, head, start - 1, wanted, limit)
    if top - start <= _FAR:
        found = {head}
        for raw_id in _newest_first(opened, top, start):
            if raw_id in found:
                found.discard(raw_id)
                found.update(opened.links(raw_id).parents)
        return _down(opened, head, start - 1, frozenset(found), limit)
    line = _line(opened, head)
    end = bisect_left(line, start)
    return [opened.ids(position, position + 1)[0] for position in reversed(line[max(0, end - limit) : end])]


def branch_page(opened: Opened, branch: str, after: str | None, limit: int) -> list[str]:
    """As `model.Snapshot.branch_page`."""
    target = opened.index.refs.get(f"refs/heads/{branch}")
    head = peeled(opened.repository, target) if target else None
    if head is None:
        raise UnknownRevision(branch)
    return page(opened, str(head), after, limit)


def _down(opened: Opened, head: str, start: int, wanted: frozenset[str], limit: int) -> list[str]:
    """The first commits from a position of the list downwards that are `wanted`, or that these lead to."""
    found: list[str] = []
    waiting = set(wanted)
    if not waiting:
        return found
    for raw_id in _newest_first(opened, start, 0):
        if raw_id in waiting:
            waiting.discard(raw_id)
            waiting.update(opened.links(raw_id).parents)
            found.append(raw_id)
            if len(found) == limit and len(waiting) <= _MOST_KEPT:
                opened.index.pages.put((head, raw_id), frozenset(waiting))
            if len(found) == limit or not waiting:
                break
    return found


def _newest_first(opened: Opened, start: int, end: int) -> Iterator[str]:
    """What stands in the list from one position down to another."""
    budget = present()
    high = start + 1
    while high > end:
        low = max(end, high - _OFTEN)
        yield from reversed(opened.ids(low, high))
        high = low
        budget.check()


def _line(opened: Opened, head: str) -> array[int]:
    """The positions in the list of all commits that one leads to, itself included."""
    known = opened.index.lines.get(head)
    if known is not None:
        return known
    words = ("rev-list", *_commits(opened, head), "--")
    said = opened.command.run(*words, cwd=opened.path, timeout=_PATIENCE, only_reads=True)
    raw = bytes.fromhex(said.decode("ascii").replace("\n", ""))
    reached = {raw[at : at + ID_BYTES] for at in range(0, len(raw), ID_BYTES)}
    listed = opened.list
    found = (at // ID_BYTES for at in range(0, len(listed), ID_BYTES) if listed[at : at + ID_BYTES] in reached)
    return opened.index.lines.put(head, array("I", found))


def ancestor(opened: Opened, one: str, other: str) -> str | None:
    """As `model.Snapshot.ancestor`."""
    opened.check_visible(one, other)
    words = ("merge-base", *_commits(opened, one, other))
    said = opened.command.run(*words, cwd=opened.path, timeout=_PATIENCE, only_reads=True, nothing=_NOTHING)
    return said.decode("ascii").strip() or None


def lacking(opened: Opened, old: str, new: str, limit: int) -> list[str]:
    """As `model.Snapshot.lacking`."""
    opened.check_visible(old, new)
    if limit < 1 or old == new:
        return []
    old, new = _commits(opened, old, new)
    words = ("rev-list", "--date-order", f"--max-count={limit:d}", new, f"^{old}", "--")
    said = opened.command.run(*words, cwd=opened.path, timeout=_PATIENCE, only_reads=True)
    return said.decode("ascii").split()


def _commits(opened: Opened, *raw_ids: str) -> list[str]:
    """The ids as they are given to git: those of commits that were read."""
    return [str(opened.commit(raw_id).id) for raw_id in raw_ids]


def details(opened: Opened, raw_ids: Sequence[str]) -> list[CommitDetails]:
    """As `model.Snapshot.details`."""
    found = []
    for raw_id in raw_ids:
        commit = opened.commit(raw_id)
        found.append(
            CommitDetails(
                raw_id,
                commit.author,
                commit.author_moment,
                commit.committed_by,
                commit.committed_at,
                signed=commit.signed,
                children=_children(opened, raw_id),
            )
        )
    return found


def _children(opened: Opened, raw_id: str) -> tuple[str, ...]:
    """Commits that build on one, as far as they stand near it in the list; the oldest first."""
    position = opened.position(raw_id)
    found: list[str] = []
    for number, other in enumerate(opened.ids(position + 1, min(opened.count, position + 1 + _NEIGHBOURS))):
        if len(found) == _MOST_CHILDREN or (found and number >= _NEAR):
            break
        if raw_id in opened.links(other).parents:
            found.append(other)
    return tuple(found)
