# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes first: what the threads for short calls ask of Linux."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from trivium import priority
from trivium.priority import answer_soon


def test_a_thread_asks_for_itself_and_not_for_what_it_starts() -> None:
    def look() -> tuple[int, int]:
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, 0)

    policy, nice = look()
    with ThreadPoolExecutor(1, initializer=answer_soon) as asking:
        assert asking.submit(look).result() == (policy | os.SCHED_RESET_ON_FORK, nice)
        assert asking.submit(lambda: ThreadPoolExecutor(1).submit(look).result()).result() == (policy, nice)
    assert look() == (policy, nice)


def test_on_an_unknown_machine_nothing_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priority.platform, "machine", lambda: "pdp11")
    with ThreadPoolExecutor(1, initializer=answer_soon) as asking:
        assert asking.submit(os.sched_getscheduler, 0).result() == os.SCHED_OTHER
