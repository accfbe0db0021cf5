# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database says of how an installation is, in numbers: for those who watch it (`web/metrics.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import Connection, func, select, text

from trivium.forge.jobs.job import State
from trivium.forge.site import Site
from trivium.forge.upkeep import integrity
from trivium.store.tables import (
    DEFAULT_USER_ID,
    OPEN_JOBS,
    event_positions,
    jobs,
    journal,
    now,
    repositories,
    undelivered_events,
    users,
)

_MOST_DAMAGED: Final = 1000


@dataclass(frozen=True, slots=True)
class Figures:
    """How an installation is now."""

    jobs: dict[State, int]
    """What waits, what runs, and what failed and is still kept."""
    longest_wait: float
    """Seconds since the job was due that has waited longest; 0: none waits."""
    repositories: dict[str, int]
    """By their kind."""
    users: int
    damaged: int
    """Repositories whose last look for damage has found some; 1000: at least."""
    behind: dict[str, int]
    """Events that subscribers have not come to yet, by their names. Up to a thousand that do not concern one may be
    among them: it passes those without noting so (`events/delivery.py`)."""
    undelivered: dict[str, int]
    """Events that a subscriber could not take: to be tried again, or set aside."""


def figures(db: Connection, site: Site) -> Figures:
    """The numbers of a database, each by an index or from a small table."""
    waiting, due = jobs.c.state == State.QUEUED.value, jobs.c.due_on <= now()
    open_jobs = select(jobs.c.state, func.count()).where(text(OPEN_JOBS)).group_by(jobs.c.state)
    found = {State(state): count for state, count in db.execute(open_jobs)}
    failed = select(func.count()).select_from(jobs).where(jobs.c.state == State.FAILED.value)
    oldest = db.execute(select(func.min(jobs.c.due_on)).where(text(OPEN_JOBS), waiting, due)).scalar()
    kinds = select(repositories.c.kind, func.count()).group_by(repositories.c.kind)
    people = select(func.count()).select_from(users).where(users.c.id != DEFAULT_USER_ID)
    last = db.execute(select(func.max(journal.c.id))).scalar() or 0
    heard = dict(db.execute(select(event_positions.c.subscriber, event_positions.c.event_id)).tuples().all())
    left = select(undelivered_events.c.subscriber, func.count()).group_by(undelivered_events.c.subscriber)
    return Figures(
        jobs={state: found.get(state, 0) for state in (State.QUEUED, State.RUNNING)}
        | {State.FAILED: db.execute(failed).scalar_one()},
        longest_wait=_seconds_since(oldest) if oldest else 0.0,
        repositories=dict.fromkeys(site.back_ends, 0) | dict(db.execute(kinds).tuples().all()),
        users=db.execute(people).scalar_one(),
        damaged=len(integrity.damaged(db, site.settings.verify_days, _MOST_DAMAGED)),
        behind={name: max(0, last - event) for name, event in heard.items()},
        undelivered=dict(db.execute(left).tuples().all()),
    )


def _seconds_since(stored: str) -> float:
    """Since a moment as it is stored."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(stored).replace(tzinfo=UTC)).total_seconds())
