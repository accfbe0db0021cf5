# SPDX-License-Identifier: GPL-3.0-or-later
"""A job is taken, told of while it runs, and ended: by one process at a time, whoever else tries.

Every step is one statement that changes a row only if that is still as the step expects. Where the end of a job comes
with a change of the database, both are one transaction (`Work.ends`), so that a kill leaves both or neither.

That a job was asked for waits for the disk, because somebody is told its number; so does a change with which one ends.
All other steps wait for no disk: a power loss that takes one back leaves what a kill before it would have left. The job
waits, or runs by a process that is dead, and whoever looks takes it back (`jobs/looking.py`). Nothing is lost by that.
Nothing is done twice either: writes reach the disk in their order, so that a step is there if anything is that came
after it and waited, be it a change that the step allowed or another creation of a name that it gave free. What acts
outside (`JobKind.outside`) leaves nothing that could have come after it: its steps wait.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, bindparam, delete, select, text, update

from trivium.errors import Busy, Cancelled, TriviumError
from trivium.forge.jobs.job import COLUMNS, Job, State, job_of, moment
from trivium.forge.jobs.reasons import Because, Reason
from trivium.forge.site import Site
from trivium.names import storable
from trivium.store.query import Change, Query
from trivium.store.tables import OPEN_JOBS, jobs, now
from trivium.tree.kernel_locks import is_alive

_LOOK_EVERY: Final = 0.5
"""Seconds between two looks whether a job is asked to end."""
_TELL_EVERY: Final = 1.0
"""Seconds between two notes of how far it is: each is a write to the disk."""
_LONGEST_LOG: Final = 16 << 10
_LONGEST_DETAIL: Final = 4000

_MINE = (
    jobs.c.id == bindparam("job"),
    jobs.c.state == State.RUNNING.value,
    jobs.c.runner == bindparam("me"),
)
_CLAIM = Change(
    update(jobs)
    .where(
        jobs.c.id == bindparam("job"),
        jobs.c.state == State.QUEUED.value,
        jobs.c.due_on <= bindparam("moment"),
        jobs.c.attempts == bindparam("seen"),
    )
    .values(
        state=State.RUNNING.value,
        runner=bindparam("me"),
        attempts=jobs.c.attempts + 1,
        only_one=None,
        started_on=bindparam("moment"),
        done=0,
        total=None,
    )
)
_ROW = Query(select(*COLUMNS).where(jobs.c.id == bindparam("job")))
_ASKED = Query(select(jobs.c.asked_to_end, jobs.c.runner).where(jobs.c.id == bindparam("job")))
_TELL = Change(
    update(jobs)
    .where(*_MINE)
    .values(done=bindparam("so_far"), total=bindparam("of"), what=bindparam("unit"), log=bindparam("said"))
)
_END = Change(
    update(jobs)
    .where(*_MINE)
    .values(
        state=bindparam("becomes"),
        reserved_key=None,
        secret=None,
        runner=None,
        ended_on=bindparam("moment"),
        repository_id=bindparam("repository"),
        reason=bindparam("why"),
        detail=bindparam("details"),
        log=bindparam("said"),
        done=bindparam("so_far"),
        total=bindparam("of"),
    )
)
_FORGET = Change(delete(jobs).where(*_MINE))
_AGAIN = Change(
    update(jobs)
    .where(*_MINE)
    .values(
        state=State.QUEUED.value,
        runner=None,
        due_on=bindparam("due"),
        sent_on=None,
        attempts=jobs.c.attempts - bindparam("uncounted"),
        reason=bindparam("why"),
        detail=bindparam("details"),
        log=bindparam("said"),
    )
)
_RUNNERS = Query(
    select(jobs.c.id, jobs.c.runner).where(text(OPEN_JOBS), jobs.c.state == State.RUNNING.value).order_by(jobs.c.id)
)
_DUE = (
    select(jobs.c.id, jobs.c.kind, jobs.c.sent_on, jobs.c.due_on)
    .where(text(OPEN_JOBS), jobs.c.state == State.QUEUED.value, jobs.c.due_on <= bindparam("moment"))
    .order_by(jobs.c.id)
    .limit(bindparam("most"))
)
_SENT = Change(
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.state == State.QUEUED.value)
    .values(sent_on=bindparam("moment"))
)


class TakenAway(Busy):
    """Another process has the job: this one was believed dead."""


class Due(NamedTuple):
    """A job that waits and may begin."""

    id: str
    kind: str
    sent_on: str | None
    """When a broker was told last."""
    due_on: str


class Later(TriviumError):
    """What a job needs is not there now: another attempt makes sense, as often as its kind says."""


def due(db: Connection, most: int, *, of: Collection[str] | None = None, but: Collection[str] = ()) -> list[Due]:
    """The jobs that wait and may begin, in their order; `of` these kinds, and not `but` of those."""
    statement = _DUE.where(jobs.c.kind.not_in(but)) if but else _DUE
    if of is not None:
        statement = statement.where(jobs.c.kind.in_(of))
    return [Due(*row) for row in db.execute(statement, {"moment": now(), "most": most})]


def sent(site: Site, ids: list[str]) -> None:
    """Note that a broker was told of these."""
    if ids:
        told = moment()
        with site.store.write(access_unchanged=True, durable=False) as db:
            for job in ids:
                _SENT.run(db, {"job": job, "moment": told})


def claim(site: Site, job: str, outside: Collection[str] = ()) -> Job | None:
    """Take a job that waits; None when it is another's, is over, or must not begin yet.

    `outside`: the kinds of which `JobKind` says that.
    """
    with site.store.read() as db:
        row = _ROW.first(db, {"job": job})
    # Most that come twice are seen here, without a turn of a writer.
    if row is None or (waiting := job_of(row)).state is not State.QUEUED:
        return None
    begun = {"job": job, "me": site.worker.id, "moment": now(), "seen": waiting.attempts}
    with site.store.write(access_unchanged=True, durable=waiting.kind in outside) as db:
        if not _CLAIM.run(db, begun):
            return None
    return msgspec.structs.replace(
        waiting,
        state=State.RUNNING,
        runner=begun["me"],
        attempts=waiting.attempts + 1,
        started_on=begun["moment"],
        done=0,
        total=None,
    )


class Work:
    """A job under way, for the function that does it. Its threads may use it together."""

    def __init__(
        self,
        site: Site,
        job: Job,
        stop: Callable[[], bool] = lambda: False,
        *,
        forgotten: bool = False,
        outside: bool = False,
    ) -> None:
        """`stop` says that this process ends: what can wait is then left to another.

        `forgotten` and `outside` as for `JobKind`.
        """
        self.job = job
        self.over = False
        """Whether its end is stored."""
        self._site = site
        self._stop = stop
        self._forgotten = forgotten
        self._outside = outside
        self._lock = threading.Lock()
        self._log = job.log
        self._done: tuple[int, int | None, str] = (0, None, "")
        self._looked = self._told = 0.0

    def secret(self) -> str:
        """What must not stand among the arguments; empty where there was nothing."""
        sealed = self.job.secret
        return self._site.ring.open(sealed, f"job {self.job.id}") if sealed is not None else ""

    def check(self) -> None:
        """Raise `Cancelled` when somebody asked the job to end, `TakenAway` when it is another's, `Busy` to stop.

        While the database cannot be asked the work goes on: what it has done so far would be lost.
        """
        if self._stop():
            raise Busy(Reason.SERVER_ENDS)
        with self._lock:
            moment_ = time.monotonic()
            if moment_ - self._looked < _LOOK_EVERY:
                return
            self._looked = moment_
        try:
            with self._site.store.read() as db:
                row = _ASKED.first(db, {"job": self.job.id})
        except Busy:
            return
        if row is None or row[1] != self._site.worker.id:
            raise TakenAway("the job is not ours any more")
        if row[0]:
            raise Cancelled

    def tell(self, done: int, total: int | None, what: str) -> None:
        """Say how far it is: `done` of `total`, in the unit `what`. It is stored now and then."""
        with self._lock:
            self._done = (done, total, what[:100])
            moment_ = time.monotonic()
            if moment_ - self._told < _TELL_EVERY:
                return
            self._told = moment_
        with contextlib.suppress(Busy), self._site.store.write(access_unchanged=True, durable=False) as db:
            so_far = {"so_far": done, "of": total, "unit": what[:100], "said": self._log}
            _TELL.run(db, {"job": self.job.id, "me": self._site.worker.id} | so_far)

    def log(self, line: str) -> None:
        """Add a line to what is told of the job; the newest 16 KiB are kept."""
        with self._lock:
            self._log = f"{self._log}{moment()} {storable(line)}\n"[-_LONGEST_LOG:]

    def ends(self, db: Connection, repository_id: int | None = None) -> None:
        """Store that the job is done, in the transaction of its change.

        Raises `Cancelled` or `TakenAway` instead, so that the change is not made.
        """
        ours = self._end(db, State.DONE, repository_id=repository_id)
        row = _ASKED.first(db, {"job": self.job.id})
        if row is not None and row[0]:
            raise Cancelled
        if not ours:
            raise TakenAway("the job is not ours any more")

    def ended(self) -> None:
        """The transaction with `ends` is committed."""
        self.over = True

    def end(self, state: State, reason: Because | None = None, detail: str | None = None) -> None:
        """Store how the job ended, unless another process has it."""
        with self._site.store.write(access_unchanged=True, durable=self._outside) as db:
            self._end(db, state, reason=reason, detail=detail)
        self.over = True

    def again(self, seconds: float, reason: Because, detail: str, *, counted: bool) -> None:
        """Put the job back: it begins again after so many seconds. `counted`: as one of its attempts."""
        with self._site.store.write(access_unchanged=True, durable=False) as db:
            changes = {"due": moment(seconds), "uncounted": 0 if counted else 1, "said": self._log}
            _AGAIN.run(db, self._mine | changes | _why(reason, detail))
        self.over = True

    def _end(
        self,
        db: Connection,
        state: State,
        *,
        repository_id: int | None = None,
        reason: Because | None = None,
        detail: str | None = None,
    ) -> bool:
        if self._forgotten and state is State.DONE:
            return _FORGET.run(db, self._mine) == 1
        done, total, _ = self._done
        changes = {
            "becomes": state.value,
            "moment": now(),
            "repository": repository_id if repository_id is not None else self.job.repository_id,
            "said": self._log,
            "so_far": total if state is State.DONE and total is not None else done,
            "of": total,
        }
        return _END.run(db, self._mine | changes | _why(reason, detail)) == 1

    @property
    def _mine(self) -> dict[str, Any]:
        return {"job": self.job.id, "me": self._site.worker.id}


def _why(reason: Because | None, detail: str | None) -> dict[str, Any]:
    return {
        "why": reason and storable(reason.stored),
        "details": detail and storable(detail[:_LONGEST_DETAIL]),
    }


@dataclass(frozen=True, slots=True)
class LeftBehind:
    """Jobs that are said to run, and that nobody does."""

    runners: frozenset[str]
    """Processes that ended in the middle of some."""
    forgotten: frozenset[str]
    """Jobs of this process that it does not do any more: their ends could not be stored."""


def left_behind(site: Site, busy_with: Callable[[], Collection[str]] | None = None) -> LeftBehind:
    """What dead processes left, and what this one forgot if `busy_with` says what it does."""
    with site.store.read() as db:
        running = _RUNNERS.all(db, {})
    # Asked afterwards: a job is among these before its row says that it runs.
    busy = frozenset(busy_with() if busy_with is not None else ())
    mine = {job for job, runner in running if runner == site.worker.id} if busy_with is not None else set()
    others = {runner for _, runner in running if runner != site.worker.id}
    dead = frozenset(runner for runner in others if not is_alive(site.tree.locks, runner or ""))
    return LeftBehind(dead, frozenset(mine - busy))


def take_back(site: Site, runner: str, *, only: Collection[str] | None = None) -> int:
    """Put the jobs of a runner that ended back, or end them where they were begun often enough; returns how many.

    `only` these, of a runner that goes on.
    """
    whose: tuple[Any, ...] = (jobs.c.state == State.RUNNING.value, jobs.c.runner == runner)
    if only is not None:
        whose = (*whose, jobs.c.id.in_(only))
    free = {"runner": None, "reserved_key": None, "secret": None, "ended_on": now()}
    with site.store.write(access_unchanged=True) as db:
        ended = update(jobs).where(*whose, jobs.c.asked_to_end).values(state=State.CANCELLED.value, **free)
        count = db.execute(ended).rowcount
        failed = {"state": State.FAILED.value, "reason": Reason.NO_PROCESS.value}
        tired = update(jobs).where(*whose, jobs.c.attempts >= jobs.c.most_attempts).values(**failed, **free)
        count += db.execute(tired).rowcount
        back = {"state": State.QUEUED.value, "runner": None, "sent_on": None, "due_on": now()}
        return count + db.execute(update(jobs).where(*whose).values(**back)).rowcount
