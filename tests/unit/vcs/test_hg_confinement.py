# SPDX-License-Identifier: GPL-3.0-or-later
"""What one request may cost a Mercurial process is bounded by the kernel, whatever Mercurial does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hg_client import Hg
from trivium.vcs.hgclient import HgProcesses
from trivium.vcs.hglimits import HgLimits

LIMITS = HgLimits(request_seconds=77, transfer_seconds=7777)
SERVED = {"writes": False, "method": "GET", "abilities": b"", "anonymous": False, "username": "x", "address": ""}


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[HgProcesses]:
    made = HgProcesses(tmp_path, limits=LIMITS)
    yield made
    made.close()


@pytest.fixture
def filled(hg: Hg) -> Path:
    work = hg.new_work()
    hg.commit(work, noise=os.urandom(6 << 20).hex())
    return work


def limits_of_processor(session: int) -> set[str]:
    """Seconds that processes of a session may compute, of those that have such a limit."""
    found = set()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(place.name)) != session:
                continue
            (line,) = (one for one in (place / "limits").read_text().splitlines() if one.startswith("Max cpu time"))
        except (ProcessLookupError, FileNotFoundError, PermissionError):
            continue
        found.add(line.split()[3])
    return found - {"unlimited"}


def calling(processes: HgProcesses, work: Path, command: str, arguments: bytes = b"", **more: Any) -> socket.socket:
    directory = os.open(work, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return processes.call("serve", [directory], SERVED | {"command": command, "arguments": (arguments, b"")} | more)
    finally:
        os.close(directory)


@pytest.mark.parametrize("writes", [False, True])
def test_a_transfer_has_so_much_of_a_processor(processes: HgProcesses, filled: Path, writes: bool) -> None:
    # Nobody reads the answer, or sends the body: it stays where it is.
    command = "unbundle" if writes else "getbundle"
    arguments = b"heads=666f726365" if writes else b"bundlecaps=HG20"
    with calling(processes, filled, command, arguments, writes=writes):
        assert processes._own
        deadline = time.monotonic() + 60
        seen: set[str] = set()
        while not seen and time.monotonic() < deadline:
            seen = limits_of_processor(processes._own._process.pid)
            time.sleep(0.02)
        assert {int(one) // 100 for one in seen} == {77}


def test_any_other_answer_has_less(processes: HgProcesses, filled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    heads = b"+".join([b"0" * 40] * 2000)
    seen: set[str] = set()
    deadline = time.monotonic() + 60
    while not seen and time.monotonic() < deadline:
        calls = [calling(processes, filled, "known", b"nodes=" + heads * 30) for _ in range(8)]
        assert processes._own
        seen = limits_of_processor(processes._own._process.pid)
        for call in calls:
            call.close()
    assert {int(one) for one in seen} <= {77, 78, 79} and seen


ENDLESS = """
import sys
from trivium.vcs.hgserver import library
from trivium.vcs.hgserver.confinement import {limit}
{limit}(1)
while True:
    pass
"""


@pytest.mark.parametrize(("limit", "said"), [("limit_time", "TooExpensive"), ("limit_processor", "")])
def test_what_does_not_end_is_ended(limit: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDLESS.format(limit=limit)], capture_output=True, timeout=30, check=False
    )
    assert said in done.stderr.decode()
    assert done.returncode == (1 if said else -signal.SIGXCPU)
