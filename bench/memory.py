# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the memory of a minute of mixed load comes back: `python -m bench memory`.

For a minute many clients read at once, mostly large answers: lists of changesets with their diffs, trees with all
contents, small calls, clones. Then nobody asks for anything for a minute. What is still held then is held for ever.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from bench.processes import memory_mb
from bench.pushes import CHANGESETS, fill_hg
from bench.reading import Caller, fill
from bench.report import Report
from tests.support.clients import Git
from tests.support.hg_client import Hg
from tests.support.servers import Server

SECONDS = float(os.environ.get("BENCH_MEMORY_SECONDS", "60"))
CALLERS = 12
TREE_MB = 250
WORKER_MB = 120


def measure_memory(report: Report, server: Server, place: Path) -> None:
    """Proportional memory of the tree and of the largest worker, idle again after the load."""
    _, before = memory_mb(server.pid)
    commits = fill(server, place, "memory-read")
    fill_hg(server, place, "memory-hg")
    calls = itertools.count()
    end = time.monotonic() + SECONDS
    faults: list[BaseException] = []

    def until_the_end(act: Callable[[], object]) -> None:
        try:
            while time.monotonic() < end:
                act()
                next(calls)
        except BaseException as error:
            faults.append(error)

    acts = [_reader(server, commits, number) for number in range(CALLERS)]
    acts += [_git_cloner(server, place), _hg_cloner(server, place)]
    threads = [threading.Thread(target=until_the_end, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    peak = 0.0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, memory_mb(server.pid)[1])
        time.sleep(1)
    if faults:
        raise faults[0]
    time.sleep(SECONDS)
    _, after = memory_mb(server.pid)
    if os.environ.get("BENCH_MEMORY_MAPS"):
        for pid in server.children():
            shutil.copy(f"/proc/{pid}/smaps", f"{os.environ['BENCH_MEMORY_MAPS']}/{pid}.smaps")
    workers = [_alone_mb(pid) for pid in server.workers()]
    report.line(
        "memory of the tree, idle after a mixed load, MB",
        after,
        TREE_MB,
        f"proportional; {before:.0f} MB before, {peak:.0f} MB at most; {next(calls)} calls in {SECONDS:.0f} s",
    )
    shown = " and ".join(f"{one:.0f}" for one in workers)
    report.line("memory of the largest worker then, MB", max(workers), WORKER_MB, f"proportional; {shown} MB")


def _alone_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _reader(server: Server, commits: int, number: int) -> Callable[[], object]:
    """A client that asks for one thing after the other; most of it was asked for before."""
    caller = Caller(server.api(server.admin_key))
    dice = random.Random(number)

    def act() -> object:
        repository, length = dice.choice((("memory-read", commits), ("memory-hg", CHANGESETS)))
        match dice.randrange(6):
            case 0:
                return caller.ask("get_user")
            case 1:
                return caller.ask("get_repo", repoid=repository)
            case 2:
                some = {"root_path": "/", "details": "full"}
                return caller.ask("get_repo_nodes", repoid=repository, revision=dice.choice(("tip", "100")), **some)
            case 3:
                return caller.ask("get_repo_nodes", repoid=repository, revision="tip", root_path="/")
            case _:
                some = {"limit": dice.choice((100, 500)), "details": "full"}
                start = str(length - 500 * dice.randint(1, 2))
                return caller.ask("get_repo_changesets", repoid=repository, start_rev=start, **some)

    return act


def _git_cloner(server: Server, place: Path) -> Callable[[], object]:
    home = place / "memory-git"
    home.mkdir()
    git = Git(home)
    url = server.clone_url("memory-read", server.administrator)

    def act() -> object:
        git.run("clone", "--quiet", "--bare", url, str(home / "copy"))
        shutil.rmtree(home / "copy")
        return time.sleep(1)

    return act


def _hg_cloner(server: Server, place: Path) -> Callable[[], object]:
    home = place / "memory-hg-home"
    home.mkdir()
    hg = Hg(home)
    hg.sign_in(server.url, server.admin, server.admin_password)

    def act() -> object:
        hg.run("clone", "--noupdate", server.clone_url("memory-hg"), "copy")
        shutil.rmtree(hg.home / "copy")
        return time.sleep(1)

    return act
