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
from trivium.store import turns
from trivium.store.engine import Store
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
            with pytest.raises(Busy), waiting.turn(0.1):
                pytest.fail("there are two")
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


def test_who_has_just_written_does_not_pass_by_who_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes, here two objects: the one that writes again and again lets the other one in each time."""
    busy, patient = Turns(tmp_path / "turns"), Turns(tmp_path / "turns")
    written: list[str] = []
    at_the_gate: list[int] = []
    ready, done = threading.Event(), threading.Event()
    plain = turns._try

    def noticed(descriptor: int) -> bool:
        """How much had been written when the patient one got to the gate."""
        taken = plain(descriptor)
        if taken and threading.current_thread() is threading.main_thread():
            at_the_gate.append(len(written))
        return taken

    def again_and_again() -> None:
        while not done.is_set():
            with busy.turn(10):
                ready.set()
                time.sleep(0.01)
                written.append("busy")

    monkeypatch.setattr(turns, "_try", noticed)
    writer = threading.Thread(target=again_and_again)
    writer.start()
    ready.wait()
    for _ in range(10):
        at_the_gate.clear()
        with patient.turn(10):
            # Whoever was writing then, and nobody else.
            assert len(written) - at_the_gate[0] <= 1
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


def test_only_what_need_not_last_waits_for_no_disk(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'trivium.db'}")
    full, normal = 2, 1

    def how(*, durable: bool) -> object:
        with store.write(access_unchanged=True, durable=durable) as db:
            return db.exec_driver_sql("PRAGMA synchronous").scalar()

    assert [how(durable=durable) for durable in (True, False, True)] == [full, normal, full]
    with pytest.raises(Busy), store.write(access_unchanged=True, durable=False):
        raise Busy("it goes wrong")
    assert how(durable=True) == full
    store.close()
