# SPDX-License-Identifier: GPL-3.0-or-later
"""A real broker and a real worker, for the time of a test."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import lose_power, tree
from tests.support.servers import TRIVIUM, Server
from tests.support.waiting import until


class Redis:
    """A `redis-server` on the loopback that keeps nothing on the disk."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )
        until(self._answers)

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, self._log.read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        return False

    def content(self) -> bytes:
        """All that it holds, as it would write it to the disk."""
        return self._told("LRANGE trivium 0 -1") + self._told("HGETALL unacked")

    def forget(self) -> None:
        """It loses all that it holds, as when it is begun anew."""
        self._told("FLUSHALL")

    def _told(self, command: str) -> bytes:
        """What it answers to a command."""
        found = b""
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall(command.encode() + b"\r\nQUIT\r\n")
            while piece := connection.recv(1 << 16):
                found += piece
        return found

    def pause(self) -> None:
        """It holds its connections and answers nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(30)
            self._process = None


class Worker:
    """`trivium worker` on the data of a server."""

    def __init__(self, server: Server, environment: dict[str, str], *options: str) -> None:
        self.log = server.data.parent / "worker.log"
        with self.log.open("ab") as log:
            beginning = log.tell()
            self._process = subprocess.Popen(
                [*TRIVIUM, "worker", "--data", str(server.data), *options],
                env=server.environment | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until(lambda: b"worker is ready" in self._said(beginning))

    def _said(self, beginning: int) -> bytes:
        said = self.log.read_bytes()[beginning:]
        assert self._process.poll() is None, said.decode(errors="replace")
        return said

    def children(self) -> list[int]:
        """The processes that carry out jobs."""
        return tree(self._process.pid)[1:]

    def kill(self) -> None:
        """End all of it as a power failure would, unless it has ended."""
        if self._process.poll() is not None:
            return
        lose_power(self._process.pid)
        self._process.wait(60)

    def kill_master(self) -> list[int]:
        """End the first process alone; returns the others."""
        children = self.children()
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait(60)
        return children

    def hold_master(self, *, held: bool = True) -> None:
        """Have the process that hears from the queue stand still, or go on; those that carry out jobs do not notice."""
        self._process.send_signal(signal.SIGSTOP if held else signal.SIGCONT)

    def stop(self) -> int:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)


@contextlib.contextmanager
def broker(directory: Path) -> Iterator[Redis]:
    """A broker that runs during the block."""
    redis = Redis(directory / "redis.log")
    redis.start()
    try:
        yield redis
    finally:
        redis.kill()


def ended(server: Server, task: str) -> tuple[str, str | None]:
    """State and reason of a job, once it is over."""
    found: list[tuple[str, str | None]] = []

    def over() -> bool:
        found[:] = server.query("SELECT state, reason FROM jobs WHERE id = ?", task)  # type: ignore[assignment]
        return bool(found) and found[0][0] not in ("queued", "running")

    until(over)
    return found[0]


def wait_for_state(server: Server, task: str, state: str) -> None:
    until(lambda: server.query("SELECT state FROM jobs WHERE id = ?", task) == [(state,)])
