# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs as people see them: their own, or for super-admins all; and what may be done with one."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, Invalid, Kind, NotFound
from trivium.forge.events import journal
from trivium.forge.events.jobs import JobCancelled, JobRetried
from trivium.forge.jobs.job import COLUMNS, Job, JobKind, State, is_id, job_of, moment
from trivium.forge.jobs.submission import announce
from trivium.forge.site import Site
from trivium.names import key_of
from trivium.store.query import Query
from trivium.store.tables import jobs, now

PAGE: Final = 50

_BY_ID = Query(select(*COLUMNS).where(jobs.c.id == bindparam("job")))
_LAST = Query(
    select(*COLUMNS)
    .where(jobs.c.repository_id == bindparam("repository"), jobs.c.kind == bindparam("kind"))
    .order_by(jobs.c.id.desc())
    .limit(1)
)
_OVER: Final = tuple(state.value for state in State if state.over)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Some jobs, the newest first."""

    jobs: tuple[Job, ...]
    older: str
    """After which id the older ones begin; empty: there are none."""


def find(db: Connection, caller: Caller, given: object) -> Job:
    """The job with this id, if the caller may know of it; raises `NotFound`."""
    row = _BY_ID.first(db, {"job": given}) if isinstance(given, str) and is_id(given) else None
    job = job_of(row) if row is not None else None
    if job is None or not job.known_to(caller):
        raise NotFound(Kind.TASK, given)
    return job


def listed(
    db: Connection,
    caller: Caller,
    *,
    everybody: bool = False,
    states: Collection[State] = (),
    after: str = "",
    limit: int = PAGE,
) -> Jobs:
    """The caller's jobs, or everybody's, of some states; raises `NotFound` for others than super-admins there."""
    if everybody and not caller.super_admin:
        raise NotFound(Kind.TASK, None)
    wanted: list[Any] = [] if everybody else [jobs.c.user_id == caller.user_id]
    if states:
        wanted.append(jobs.c.state.in_([state.value for state in states]))
    if after and is_id(after):
        wanted.append(jobs.c.id < after)
    rows = db.execute(select(*COLUMNS).where(*wanted).order_by(jobs.c.id.desc()).limit(limit + 1)).all()
    found = tuple(job_of(row) for row in rows[:limit])
    return Jobs(found, found[-1].id if len(rows) > limit else "")


def of_kind(db: Connection, caller: Caller, kind: str, most: int) -> tuple[Job, ...]:
    """The last jobs of a kind, whoever asked for them, for super-admins; raises `NotFound` for others."""
    if not caller.super_admin:
        raise NotFound(Kind.TASK, None)
    rows = db.execute(select(*COLUMNS).where(jobs.c.kind == kind).order_by(jobs.c.id.desc()).limit(most))
    return tuple(job_of(row) for row in rows)


def last_of(db: Connection, caller: Caller, kind: JobKind, repository_id: int) -> Job | None:
    """The job of a kind that was last asked for, for a repository that the caller was found to administer.

    Of another's job only who asked for it and super-admins know more than how far it is.
    """
    row = _LAST.first(db, {"kind": kind.name, "repository": repository_id})
    if row is None:
        return None
    job = job_of(row)
    return job if job.known_to(caller) else msgspec.structs.replace(job, arguments="", log="", detail=None)


def cancel(site: Site, caller: Caller, job: Job) -> State:
    """Ask a job to end; returns its state. One that waits ends at once, one that runs as soon as it notices.

    Raises `Invalid` for one that is over.
    """
    waits = (jobs.c.id == job.id, jobs.c.state == State.QUEUED.value)
    runs = (jobs.c.id == job.id, jobs.c.state == State.RUNNING.value)
    ended = {"state": State.CANCELLED.value, "reserved_key": None, "only_one": None, "secret": None, "ended_on": now()}
    with site.store.write(access_unchanged=True) as db:
        state = State.CANCELLED
        if not db.execute(update(jobs).where(*waits).values(**ended)).rowcount:
            state = State.RUNNING
            if not db.execute(update(jobs).where(*runs).values(asked_to_end=True)).rowcount:
                raise Invalid("the job is over", about="job")
        journal.record(db, caller, JobCancelled(subject=job.subject, job=job.id, kind=job.kind))
    return state


def retry(site: Site, caller: Caller, job: Job) -> None:
    """Begin a failed or cancelled job anew.

    Raises `Invalid` for another, and `AlreadyExists` when the name is reserved by now.
    """
    if '"with_secret":true' in job.arguments:
        raise Invalid("its password is not kept: ask for it anew", about="job")
    values = {
        "state": State.QUEUED.value,
        "attempts": 0,
        "asked_to_end": False,
        "reason": None,
        "detail": None,
        "runner": None,
        "sent_on": None,
        "ended_on": None,
        "done": 0,
        "total": None,
        "due_on": moment(),
        "reserved_key": key_of(job.subject) if job.reserves else None,
    }
    ended = (jobs.c.id == job.id, jobs.c.state.in_((State.FAILED.value, State.CANCELLED.value)))
    with site.store.write(access_unchanged=True) as db:
        try:
            with db.begin_nested():
                changed = db.execute(update(jobs).where(*ended).values(**values)).rowcount
        except IntegrityError as error:
            raise AlreadyExists(Kind.REPOSITORY, job.subject) from error
        if not changed:
            raise Invalid("only what failed or was cancelled can be begun again", about="job")
        journal.record(db, caller, JobRetried(subject=job.subject, job=job.id, kind=job.kind))
    announce(site, job.id)


def forget_old(site: Site, days: int) -> int:
    """Remove jobs that ended more than so many days ago; returns how many."""
    before = moment(-86_400.0 * days)
    with site.store.write(access_unchanged=True) as db:
        return db.execute(delete(jobs).where(jobs.c.state.in_(_OVER), jobs.c.ended_on < before)).rowcount
