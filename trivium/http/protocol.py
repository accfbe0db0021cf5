# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP connections with limits that the server library does not have.

The limits are time and size of a head, time for reading an answer, and time for the rest of a body that nobody waits
for any more (security.md R-17, S-27 and section 6). Requests with two possible meanings are refused. uvicorn does
everything else of HTTP.
"""

from __future__ import annotations

import asyncio
import sys
from functools import lru_cache
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from trivium.http import pipes
from trivium.http.addresses import neighbourhood
from trivium.http.asgi import SECURITY_HEADERS, TEXT
from trivium.http.connections import Connections
from trivium.http.heads import HeadLimits
from trivium.settings import Settings

_VERSIONS: Final = ("1.1", "1.0")


_ABOUT_THE_ANSWER: Final = frozenset({b"content-length", b"transfer-encoding", b"connection"})
"""Headers that the server library must understand."""
_LONGEST_KEPT: Final = 200


class _Refused(Exception):
    """Stops the parser."""


class _Cycle(RequestResponseCycle):
    """One request and its answer, whose head is written from lines that were checked before.

    An answer of Subversion has thirty headers, most of them the same again and again; to check and join each of them
    would be an eighth of what the answer costs. What such a head must say about the answer itself stands in few of
    them, and for those and for everything else this is what the server library does.
    """

    async def send(self, message: Any) -> None:
        if message["type"] == pipes.TYPE:
            await self._send_from(message["pipe"], message["count"], message["patience"])
            return
        if (
            self.response_started
            or self.disconnected
            or self.access_log
            or self.flow.write_paused
            or message["type"] != "http.response.start"
        ):
            await super().send(message)
            return
        self.response_started = True
        self.waiting_for_100_continue = False
        status = message["status"]
        lines = [STATUS_LINE[status]]
        closes = False
        for name, value in (*self.default_headers, *message.get("headers", ())):
            # Cookies are secrets, and nobody remembers them.
            write = _line if len(value) <= _LONGEST_KEPT and name != b"set-cookie" else _written
            line, about = write(name, value)
            lines.append(line)
            if about == b"content-length" and self.chunked_encoding is None:
                self.expected_content_length = int(value.decode())
                self.chunked_encoding = False
            elif about == b"transfer-encoding" and value.lower() == b"chunked":
                self.expected_content_length = 0
                self.chunked_encoding = True
            elif about == b"connection" and b"close" in [token.lower().strip() for token in value.split(b",")]:
                self.keep_alive = False
                closes = True
        if not (self.keep_alive or closes):
            lines.append(b"connection: close\r\n")
        if self.chunked_encoding is None and self.scope["method"] != "HEAD" and status not in (204, 304):
            self.chunked_encoding = True
            lines.append(b"transfer-encoding: chunked\r\n")
        lines.append(b"\r\n")
        self.transport.write(b"".join(lines))

    async def _send_from(self, pipe: int, count: int, patience: float) -> None:
        """Send the next bytes of a pipe; with a length, or to a client of HTTP/1.0, through our memory."""
        if not self.chunked_encoding or self.scope["method"] == "HEAD":
            for piece in pipes.pieces(pipe, count):
                await self.send({"type": "http.response.body", "body": piece, "more_body": True})
            return
        wire: Any = self.transport
        try:
            await self._all_written(wire)
            if self.disconnected or wire.is_closing():
                raise ConnectionResetError
            await pipes.send_chunk(wire, pipe, count, patience)
        except BaseException:
            wire.abort()  # nothing may follow half a chunk
            raise

    async def _all_written(self, wire: Any) -> None:
        """Wait until the client, or its system, has all that was written."""
        wire.flush()
        if not wire.is_closing() and wire.get_write_buffer_size():
            wire.set_write_buffer_limits(high=0)
            await self.flow.drain()
            if not wire.is_closing():
                wire.set_write_buffer_limits()


def _written(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """A header as it is written, and its name if the server library must understand it."""
    if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
        raise RuntimeError("This is no header of HTTP.")
    name = name.lower()
    return b"%s: %s\r\n" % (name, value), name if name in _ABOUT_THE_ANSWER else b""


_line = lru_cache(2048)(_written)


class _Joined:
    """A transport for one answer. It sends the head together with what follows at once.

    A write is a system call that wakes the other end. Two writes for a short answer cost as much as the rest of it.
    """

    def __init__(self, transport: Any, cycle: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._cycle = cycle
        self._loop = loop
        self._begun = False
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._begun or not self._cycle.response_started:  # before it there may be a 100 Continue
            self._write(data)
            return
        self._begun = True
        self._head = data
        self._loop.call_soon(self.flush)

    def flush(self) -> None:
        if self._head and not self._transport.is_closing():
            self._write(b"")

    def _write(self, data: bytes) -> None:
        if self._head:
            head, self._head = self._head, b""
            self._transport.writelines((head, data))
        elif data:
            self._transport.write(data)

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _WithReason:
    """A transport that puts a reason of its own into the first line."""

    def __init__(self, transport: Any, reason: str) -> None:
        self._transport = transport
        self._reason: bytes | None = " ".join(reason.split()).encode("ascii", "replace")

    def write(self, data: bytes) -> None:
        if self._reason is not None:
            line, _, rest = data.partition(b"\r\n")
            data = b" ".join(line.split(b" ")[:2]) + b" " + self._reason + b"\r\n" + rest
            self._reason = None
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def limited_protocol(settings: Settings, descriptors: int) -> type[HttpToolsProtocol]:
    """The protocol class for these settings; its connections share one room for large heads, and `descriptors`."""
    limits = HeadLimits(settings)
    most_bytes, most_headers = settings.max_header_bytes, settings.max_headers
    connections = Connections(descriptors, settings.proxy_networks)

    class LimitedProtocol(HttpToolsProtocol):
        _timer: asyncio.TimerHandle | None = None
        _stalled: asyncio.TimerHandle | None = None
        """Ends the connection unless the client reads something."""
        _unheard: asyncio.TimerHandle | None = None
        """Ends the connection unless the rest of an already answered body arrives."""
        _pieces = 0
        _held = 0
        """Bytes of the head that are held in the room for large ones."""
        _reading_head = True
        _unparsed = 0
        """Bytes that arrived since the head began, without those that the parser has made headers of."""
        _head_bytes = 0
        _arrived = b""
        _between = True
        """No request is under way: the next byte begins one."""
        _fresh = False
        """What arrived begins with the head of a request."""
        _offered_upgrade = False
        _address = ""
        _refusal = (400, b"This is not an HTTP request.\n")

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._address = self.client[0] if self.client else ""
            if not connections.admit(self, self._address):
                transport.abort()
                return
            self._await_head()

        def connection_lost(self, exc: Exception | None) -> None:
            connections.forget(self, self._address)
            self._head_is_there()
            self._forget_head()
            for timer in (self._stalled, self._unheard):
                if timer is not None:
                    timer.cancel()
            super().connection_lost(exc)

        @property
        def is_idle(self) -> bool:
            return self.cycle is None or (self._between and self.cycle.response_complete)

        def give_up(self) -> None:
            self.transport.abort()

        def pause_writing(self) -> None:
            super().pause_writing()
            if self._stalled is None:
                api = self.url.startswith(b"/_admin/")
                patience = settings.request_timeout if api else settings.vcs_timeout
                self._stalled = self.loop.call_later(patience, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            if self._stalled is not None:
                self._stalled.cancel()
                self._stalled = None

        def on_response_complete(self) -> None:
            if not self.pipeline and not (self._reading_head and not self._between):
                self._forget_head()  # what is held belongs to no later request
            super().on_response_complete()
            if not self._between and self._unheard is None:
                self._unheard = self.loop.call_later(settings.request_timeout, self.transport.abort)

        def data_received(self, data: bytes) -> None:
            self._arrived = data
            self._fresh = self._between
            if self._reading_head:
                self._unparsed += len(data)
                self._pieces += 1
            super().data_received(data)
            if self._reading_head and not self.transport.is_closing():
                if not self._has_room(self._unparsed):
                    self.send_400_response("")
                elif self._timer is None:  # most heads come whole, and need none
                    self._await_head()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._head_bytes = 0
            self._pieces = 1
            self._unparsed = len(self._arrived) if self._fresh else 0
            self._between = self._fresh = False
            self._reading_head = True

        def on_url(self, url: bytes) -> None:
            super().on_url(url)
            self._head_bytes += len(url)
            if not self._has_room(self._head_bytes):
                raise _Refused

        def on_header(self, name: bytes, value: bytes) -> None:
            super().on_header(name, value)
            self._head_bytes = size = self._head_bytes + len(name) + len(value) + 4
            if (size > most_bytes or len(self.headers) > most_headers) and not self._has_room(size):
                raise _Refused

        def on_headers_complete(self) -> None:
            self._check_meaning()
            connect = self.parser.get_method() == b"CONNECT"
            self._offered_upgrade = self.parser.should_upgrade() and not connect
            if self._offered_upgrade:
                return
            self._head_is_there()
            if connect:
                self.url = b"/"  # it names a host; the application refuses the method
            super().on_headers_complete()
            cycle: Any = self.cycle
            cycle.__class__ = _Cycle
            cycle.transport = _Joined(self.transport, cycle, self.loop)
            if connect:
                cycle.keep_alive = False
            if self.scope["http_version"] == "1.0":
                self._end_by_closing()
            if b"cmd=" in self.url:
                self._let_reasons_through()

        def on_message_complete(self) -> None:
            self._between = True
            if self._unheard is not None:
                self._unheard.cancel()
                self._unheard = None
            if not self._offered_upgrade:
                super().on_message_complete()

        def _unsupported_upgrade_warning(self) -> None:
            """A client offers another protocol, and the parser stops before the body. Read on without the offer."""
            stopped = sys.exception()
            if not self._offered_upgrade or stopped is None:
                return
            version = self.parser.get_http_version().encode()
            head = [self.parser.get_method() + b" " + self.url + b" HTTP/" + version + b"\r\n"]
            head += [name + b": " + value + b"\r\n" for name, value in self.headers if name != b"upgrade"]
            self.parser = httptools.HttpRequestParser(self)
            self.data_received(b"".join(head) + b"\r\n" + self._arrived[stopped.args[0] :])

        def _end_by_closing(self) -> None:
            """A client of HTTP/1.0 knows no chunks: an answer without a length ends with the connection."""
            cycle: Any = self.cycle
            plain = cycle.send
            ends = False

            async def send(message: Any) -> None:
                nonlocal ends
                if message["type"] == "http.response.start":
                    told = any(name.lower() == b"content-length" for name, _ in message.get("headers", ()))
                    ends = not told and message["status"] not in (204, 304) and cycle.scope["method"] != "HEAD"
                    if ends:
                        cycle.chunked_encoding = cycle.keep_alive = False
                elif ends:
                    cycle.expected_content_length = len(message.get("body", b""))
                await plain(message)

            cycle.send = send

        def _let_reasons_through(self) -> None:
            """The message that begins an answer may have a `reason`. Mercurial shows nothing else of a refusal."""
            cycle: Any = self.cycle
            plain = cycle.send

            async def send(message: Any) -> None:
                if reason := message.get("reason"):
                    cycle.transport = _WithReason(cycle.transport, reason)
                await plain(message)

            cycle.send = send

        def send_400_response(self, _msg: str) -> None:
            if self._is_answerable():
                status, text = self._refusal
                head = [STATUS_LINE[status]]
                for name, value in (*self.server_state.default_headers, TEXT, *SECURITY_HEADERS):
                    head += [name, b": ", value, b"\r\n"]
                self.transport.write(
                    b"".join(head) + b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(text) + text
                )
            self.transport.close()

        def _is_answerable(self) -> bool:
            """Whether an answer now would belong to the refused request: no earlier answer is on its way."""
            cycle = self.cycle
            if cycle is None or cycle.response_complete:
                return True
            return not self.pipeline and cycle.more_body and not cycle.response_started

        def _has_room(self, size: int) -> bool:
            """Whether a head with so many bytes so far may go on; if not, what is answered is set."""
            if size <= most_bytes and len(self.headers or ()) <= most_headers:
                return True
            method = self.parser.get_method() if self.url else b""
            if limits.is_too_large(size, len(self.headers or ()), self._pieces, method=method, url=self.url):
                self._refuse_size()
                return False
            held = limits.hold(size, self._held, self._peer())
            if held < 0:
                self._refusal = (503, b"The server holds too many large heads; try again.\n")
                return False
            self._held = held
            return True

        def _peer(self) -> str:
            return neighbourhood(self.client[0]) if self.client else ""

        def _forget_head(self) -> None:
            limits.release(self._held, self._peer())
            self._held = 0

        def _refuse_size(self) -> None:
            self._refusal = (431, b"The head of the request is too large (max_header_bytes, max_headers).\n")

        def _check_meaning(self) -> None:
            """Refuse a request that another program on the way could have understood differently (S-27)."""
            version = self.parser.get_http_version()
            hosts = sum(name == b"host" for name, _ in self.headers)
            encodings = [value.lower() for name, value in self.headers if name == b"transfer-encoding"]
            if (
                version not in _VERSIONS
                or hosts > 1
                or (version == "1.1" and not hosts)
                or (encodings and (encodings != [b"chunked"] or version == "1.0"))
            ):
                raise _Refused

        def _await_head(self) -> None:
            self._reading_head = True
            self._timer = self.loop.call_later(settings.header_timeout, self._too_slow)

        def _head_is_there(self) -> None:
            self._reading_head = False
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _too_slow(self) -> None:
            if not self.transport.is_closing():
                self.transport.close()

    return LimitedProtocol
