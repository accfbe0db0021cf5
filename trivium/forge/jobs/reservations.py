# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of what is just being created: taken, though nothing is there yet (system.md 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.forge.jobs.job import COLUMNS, Job, job_of
from trivium.names import MAX_DEPTH, is_clean_text, key_of
from trivium.store.query import Query
from trivium.store.tables import jobs

_HOLDER = Query(select(jobs.c.id).where(jobs.c.reserved_key == bindparam("key")))
_OF_KEYS = Query(
    select(*COLUMNS).where(jobs.c.reserved_key.in_([bindparam(f"key{depth}") for depth in range(MAX_DEPTH)]))
)
_LONGEST: Final = 2048
"""Characters of a path among which a name is looked for."""


def is_reserved(db: Connection, path: str, *, but_job: str = "") -> bool:
    """Whether a job other than `but_job` creates what will be called so."""
    row = _HOLDER.first(db, {"key": key_of(path)})
    return row is not None and row[0] != but_job


def pending(db: Connection, caller: Caller, path: str) -> Job | None:
    """The job that creates what will have exactly this name, if the caller may know of it."""
    found = pending_above(db, caller, path)
    return found if found is not None and found.subject == path else None


def pending_above(db: Connection, caller: Caller, path: str) -> Job | None:
    """The job that creates what a path leads into, if the caller may know of it."""
    if caller.anonymous:
        return None
    names = _names(path[:_LONGEST].split("/")[:MAX_DEPTH])
    keys = {f"key{depth}": key_of(names[depth]) if depth < len(names) else "" for depth in range(MAX_DEPTH)}
    found = [job_of(row) for row in _OF_KEYS.all(db, keys)]
    known = [job for job in found if job.subject in names and job.known_to(caller)]
    return min(known, key=lambda job: len(job.subject), default=None)


def _names(segments: Sequence[str]) -> list[str]:
    names = []
    for depth in range(len(segments)):
        if not is_clean_text(segments[depth]):
            break
        names.append("/".join(segments[: depth + 1]))
    return names
