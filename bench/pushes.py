# SPDX-License-Identifier: GPL-3.0-or-later
"""After a push of one commit, reading costs what it did before, and what that commit costs.

What a list costs right after a push is compared with twice its warm cost and what it costs to read the new commit
alone, both measured in the same rounds.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.reading import Caller, fill
from bench.report import Report
from tests.support.clients import Git
from tests.support.hg_client import Hg
from tests.support.servers import Server

CHANGESETS = 1500
LIMIT = 100
ROUNDS = 12


def measure_push(report: Report, server: Server, place: Path) -> None:
    """Lists of changesets and of files of Git and Mercurial."""
    commits = fill(server, place, "push-git")
    git = Git(place / "push-git-clone")
    git.home.mkdir()
    git.run("clone", "--quiet", server.clone_url("push-git", server.administrator), "work")
    git_work = git.home / "work"

    def push_git(number: int) -> None:
        git.commit(git_work, f"round {number}")
        git.run("push", "--quiet", "origin", "HEAD", cwd=git_work)

    _measure(report, server, "push-git", commits, push_git)

    fill_hg(server, place, "push-hg")
    home = place / "push-hg-home"
    home.mkdir()
    hg = Hg(home)
    hg.sign_in(server.url, server.admin, server.admin_password)
    url = server.clone_url("push-hg")
    hg.run("clone", url, "work")

    def push_hg(number: int) -> None:
        hg.commit(home / "work", f"round {number}")
        hg.run("push", "--force", url, cwd=home / "work")

    _measure(report, server, "push-hg", CHANGESETS, push_hg)


def fill_hg(server: Server, place: Path, name: str) -> None:
    """A generated Mercurial history as a repository of the server."""
    made = place / name
    subprocess.run([sys.executable, "-m", "bench.hghistory", "make", str(made), str(CHANGESETS)], check=True)
    root = server.api(server.admin_key)
    root("create_repo", repo_name=name, repo_type="hg")
    shutil.rmtree(server.root / name / ".hg")
    shutil.copytree(made / ".hg", server.root / name / ".hg")
    root("get_repo", repoid=name, cache=False)


def _measure(report: Report, server: Server, name: str, commits: int, push: Callable[[int], None]) -> None:
    caller = Caller(server.api(server.admin_key))

    def ask(method: str, **args: Any) -> float:
        began = time.perf_counter()
        caller.ask(method, repoid=name, **args)
        return (time.perf_counter() - began) * 1000

    nodes = partial(ask, "get_repo_nodes", revision="tip", root_path="/")
    changesets = partial(ask, "get_repo_changesets", start_rev=str(commits - LIMIT))
    lists: dict[str, Callable[[], float]] = {
        "100 changesets basic": partial(changesets, limit=LIMIT),
        "100 changesets full": partial(changesets, limit=LIMIT, details="full"),
        "all nodes": nodes,
        "all contents": partial(nodes, details="full"),
    }
    for what, look in lists.items():
        first = look()
        after, warm, one = [], [], []
        for number in range(ROUNDS):
            push(number)
            # A call for something else comes first: the work of the first reader after a push is measured elsewhere.
            one.append(ask("get_repo_changeset", revision="tip", details="full"))
            after.append(look())
            warm.append(min(look() for _ in range(3)))
        seen, known, alone = (statistics.median(times[2:]) for times in (after, warm, one))
        report.line(
            f"{name.removeprefix('push-')} {what} after a push / (2 warm + one)",
            seen / (2 * known + alone),
            1.0,
            f"first {first:.1f}, after {seen:.1f}, warm {known:.1f}, the commit alone {alone:.1f} ms",
        )
