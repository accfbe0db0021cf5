# SPDX-License-Identifier: GPL-3.0-or-later
"""What a change of one user's rights costs the others: the server forgets nothing that it remembered of them."""

from __future__ import annotations

import statistics
import time
from typing import Any

from bench.reading import Caller
from bench.report import Report
from tests.support.servers import Server

ROUNDS = 40


def measure_rights(report: Report, server: Server, users: list[dict[str, Any]]) -> None:
    """`get_user` when nothing has changed, after a change for somebody else, and after one's own."""
    root = Caller(server.api(server.admin_key))
    one, other = users[0], users[1]
    caller = Caller(server.api(one["api_key"]))
    times: dict[str, list[float]] = {"warm": [], "theirs": [], "own": []}
    for _ in range(ROUNDS):
        for what, whom in (("theirs", other), ("own", one)):
            root.ask(
                "grant_user_permission", repoid="group0/repository0", userid=whom["username"], perm="repository.write"
            )
            # Each worker remembers for itself: one connection stays with one of them.
            times[what].append(_timed(caller))
            times["warm"].append(_timed(caller))
    warm, theirs, own = (statistics.median(one) * 1000 for one in times.values())
    report.line(
        "get_user after somebody else's change of rights / warm",
        theirs / warm,
        1.5,
        f"{theirs:.2f} / {warm:.2f} ms at the caller; after one's own {own:.2f} ms",
    )


def _timed(caller: Caller) -> float:
    began = time.perf_counter()
    caller.ask("get_user")
    return time.perf_counter() - began
