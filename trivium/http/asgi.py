# SPDX-License-Identifier: GPL-3.0-or-later
"""The few words of ASGI that all doors share: reading a body, sending an answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]

TEXT = (b"content-type", b"text/plain; charset=utf-8")
SECURITY_HEADERS = (
    # security.md 7: on every answer, whichever door it comes through.
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
ENCRYPTED_ONLY = (b"strict-transport-security", b"max-age=31536000")
"""Of a server whose users reach it by HTTPS: browsers do not try anything else for a year."""


class Disconnected(Exception):
    """The client went away, or stopped sending."""


class TooLarge(Exception):
    """The body is larger than the limit named by `option`."""

    def __init__(self, option: str) -> None:
        super().__init__(option)
        self.option = option


class Paced:
    """Both directions of a request whose other end must keep a minimum rate.

    Only the time in which we wait for that end counts. Its first `grace` seconds are free, in each direction. After
    that, an average of `rate` bytes must have passed in each second. Raises `Disconnected`. A rate of 0 allows
    everything.
    """

    def __init__(self, receive: Receive, send: Send, *, rate: int, grace: float) -> None:
        self._receive = receive
        self._send = send
        self._rate = rate
        self._grace = grace
        self._all_received = False
        self._receiving = self._sending = 0.0
        self._received = self._sent = 0

    async def receive(self) -> Message:
        if self._all_received:
            return await self._receive()  # from now on we wait only for the client to go away
        began = time.monotonic()
        message = await self._receive()
        self._receiving += time.monotonic() - began
        self._received += len(message.get("body", b""))
        self._all_received = not message.get("more_body")
        if not self._all_received:
            self._check(self._receiving, self._received)
        return message

    async def send(self, message: Message) -> None:
        began = time.monotonic()
        await self._send(message)
        self._sending += time.monotonic() - began
        self._sent += len(message.get("body", b"")) + message.get("count", 0)
        self._check(self._sending, self._sent)

    def _check(self, waited: float, passed: int) -> None:
        if self._rate and waited > self._grace + passed / self._rate:
            raise Disconnected


class Watched:
    """A `send` that knows whether an answer has begun: after that, no other answer can be sent."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def __call__(self, message: Message) -> None:
        self.started = True
        await self._send(message)


def header(scope: Scope, name: bytes) -> bytes:
    """The first value of a request header (lower-case name); empty when it is missing."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def key_in_headers(scope: Scope) -> str:
    """The API key that a request carries in a header; empty without one (decisions.md A9, system.md 1.3)."""
    token = header(scope, b"x-rc-auth-token")
    if token:
        return token.decode("latin-1")
    scheme, _, value = header(scope, b"authorization").partition(b" ")
    return value.strip().decode("latin-1") if scheme.lower() == b"bearer" else ""


async def body_chunks(receive: Receive, idle_timeout: float) -> AsyncIterator[bytes]:
    """The body as it arrives; raises `Disconnected` when it stops coming."""
    while True:
        try:
            async with asyncio.timeout(idle_timeout):
                message = await receive()
        except TimeoutError as error:
            raise Disconnected from error
        if message["type"] == "http.disconnect":
            raise Disconnected
        if chunk := message.get("body"):
            yield chunk
        if not message.get("more_body"):
            return


async def read_body(
    receive: Receive, *, limit: int, option: str, timeout: float, idle_timeout: float, charge: Callable[[int], None]
) -> bytes:
    """The whole body, at most `limit` bytes; `charge` is told of the size of each piece, and may refuse it.

    Raises `TimeoutError` when it has not come after `timeout` seconds, or nothing of it after `idle_timeout`.
    """
    deadline = asyncio.get_running_loop().time() + timeout
    async with asyncio.timeout(min(timeout, idle_timeout)):
        message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise TooLarge(option)
        charge(len(body))
        return body  # the usual case, without a copy
    if message["type"] == "http.disconnect":
        raise Disconnected
    chunks = [message.get("body", b"")]
    size = len(chunks[0])
    charge(size)
    async with asyncio.timeout_at(deadline):
        async for chunk in body_chunks(receive, idle_timeout):
            size += len(chunk)
            if size > limit:
                raise TooLarge(option)
            charge(len(chunk))
            chunks.append(chunk)
    return b"".join(chunks)


async def respond(send: Send, status: int, body: bytes = b"", headers: Headers = (TEXT,), *, reason: str = "") -> None:
    """Send a whole answer, with `reason` where the server can say it: some clients show nothing else."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
            "reason": reason,
        }
    )
    await send({"type": "http.response.body", "body": body})
