# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: disable-error-code="untyped-decorator"
"""`trivium worker`: Celery, whose tasks carry out jobs (system.md 4).

A message says which job, and nothing else. Tasks are acknowledged late, one at a time, and their results stand in the
rows of the jobs. What a killed process was doing is taken back by whoever looks next.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from celery import Celery, signals
from celery.beat import Scheduler
from sqlalchemy.exc import DBAPIError

from trivium.errors import TriviumError
from trivium.forge.jobs import running
from trivium.forge.jobs.job import moment
from trivium.forge.site import Site
from trivium.forge.upkeep.recovery import recover_left
from trivium.jobs.broker import QUEUE, TASK
from trivium.jobs.carrying_out import NotStored, carry_out
from trivium.jobs.looking import interval, look
from trivium.jobs.schedules import begin_due
from trivium.procs.priority import let_others_go_first
from trivium.settings import Settings

_log = structlog.get_logger(__name__)

_PR_SET_PDEATHSIG: Final = 1
_MOST_KIBIBYTES: Final = 1 << 20
"""Memory after which a process is replaced, when it has done its job."""
_START: Final = 120.0
_HOUR: Final = 3600
_MOST: Final = 20
_SILENT: Final = 3
"""Looks after which a job that was sent should have been brought to a process that has nothing to do."""
_BEAT: Final = 5.0
"""Seconds between two looks at the schedules."""
SCHEDULES: Final = "trivium.schedules"


class _Process:
    """One process of the worker: its site, and what it does.

    It does one job at a time. Which, it is told by Celery; where nobody tells it, it looks by itself. Celery may hear
    nothing more once its broker was away, and does not notice.
    """

    def __init__(self, site: Site, stopping: Callable[[], bool]) -> None:
        self.site = site
        self._stopping = stopping
        self._turn = threading.Lock()
        self._told_at = time.monotonic()
        """When Celery brought something last, by the monotonic clock."""
        self._job: str | None = None
        threading.Thread(target=self._look, name="look", daemon=True).start()

    def carry_out(self, job: str) -> None:
        with self._turn:
            self._carry_out(job)
            self._told_at = time.monotonic()

    def _carry_out(self, job: str) -> bool:
        self._job = job
        try:
            if carry_out(self.site, job, self._stopping):
                return True
            # Perhaps that of a process which is dead by now.
            look(self.site, self._busy_with)
        except NotStored:
            # Once this process is gone, others know that nobody does it.
            _log.error("a process of the worker gives up", job=job)
            os._exit(1)
        except (DBAPIError, TriviumError) as error:
            # It was not begun: it waits, and whoever looks next sends it again.
            _log.warning("a job was not taken", job=job, why=str(error)[:200])
        finally:
            self._job = None
        return False

    def _do_what_nobody_brings(self) -> None:
        """Do the jobs that somebody should have heard of long ago, the oldest first, while this one hears of none."""
        patience = _SILENT * interval(self.site)
        while not self._stopping() and time.monotonic() - self._told_at > patience:
            with self.site.store.read() as db:
                waiting = running.due(db, _MOST)
            silent = [job.id for job in waiting if job.sent_on is not None and job.sent_on < moment(-patience)]
            if not silent or not self._turn.acquire(blocking=False):
                return
            try:
                _log.warning("the queue did not bring a job", job=silent[0])
                if not any(self._carry_out(job) for job in silent):
                    return
            finally:
                self._turn.release()

    def _busy_with(self) -> tuple[str, ...]:
        job = self._job
        return () if job is None else (job,)

    def _look(self) -> None:
        pause = threading.Event()
        while not pause.wait(interval(self.site)):
            try:
                recover_left(self.site)
                look(self.site, self._busy_with)
                self._do_what_nobody_brings()
            except (DBAPIError, TriviumError) as error:
                _log.warning("jobs were not looked for", why=str(error)[:200])
            except Exception:
                _log.exception("jobs were not looked for")


def run(
    settings: Settings, open_site: Callable[[], Site], *, concurrency: int, beat: bool, on_ready: Callable[[], None]
) -> int:
    """Work until SIGTERM; returns the exit status. `open_site` is called in each process.

    Calls that the same machine answers go before jobs.
    """
    let_others_go_first()
    ending = mmap.mmap(-1, 1)
    """Shared by all processes: whether the worker ends."""
    processes: list[_Process] = []
    app = application(settings)

    @app.task(name=TASK, ignore_result=True)
    def job(which: str) -> None:
        processes[0].carry_out(which)

    @app.task(name=SCHEDULES, ignore_result=True)
    def regular() -> None:
        begin_due(processes[0].site)

    @signals.setup_logging.connect(weak=False)
    def keep_our_logging(**_: Any) -> None:
        pass

    @signals.worker_process_init.connect(weak=False)
    def begin(**_: Any) -> None:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        processes.append(_Process(open_site(), lambda: ending[0] != 0))

    @signals.worker_process_shutdown.connect(weak=False)
    def end(**_: Any) -> None:
        for process in processes:
            process.site.close()

    @signals.worker_shutting_down.connect(weak=False)
    def tell_all(**_: Any) -> None:
        ending[0] = 1

    @signals.worker_ready.connect(weak=False)
    def ready(**_: Any) -> None:
        on_ready()

    worker = app.Worker(
        concurrency=concurrency,
        pool="prefork",
        hostname=f"trivium-{os.getpid()}@%h",
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        quiet=True,
        loglevel="WARNING",
        beat=beat,
        scheduler=f"{Scheduler.__module__}:{Scheduler.__name__}",  # keeps nothing on the disk
        redirect_stdouts=False,
    )
    worker.start()
    return int(worker.exitcode or 0)


def application(settings: Settings) -> Celery:
    """Celery, configured."""
    app = Celery("trivium", broker=settings.broker, set_as_current=False, backend=None)
    app.conf.update(
        task_default_queue=QUEUE,
        task_serializer="json",
        accept_content=["json"],
        result_accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_max_memory_per_child=_MOST_KIBIBYTES,
        worker_proc_alive_timeout=_START,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        # Longer than a job may take: what was handed out is not handed out again meanwhile.
        broker_transport_options={"visibility_timeout": settings.import_timeout + _HOUR},
        beat_schedule={
            "schedules": {"task": SCHEDULES, "schedule": _BEAT, "options": {"expires": _BEAT}},
        },
        enable_utc=True,
        timezone="UTC",
    )
    return app
