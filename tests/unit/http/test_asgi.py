# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever drips, or reads drop by drop, is not waited for."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from trivium.http.asgi import Disconnected, Paced

GRACE, RATE = 10.0, 100


class Drips:
    """The other end of a request: each step takes some seconds, and brings or takes some bytes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float, size: int, steps: int = 1000) -> None:
        self._now = 0.0
        self._seconds = seconds
        self._size = size
        self.left = steps
        monkeypatch.setattr(time, "monotonic", lambda: self._now)

    def pass_time(self, seconds: float) -> None:
        self._now += seconds

    async def receive(self) -> dict[str, Any]:
        self.pass_time(self._seconds)
        self.left -= 1
        return {"type": "http.request", "body": b"x" * self._size, "more_body": self.left > 0}

    async def send(self, message: dict[str, Any]) -> None:
        self.pass_time(self._seconds)
        self.left -= 1


def _received(drips: Drips, rate: int = RATE) -> int:
    paced = Paced(drips.receive, drips.send, rate=rate, grace=GRACE)

    async def read() -> int:
        size = 0
        while True:
            message = await paced.receive()
            size += len(message["body"])
            if not message["more_body"]:
                return size

    return asyncio.run(read())


def _sent(drips: Drips, size: int) -> None:
    paced = Paced(drips.receive, drips.send, rate=RATE, grace=GRACE)

    async def write() -> None:
        while drips.left:
            await paced.send({"type": "http.response.body", "body": b"x" * size})

    asyncio.run(write())


def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    drips = Drips(monkeypatch, seconds=1, size=1)
    with pytest.raises(Disconnected):
        _received(drips)
    assert drips.left > 985


def test_a_slow_body_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _received(Drips(monkeypatch, seconds=1, size=RATE)) == 1000 * RATE
    assert _received(Drips(monkeypatch, seconds=1, size=1), rate=0) == 1000


def test_who_reads_drop_by_drop_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    drips = Drips(monkeypatch, seconds=1, size=0)
    with pytest.raises(Disconnected):
        _sent(drips, 1)
    assert drips.left > 985
    _sent(Drips(monkeypatch, seconds=1, size=0), RATE)


def test_our_own_time_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    drips = Drips(monkeypatch, seconds=0, size=1)
    paced = Paced(drips.receive, drips.send, rate=RATE, grace=GRACE)

    async def read() -> None:
        for _ in range(50):
            await paced.receive()
            drips.pass_time(60)

    asyncio.run(read())
