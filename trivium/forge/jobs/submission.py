# SPDX-License-Identifier: GPL-3.0-or-later
"""A job is asked for: its row is written, and whoever runs jobs is told (system.md 4).

The row is the truth, the message only wakes somebody. A message that is lost is sent again (`jobs/looking.py`), and one
that comes twice finds the job taken.
"""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, select
from sqlalchemy.exc import IntegrityError

from trivium.access.caller import Caller
from trivium.errors import AlreadyExists, Kind
from trivium.forge.jobs.job import JobKind, State, moment, new_id
from trivium.forge.site import Site
from trivium.names import key_of
from trivium.store.query import Change, Query
from trivium.store.tables import jobs

_LONGEST_SUBJECT: Final = 255

_INSERT = Change(insert(jobs))
_WAITS = Query(select(jobs.c.id).where(jobs.c.only_one == bindparam("only_one")))
_RESERVED = Query(select(jobs.c.id).where(jobs.c.reserved_key == bindparam("key")))
_WITHDRAW = Change(delete(jobs).where(jobs.c.id == bindparam("job"), jobs.c.state == State.QUEUED.value))


def submit(
    site: Site,
    caller: Caller,
    kind: JobKind,
    arguments: msgspec.Struct,
    *,
    subject: str,
    repository_id: int | None = None,
    owner_id: int | None = None,
    secret: str = "",
    only_one: str = "",
    after: float = 0.0,
) -> str | None:
    """Ask for a job; returns its id, or None where one with the same `only_one` waits already.

    It acts for `caller` with the rights that they have by then, not before `after` seconds. `secret` is kept sealed
    until the job ends. Raises `AlreadyExists` when another creation has reserved the name.
    """
    with site.store.write(access_unchanged=True) as db:
        job = enter(
            db,
            site,
            caller,
            kind,
            arguments,
            subject=subject,
            repository_id=repository_id,
            owner_id=owner_id,
            secret=secret,
            only_one=only_one,
            after=after,
        )
    if job is not None and not after:
        announce(site, job)
    return job


def announce(site: Site, job: str) -> None:
    """Say that a job waits: to other programs where there are any, else to this one."""
    if not site.jobs.tell(job):
        site.jobs.wake()


def submit_elsewhere(
    site: Site,
    caller: Caller,
    kind: JobKind,
    arguments: msgspec.Struct,
    *,
    subject: str,
    owner_id: int | None = None,
    secret: str = "",
) -> str | None:
    """Ask for a job that another program runs; None, and no row, where none can be told: do it here and now."""
    if not site.jobs.elsewhere:
        return None
    with site.store.write(access_unchanged=True) as db:
        job = enter(db, site, caller, kind, arguments, subject=subject, owner_id=owner_id, secret=secret)
    assert job is not None
    if site.jobs.tell(job):
        return job
    with site.store.write(access_unchanged=True) as db:
        withdrawn = _WITHDRAW.run(db, {"job": job})
    # Somebody found the row, or got a message that we believe lost: then they do it.
    return None if withdrawn else job


def enter(
    db: Connection,
    site: Site,
    caller: Caller,
    kind: JobKind,
    arguments: msgspec.Struct,
    *,
    subject: str,
    repository_id: int | None = None,
    owner_id: int | None = None,
    secret: str = "",
    only_one: str = "",
    after: float = 0.0,
) -> str | None:
    """The row alone, in the transaction of its reason; as `submit`. Afterwards somebody should be told."""
    key = key_of(subject) if kind.reserves else None
    if only_one and _WAITS.first(db, {"only_one": only_one}) is not None:
        return None
    if key is not None and _RESERVED.first(db, {"key": key}) is not None:
        raise AlreadyExists(Kind.REPOSITORY, subject)
    job = new_id()
    created_on = moment()
    row = {
        "id": job,
        "kind": kind.name,
        "arguments": msgspec.json.encode(arguments).decode(),
        "secret": site.ring.seal(secret, f"job {job}") if secret else None,
        "subject": subject[:_LONGEST_SUBJECT],
        "repository_id": repository_id,
        "reserves": kind.reserves,
        "reserved_key": key,
        "only_one": only_one or None,
        "owner_id": owner_id,
        "user_id": caller.user_id,
        "username": caller.username,
        "address": caller.address,
        "state": State.QUEUED.value,
        "asked_to_end": False,
        "done": 0,
        "what": "",
        "log": "",
        "attempts": 0,
        "most_attempts": kind.attempts,
        "due_on": moment(after) if after else created_on,
        # It is about to be. Without a queue it makes no difference.
        "sent_on": None if after else created_on,
        "created_on": created_on,
    }
    if key is None and not only_one:
        _INSERT.run(db, row)
        return job
    try:
        # Where many write at once, another may have been quicker since we looked.
        with db.begin_nested():
            _INSERT.run(db, row)
    except IntegrityError as error:
        if key is None:
            return None
        raise AlreadyExists(Kind.REPOSITORY, subject) from error
    return job
