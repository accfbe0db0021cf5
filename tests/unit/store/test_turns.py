# SPDX-License-Identifier: GPL-3.0-or-later
"""Writers of one database wait in a row; nobody is passed by, and nobody who dies is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from trivium.errors import Busy
from trivium.forge.site import Site
from trivium.store.turns import Turns

_HOLD = """
import sys, time
from pathlib import Path
from trivium.store.turns import Turns
with Turns(Path(sys.argv[1])).turn(10):
    print("mine", flush=True)
    time.sleep(60)
"""


def test_who_waits_too_long_is_told(tmp_path: Path) -> None:
    one, other = Turns(tmp_path / "turns"), Turns(tmp_path / "turns")
    with one.turn(1):
        for waiting in (one, other):
            began = time.monotonic()
            with pytest.raises(Busy), waiting.turn(0.1):
                pytest.fail("there are two")
            assert time.monotonic() - began < 1
    with other.turn(0.1), pytest.raises(Busy), one.turn(0):
        pytest.fail("there are two")


def test_the_turn_of_a_killed_writer_is_over(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", _HOLD, str(tmp_path / "turns")], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mine\n"
    with pytest.raises(Busy), Turns(tmp_path / "turns").turn(0.05):
        pytest.fail("there are two")
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with Turns(tmp_path / "turns").turn(0):
        pass


def test_who_has_just_written_does_not_pass_by_who_waits(tmp_path: Path) -> None:
    """Two processes, here two objects: the one that writes again and again lets the other one in each time."""
    busy, patient = Turns(tmp_path / "turns"), Turns(tmp_path / "turns")
    order: list[str] = []
    ready, done = threading.Event(), threading.Event()

    def again_and_again() -> None:
        while not done.is_set():
            with busy.turn(10):
                order.append("busy")
                ready.set()
                time.sleep(0.01)

    writer = threading.Thread(target=again_and_again)
    writer.start()
    ready.wait()
    for _ in range(10):
        began = len(order)
        with patient.turn(10):
            # Whoever was writing, and perhaps one who stood at the gate already.
            assert len(order) - began <= 2
    done.set()
    writer.join()


def test_without_a_lock_file_the_database_decides_alone(site: Site, tmp_path: Path) -> None:
    with Turns(tmp_path / "missing" / "turns").turn(0):
        pass
    for path in site.settings.data.glob("*-turns*"):
        path.unlink()
    with site.store.write():
        pass


def test_a_turn_ends_with_a_failed_transaction(site: Site) -> None:
    with pytest.raises(ZeroDivisionError), site.store.write():
        raise ZeroDivisionError
    with site.store.write():
        pass
