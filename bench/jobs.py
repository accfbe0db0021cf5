# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job costs beside a bare task of Celery over the same Redis, and whether calls notice many of them."""

from __future__ import annotations

import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from celery import Celery
from sqlalchemy import bindparam, select

from bench.reading import Caller
from bench.report import Report
from tests.support.queues import Redis, Worker, broker
from tests.support.servers import Server
from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.assembly import open_site
from trivium.forge.accounts import users as accounts
from trivium.forge.jobs.job import State
from trivium.forge.jobs.submission import submit
from trivium.forge.repositories import creation, queued
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.queued import FORK, ForkArguments
from trivium.forge.repositories.requests import CreationRequest, ForkRequest
from trivium.jobs.runner import LONG
from trivium.jobs.schedules import EXPIRED, Nothing
from trivium.settings import Settings
from trivium.store.query import Query
from trivium.store.tables import jobs

FORKS = int(os.environ.get("BENCH_FORKS", "1000"))
ONE_BY_ONE = 100
ROUNDS = 5
_READS = 400
_LEFT = Query(select(jobs.c.id).where(jobs.c.kind == EXPIRED.name).limit(1))
_STATE = Query(select(jobs.c.state).where(jobs.c.id == bindparam("job")))
_LOOK = 0.0001
"""Seconds between two looks whether a job is done; the bare task's end is told to who waits."""
_BARE = """
import sys
from celery import Celery
app = Celery('bare', broker=sys.argv[1], backend=sys.argv[1], set_as_current=False)
app.conf.update(task_default_queue='bare', task_acks_late=True, worker_prefetch_multiplier=1,
                worker_enable_remote_control=False, worker_hijack_root_logger=False)
@app.task(name='bare')
def bare():
    pass
app.Worker(concurrency=1, pool='prefork', without_gossip=True, without_mingle=True, without_heartbeat=True, quiet=True,
           loglevel='ERROR').start()
"""
"""Celery that acknowledges late and keeps what became of a task, as ours does; but it keeps it in the memory of Redis,
which a power loss takes. What ours acknowledges survives that."""


def measure_jobs(report: Report, place: Path) -> None:
    """Submission, round trips, and a queue of forks beside readers, on a server of its own.

    Another installation does the same forks, to see what these do to readers through the machine alone.
    """
    with broker(place) as redis:
        server, elsewhere = (Server(place / name / "data") for name in ("jobs", "elsewhere"))
        for one in (server, elsewhere):
            one.data.parent.mkdir()
            one.set_up()
        # The job that is measured has nothing to do then, as the bare task.
        nothing_to_do = {"TRIVIUM_KEEP_EXPIRED_DAYS": "0"}
        environment = {"TRIVIUM_USE_CELERY": "true", "TRIVIUM_BROKER_URL": redis.url} | nothing_to_do
        other = environment | {"TRIVIUM_BROKER_URL": f"{redis.url.removesuffix('0')}1"}
        server.start("--workers", "2", **environment)
        workers = [Worker(server, environment, "--concurrency", "1"), Worker(elsewhere, other, "--concurrency", "1")]
        try:
            _measure_one(report, server, redis)
            _measure_many(report, _Forks(server, "by a worker", 1), _Forks(elsewhere, "by a worker", 1, other))
        finally:
            for worker in workers:
                worker.stop()
            server.stop()
        for one in (server, elsewhere):
            one.start("--workers", "2")
        try:
            forks = [_Forks(one, "by the server", 2 * LONG) for one in (server, elsewhere)]
            _measure_many(report, *forks)
        finally:
            for one in (server, elsewhere):
                one.stop()


def _measure_one(report: Report, server: Server, redis: Redis) -> None:
    """The CPU of a submission; and the time until a job, or a task, has been done by another process."""
    site = open_site(replace(Settings(data=server.data), use_celery=True, broker_url=redis.url))
    bare = Celery("bare", broker=redis.url, backend=redis.url, set_as_current=False)
    bare.conf.task_default_queue = "bare"
    peer = subprocess.Popen([sys.executable, "-c", _BARE, redis.url], stdin=subprocess.DEVNULL)

    def submit_one() -> None:
        assert submit(site, the_system(), EXPIRED, Nothing(), subject="") is not None

    def is_done() -> bool:
        with site.store.read() as db:
            return _LEFT.first(db, {}) is None

    def job() -> None:
        submit_one()
        while not is_done():
            time.sleep(_LOOK)

    names = itertools.count()

    def kept() -> None:
        asked = ForkRequest(name=f"nothing-{next(names)}")
        which = submit(site, the_system(), FORK, ForkArguments(source_id=0, wanted=asked), subject=asked.name)
        with site.store.read() as db:
            while _STATE.first(db, {"job": which}) != (State.FAILED.value,):
                time.sleep(_LOOK)

    def task() -> None:
        bare.send_task("bare").get(timeout=60)

    try:
        times: dict[str, list[float]] = {"job": [], "kept": [], "task": []}
        for number in range(ROUNDS + 1):
            for name, act in (("job", job), ("kept", kept), ("task", task)):
                took = [_timed(act) for _ in range(ONE_BY_ONE // ROUNDS)]
                if number:  # the first only warms up
                    times[name] += took
        job_, kept_, bare_ = (statistics.median(times[name]) * 1000 for name in times)
        report.line("a job's round trip / a bare task's", job_ / bare_, 1.2, f"{job_:.2f} / {bare_:.2f} ms")
        report.line(
            "the same of a job whose end is kept: a fork of what is not there",
            kept_ / bare_,
            1.2,
            f"{kept_:.2f} / {bare_:.2f} ms: its row waits for the disk, its end does not",
        )
        began = time.thread_time()
        for _ in range(ONE_BY_ONE):
            submit_one()
        cpu = (time.thread_time() - began) * 1000 / ONE_BY_ONE
        report.line("a job submitted: CPU / 1 ms", cpu, 1.0, f"{cpu:.2f} ms, its row and its message")
        while not is_done():
            time.sleep(0.01)
    finally:
        peer.terminate()
        peer.wait(30)
        site.close()


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


@dataclass(frozen=True)
class _Forks:
    """Many forks of an empty repository, asked for at once."""

    server: Server
    who: str
    """Who does them."""
    at_once: int
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the worker."""

    @property
    def mine(self) -> str:
        return f"subject LIKE '{self.who} %'"

    @property
    def source(self) -> str:
        return f"source {self.who}"

    def ask(self) -> float:
        """Ask for all of them as a page does, where whoever asks does not wait; returns the seconds that took."""
        broker_url = self.environment.get("TRIVIUM_BROKER_URL", "")
        settings = replace(Settings(data=self.server.data), use_celery=bool(broker_url), broker_url=broker_url)
        began = time.perf_counter()
        with contextlib.closing(open_site(settings)) as site:
            with site.store.read() as db:
                root = accounts.find(db, self.server.admin).as_caller("127.0.0.1")
                copied = repositories.find(db, root, self.source, Level.READ)
            for number in range(FORKS):
                queued.fork(site, root, copied, ForkRequest(name=f"{self.who} {number}"), waits=False)
        return time.perf_counter() - began

    def begun(self) -> None:
        """Wait for the first: what was asked for elsewhere is found by a look every few seconds."""
        while not self.server.query(f"SELECT 1 FROM jobs WHERE {self.mine} AND state != 'queued' LIMIT 1"):
            time.sleep(0.01)

    def left(self) -> int:
        """How many are still to come."""
        (count,) = self.server.query(f"SELECT count(*) FROM jobs WHERE {self.mine} AND state IN ('queued', 'running')")
        return int(count[0])

    def done(self) -> None:
        while self.left():
            time.sleep(0.05)


def _measure_many(report: Report, forks: _Forks, others: _Forks) -> None:
    """Many forks, done in their order, with readers beside them, and beside the `others` of another installation."""
    server, who, at_once = forks.server, forks.who, forks.at_once
    api = server.api(server.admin_key)
    caller = Caller(api)
    api("create_repo", repo_name=forks.source, repo_type="git")
    with contextlib.closing(open_site(Settings(data=others.server.data))) as site:
        with site.store.read() as db:
            root = accounts.find(db, others.server.admin).as_caller("127.0.0.1")
        creation.create(site, root, CreationRequest(name=others.source, kind="git"))
    alone = _reads(caller, forks.source)
    others.ask()
    others.begun()
    floor, still = _reads(caller, forks.source), others.left()
    others.done()
    began = time.perf_counter()
    if at_once > 1:
        asked = forks.ask()
    else:
        for number in range(FORKS):
            caller.ask("fork_repo", repoid=forks.source, fork_name=f"{who} {number}")
        asked = time.perf_counter() - began
    forks.begun()
    beside, left = _reads(caller, forks.source), forks.left()
    forks.done()
    took = time.perf_counter() - began
    rows = server.query(f"SELECT state, started_on FROM jobs WHERE {forks.mine} ORDER BY id")
    done = sum(state == "done" for state, _ in rows)
    # Those that run beside each other begin at the same moment.
    late = sum(later[1] < earlier[1] for earlier, later in zip(rows, rows[at_once:], strict=False))
    report.line(
        f"{FORKS} forks {who}: not done", FORKS - done, 0, f"asked for in {asked:.1f} s, done after {took:.1f} s"
    )
    report.line("forks begun before one that was asked for earlier", late / max(1, FORKS), 0.01, f"{late} of {FORKS}")
    told = f"{beside:.2f} / {alone:.2f} ms; {left} were still to come"
    report.line("p95 of get_repo beside forks / alone", beside / alone, 1.5, told)
    report.note(
        f"  beside the same of another installation / alone: {floor / alone:.2f} ({floor:.2f} ms; {still} to come)"
    )


def _reads(caller: Caller, name: str) -> float:
    """The 95th percentile of calls, in milliseconds."""
    times = []
    for _ in range(_READS):
        began = time.perf_counter()
        caller.ask("get_repo", repoid=name)
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.005)  # no more than a reader asks, or they would only be in each other's way
    return sorted(times)[int(_READS * 0.95)]
