# SPDX-License-Identifier: GPL-3.0-or-later
"""Who goes first: what the threads for short calls ask of Linux."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from trivium.procs import priority
from trivium.procs.priority import answer_soon


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


def nice_of_a_session(*steps: str) -> str:
    """What Linux says of a session in which Python did some things."""
    program = "\n".join(("from pathlib import Path", "autogroup = Path('/proc/self/autogroup')", *steps))
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\nprint(autogroup.read_text())"],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.partition("nice")[2].strip()


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this Linux does not share by sessions")
def test_a_session_goes_first_if_it_may_and_nobody_has_chosen_otherwise() -> None:
    going = "from trivium.procs.priority import go_first; go_first()"
    allowed = nice_of_a_session("autogroup.write_text('-5')") == "-5"
    assert nice_of_a_session(going) == ("-5" if allowed else "0")
    assert nice_of_a_session("autogroup.write_text('3')", going) == "3"
