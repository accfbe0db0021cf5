# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for short calls: nobody waits for somebody else's slow call."""

from __future__ import annotations

import asyncio
import threading
import time

from trivium.crew import Crew


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


def test_who_computes_is_not_joined_by_another_who_would_compute() -> None:
    """They would take the interpreter from each other."""
    at_once = 0
    most = 0
    lock = threading.Lock()

    def compute() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        until = time.thread_time() + 0.008  # longer than the patience with those who wait
        while time.thread_time() < until:
            pass
        with lock:
            at_once -= 1

    async def play() -> None:
        crew = Crew(4, "test")
        await asyncio.gather(*(crew.run(compute) for _ in range(12)))
        crew.close()

    asyncio.run(play())
    assert most == 1


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
