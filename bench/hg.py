# SPDX-License-Identifier: GPL-3.0-or-later
"""What serving Mercurial costs, beside `hg serve` and the library itself."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Protocol

from bench.peers import free_port, wait_for
from tests.support.clients import Api
from tests.support.hg_client import PROGRAM, Hg
from tests.support.servers import Server

CHANGESETS = int(os.environ.get("BENCH_CHANGESETS", "6000"))
_ROUNDS = 6


class Table(Protocol):
    """Where the figures go."""

    def line(self, what: str, ratio: float, limit: float, detail: str) -> None: ...


class HgServe:
    """Mercurial's own server for one repository."""

    def __init__(self, repository: Path) -> None:
        self.port = free_port()
        command = [
            PROGRAM,
            "serve",
            "--port",
            str(self.port),
            "--address",
            "127.0.0.1",
            "--repository",
            str(repository),
        ]
        options = [word for one in ("push_ssl=no", "allow-push=*") for word in ("--config", f"web.{one}")]
        self._process = subprocess.Popen(
            [*command, *options],
            env=os.environ | {"HGRCPATH": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.port)
        self.url = f"http://127.0.0.1:{self.port}/"

    @property
    def pid(self) -> int:
        return self._process.pid

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


def measure_hg(report: Table, server: Server, root: Api, place: Path) -> None:
    """Clones, pushes and a list of changesets."""
    made = place / "hg-history"
    subprocess.run([sys.executable, "-m", "bench.hghistory", "make", str(made), str(CHANGESETS)], check=True)
    peer_copy = place / "hg-peer"
    shutil.copytree(made, peer_copy)
    name = "hg-history"
    root("create_repo", repo_name=name, repo_type="hg")
    shutil.rmtree(server.root / name / ".hg")
    shutil.copytree(made / ".hg", server.root / name / ".hg")
    root("get_repo", repoid=name, cache=False)
    home = place / "hg-home"
    home.mkdir()
    hg = Hg(home)
    hg.sign_in(server.url, server.admin, server.admin_password)
    peer = HgServe(peer_copy)
    try:
        _measure_clones(report, hg, server.clone_url(name), peer.url)
        _measure_pushes(report, hg, server.clone_url(name), peer.url)
        _measure_log(report, root, name, made)
    finally:
        peer.stop()


def _timed(hg: Hg, *arguments: str, cwd: Path | None = None) -> float:
    began = time.perf_counter()
    hg.run(*arguments, cwd=cwd)
    return time.perf_counter() - began


def _measure_clones(report: Table, hg: Hg, ours: str, theirs: str) -> None:
    plain: dict[str, list[float]] = {ours: [], theirs: []}
    streamed: dict[str, list[float]] = {ours: [], theirs: []}
    for round_ in range(_ROUNDS):
        for url in (ours, theirs) if round_ % 2 else (theirs, ours):
            for times, options in ((plain, ()), (streamed, ("--stream",))):
                seconds = _timed(hg, "clone", "--noupdate", *options, url, "copy")
                shutil.rmtree(hg.home / "copy")
                if round_:
                    times[url].append(seconds)
    one, other = statistics.median(plain[ours]), statistics.median(plain[theirs])
    pairs = statistics.median(a / b for a, b in zip(plain[ours], plain[theirs], strict=True))
    report.line("hg clone, time / hg serve", pairs, 1.05, f"{one * 1000:.0f} / {other * 1000:.0f} ms (medians)")
    stream = statistics.median(streamed[ours])
    report.line("hg clone --stream, time / plain clone", stream / one, 0.5, f"{stream * 1000:.0f} ms (median)")


def _measure_pushes(report: Table, hg: Hg, ours: str, theirs: str) -> None:
    works = {url: hg.home / f"work{number}" for number, url in enumerate((ours, theirs))}
    for url, work in works.items():
        hg.run("clone", "--stream", url, str(work))
    times: dict[str, list[float]] = {ours: [], theirs: []}
    for round_ in range(12):
        for url in (ours, theirs) if round_ % 2 else (theirs, ours):
            hg.commit(works[url], f"round {round_}")
            seconds = _timed(hg, "push", "--force", url, cwd=works[url])
            if round_ > 1:
                times[url].append(seconds)
    one, other = statistics.median(times[ours]), statistics.median(times[theirs])
    pairs = statistics.median(a / b for a, b in zip(times[ours], times[theirs], strict=True))
    report.line(
        "hg push of one changeset, time / hg serve", pairs, 1.5, f"{one * 1000:.0f} / {other * 1000:.0f} ms (medians)"
    )


def _measure_log(report: Table, root: Api, name: str, made: Path) -> None:
    """Other changesets each time, so that no answer was kept."""
    rounds = 60
    said = subprocess.run(
        [sys.executable, "-m", "bench.hghistory", "log", str(made), str(rounds)], capture_output=True, check=True
    )
    floor = statistics.median(json.loads(said.stdout)[10:])
    times = []
    for round_ in range(rounds):
        began = time.perf_counter()
        root("get_repo_changesets", repoid=name, start_rev=str(round_ * 50), limit=100)
        times.append((time.perf_counter() - began) * 1000)
    median = statistics.median(times[10:])
    report.line("get_repo_changesets, 100 / Mercurial's own log", median / floor, 3, f"{median:.1f} / {floor:.1f} ms")
