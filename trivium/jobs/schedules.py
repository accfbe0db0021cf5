# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done regularly: a table of when, and jobs that do it.

Any number of processes may ask at any time. Whoever moves the moment of the next run on, submits the job, in the same
transaction: it is there once, whoever is killed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from trivium.access.caller import the_system
from trivium.forge.jobs.job import JobKind, moment
from trivium.forge.jobs.submission import announce, enter
from trivium.forge.site import Site
from trivium.store.query import Query
from trivium.store.tables import now, schedules


class Nothing(msgspec.Struct, frozen=True):
    """The arguments of a job that is told nothing."""


EXPIRED: Final = JobKind("remove_expired", Nothing, forgotten=True)
TRASH: Final = JobKind("empty_trash", Nothing, long=True, forgotten=True)
OLD_JOBS: Final = JobKind("forget_jobs", Nothing, forgotten=True)
NOTIFICATIONS: Final = JobKind("forget_notifications", Nothing, forgotten=True)
INTEGRITY: Final = JobKind("verify_repositories", Nothing, pause=300.0, long=True, forgotten=True)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is done again and again."""

    kind: JobKind
    every: float
    """Seconds from one beginning to the next."""


_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
SCHEDULES: Final = (
    Schedule(EXPIRED, _HOUR),
    Schedule(TRASH, _DAY),
    Schedule(OLD_JOBS, _DAY),
    Schedule(NOTIFICATIONS, _DAY),
    Schedule(INTEGRITY, _DAY),
)

_ALL = Query(select(schedules.c.name, schedules.c.next_run))
_MOVE_ON = (
    update(schedules)
    .where(schedules.c.name == bindparam("which"), schedules.c.next_run == bindparam("seen"))
    .values(next_run=bindparam("next"))
)


def begin_due(site: Site) -> None:
    """Submit the jobs of the schedules whose time has come."""
    with site.store.read() as db:
        planned: dict[str, str] = dict(_ALL.all(db, {}))
    present = now()
    for schedule in SCHEDULES:
        seen = planned.get(schedule.kind.name)
        if seen is None or seen <= present:
            _begin(site, schedule, seen)


def _begin(site: Site, schedule: Schedule, seen: str | None) -> None:
    name, following = schedule.kind.name, moment(schedule.every)
    with site.store.write(access_unchanged=True) as db:
        if seen is None:
            try:
                with db.begin_nested():
                    db.execute(insert(schedules).values(name=name, next_run=following))
            except IntegrityError:
                return  # another process was quicker
            return  # a new installation has nothing to do yet
        if not db.execute(_MOVE_ON, {"which": name, "seen": seen, "next": following}).rowcount:
            return
        job = enter(db, site, the_system(), schedule.kind, Nothing(), subject="", only_one=f"schedule {name}")
    if job is not None:
        announce(site, job)
