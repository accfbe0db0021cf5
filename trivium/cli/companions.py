# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that serve beside the workers: what one system needs and the workers should not do themselves.

The supervisor starts them, starts them again when they die, and ends them last. Each is given `life`, the descriptor of
a pipe that ends with the supervisor: it must not outlive that.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from trivium.cli import modules
from trivium.settings import Settings
from trivium.vcs.hg.limits import limits_of
from trivium.vcs.svn.apache import SvnApache
from trivium.vcs.svn.command import SvnCommand, Unavailable, find_programs

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 10.0
_STEADY: Final = 10.0
"""After so many seconds a companion has proved that it can live; its next start need not wait."""


class Companion:
    """One program, kept alive from when it is first needed on."""

    def __init__(
        self, name: str, module: str, order: dict[str, Any], *, is_wanted: Callable[[], bool] = lambda: True
    ) -> None:
        self.name = name
        self._module = module
        self._order = order
        self._is_wanted = is_wanted
        self._process: subprocess.Popen[bytes] | None = None
        self._pause = _FIRST_PAUSE
        self._started = 0.0
        self._not_before = 0.0

    def keep(self, life: int) -> float | None:
        """See that it runs; returns the seconds after which to look again, None when it does."""
        if self._process is not None:
            status = self._process.poll()
            if status is None:
                return None
            with contextlib.suppress(ProcessLookupError):  # processes that it left would disturb the next one
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None
            print(f"trivium: {self.name} ended with status {status}; starting it again", file=sys.stderr, flush=True)
            lived = time.monotonic() - self._started
            self._pause = _FIRST_PAUSE if lived > _STEADY else min(2 * self._pause, _LONGEST_PAUSE)
            self._not_before = time.monotonic() + self._pause
        wait = self._not_before - time.monotonic()
        if wait > 0:
            return wait
        if not self._is_wanted():
            return None  # a worker that wants it wakes the supervisor
        self._started = time.monotonic()
        self._process = modules.start(self._module, self._order | {"life": life}, passing=[life])
        return None

    def terminate(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for its end, and kill it when that takes too long."""
        if self._process is None:
            return
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def companions(settings: Settings, order: dict[str, Any]) -> list[Companion]:
    """The companions of an installation; `order` says which one it is, as for a worker (`order.Order`)."""
    found = [
        Companion(
            "the parent of the Mercurial processes",
            "trivium.cli.hgworkers",
            order | {"hg_workers": settings.hg_workers, "hg_limits": limits_of(settings).told()},
        )
    ]
    try:
        apache = SvnApache(settings, SvnCommand(find_programs(settings)))
    except Unavailable as error:
        print(f"trivium: Subversion is not served: {error}", file=sys.stderr, flush=True)
    else:
        name = "the Apache for Subversion"
        found.append(Companion(name, "trivium.cli.svnserver", order, is_wanted=apache.is_wanted))
    return found


def outlive_nobody(life: int) -> None:
    """For a companion: end this process group when the supervisor is gone. Blocks; meant for a thread of its own."""
    os.set_inheritable(life, False)
    os.read(life, 1)
    os.killpg(os.getpgid(0), signal.SIGKILL)
