# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository consists of and how it grew: files by their endings, changesets by week (system.md 6.2).

The work is bounded: of a long history the newest part is counted, and the answer says of how many.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from trivium.forge.history.listing import person
from trivium.forge.history.places import landing
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.budget import present
from trivium.vcs.model import Snapshot

MOST_COUNTED: Final = 20_000
"""Changesets that are looked at, the newest."""
_AT_A_TIME: Final = 500
_MOST_WEEKS: Final = 520
_MOST_AUTHORS: Final = 20
_MOST_ENDINGS: Final = 200
_LONGEST_ENDING: Final = 20


@dataclass(frozen=True, slots=True)
class Composition:
    """The files of one revision."""

    size: int
    """Bytes of all of them."""
    files: int
    endings: dict[str, int]
    """What follows the last dot of a name, in small letters → how many files, the most first; at most 200. Files
    without an ending stand under the empty text."""


@dataclass(frozen=True, slots=True)
class Activity:
    """How many changesets there were."""

    weeks: dict[str, int]
    """Monday of a week (`2026-11-23`) → changesets, the earliest first; weeks without any are left out."""
    authors: tuple[tuple[str, int], ...]
    """Name → changesets, the most first; at most 20."""
    others: int
    """How many more authors there are."""
    counted: int
    """Changesets that were looked at."""
    total: int


def composition(
    history: History, repository: Repository, revision: str = "", at: Moment | None = None
) -> Composition | None:
    """The files of a revision, or of where the repository's pages begin; None when it has no commits.

    Raises `UnknownRevision`, and `Exhausted` where there are too many files (max_api_nodes).
    """

    def look(snapshot: Snapshot) -> Composition | None:
        if snapshot.is_empty():
            return None
        raw_id = snapshot.resolve(revision or landing(snapshot, repository))
        nodes = [node for node in snapshot.nodes(raw_id, "") if node.kind == "file"]
        endings = Counter(ending_of(node.path) for node in nodes)
        return Composition(sum(snapshot.sizes(nodes)), len(nodes), dict(endings.most_common(_MOST_ENDINGS)))

    return history.read(repository, look, at)


def activity(history: History, repository: Repository, at: Moment) -> Activity:
    """How many changesets each week and each author had."""

    def look(snapshot: Snapshot) -> Activity:
        weeks: Counter[date] = Counter()
        authors: Counter[str] = Counter()
        if snapshot.is_empty():
            return Activity({}, (), 0, 0, 0)
        total = snapshot.position(snapshot.page(None, None, 1)[0]) + 1
        ids = snapshot.ids(max(0, total - MOST_COUNTED), MOST_COUNTED)
        for at in range(0, len(ids), _AT_A_TIME):
            present().check()
            for changeset in snapshot.changesets(list(ids[at : at + _AT_A_TIME])):
                authors[person(changeset.author)] += 1
                day = _day(changeset.date)
                if day is not None:
                    weeks[day - timedelta(days=day.weekday())] += 1
        shown = sorted(weeks)[-_MOST_WEEKS:]
        return Activity(
            {week.isoformat(): weeks[week] for week in shown},
            tuple(authors.most_common(_MOST_AUTHORS)),
            max(0, len(authors) - _MOST_AUTHORS),
            len(ids),
            total,
        )

    return history.read(repository, look, at)


def _day(moment: str) -> date | None:
    try:
        return date.fromisoformat(moment[:10])
    except ValueError:
        return None


def ending_of(path: str) -> str:
    """What tells the language of a file: what follows the last dot of its name, in small letters."""
    name = path.rpartition("/")[2]
    _, dot, ending = name.rpartition(".")
    return ending.lower()[:_LONGEST_ENDING] if dot else ""
