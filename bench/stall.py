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
from bench.peers import Floor
from bench.report import Report
from bench.svn import load as load_svn
from tests.support.clients import Api, Git, Person
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.svn_client import Svn

CLIENTS = 8
COMMITS = int(os.environ.get("BENCH_STALL_COMMITS", "2000"))
_CALLS = 1000
_PAUSE = 0.01
"""Seconds before each call of a caller who makes pauses."""
_PACED_CALLS = 250
_ROUNDS = 5
_UNDER_WAY = 0.5
"""Seconds after which not all clones are at their beginning."""
_LAST = ["nice", "-n", "19"]
_ALONE = f'echo 19 > /proc/self/autogroup; exec taskset -c {max(os.sched_getaffinity(0))} nice -n 19 "$@"'
_MANNERS = {"elsewhere": ["setsid", "-w", "sh", "-c", _ALONE, "sh"], "beside it": _LAST}

_Clone = Callable[[list[str], Path], None]


def measure_stall(report: Report, server: Server, root: Api, place: Path) -> None:
    """p95 of `get_repo` with and without clones of each system.

    The clients are on the same machine and use more of its processors than the server does. "Elsewhere": they are kept
    away from it as if they were on another machine; they have one processor, the last, and there everybody else goes
    before them. "Beside it": they have all processors, and go after others only among themselves (`nice`). Calls come
    one right after the other, and beside the clones also with pauses. After a pause a caller waits for a processor that
    somebody holds, whichever server answers. So those calls are compared with a bare endpoint, asked in the same way
    during the same clones.
    """
    place = place / "stall"
    place.mkdir()
    floor = Floor(server.data / "trivium.db", 1)
    try:
        callers = _Callers(server, floor)
        clones = {"git": _git(server, root, place), "hg": _hg(server, root, place), "svn": _svn(server, root, place)}
        callers.ours()
        for kind, clone in clones.items():
            _measure_kind(report, callers, kind, clone, place)
    finally:
        floor.stop()


def _measure_kind(report: Report, callers: _Callers, kind: str, clone: _Clone, place: Path) -> None:
    idle: list[float] = []
    busy: dict[str, list[float]] = {where: [] for where in _MANNERS}
    paced: list[float] = []
    bare: list[float] = []
    for _ in range(_ROUNDS):
        idle.append(callers.ours())
        for where, manner in _MANNERS.items():
            with _Clients(partial(clone, manner), place):
                time.sleep(_UNDER_WAY)
                busy[where].append(callers.ours())
                if where == "beside it":
                    paced.append(callers.ours(_PAUSE))
                    bare.append(callers.bare(_PAUSE))
    what = f"p95 of get_repo, {CLIENTS} {kind} clones"
    for where, seen in busy.items():
        _line(report, f"{what} {where} / idle", seen, idle, 3)
    _line(report, f"{what} beside it, with pauses / floor", paced, bare, 2)


def _line(report: Report, what: str, one: list[float], other: list[float], limit: float) -> None:
    ours, theirs = statistics.median(one), statistics.median(other)
    report.line(what, ours / theirs, limit, f"{ours:.2f} / {theirs:.2f} ms")


class _Callers:
    """Asks the server, or the bare endpoint, and returns the p95 of the wait in milliseconds."""

    def __init__(self, server: Server, floor: Floor) -> None:
        self._ours = int(server.url.rpartition(":")[2])
        self._bare = floor.port
        asked = {"id": 1, "api_key": server.admin_key, "method": "get_repo"}
        self._call = json.dumps({**asked, "args": {"repoid": "stall-git"}}).encode()
        self._bare_call = json.dumps({**asked, "args": {"name": server.admin}}).encode()

    def ours(self, pause: float = 0) -> float:
        return self._ask(self._ours, self._call, pause)

    def bare(self, pause: float = 0) -> float:
        return self._ask(self._bare, self._bare_call, pause)

    def _ask(self, port: int, call: bytes, pause: float) -> float:
        calls = _PACED_CALLS if pause else _CALLS
        seen = load("127.0.0.1", port, "/_admin/api", connections=1, requests=calls, bodies=[call], pause=pause)
        return seen.p95_ms


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
