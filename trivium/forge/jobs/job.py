# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job is: a row that says what is to be done for whom, and what became of it."""

from __future__ import annotations

import secrets
import time
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from trivium.access.caller import Caller
from trivium.forge.jobs.reasons import Because, because_of
from trivium.store.tables import jobs, now


class State(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job. Which function does it, `trivium/jobs` knows."""

    name: str
    arguments: type[msgspec.Struct]
    """What it is told. Arguments are stored, sent and shown: nothing in them is secret."""
    attempts: int = 3
    """How often it is begun at most, when its process dies or something is in the way for a while."""
    pause: float = 10.0
    """Seconds before another attempt; doubled each time, up to an hour."""
    long: bool = False
    """Whether it may take minutes: short ones do not wait for such."""
    reserves: bool = False
    """Whether it creates what its subject names, and keeps the name for that."""
    forgotten: bool = False
    """Whether nothing is kept of one that is done: there are many, and nobody asked for them."""
    outside: bool = False
    """Whether it acts outside of the database and the repositories, as a mail does.

    That it was taken, and how it ended, then waits for the disk: a crash of the database must not have it done again.
    """


class Job(msgspec.Struct, frozen=True):
    """A row. Moments are as everywhere, UTC."""

    id: str
    """A UUID; the id of the Celery task as well."""
    kind: str
    arguments: str
    """JSON."""
    secret: bytes | None
    subject: str
    repository_id: int | None
    reserves: bool
    """Whether it creates what its subject names."""
    owner_id: int | None
    user_id: int
    username: str
    address: str
    state: State
    asked_to_end: bool
    done: int
    total: int | None
    what: str
    log: str
    reason: Because | None
    """Why it failed, in a sentence that whoever asked for it may read."""
    detail: str | None
    """The same for super-admins."""
    attempts: int
    most_attempts: int
    due_on: str
    runner: str | None
    created_on: str
    started_on: str | None
    ended_on: str | None

    @property
    def percent(self) -> int | None:
        """How much of it is done; None where that is not known."""
        return min(100, 100 * self.done // self.total) if self.total else None

    def known_to(self, caller: Caller) -> bool:
        """Whether somebody may know of it: who asked, who will own what comes of it, super-admins."""
        return caller.super_admin or (not caller.anonymous and caller.user_id in (self.user_id, self.owner_id))


COLUMNS: Final = tuple(jobs.c[name] for name in Job.__struct_fields__)
_STATE_AT: Final = Job.__struct_fields__.index("state")
_REASON_AT: Final = Job.__struct_fields__.index("reason")


def job_of(row: Any) -> Job:
    values = list(row)
    values[_STATE_AT] = State(values[_STATE_AT])
    values[_REASON_AT] = because_of(values[_REASON_AT]) if values[_REASON_AT] else None
    return Job(*values)


def new_id() -> str:
    """A UUID that grows with time (RFC 9562, version 7): jobs are done in the order of their ids."""
    nanoseconds = time.time_ns()
    milliseconds, rest = divmod(nanoseconds, 1_000_000)
    parts = milliseconds << 80 | 0x7 << 76 | (rest * 4096 // 1_000_000) << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(uuid.UUID(int=parts))


def is_id(text: str) -> bool:
    """Whether a text may be the id of a job: one that is looked up."""
    return len(text) == 36 and text.isascii() and text.isprintable()


def moment(seconds: float = 0.0) -> str:
    """So many seconds from now, as it is stored."""
    return now(ago=-seconds)
