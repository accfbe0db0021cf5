# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether pages cost more where there are more repositories, or longer histories."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from bench.fetching import Ask, fetch
from bench.processes import cpu_seconds
from bench.report import Report
from bench.web import COMMITS, NAME, site
from bench.webhistory import generate_git
from tests.support.servers import Server

FEW = 100
MANY = int(os.environ.get("BENCH_WEB_MANY", "50000"))
LONGER = int(os.environ.get("BENCH_WEB_LONGER", "80000"))
_ROUNDS = 5
_REQUESTS = 300
_LIMIT = 1.3
_LINES = 30
"""Of each file of the long history."""
_PAGES = (
    ("home", "/"),
    ("summary", f"/{NAME}"),
    ("search by name, many hits", "/?query=service"),
    ("search by name, one hit", "/?query=history"),
    ("search by name, none", "/?query=nothingcalledso"),
    ("picker", "/_goto_data?query=service"),
)


def measure_web_growth(report: Report, home: Path) -> None:
    """Pages of a small site and a large one, then of a short history and a long one, in turns."""
    short = home / "history.git"
    pair = [site(home / f"of-{count}" / "data", short, count) for count in (FEW, MANY)]
    try:
        _compare(report, pair, f"{MANY} / {FEW} repositories")
    finally:
        pair[1].stop()
    long = home / "long.git"
    generate_git(long, length=LONGER, longest=_LINES)
    pair[1] = site(home / "long" / "data", long, FEW)
    try:
        _compare(report, pair, f"{LONGER} / {COMMITS} commits")
    finally:
        for server in pair:
            server.stop()


def _compare(report: Report, pair: list[Server], what: str) -> None:
    for name, path in _PAGES:
        costs: list[list[float]] = [[], []]
        for server in pair:
            _cost(server, path, 40)
        for round_ in range(_ROUNDS):
            for at in (0, 1) if round_ % 2 else (1, 0):
                costs[at].append(_cost(pair[at], path, _REQUESTS))
        ratio = statistics.median(more / less for less, more in zip(*costs, strict=True))
        few, many = (statistics.median(one) for one in costs)
        report.line(f"{name}, {what}", ratio, _LIMIT, f"{many:.3f} / {few:.3f} ms CPU")


def _cost(server: Server, path: str, requests: int) -> float:
    before = cpu_seconds(server.pid)
    headers = (("X-Requested-With", "XMLHttpRequest"),) if path.startswith("/_") else ()
    fetch(int(server.url.rpartition(":")[2]), [Ask(path, headers=headers)], connections=2, requests=requests)
    return (cpu_seconds(server.pid) - before) * 1000 / requests
