# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository consists of and how it grew, in words and bars (web.md 2.2, stats)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Final

from markupsafe import Markup

from trivium.forge.history.prepared import activity_key, composition_key
from trivium.forge.history.statistics import Activity, Composition, activity, composition
from trivium.language import moment_of
from trivium.render import chart, highlight
from trivium.web.showing.keeping import kept, known
from trivium.web.showing.sizes import size
from trivium.web.urls import quoted_segment
from trivium.web.visit import RepositoryVisit

_SHOWN: Final = 3
"""Languages of the bar that are told apart."""
_MOST_WEEKS: Final = 104
"""Weeks up to which there is a bar for each; of a longer time each month has one."""
_TEN: Final = 10
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages of a repository's files."""

    shares: list[tuple[str, float]]
    """Name and percent, the most first; the last may stand for all others."""
    bar: Markup
    rows: list[tuple[str, str, int]]
    """Name, ending and number of files, the most first, at most ten."""
    files: int
    size: str
    """In words."""


@dataclass(frozen=True, slots=True)
class Growth:
    """How many changesets there were, over time."""

    activity: Activity
    bar: Markup
    rows: list[tuple[str, int]]
    """Year and changesets, the latest first."""
    by_month: bool


def languages_at_hand(visit: RepositoryVisit) -> Languages | None:
    """The languages, where somebody has found them out since the last push."""
    if not visit.repository.enable_statistics:
        return None
    found: Composition | None = known(visit, Composition | None, *_key(visit, ""))
    return languages_of(visit, found) if found is not None else None


def are_languages_at_hand(visit: RepositoryVisit) -> bool:
    """Whether the languages are shown, and known."""
    shown = visit.repository.enable_statistics
    return shown and known(visit, Composition | None, *_key(visit, "")) is not None


def languages(visit: RepositoryVisit) -> Languages | None:
    """The languages; None while the repository is empty."""
    found = composition_of(visit, "")
    return languages_of(visit, found) if found is not None else None


def composition_of(visit: RepositoryVisit, revision: str) -> Composition | None:
    """The files of a revision by their endings."""
    moment = visit.now()
    found: Composition | None = kept(
        visit,
        Composition | None,
        *_key(visit, revision),
        make=lambda: composition(visit.history, visit.repository, revision, moment),
    )
    return found


def _key(visit: RepositoryVisit, revision: str) -> tuple[str, ...]:
    return composition_key(visit.now(), visit.repository, quoted_segment(revision))


@lru_cache(maxsize=1024)
def language_of(ending: str) -> str:
    """The language of files with an ending; empty for what is none."""
    return highlight.language(highlight.lexer_of(f"file.{ending}")) if ending else ""


def languages_of(visit: RepositoryVisit, found: Composition) -> Languages:
    """The languages in words and as a bar."""
    counted: Counter[str] = Counter()
    rows = []
    for ending, count in found.endings.items():
        name = language_of(ending)
        if name:
            counted[name] += count
            rows.append((name, ending, count))
    total = counted.total() or 1
    shares = [(name, round(100 * count / total, 1)) for name, count in counted.most_common(_SHOWN)]
    rest = total - sum(count for _, count in counted.most_common(_SHOWN))
    if rest and shares:
        shares.append((visit.text("Other"), round(100 * rest / total, 1)))
    label = ", ".join(f"{name} {share:g} %" for name, share in shares)
    return Languages(shares, chart.shares(shares, label), rows[:_TEN], found.files, size(found.size, visit.language))


def code_stats(found: Composition) -> dict[str, Any]:
    """Ending → how many files and which language, as RhodeCode tells it; the ten with most files."""
    named = [(ending, count, language_of(ending)) for ending, count in found.endings.items() if ending]
    return {ending: {"count": count, "desc": [name]} for ending, count, name in named if name and count}


def counted_at_hand(visit: RepositoryVisit) -> Activity | None:
    """What was counted of the present history, where somebody has had it counted."""
    found: Activity | None = known(visit, Activity, *activity_key(visit.now()))
    return found


def growth(visit: RepositoryVisit) -> Growth:
    """The changesets of each week, or of each month where the history is long."""
    moment = visit.now()
    found: Activity = kept(
        visit, Activity, *activity_key(moment), make=lambda: activity(visit.history, visit.repository, moment)
    )
    weeks = {date.fromisoformat(week): count for week, count in found.weeks.items()}
    years: Counter[int] = Counter()
    for week, count in weeks.items():
        years[week.year] += count
    by_month = bool(weeks) and (max(weeks) - min(weeks)) / _WEEK > _MOST_WEEKS
    values = _months(weeks) if by_month else _weeks(visit, weeks)
    label = visit.text("Changesets by month") if by_month else visit.text("Changesets by week")
    rows = [(str(year), count) for year, count in sorted(years.items(), reverse=True)]
    return Growth(found, chart.bars(values, label), rows, by_month)


def _weeks(visit: RepositoryVisit, weeks: dict[date, int]) -> list[tuple[str, int]]:
    if not weeks:
        return []
    at, last, found = min(weeks), max(weeks), []
    while at <= last:
        shown = moment_of(at.isoformat())
        found.append((visit.language.date(shown) if shown else at.isoformat(), weeks.get(at, 0)))
        at += _WEEK
    return found


def _months(weeks: dict[date, int]) -> list[tuple[str, int]]:
    counted: Counter[tuple[int, int]] = Counter()
    for week, count in weeks.items():
        counted[week.year, week.month] += count
    (year, month), last = min(counted), max(counted)
    found = []
    while (year, month) <= last:
        found.append((f"{year}-{month:02d}", counted[year, month]))
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    return found
