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
from collections.abc import Callable
from typing import Any, Final

import structlog
from celery import Celery, signals
from celery.beat import Scheduler
from sqlalchemy.exc import DBAPIError

from trivium.errors import TriviumError
from trivium.forge.site import Site
from trivium.jobs.broker import QUEUE, TASK
from trivium.jobs.carrying_out import NotStored, carry_out
from trivium.jobs.looking import interval, look
from trivium.jobs.schedules import begin_due
from trivium.settings import Settings

_log = structlog.get_logger(__name__)

_PR_SET_PDEATHSIG: Final = 1
_MOST_KIBIBYTES: Final = 1 << 20
"""Memory after which a process is replaced, when it has done its job."""
_START: Final = 120.0
_HOUR: Final = 3600
_BEAT: Final = 5.0
"""Seconds between two looks at the schedules."""
SCHEDULES: Final = "trivium.schedules"


class _Process:
    """One process of the worker: its site, and what it does."""

    def __init__(self, site: Site, stopping: Callable[[], bool]) -> None:
        self.site = site
        self._stopping = stopping
        self._job: str | None = None
        threading.Thread(target=self._look, name="look", daemon=True).start()

    def carry_out(self, job: str) -> None:
        self._job = job
        try:
            if not carry_out(self.site, job, self._stopping):
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

    def _busy_with(self) -> tuple[str, ...]:
        job = self._job
        return () if job is None else (job,)

    def _look(self) -> None:
        pause = threading.Event()
        while not pause.wait(interval(self.site)):
            try:
                look(self.site, self._busy_with)
            except (DBAPIError, TriviumError) as error:
                _log.warning("jobs were not looked for", why=str(error)[:200])
            except Exception:
                _log.exception("jobs were not looked for")


def run(
    settings: Settings, open_site: Callable[[], Site], *, concurrency: int, beat: bool, on_ready: Callable[[], None]
) -> int:
    """Work until SIGTERM; returns the exit status. `open_site` is called in each process."""
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
