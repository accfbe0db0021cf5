# SPDX-License-Identifier: GPL-3.0-or-later
"""One job is carried out: the same for a thread of the server and for a worker of Celery."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec
import structlog
from sqlalchemy.exc import DBAPIError

from trivium.errors import Busy, Cancelled, DatabaseAway, TriviumError
from trivium.forge.jobs import running
from trivium.forge.jobs.job import Job, JobKind, State
from trivium.forge.jobs.reasons import Because, Reason, because
from trivium.forge.jobs.running import Later, TakenAway, Work
from trivium.forge.repositories.failed_transfers import reason_of
from trivium.forge.site import Site
from trivium.jobs import handlers
from trivium.jobs.registry import Handler, handler_of, outside_kinds
from trivium.vcs.errors import EndedFromOutside, Interrupted

__all__ = ["NotStored", "carry_out", "handlers"]

_log = structlog.get_logger(__name__)

_LONGEST_PAUSE: Final = 3600.0
_TRIES_TO_STORE: Final = 60
_PAUSE_TO_STORE: Final = 1.0


class NotStored(Exception):
    """How a job ended could not be stored. Its process should forget it, so that others see that nobody does it."""


def carry_out(site: Site, job: str, stop: Callable[[], bool] = lambda: False) -> bool:
    """Take a job and do it; False when it is another's, is over, or must not begin yet. `stop` as for `Work`.

    How it went stands in its row afterwards. While the database is away that waits, for nobody else can take the job
    meanwhile, and what was done would be done again. Raises `NotStored` when it was impossible for a minute for another
    reason, or because this process ends; and what the database raises when the job could not be taken.
    """
    taken = running.claim(site, job, outside_kinds())
    if taken is None:
        return False
    handler = handler_of(taken.kind)
    kind = None if handler is None else handler.kind
    kept = {} if kind is None else {"forgotten": kind.forgotten, "outside": kind.outside}
    work = Work(site, taken, stop, **kept)
    store = _attempt(site, work, taken, handler)
    if not work.over:
        _stored(work, store, stop)
    _log.info("job", job=job, kind=taken.kind, subject=taken.subject, attempt=taken.attempts)
    return True


def _attempt(site: Site, work: Work, job: Job, handler: Handler | None) -> Callable[[], None]:
    """Do what a job says; returns how to store its end."""
    if handler is None:
        return lambda: work.end(State.FAILED, because(Reason.UNKNOWN_KIND))
    try:
        arguments = msgspec.json.decode(job.arguments, type=handler.kind.arguments)
        work.check()
        handler.function(site, work, arguments)
    except TakenAway:
        _log.warning("a job was taken away", job=job.id, kind=job.kind)
        work.over = True
    except Cancelled:
        return lambda: work.end(State.CANCELLED)
    except (Busy, Interrupted) as error:
        # Others are at work there: that is no failure of an attempt.
        reason = reason_of(error)
        return lambda: work.again(handler.kind.pause, reason, reason.english, counted=False)
    except Later as error:
        return _tried_again(work, handler.kind, because(error.message, error.values), str(error))
    except TriviumError as error:
        reason, detail = reason_of(error), str(error)
        if _was_ended(error):
            return _tried_again(work, handler.kind, reason, detail)
        return lambda: work.end(State.FAILED, reason, detail)
    except DBAPIError as error:
        _log.warning("the database failed a job", job=job.id, kind=job.kind, why=str(error.orig))
        return _tried_again(work, handler.kind, because(Reason.NO_DATABASE), str(error.orig))
    except OSError as error:
        _log.exception("a job failed", job=job.id, kind=job.kind)
        return _tried_again(work, handler.kind, reason_of(error), f"{type(error).__name__}: {error.strerror}")
    except Exception as error:
        # Whatever went wrong, who asked learns nothing of our insides, and the log everything but secrets.
        _log.exception("a job failed", job=job.id, kind=job.kind)
        name = type(error).__name__
        return lambda: work.end(State.FAILED, because(Reason.OUR_FAULT), name)
    return lambda: work.end(State.DONE)


def _was_ended(error: BaseException) -> bool:
    """Whether a program ended in the middle, as Mercurial's processes do with their server."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, EndedFromOutside):
        cause = cause.__cause__
    return cause is not None


def _tried_again(work: Work, kind: JobKind, reason: Because, detail: str) -> Callable[[], None]:
    job = work.job
    if job.attempts >= job.most_attempts:
        return lambda: work.end(State.FAILED, reason, detail)
    seconds = min(_LONGEST_PAUSE, kind.pause * 2 ** (job.attempts - 1))
    return lambda: work.again(seconds, reason, detail, counted=True)


def _stored(work: Work, store: Callable[[], None], stop: Callable[[], bool]) -> None:
    """Store the end of a job, as long as that may succeed."""
    tried = 0
    while True:
        try:
            store()
            return
        except (Busy, DBAPIError) as error:
            if not isinstance(error, DatabaseAway) or stop():
                tried += 1
            if tried == _TRIES_TO_STORE:
                raise NotStored(work.job.id) from error
            _log.warning("the end of a job could not be stored", job=work.job.id, why=str(error)[:200])
            time.sleep(_PAUSE_TO_STORE)
