# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker wishes for outlives it, and wakes the supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from trivium.procs.wishes import Wish


def test_a_wish_stands_until_it_is_forgotten_and_wakes(tmp_path: Path) -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: heard.append(number))
    try:
        wish = Wish(tmp_path / "wanted")
        assert not wish.stands()
        wish.make(os.getpid())
        wish.make(None)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1]
    assert Wish(tmp_path / "wanted").stands()
    wish.forget()
    wish.forget()
    assert not wish.stands()


def test_a_wish_stands_also_when_the_supervisor_is_gone(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    wish = Wish(tmp_path / "wanted")
    wish.make(gone.pid)
    assert wish.stands()
