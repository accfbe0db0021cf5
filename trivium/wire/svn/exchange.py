# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to the private Apache, sent as it was understood, and its answer, passed on to the client.

Bodies in XML or in Subversion's own notation are at most `max_dav_body` long. They are read whole, with a deadline,
before Apache hears of the request, and all that a worker holds of them has a bound. Files stream, in both directions.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from trivium.access.caller import Caller
from trivium.access.places import key_of
from trivium.forge.sessions.channel import chained
from trivium.http.asgi import Disconnected, Receive, Scope, Send, TooLarge, body_chunks, header, read_body
from trivium.vcs.svn.apache import LINK_HEADER
from trivium.vcs.svn.heads import Head, head_of
from trivium.wire.admission import Refused
from trivium.wire.door import Door, limited
from trivium.wire.svn import requests, skel
from trivium.wire.svn.answers import LARGEST_ERROR, NO_CACHE, Outwards
from trivium.wire.svn.connection import Unreachable
from trivium.wire.svn.options import asked_by
from trivium.wire.svn.paths import Translation
from trivium.wire.svn.requests import SvnRequest
from trivium.wire.svn.svndiff import weighed
from trivium.wire.svn.upstream import Answer, Upstream
from trivium.wire.svn.xml import MOST, MOST_OF_A_QUESTION, Document, rewritten

_HOP: Final = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
})  # fmt: skip
_NOT_SENT: Final = _HOP | {b"host", b"authorization", b"expect", b"content-length", b"destination", b"if", b"cookie"}
_SKEL: Final = b"application/vnd.svn-skel"
_SVNDIFF: Final = b"application/vnd.svn-svndiff"
_AT_ONCE: Final = 4 << 10
"""Bytes that are parsed on the event loop; a thread parses more, because that would keep others waiting."""
_LOOKED_AT: Final = 8192
"""The beginning of an answer to MERGE, in which the new revision stands."""
_WATCHED_AFTER: Final = 0.1
"""Seconds of work of Apache after which the client is watched for leaving."""
_SMALL: Final = 1 << 10
"""Bytes of bodies that say the same again and again."""
_SHORT: Final = 32 << 10
"""Bytes of a file that is read before Apache hears of it."""
_VISITOR: Final = "anonymous"
Ready = tuple[list[tuple[bytes, bytes]], bytes]
"""Headers and body of an answer."""
Grown = Callable[[int], Awaitable[None]]
"""Is told how many more bytes have come."""
_SANDBOX: Final = (
    b"content-security-policy",
    b"sandbox; default-src 'none'; style-src 'unsafe-inline'",
)
"""Files of users are no pages of this server (security.md 7)."""


class Exchange:
    """One request to Apache."""

    def __init__(
        self, door: Door, upstream: Upstream, scope: Scope, receive: Receive, send: Send, request: SvnRequest
    ) -> None:
        self._door = door
        self._settings = door.site.settings
        self._upstream = upstream
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request = request
        self._answered = False
        self._asks: tuple[Hashable, Head] | None = None
        """The question, and how far the repository had come, when the answer is worth remembering."""
        self._watching: asyncio.Task[None] | None = None
        self._body: bytes | AsyncIterator[bytes] = b""
        self._held = contextlib.ExitStack()
        """The room that the body takes, as long as it is held."""
        self._kind = ""
        self.inside = ""
        """The path inside the repository; known after `check`."""
        self.pulls = False
        """Whether it asks for the files of a revision; known after `prepare`."""

    def check(self, translation: Translation) -> str:
        """Check that clients send such a request; returns the kind of its resource, and raises `Refused`."""
        self._translation = translation
        method = self._request.method
        inside = self._request.path.segments[len(translation.outside) :]
        self.inside = "/".join(inside)
        self._kind = requests.kind_of(inside)
        if method in requests.COPIES and self._kind not in requests.WORKING:
            # A destination is refused in the same words for every source.
            requests.check_destination(translation.destination(self._one(b"destination"))[1])
        requests.check_target(method, self._kind)
        if method == "LOCK":
            requests.check_lockable(inside)
        return self._kind

    async def prepare(self, caller: Caller, grown: Grown | None = None) -> None:
        """Read and parse what must be understood before Apache hears of it; raises `Refused` and `Crowded`.

        `grown` is told of each piece of a file before Apache is, and may refuse it.
        """
        self._caller = caller
        self._headers = await self._headers_inwards()
        method = self._request.method
        if method in requests.WITH_XML:
            given = await self._whole_body()
            if given or method in ("REPORT", "MERGE", "CHECKOUT", "PROPPATCH"):
                document = await self._read_xml(given)
                self._charge(len(document.text) - len(given))
                self._body = document.text
                if method == "REPORT":
                    self.pulls = requests.check_report(document)
        elif method == "POST":
            if header(self._scope, b"content-type") != _SKEL:
                raise Refused(415, "Only Subversion's own requests can be posted here.")
            given = await self._whole_body()
            self._body = await self._soon(len(given), skel.rewritten, given)
        elif method == "PUT":
            self._body = await self._file(grown)
        elif method not in ("GET", "HEAD") and await self._whole_body() and method not in requests.COPIES:
            raise Refused(415, "A request of this kind has no body.")

    async def _read_xml(self, given: bytes) -> Document:
        method = self._request.method
        most = MOST_OF_A_QUESTION if method == "PROPFIND" else MOST
        paths = method in requests.WITH_PATHS
        if method in requests.WITH_REFERENCES:
            reading = partial(rewritten, reference=self._reference, paths=paths, most=most)
        elif len(given) <= _SMALL:
            return _read_before(given, paths=paths, most=most)
        else:
            reading = partial(rewritten, paths=paths, most=most)
        document: Document = await self._soon(len(given), reading, given)
        return document

    def _reference(self, reference: bytes) -> bytes:
        return self._translation.inwards(reference)[0]

    async def _soon(self, size: int, function: Any, *arguments: Any) -> Any:
        """Do short work here, and all other work in a thread."""
        if size <= _AT_ONCE:
            return function(*arguments)
        async with self._door.understanding:
            return await self._door.transfers.quick(function, *arguments)

    async def _whole_body(self) -> bytes:
        limit = self._settings.max_dav_body
        length = header(self._scope, b"content-length")
        if not length.strip(b"0") and not header(self._scope, b"transfer-encoding"):
            return b""
        if length and int(length) > limit:
            raise TooLarge("max_dav_body")
        try:
            return await read_body(
                self._receive,
                limit=limit,
                option="max_dav_body",
                timeout=self._settings.request_timeout,
                idle_timeout=self._settings.body_idle_timeout,
                charge=self._charge,
            )
        except TimeoutError:
            raise Refused(408, "The request did not arrive in time.", ((b"connection", b"close"),)) from None

    def _charge(self, size: int) -> None:
        self._door.bodies.charge(self._held, size, key_of(self._caller))

    def release(self) -> None:
        """The body is held no longer."""
        if isinstance(self._body, bytes):
            self._body = b""
        self._held.close()

    async def _file(self, grown: Grown | None) -> AsyncIterator[bytes] | bytes:
        """The body, as a whole when it is short: to stream one takes a task and steps of its own."""
        length = header(self._scope, b"content-length")
        if not length.strip(b"0") and not header(self._scope, b"transfer-encoding"):
            return b""
        body = limited(body_chunks(self._receive, self._settings.body_idle_timeout), self._settings.max_push_bytes)
        if grown is not None:
            body = _told(body, grown)
        is_delta = header(self._scope, b"content-type").strip().lower() == _SVNDIFF
        body = weighed(body, self._settings.max_object_bytes, is_delta=is_delta)
        beginning: list[bytes] = []
        size = 0
        async for chunk in body:
            self._charge(len(chunk))
            beginning.append(chunk)
            size += len(chunk)
            if size > _SHORT:
                return chained(beginning, body)
        return b"".join(beginning)

    @contextlib.asynccontextmanager
    async def asked(self, *, patient: bool = False) -> AsyncIterator[Answer]:
        """Ask Apache; the request ends when the client goes away, unless `patient`: then only when all was sent."""
        query = requests.query_of(self._request.method, self._scope["query_string"])
        target = self._translation.path_inwards(self._request.path) + (b"?" + query if query else b"")
        head = b"%s %s HTTP/1.1\r\n" % (self._request.method.encode(), target)
        headers = [*self._headers, (b"authorization", _authorization(self._caller))]
        if isinstance(self._body, bytes):
            if self._body or self._request.method in requests.WRITES:
                headers.append((b"content-length", str(len(self._body)).encode()))
        elif length := header(self._scope, b"content-length"):
            headers.append((b"content-length", length))
        loop = asyncio.get_running_loop()
        fed: asyncio.Future[None] = loop.create_future()
        fed.add_done_callback(lambda _: self.release())
        task = asyncio.current_task()
        assert task is not None
        # Most answers are here before anybody could have left.
        beginning = loop.call_later(_WATCHED_AFTER, self._begin_to_watch, fed, task, patient)
        try:
            reads = self._request.method in requests.READS
            async with self._upstream.ask(head, headers, self._body, fed, reads=reads) as answer:
                yield answer
        except asyncio.CancelledError:
            if self._watching is not None and self._watching.done() and task.uncancel() == 0:
                raise Disconnected from None
            raise
        except (Unreachable, TimeoutError) as error:
            raise Refused(503, "Subversion cannot be reached at the moment.", ((b"retry-after", b"5"),)) from error
        finally:
            beginning.cancel()
            if self._watching is not None:
                self._watching.cancel()
                await asyncio.gather(self._watching, return_exceptions=True)

    def at_hand(self, path: Path) -> Ready | None:
        """The answer to an OPTIONS that was asked before, of the repository at `path`; Apache need not hear of it."""
        if self._request.method != "OPTIONS" or self._kind or not isinstance(self._body, bytes):
            return None
        asked = asked_by(self._headers, self._body, self._translation, self._address())
        head = head_of(path) if asked is not None else None
        if asked is None or head is None:
            return None
        self._asks = asked, head
        return self._upstream.options.found(asked, head)

    async def answer_ready(self, ready: Ready) -> None:
        """Send an answer that was at hand."""
        headers, body = ready
        await self._begin(200, headers)
        await self.send_end(body)

    def _begin_to_watch(self, fed: asyncio.Future[None], task: asyncio.Task[Any], patient: bool) -> None:
        self._watching = asyncio.ensure_future(self._watch(fed, task, patient=patient))

    async def _watch(self, fed: asyncio.Future[None], task: asyncio.Task[Any], *, patient: bool) -> None:
        """Wait until all has come from the client, then for it to go away; `receive` says so."""
        with contextlib.suppress(Exception):
            if not isinstance(self._body, bytes):
                await asyncio.shield(fed)
            while (await self._receive())["type"] != "http.disconnect":
                pass
            if not patient and not self._answered:
                task.cancel()

    def _one(self, name: bytes) -> bytes:
        """The value of a header that may stand in a request once."""
        found = [bytes(value) for key, value in self._scope["headers"] if key == name]
        if len(found) > 1:
            raise Refused(400, "The head of the request says something twice.")
        return found[0] if found else b""

    async def _headers_inwards(self) -> list[tuple[bytes, bytes]]:
        """The client's headers for Apache, without those that concern only the connection."""
        given = self._scope["headers"]
        dropped = {
            token.strip().lower() for name, value in given if name == b"connection" for token in value.split(b",")
        }
        headers = [
            (name, value)
            for name, value in given
            if name not in _NOT_SENT and name not in dropped and not name.startswith(b"x-trivium-")
        ]
        # A port keeps Apache from telling its own.
        headers += [(b"host", b"apache:80"), (LINK_HEADER.encode(), self._translation.inside.encode())]
        if self._request.method in requests.COPIES:
            headers.append((b"destination", self._translation.destination(self._one(b"destination"))[0]))
        if condition := self._one(b"if"):
            headers.append((b"if", await self._soon(len(condition), self._translation.condition, condition)))
        return headers

    async def pass_on(self, answer: Answer) -> tuple[bytes, bytes]:
        """Send Apache's answer to the client, all but its end. Returns that, and how it began."""
        outwards = Outwards(self._translation, self._address())
        if answer.status >= 400:
            return await self._pass_on_error(answer, outwards), b""
        method = self._request.method
        headers = outwards.headers(answer.headers, allow=requests.allow(self._kind))
        if method in ("GET", "HEAD"):
            headers.append(_SANDBOX)
        is_file = method in ("GET", "HEAD") and self._kind not in requests.WORKING and not _lists_a_directory(answer)
        if method != "HEAD" and answer.status not in (204, 304) and (whole := answer.whole()) is not None:
            if not is_file:
                whole = outwards.shown(whole)
            headers.append((b"content-length", b"%d" % len(whole)))
            if self._asks is not None and answer.status == 200:
                self._upstream.options.keep(*self._asks, headers, whole)
            await self._begin(answer.status, headers)
            return whole, whole[:_LOOKED_AT]
        body = answer.chunks() if is_file else outwards.body(answer.chunks())
        for name, value in answer.headers:
            if name == b"content-length" and (is_file or answer.status == 204 or value == b"0"):
                headers.append((name, value))
        await self._begin(answer.status, headers)
        beginning = held_back = b""
        async for chunk in body:
            if len(beginning) < _LOOKED_AT:
                beginning += chunk[:_LOOKED_AT]
            if held_back:
                await self._send_piece(held_back)
            held_back = chunk
        return held_back, beginning

    async def _pass_on_error(self, answer: Answer, outwards: Outwards) -> bytes:
        said = None
        if self._request.method != "HEAD":
            said = b""
            async for chunk in answer.chunks():
                said = (said + chunk)[:LARGEST_ERROR]
        made = self._kind in requests.WORKING or self._request.method in requests.COPIES
        status, kind, body = outwards.error(answer.status, said, made=made)
        headers = [
            (name, value)
            for name, value in outwards.headers(answer.headers, allow=requests.allow(self._kind))
            if name not in (b"content-type", b"location")
        ]
        await self._begin(status, [*headers, kind, (b"content-length", str(len(body)).encode())])
        return body

    def _address(self) -> str:
        """Scheme and host of this server, as the client knows it."""
        base = self._settings.base_url
        if base:
            scheme, _, rest = base.partition("://")
            return f"{scheme}://{rest.partition('/')[0]}"
        return f"{self._scope['scheme']}://{header(self._scope, b'host').decode('latin-1')}"

    async def _begin(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        await self._send({"type": "http.response.start", "status": status, "headers": [*headers, NO_CACHE]})

    async def send_end(self, chunk: bytes) -> None:
        """Send the end of the answer."""
        self._answered = True  # from here on a client that leaves does so in good order
        await self._send({"type": "http.response.body", "body": chunk})

    async def _send_piece(self, chunk: bytes) -> None:
        async with asyncio.timeout(self._settings.vcs_timeout):
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})


_read_before = lru_cache(256)(rewritten)


async def _told(body: AsyncIterator[bytes], grown: Grown) -> AsyncIterator[bytes]:
    """The same body; `grown` hears of each piece first."""
    async for chunk in body:
        await grown(len(chunk))
        yield chunk


def _authorization(caller: Caller) -> bytes:
    """The caller's name for Apache, which asks for no password."""
    user = _VISITOR if caller.anonymous else caller.username
    return b"Basic " + base64.b64encode(f"{user}:x".encode())


def _lists_a_directory(answer: Answer) -> bool:
    """Whether the answer to a GET is a page that Apache made; files always come with a strong tag."""
    return not any(name == b"etag" and not value.startswith(b"W/") for name, value in answer.headers)
