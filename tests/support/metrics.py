# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server tells programs that watch it."""

from __future__ import annotations

import urllib.request

from tests.support.servers import Server

TOKEN = "0123456789abcdef-of-the-watcher"
WATCHED = {"TRIVIUM_METRICS_TOKEN": TOKEN}


def metrics(server: Server) -> dict[str, float]:
    """Every number, by its name and labels; the server was started with `WATCHED`."""
    request = urllib.request.Request(
        f"{server.url}/_admin/metrics", headers={"Authorization": f"Bearer {TOKEN}", "Connection": "close"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = answer.read().decode().splitlines()
    samples = [line.removeprefix("trivium_").rpartition(" ") for line in lines if not line.startswith("#")]
    assert len({name for name, _, _ in samples}) == len(samples)
    return {name: float(value) for name, _, value in samples}
