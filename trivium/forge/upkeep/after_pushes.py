# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done after a push, when there is time: the repository is kept fast, and its first visitor waits for nothing.

One job for each repository that was pushed to, however often; of the next pushes another one, once the first has begun.
Pushes are heard of from the journal, so that a crash forgets none; what writes no event is told by `Site.pushed`.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from typing import Final

import msgspec
import structlog
from cachetools import TTLCache

from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.errors import Busy, Cancelled, NotFound, TriviumError
from trivium.forge.events.delivery import Subscriber
from trivium.forge.events.moves import MOVES
from trivium.forge.events.outbox import Recorded
from trivium.forge.history.prepared import prepare
from trivium.forge.history.reading import History
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.running import Work
from trivium.forge.jobs.submission import announce, enter, submit
from trivium.forge.repositories import finding as repositories
from trivium.forge.site import Site
from trivium.forge.upkeep import housekeeping
from trivium.tree.kernel_locks import one_at_a_time
from trivium.vcs.errors import Interrupted

_log = structlog.get_logger(__name__)


class LookAfterArguments(msgspec.Struct, frozen=True):
    """Which repository."""

    repository_id: int


_PATIENCE: Final = 20.0
_PAUSE: Final = 0.1
LOOK_AFTER: Final = JobKind("look_after_repository", LookAfterArguments, long=True, forgotten=True)

_GATHERED: Final = 1.0
"""Seconds in which pushes are heard of together."""
_MOST_ASKED: Final = 10_000
_MOVED: Final = frozenset(MOVES)


def subscriber(site: Site) -> Subscriber:
    """Hears of all that moves in repositories, and asks for a job for each, housekeeping_interval seconds later."""
    interval = site.settings.housekeeping_interval
    # Well until then the job waits, and whatever is pushed meanwhile is its work as well.
    asked: TTLCache[int, bool] = TTLCache(_MOST_ASKED, 0.9 * interval)

    def hear(event: Recorded) -> None:
        if interval and event.repository_id is not None and event.repository_id not in asked:
            submit(
                site,
                the_system(),
                LOOK_AFTER,
                LookAfterArguments(event.repository_id),
                subject="",
                repository_id=event.repository_id,
                only_one=f"look after {event.repository_id}",
                after=float(interval),
            )
            asked[event.repository_id] = True

    return Subscriber("pushes", _MOVED, hear, pause=_GATHERED)


def ask(site: Site) -> None:
    """Submit the jobs for the repositories in which something was left through this process (`Site.pushed`)."""
    taken = _taken(site)
    if not taken:
        return
    told = []
    try:
        with site.store.write(access_unchanged=True) as db:
            for repository_id in sorted(taken):
                job = enter(
                    db,
                    site,
                    the_system(),
                    LOOK_AFTER,
                    LookAfterArguments(repository_id),
                    subject="",
                    repository_id=repository_id,
                    only_one=f"look after {repository_id}",
                )
                told += [job] if job is not None else []
    except BaseException:
        for repository_id in taken:
            site.pushed.put(repository_id)
        raise
    for job in told:
        announce(site, job)


def _taken(site: Site) -> set[int]:
    taken = set()
    with contextlib.suppress(queue.Empty):
        while True:
            taken.add(site.pushed.get_nowait())
    return taken


def look_after(site: Site, work: Work, arguments: LookAfterArguments) -> None:
    """Put a repository in good order, if that is worth while, and make what its pages ask for first.

    Raises `Busy` and `Interrupted` when that should be tried later: one process of a server does this at a time, so
    that pushes keep the machine.
    """
    repository_id = arguments.repository_id
    with _turn(site, work):
        try:
            housekeeping.tidy(site, repository_id, thorough=False, check=work.check)
        except (Interrupted, Busy, Cancelled):
            raise
        except TriviumError as error:
            _log.warning("a repository was not put in order", repository_id=repository_id, why=str(error))
    try:
        make_pages(site, repository_id, work.check)
    except NotFound:
        pass  # it was deleted meanwhile
    except (Interrupted, Busy, Cancelled):
        raise
    except TriviumError as error:
        _log.warning("pages of a repository were not prepared", repository_id=repository_id, why=str(error))


def make_pages(site: Site, repository_id: int, check: Callable[[], None] = lambda: None) -> None:
    """Make what the first pages of a repository are made of: values first, and of these the parts of the pages.

    Raises `NotFound`, `VcsError`, and what `check` raises, which is asked between two pages.
    """
    with site.store.read() as db:
        repository = repositories.find(db, the_system(), repository_id, Level.READ)
    prepare(History(site), repository)
    site.ahead(site, repository_id, check)


@contextlib.contextmanager
def _turn(site: Site, work: Work) -> Iterator[None]:
    """Be the only one who looks after a repository, on all processes; raises `Busy` when that takes long."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        with one_at_a_time(site.tree.locks / "housekeeping") as alone:
            if alone:
                yield
                return
        if time.monotonic() > deadline:
            raise Busy("another repository is being looked after")
        work.check()
        time.sleep(_PAUSE)
