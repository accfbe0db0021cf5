# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections whose other end keeps us waiting are ended when their time is over, and not before."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from trivium.http.asgi import Receive, Scope, Send
from trivium.http.protocol import _line, limited_protocol
from trivium.settings import Settings

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\n"
CALL = b"POST /_admin/api HTTP/1.1\r\nHost: x\r\n"
KEPT_ALIVE = 3600
"""Seconds between two requests; longer than everything that is measured here."""


@dataclass(eq=False)
class Timer:
    at: float
    ring: Callable[..., object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """An event loop whose time passes when a test says so."""

    def __init__(self) -> None:
        self._now = 0.0
        self._timers: list[Timer] = []

    def call_later(self, seconds: float, ring: Callable[..., object]) -> Timer:
        timer = Timer(self._now + seconds, ring)
        self._timers.append(timer)
        return timer

    def call_soon(self, ring: Callable[..., object], *given: object) -> asyncio.Handle:
        return asyncio.get_running_loop().call_soon(ring, *given)

    def create_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(work)

    def let_pass(self, seconds: float) -> None:
        end = self._now + seconds
        while due := [timer for timer in self._timers if not timer.cancelled and timer.at <= end]:
            first = min(due, key=lambda timer: timer.at)
            first.cancelled = True
            self._now = first.at
            first.ring()
        self._now = end


class Line:
    """A connection, seen from its other end."""

    def __init__(self, clock: Clock, protocol: Any, address: str) -> None:
        self._clock = clock
        self._protocol = protocol
        self._address = address
        self._closed = False
        self.said = b""
        """What has arrived here."""
        protocol.connection_made(self)

    def send(self, data: bytes) -> None:
        self._protocol.data_received(data)

    def stop_reading(self) -> None:
        self._protocol.pause_writing()

    def read_on(self) -> None:
        self._protocol.resume_writing()

    def lasts(self, seconds: float) -> bool:
        """Whether it is open after so much time, and is not a moment later."""
        self._clock.let_pass(seconds - 0.1)
        open_until_then = not self._closed
        self._clock.let_pass(0.2)
        return open_until_then and self._closed

    def is_open_after(self, seconds: float) -> bool:
        self._clock.let_pass(seconds)
        return not self._closed

    # What the server's side calls.

    def write(self, data: bytes) -> None:
        self.said += data

    def writelines(self, pieces: list[bytes]) -> None:
        self.said += b"".join(pieces)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._protocol.connection_lost(None)

    abort = close

    def is_closing(self) -> bool:
        return self._closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_extra_info(self, name: str) -> object:
        return {"peername": (self._address, 4711), "sockname": ("192.0.2.9", 80)}.get(name)


class Host:
    """The server's side, with a clock of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = Clock()
        self._lines: list[Line] = []
        config = uvicorn.Config(
            self._answer, interface="asgi3", ws="none", log_config=None, timeout_keep_alive=KEPT_ALIVE
        )
        config.load()
        made = limited_protocol(settings, 4096)
        self._protocol = lambda: made(config, ServerState(), {}, _loop=self.clock)  # type: ignore[arg-type]
        self.answers = asyncio.Event()
        """Set when requests are to be answered."""
        self.answers.set()

    def line(self, address: str = "192.0.2.1") -> Line:
        made = Line(self.clock, self._protocol(), address)
        self._lines.append(made)
        return made

    def close(self) -> None:
        for line in self._lines:
            line.close()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.answers.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data=tmp_path, header_timeout=20, request_timeout=60, vcs_timeout=600)


def served(settings: Settings, scenario: Callable[[Host], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        with contextlib.closing(Host(settings)) as host:
            await scenario(host)

    asyncio.run(run())


async def done() -> None:
    """Let the server do what it can do without more of us."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.mark.parametrize("beginning", [b"", b"GET /_ad", HEAD, HEAD + b"X-Slow: "])
def test_a_head_has_some_seconds(settings: Settings, beginning: bytes) -> None:
    async def scenario(host: Host) -> None:
        line = host.line()
        if beginning:
            line.send(beginning)
        assert line.lasts(20)
        assert line.said == b""

    served(settings, scenario)


def test_a_head_that_drips_has_no_more(settings: Settings) -> None:
    async def scenario(host: Host) -> None:
        line = host.line()
        for byte in (HEAD + b"X-Slow: " + b"x" * 100)[:19]:
            line.send(bytes([byte]))
            assert line.is_open_after(1)
        assert line.lasts(1)

    served(settings, scenario)


@pytest.mark.parametrize("together", [True, False])
def test_the_second_head_of_a_connection_has_as_many(settings: Settings, together: bool) -> None:
    """Between two requests nothing is under way; from the first byte of the next one its time counts."""

    async def scenario(host: Host) -> None:
        line = host.line()
        if together:
            line.send(HEAD + b"\r\n" + HEAD)
            await done()
        else:
            line.send(HEAD + b"\r\n")
            await done()
            assert line.is_open_after(1000)
            line.send(HEAD)
        assert line.said.endswith(b"ok")
        assert line.lasts(20)

    served(settings, scenario)


def test_who_waits_for_an_answer_is_not_sent_away(settings: Settings) -> None:
    async def scenario(host: Host) -> None:
        host.answers.clear()
        line = host.line()
        line.send(HEAD + b"\r\n")
        await done()
        assert line.is_open_after(10_000)
        host.answers.set()
        await done()
        assert line.said.endswith(b"ok")

    served(settings, scenario)


@pytest.mark.parametrize(("head", "seconds"), [(CALL, 60), (HEAD, 600)], ids=["a call", "a transfer"])
def test_who_does_not_read_is_cut_off(settings: Settings, head: bytes, seconds: int) -> None:
    async def scenario(host: Host) -> None:
        host.answers.clear()
        line = host.line()
        line.send(head + b"Content-Length: 0\r\n\r\n")
        await done()
        for _ in range(3):
            line.stop_reading()
            assert line.is_open_after(seconds - 1)
            line.read_on()
        assert line.is_open_after(seconds + 1)
        line.stop_reading()
        assert line.lasts(seconds)

    served(settings, scenario)


def test_the_rest_of_a_body_that_was_answered_is_not_waited_for(settings: Settings) -> None:
    async def scenario(host: Host) -> None:
        for arrives in (True, False):
            line = host.line()
            line.send(CALL + b"Content-Length: 10\r\n\r\n12345")
            await done()
            assert line.said.endswith(b"ok")
            assert line.is_open_after(59)
            if arrives:
                line.send(b"67890")
                assert line.is_open_after(1000)
            else:
                assert line.lasts(1)

    served(settings, scenario)


def large(size: int, *, end: bytes = b"\r\n\r\n") -> bytes:
    return b"PROPFIND /x HTTP/1.1\r\nHost: x\r\nIf: " + b"x" * size + end


@pytest.mark.parametrize("left", ["answered", "gone", "silent"])
def test_large_heads_have_a_room_that_is_given_back(settings: Settings, left: str) -> None:
    """Four of one address are held while they arrive; whichever way they end, there is room for others again."""

    async def scenario(host: Host) -> None:
        for _ in range(5):
            lines = [host.line() for _ in range(4)]
            for line in lines:
                line.send(large(900_000, end=b""))
                assert line.said == b""
            fifth = host.line()
            fifth.send(large(900_000, end=b""))
            assert fifth.said.startswith(b"HTTP/1.1 503 ")
            elsewhere = host.line("192.0.2.2")
            elsewhere.send(large(900_000))
            await done()
            assert elsewhere.said.startswith(b"HTTP/1.1 200 ")
            for line in lines:
                if left == "answered":
                    line.send(b"\r\n\r\n")
                    await done()
                    assert line.said.startswith(b"HTTP/1.1 200 ")
                elif left == "gone":
                    line.close()
                else:
                    line.is_open_after(21)

    served(settings, scenario)


def test_a_large_head_is_held_for_as_long_as_its_request_is_served(settings: Settings) -> None:
    async def scenario(host: Host) -> None:
        host.answers.clear()
        for _ in range(4):
            host.line().send(large(900_000))
        await done()
        fifth = host.line()
        fifth.send(large(900_000))
        assert fifth.said.startswith(b"HTTP/1.1 503 ")
        host.answers.set()
        await done()
        sixth = host.line()
        sixth.send(large(900_000))
        await done()
        assert sixth.said.startswith(b"HTTP/1.1 200 ")

    served(settings, scenario)


@pytest.mark.parametrize("line", [
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    b"GET / HTTP/0.9\r\nHost: x\r\n\r\n",
    b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n",
])  # fmt: skip
def test_what_a_proxy_could_have_read_differently_is_refused(settings: Settings, line: bytes) -> None:
    async def scenario(host: Host) -> None:
        connection = host.line()
        connection.send(line)
        await done()
        assert connection.said.startswith(b"HTTP/1.1 400 ")
        assert connection.said.count(b"HTTP/1.1 ") == 1
        assert not connection.is_open_after(0)

    served(settings, scenario)


@pytest.mark.parametrize("length", [1, 1000])
def test_a_header_that_is_none_is_not_written(length: int) -> None:
    for name, value in ((b"a b", b"c"), (b"a:", b"c"), (b"a", b"c\r\nd: e"), (b"a", b"\0")):
        for _ in range(2):
            with pytest.raises(RuntimeError):
                _line(name, value * length)
    assert _line(b"ETag", b"x" * length) == (b"etag: " + b"x" * length + b"\r\n", b"")
    assert _line(b"Content-Length", b"7")[1] == b"content-length"
