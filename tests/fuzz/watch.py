# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that is watched while it is sent nonsense: what it answers, writes to its log, holds, and leaves."""

from __future__ import annotations

import contextlib
import os
import random
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from tests.fuzz.mutation import mutated
from tests.support.clients import Git, Person
from tests.support.processes import about, named
from tests.support.raw import basic
from tests.support.servers import Server
from tests.support.systems import new_system
from tests.support.waiting import until

SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
"""For all doors together."""
SEED = os.environ.get("FUZZ_SEED", "0")
"""`random`: another each time, which is printed."""
DOORS = 8
_MOST = 400 << 20
"""Bytes of one process; a worker that has served for long takes 120 MiB."""
_THREADS = 3
_PATIENCE = 2
"""Seconds; a connection that is kept may have nothing more to say."""
_WRONG = (b"Traceback (most recent call last)", b"a request failed", b"an API call failed", b"exception=", b" panicked")
_ANSWER = re.compile(rb"HTTP/1\.1 ([0-9]{3}) ")
_SERVING = ("trivium.cli.parent", "trivium.cli.hgworkers", "apache2")


def dice_of(door: str) -> random.Random:
    """Dice for one door: always the same ones unless asked otherwise."""
    seed = os.urandom(8).hex() if SEED == "random" else SEED
    print(f"FUZZ_SEED={seed} ({door})")
    return random.Random(f"{seed} {door}")


class Watched:
    """One server, three repositories, and a person who may do everything to them."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server = server
        self.root = server.api(server.admin_key)
        self.who = Person(0, server.admin, server.admin_password, server.admin_key, self.root)
        self.authorization = b"Authorization: " + basic(self.who.name, self.who.password).encode() + b"\r\n"
        self.names: dict[str, str] = {}
        self.ids: dict[str, list[str]] = {}
        self.copies: dict[str, Path] = {}
        for kind in ("git", "hg", "svn"):
            (home / kind).mkdir(parents=True)
            system = new_system(kind, home / kind)
            self.names[kind] = name = system.new_repository(self.root, self.who)
            copy = system.checkout(server, name, self.who)
            self.ids[kind] = [
                copy.change(f"change {number}", **{f"docs/{number}.txt": "x\n" * 50}) for number in range(3)
            ]
            self.copies[kind] = copy.path
        self.git = Git(home / "git")
        target = urlsplit(server.url)
        self._place = (target.hostname or "", target.port or 80)
        self._log = len(server.log.read_bytes())
        self._serving = self.serving()
        assert all(self._serving.values())

    def signed(self, dice: random.Random) -> list[bytes]:
        """The header of whom requests come from; now and then of nobody, or nearly."""
        line = self.authorization.rstrip()
        match dice.randrange(12):
            case 0:
                return []
            case 1:
                return [b"Authorization: " + mutated(dice, line[15:]).translate(None, b"\r\n\0")[:9000]]
            case _:
                return [line]

    def serving(self) -> dict[str, list[int]]:
        """The processes that are to live as long as the server."""
        children = self.server.children()
        found = {word: named(word, children) for word in _SERVING}
        # Of those that start others by themselves, the first ones count. What has ended meanwhile has no ancestors.
        above = {pid: set(_ancestors(pid)) for pids in found.values() for pid in pids}
        firsts = {
            word: sorted(pid for pid in pids if above[pid] and not above[pid] & set(pids))
            for word, pids in found.items()
        }
        return firsts | {"workers": sorted(self.server.workers())}

    def send(self, request: bytes, *, kept: bool = False) -> bytes:
        """What is answered to these bytes; `kept`: perhaps they ask for the connection to be kept."""
        with socket.create_connection(self._place, timeout=60) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(request)
            said = b""
            with contextlib.suppress(ConnectionResetError, TimeoutError if kept else ConnectionResetError):
                while chunk := connection.recv(65536):
                    said = (said + chunk)[:8192] if len(said) < 8192 else said
                    if kept:
                        connection.settimeout(_PATIENCE)
        return said

    def try_out(self, request: bytes, *, kept: bool = False) -> None:
        """Send it; whatever is answered is none of our faults."""
        said = self.send(request, kept=kept)
        for status in _ANSWER.findall(said):
            excused = status == b"503" and b"retry-after: " in said.lower()
            declined = status == b"501" and b"git-lfs" in said
            assert status < b"500" or excused or declined, (said[:500], request[:3000])
        # Also what is no request at all gets no answer but in HTTP.
        assert not said or said.startswith(b"HTTP/1.1 "), (said[:200], request[:3000])

    def run(self, door: str, make: Callable[[random.Random], bytes], *, kept: bool = False) -> None:
        """Send what `make` makes, for this door's part of the time."""
        dice, turn = dice_of(door), threading.Lock()
        until_then = time.monotonic() + SECONDS / DOORS
        last: dict[int, bytes] = {}

        def go_on(thread: int) -> int:
            count = 0
            while time.monotonic() < until_then:
                with turn:
                    last[thread] = make(dice)
                self.try_out(last[thread], kept=kept)
                count += 1
            return count

        with self.bounded(lambda: [request[:3000] for request in last.values()]), ThreadPoolExecutor(_THREADS) as pool:
            print(f"{door}: {sum(pool.map(go_on, range(_THREADS)))} requests")
        self.check(door)

    @contextlib.contextmanager
    def bounded(self, last: Callable[[], object] = lambda: "") -> Iterator[None]:
        """Whatever happens inside, no process takes more memory than it may."""
        over = threading.Event()
        largest: dict[int, tuple[int, str, object]] = {}

        def watch() -> None:
            while not over.wait(0.2):
                for pid in self.server.children():
                    held = _held(pid)
                    if held > largest.get(pid, (0,))[0]:
                        largest[pid] = (held, about(pid, "cmdline")[:80].replace("\0", " "), last())

        watching = threading.Thread(target=watch)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()
        held, name, doing = max(largest.values(), key=lambda one: one[0])
        print(f"the largest process had {held >> 20} MiB: {name}")
        assert held < _MOST, (name, held, doing)

    def check(self, door: str) -> None:
        """The server is as it was: nobody died, nothing went wrong or is left, and callers are answered."""
        with self.server.log.open("rb") as log:
            log.seek(self._log)
            new = log.read()
        self._log += len(new)
        for line in new.splitlines():
            assert not any(word in line for word in _WRONG), (door, line.decode(errors="replace"))
        serving = self.serving()
        assert serving == self._serving, (door, serving, self._serving, new[-2000:])
        for _ in range(20):  # both workers
            assert self.root("get_user")["username"] == self.who.name
        until(lambda: self.server.query("SELECT count(*) FROM intents") == [(0,)])
        until(lambda: not any((self.server.root / ".staging").iterdir()))
        for name in self.names.values():
            assert self.root("get_repo_changesets", repoid=name, start_rev="0", limit=5)


def _ancestors(pid: int) -> Iterator[int]:
    while fields := about(pid, "stat").rpartition(")")[2].split():
        pid = int(fields[1])
        if pid < 2:
            return
        yield pid


def _held(pid: int) -> int:
    """Bytes of memory of a process, its share of what several have."""
    for line in about(pid, "smaps_rollup").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) << 10
    return 0


def post(path: bytes, body: bytes, *headers: bytes, method: bytes = b"POST") -> bytes:
    """A request with a body."""
    lines = b"".join(header + b"\r\n" for header in headers)
    return (
        b"%b %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%bContent-Length: %d\r\n\r\n"
        % (method, path, lines, len(body))
        + body
    )


def squeezed(body: bytes) -> bytes:
    """As gzip has it."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(body) + packer.flush()
