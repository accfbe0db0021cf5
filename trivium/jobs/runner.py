# SPDX-License-Identifier: GPL-3.0-or-later
"""The server's own runner: jobs are done by a few threads of its workers, where no queue has others do them.

Each worker of a server has a runner. Which of them takes a job, the row says. Short jobs never wait for long ones.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from trivium.errors import Busy, TriviumError
from trivium.forge.jobs import running
from trivium.forge.jobs.running import Due
from trivium.forge.site import Site
from trivium.forge.upkeep import after_pushes
from trivium.jobs.broker import Broker
from trivium.jobs.carrying_out import NotStored, carry_out
from trivium.jobs.crowds import CROWD
from trivium.jobs.looking import interval, look
from trivium.jobs.registry import long_kinds
from trivium.jobs.schedules import begin_due

_log = structlog.get_logger(__name__)

LONG: Final = 2
"""Long jobs at a time in one process."""
SHORT: Final = 1
_PATIENCE: Final = 15.0
"""Seconds after which help that does not come is waited for no more."""


class Runner:
    """Looks for jobs, and does them where nobody else is told to, until it is closed."""

    def __init__(self, site: Site, get_help: Callable[[], None] | None = None) -> None:
        """`get_help` starts the process that does many long jobs (`jobs.crowds`); None: there can be none."""
        self._site = site
        self._get_help = get_help
        self._first_of_crowd: tuple[str, float] | None = None
        """The job that others are to do next, and since when."""
        self._every = interval(site)
        self._asked_at = time.monotonic()
        self._changed = threading.Condition()
        self._woken = False
        self._closing = False
        self._under_way: dict[str, bool] = {}
        """Jobs of ours → whether they are long."""
        self._threads: set[threading.Thread] = set()
        self._looking = threading.Thread(target=self._look, name="jobs", daemon=True)

    def start(self) -> None:
        self._looking.start()

    def wake(self) -> None:
        """Look now: something is to be done."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        """Begin nothing more, and wait for what is under way; a process that cannot wait leaves it to others."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        if self._looking.is_alive():
            self._looking.join()
        for thread in list(self._threads):
            thread.join()

    @property
    def closing(self) -> bool:
        return self._closing

    def _look(self) -> None:
        while not self._closing:
            try:
                self._ask_after_pushes()
                begin_due(self._site)
                look(self._site, self._busy_with)
                self._begin_due()
            except (TriviumError, DBAPIError) as error:
                _log.warning("jobs were not looked for", why=str(error)[:200])
            except Exception:
                _log.exception("jobs were not looked for")
            with self._changed:
                if not self._woken and not self._closing:
                    self._changed.wait(self._every)
                self._woken = False

    def _busy_with(self) -> frozenset[str]:
        with self._changed:
            return frozenset(self._under_way)

    def _ask_after_pushes(self) -> None:
        """Ask for what is done after pushes, of which this process alone knows (housekeeping_interval)."""
        pause, moment = self._site.settings.housekeeping_interval, time.monotonic()
        if pause and moment - self._asked_at >= pause:
            self._asked_at = moment
            after_pushes.ask(self._site)

    def _begin_due(self) -> None:
        broker = self._site.jobs
        if isinstance(broker, Broker) and broker.elsewhere:
            return
        for long, places in ((False, SHORT), (True, LONG)):
            free = places - sum(one is long for one in list(self._under_way.values()))
            if free <= 0:
                continue
            kinds = long_kinds()
            with self._site.store.read() as db:
                # Those that are ours already are among them for a moment.
                most = max(free + len(self._under_way), CROWD)
                waiting = running.due(db, most, of=kinds) if long else running.due(db, most, but=kinds)
            if long and self._is_helped(waiting):
                continue
            for job in [one.id for one in waiting if one.id not in self._under_way][:free]:
                self._begin(job, long=long)

    def _is_helped(self, waiting: Sequence[Due]) -> bool:
        """Whether long jobs are left to another process: so many wait, and the first of them not for long."""
        if self._get_help is None or len(waiting) < CROWD:
            self._first_of_crowd = None
            return False
        first, moment = waiting[0].id, time.monotonic()
        if self._first_of_crowd is None or self._first_of_crowd[0] != first:
            self._first_of_crowd = first, moment
        elif moment - self._first_of_crowd[1] > _PATIENCE:
            return False  # nobody comes
        self._get_help()
        return True

    def _begin(self, job: str, *, long: bool) -> None:
        with self._changed:
            if self._closing:
                return
            self._under_way[job] = long
        thread = threading.Thread(target=self._run, args=(job,), name="job", daemon=True)
        self._threads.add(thread)
        thread.start()

    def _run(self, job: str) -> None:
        done = False
        try:
            carry_out(self._site, job, lambda: self._closing)
            done = True
        except (Busy, DBAPIError, NotStored) as error:
            _log.warning("a job was not done", job=job, why=str(error)[:200])
        except Exception:
            _log.exception("a job was not done", job=job)
        finally:
            with self._changed:
                del self._under_way[job]
                self._threads.discard(threading.current_thread())
                # Where it failed to begin, as on a full disk, it would do so again at once, and again.
                self._woken |= done
                self._changed.notify_all()
