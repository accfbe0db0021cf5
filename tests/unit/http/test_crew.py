# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for short calls: nobody waits for somebody else's slow call."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

import trivium.http.crew as crew_module
from trivium.http.crew import Crew


def test_a_quick_call_is_answered_while_a_slow_one_goes_on() -> None:
    async def play() -> list[str]:
        crew = Crew(2, "test")
        begin, go_on = threading.Event(), threading.Event()
        answered: list[str] = []

        async def call(name: str, *waits_for: threading.Event) -> None:
            await crew.run(lambda: [event.wait(60) for event in waits_for])
            answered.append(name)

        # All in one queue before the first thread can take the second of them.
        calls = [asyncio.create_task(call(*one)) for one in (("first", begin), ("quick",), ("slow", go_on))]
        await asyncio.sleep(0)
        begin.set()
        done, _ = await asyncio.wait(calls[:2], timeout=30)
        waited_for_slow = len(done) < 2
        go_on.set()
        await asyncio.gather(*calls)
        crew.close()
        assert not waited_for_slow
        return answered

    assert asyncio.run(play())[-1] == "slow"


def test_a_call_that_computes_is_given_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that compute would take the interpreter from each other."""
    monkeypatch.setattr(crew_module, "_PATIENCE", 1)
    monkeypatch.setattr(crew_module, "_MORE_PATIENCE", 1000)
    crew = Crew(2, "test")
    clock = time.pthread_getcpuclockid(threading.get_ident())
    crew._working = 1
    assert not crew._are_slow()  # it has not even begun
    for took, computed, slow in (
        (0, 0, False),
        (100, 0, True),
        (100, 100, False),
        (100, 30, False),
        (2000, 2000, True),
    ):
        crew._at_work = {clock: (time.monotonic() - took, time.thread_time() - computed)}
        assert crew._are_slow() is slow
    crew._working = 0
    crew.close()


def test_who_computes_for_long_keeps_nobody_waiting() -> None:
    async def play() -> bool:
        crew = Crew(2, "test")
        go_on = threading.Event()

        def compute() -> None:
            while not go_on.is_set():
                pass

        long = asyncio.create_task(crew.run(compute))
        await asyncio.sleep(0)
        quick = asyncio.create_task(crew.run(lambda: None))
        done, _ = await asyncio.wait([quick], timeout=30)
        go_on.set()
        await asyncio.gather(long, quick)
        crew.close()
        return bool(done)

    assert asyncio.run(play())
