# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium serve`, loaded once: each server of a process of tests is copied from it, as its own workers are.

To load the program is nine tenths of what a start costs, twice in each server: for the supervisor and for the parent of
the workers. A copy goes through the same command from its first line on, and so do the processes that its supervisor
starts (`trivium.cli.modules`): with the environment, the descriptors, the session and the name that they are given.

Run as a program it is handed a socket, where each message is a server in JSON, with two descriptors: where a process
that waits for it tells its number and how it ended, and the log.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import IO, Any, NoReturn

_MOST = 100_000
"""Bytes that a message has at most."""
_NAMES = 2000
"""Bytes for the command of a copy, as `ps` shows it."""
_READ_LATER = ("TRIVIUM_", "PYTEST_")
"""How variables begin that count after the program was loaded, or not at all."""
_READ_WHEN_LOADED = frozenset(["TRIVIUM_PSEUDO_LOCALE"])
_MERCURIAL = (
    "bundle2",
    "error",
    "exchanges.bundle_caps",
    "extensions",
    "pathutil",
    "phases",
    "pushkey",
    "repo.factory",
)
"""What a first request for a repository of Mercurial loads of it, with all that these load."""


class Copy:
    """A process that was copied, as `subprocess` has one that was started."""

    def __init__(self, pid: int, answer: socket.socket) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._answer = answer

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._answer], [], [], 0)[0]:
            self._hear()
        return self.returncode

    def wait(self, timeout: float) -> int:
        if self.returncode is None:
            if not select.select([self._answer], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            self._hear()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def _hear(self) -> None:
        (self.returncode,) = struct.unpack("i", self._answer.recv(4))
        self._answer.close()


class Forks:
    """The loaded program."""

    _running: Forks | None = None
    _turn = threading.Lock()

    def __init__(self, database: str) -> None:
        self._loaded_in = _of_loading(os.environ)
        self._handing, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno()), database, "-" * _NAMES],
                cwd=Path(__file__).parents[2],
                env=self._loaded_in,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @classmethod
    def start(cls, arguments: list[str], environment: dict[str, str], log: IO[bytes]) -> Copy | None:
        """Start `trivium` with these arguments; None: with this environment it must be loaded anew."""
        with cls._turn:
            if cls._running is None:
                cls._running = cls(environment.get("TRIVIUM_SQLALCHEMY_DB1_URL", "sqlite:////nowhere"))
        if _of_loading(environment) != cls._running._loaded_in:
            return None
        told = json.dumps({"arguments": arguments, "cwd": str(Path.cwd()), "environment": environment}).encode()
        if len(told) > _MOST:
            return None
        ours, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(cls._running._handing, [told], [theirs.fileno(), log.fileno()])
        said = ours.recv(4)
        assert said, "the loaded program has ended"
        (pid,) = struct.unpack("i", said)
        return Copy(pid, ours)


def _of_loading(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that may count when a program is loaded."""
    return {
        name: value
        for name, value in environment.items()
        if not name.startswith(_READ_LATER) or name in _READ_WHEN_LOADED
    }


def _serve(handed: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        told, descriptors, _, _ = socket.recv_fds(handed, _MOST, 2)
        if not told:
            return
        if not os.fork():
            handed.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _keep(json.loads(told), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _keep(told: dict[str, Any], answer: int, log: int) -> NoReturn:
    """Copy a server, and tell how it ended."""
    pid = os.fork()
    if not pid:
        _become(lambda: _be_trivium(told), ["trivium.cli.main", *told["arguments"]], {0: _nothing(), 1: log, 2: log})
    os.close(log)
    os.write(answer, struct.pack("i", pid))
    ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    os.write(answer, struct.pack("i", status))
    os.read(answer, 1)  # until somebody has heard of it the number still means this process
    os._exit(0)


def _be_trivium(told: dict[str, Any]) -> None:
    from trivium.cli import main, modules

    os.environ.clear()
    os.environ.update(told["environment"])
    os.chdir(told["cwd"])
    modules.start = _start  # type: ignore[assignment]
    main.main(prog_name="trivium")


class _Module:
    """A module that runs in a copy of its supervisor."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            self.returncode = os.waitstatus_to_exitcode(ended[1])
        return self.returncode

    def wait(self, timeout: float = 3600) -> int:
        deadline = time.monotonic() + timeout
        while (status := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.002)
        return status

    def terminate(self) -> None:
        self._send(signal.SIGTERM)

    def kill(self) -> None:
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


def _start(module: str, order: dict[str, Any], *, passing: Collection[int]) -> _Module:
    """What `modules.start` is in a copy."""
    pid = os.fork()
    if not pid:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGUSR1):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        kept = {0: _nothing(), 1: 1, 2: 2} | {number: number for number in passing}
        _become(importlib.import_module(module).main, [module, json.dumps(order)], kept)
    return _Module(pid)


def _become(work: Callable[[], None], command: list[str], descriptors: dict[int, int]) -> NoReturn:
    """Be a process of its own, with these descriptors alone."""
    status = 1
    try:
        os.setsid()
        for number, descriptor in descriptors.items():
            if number != descriptor:
                os.dup2(descriptor, number)
        last = 2
        for number in [*sorted(number for number in descriptors if number > 2), os.sysconf("SC_OPEN_MAX")]:
            os.closerange(last + 1, number)
            last = number
        _be_named([sys.executable, "-m", *command])
        sys.argv[:] = command
        gc.enable()
        work()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(status)


def _nothing() -> int:
    return os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)


def _be_named(command: list[str]) -> None:
    """Let the system show another command than that with which this process was started."""
    fields = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    begin, end = int(fields[45]), int(fields[46])
    text = b"\0".join(os.fsencode(word) for word in command)[: end - begin - 1]
    ctypes.memmove(begin, text.ljust(end - begin, b"\0"), end - begin)


def _load(database: str) -> None:
    gc.disable()
    import trivium.cli.lean  # noqa: F401  # before all else that loads libraries
    from tests.support import passwords
    from trivium import installation  # noqa: F401
    from trivium.cli import former_options, hgworkers, main, parent, serve, svnserver, worker  # noqa: F401

    worker.load(database)
    passwords.cost_little()
    os.environ["HGENCODING"] = "UTF-8"
    from mercurial import initialization

    initialization.init()
    for name in _MERCURIAL:
        importlib.import_module(f"mercurial.{name}")
    gc.freeze()


if __name__ == "__main__":
    _load(sys.argv[2])
    _serve(socket.socket(fileno=int(sys.argv[1])))
