# SPDX-License-Identifier: GPL-3.0-or-later
"""Threads for short calls: nobody waits for somebody else's slow call."""

from __future__ import annotations

import asyncio
import threading

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
