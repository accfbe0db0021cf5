# SPDX-License-Identifier: GPL-3.0-or-later
"""How long writers wait for each other: repositories created over many connections, beside one connection."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from bench.reading import Caller
from bench.report import Report
from tests.support.servers import Server

CONNECTIONS = 16
MANY = 800
FEW = 200


def measure_creation(report: Report, server: Server) -> None:
    """Creations a second, and how long the slowest twentieth waits in terms of a fair share."""
    numbers = iter(range(10**9))

    def create(connections: int, count: int) -> tuple[float, float]:
        def some(_: int) -> list[float]:
            caller = Caller(server.api(server.admin_key))
            times = []
            for _ in range(count // connections):
                began = time.perf_counter()
                caller.ask("create_repo", repo_name=f"creation/repository{next(numbers)}", repo_type="git")
                times.append((time.perf_counter() - began) * 1000)
            return times

        began = time.perf_counter()
        with ThreadPoolExecutor(connections) as pool:
            times = sorted(one for each in pool.map(some, range(connections)) for one in each)
        return len(times) / (time.perf_counter() - began), times[int(len(times) * 0.95)]

    server.api(server.admin_key)("create_repo_group", group_name="creation")
    create(1, 20)
    alone, _ = create(1, FEW)
    together, p95 = create(CONNECTIONS, MANY)
    fair = CONNECTIONS * 1000 / together
    report.line(
        f"creations: one connection / {CONNECTIONS}, a second",
        alone / together,
        1.0,
        f"{alone:.0f} / {together:.0f} a second",
    )
    report.line(
        f"creations over {CONNECTIONS} connections: p95 / fair share", p95 / fair, 2.0, f"{p95:.0f} / {fair:.0f} ms"
    )
