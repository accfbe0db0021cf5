# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether clones make other callers wait: the API's answers while eight clients clone, beside an idle server's."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.history import generate
from bench.load import load
from bench.report import Report
from bench.svn import load as load_svn
from tests.support.clients import Api, Git, Person
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.svn_client import Svn

CLIENTS = 8
COMMITS = int(os.environ.get("BENCH_STALL_COMMITS", "2000"))
_CALLS = 1000
_ROUNDS = 5
_UNDER_WAY = 0.5
"""Seconds until clones are not all at their beginning."""
_LAST = ["nice", "-n", "19"]
_ALONE = f'echo 19 > /proc/self/autogroup; exec taskset -c {max(os.sched_getaffinity(0))} nice -n 19 "$@"'
_MANNERS = {"elsewhere": ["setsid", "-w", "sh", "-c", _ALONE, "sh"], "beside it": _LAST}

_Clone = Callable[[list[str], Path], None]


def measure_stall(report: Report, server: Server, root: Api, place: Path) -> None:
    """p95 of `get_repo`, one call after the other, with and without clones of each system.

    The clients are on the same machine and use more of its processors than the server does. "Elsewhere": they are kept
    away from it as if they were on another machine; they have one processor, the last, and there everybody else goes
    before them. "Beside it": they have all processors, and go after others only among themselves (`nice`). A call is
    handed from the event loop to a thread and back, and each time waits for a processor that they hold.
    """
    place = place / "stall"
    place.mkdir()
    key = server.admin_key
    body = json.dumps({"id": 1, "api_key": key, "method": "get_repo", "args": {"repoid": "stall-git"}}).encode()
    port = int(server.url.rpartition(":")[2])

    def p95() -> float:
        seen = load("127.0.0.1", port, "/_admin/api", connections=1, requests=_CALLS, bodies=[body])
        return seen.p95_ms

    clones = {"git": _git(server, root, place), "hg": _hg(server, root, place), "svn": _svn(server, root, place)}
    p95()
    for kind, clone in clones.items():
        idle: list[float] = []
        busy: dict[str, list[float]] = {where: [] for where in _MANNERS}
        for _ in range(_ROUNDS):
            idle.append(p95())
            for where, manner in _MANNERS.items():
                with _Clients(partial(clone, manner), place):
                    time.sleep(_UNDER_WAY)
                    busy[where].append(p95())
        other = statistics.median(idle)
        for where, seen in busy.items():
            one = statistics.median(seen)
            detail = f"{one:.2f} / {other:.2f} ms"
            report.line(f"p95 of get_repo, {CLIENTS} {kind} clones {where} / idle", one / other, 3, detail)


class _Clients:
    """Clients that clone again and again while the block runs."""

    def __init__(self, clone: Callable[[Path], None], place: Path) -> None:
        self._clone = clone
        self._place = place
        self._numbers = itertools.count()
        self._ended = threading.Event()
        self._begun = threading.Barrier(CLIENTS + 1)
        self._threads = [threading.Thread(target=self._run) for _ in range(CLIENTS)]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()
        self._begun.wait()

    def _run(self) -> None:
        self._begun.wait()
        while not self._ended.is_set():
            target = self._place / f"clone{threading.get_ident()}-{next(self._numbers)}"
            self._clone(target)
            shutil.rmtree(target)

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()


def _run(manner: list[str], command: list[str], environment: dict[str, str]) -> None:
    subprocess.run([*manner, *command], env=environment, check=True, capture_output=True)


def _git(server: Server, root: Api, place: Path) -> _Clone:
    generate(place / "git", commits=COMMITS)
    root("create_repo", repo_name="stall-git", repo_type="git")
    git = Git(place)
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/stall-git"
    git.run("push", "--quiet", "--mirror", url, cwd=place / "git")
    return lambda manner, target: _run(manner, ["git", "clone", "--quiet", "--bare", url, str(target)], git.environment)


def _hg(server: Server, root: Api, place: Path) -> _Clone:
    made = place / "hg"
    subprocess.run([sys.executable, "-m", "bench.hghistory", "make", str(made), str(COMMITS)], check=True)
    root("create_repo", repo_name="stall-hg", repo_type="hg")
    shutil.rmtree(server.root / "stall-hg" / ".hg")
    shutil.copytree(made / ".hg", server.root / "stall-hg" / ".hg")
    root("get_repo", repoid="stall-hg", cache=False)
    home = place / "hg-home"
    home.mkdir()
    hg = Hg(home)
    hg.sign_in(server.url, server.admin, server.admin_password)
    command = [str(Path(sys.executable).with_name("hg")), "clone", "--quiet", "--noupdate", f"{server.url}/stall-hg"]
    return lambda manner, target: _run(manner, [*command, str(target)], hg.environment)


def _svn(server: Server, root: Api, place: Path) -> _Clone:
    root("create_repo", repo_name="stall-svn", repo_type="svn")
    stored = server.root / "stall-svn"
    load_svn(stored, 200)
    owner = stored.stat()
    subprocess.run(["chown", "-R", f"{owner.st_uid}:{owner.st_gid}", str(stored)], check=True)
    root("get_repo", repoid="stall-svn", cache=False)
    svn = Svn(place / "svn-home", Person(1, server.admin, server.admin_password, "", root))
    signed = ["--non-interactive", "--no-auth-cache", "--username", server.admin, "--password", server.admin_password]
    command = [
        "svn",
        "checkout",
        "--quiet",
        *signed,
        "--config-dir",
        str(place / "svn-home"),
        f"{server.url}/stall-svn",
    ]
    return lambda manner, target: _run(manner, [*command, str(target)], svn.environment)
