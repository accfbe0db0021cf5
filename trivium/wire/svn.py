# SPDX-License-Identifier: GPL-3.0-or-later
"""Subversion over WebDAV: requests are streamed to and from a private Apache with mod_dav_svn (design/protocols.md 3).

Who may do what is decided here, by method; Apache believes what it is told. Only a `MERGE` makes revisions: it is
recorded like a push before Apache hears of it, and its answer ends when what it did is journalled and visible.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import re
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any, Final
from xml.sax.saxutils import escape

import structlog

from trivium.asgi import Disconnected, Receive, Scope, Send, TooLarge, Watched, body_chunks, header, respond
from trivium.errors import Busy, StorageFull
from trivium.forge import pushes
from trivium.vcs.model import VcsError
from trivium.vcs.svn import revision_update
from trivium.wire.admission import BY_ID, NO_SUCH_REPOSITORY, Admitted, Refused, check_lock
from trivium.wire.davpaths import RawPath, Translation, parse_path
from trivium.wire.davxml import checked
from trivium.wire.door import Door, chained, limited
from trivium.wire.upstream import Answer, Unreachable, Upstream

_log = structlog.get_logger(__name__)

READS: Final = frozenset({"OPTIONS", "PROPFIND", "REPORT", "GET", "HEAD"})
_TRANSACTIONAL: Final = frozenset({"PUT", "DELETE", "MKCOL", "COPY", "MOVE", "PROPPATCH", "MKACTIVITY", "CHECKOUT"})
WRITES: Final = _TRANSACTIONAL | {"MERGE", "POST", "LOCK", "UNLOCK"}
_WEB: Final = frozenset({"GET", "HEAD", "POST"})
"""Methods that are not Subversion's alone."""
_ALLOW: Final = (b"allow", ", ".join(sorted(READS | WRITES)).encode())

_WORKING: Final = ("txn", "txr", "vtxn", "vtxr", "wrk", "wbl", "act")
"""What stands after `!svn` in the URL of something that is being made and no revision yet."""
_NOTHING_TRANSLATED: Final = frozenset({"GET", "HEAD", "PUT"})
"""Methods whose bodies are files."""
_NOT_XML: Final = _NOTHING_TRANSLATED | {"POST"}
"""Methods whose request bodies are files, or say what they say in Subversion's own words."""
_WITH_REFERENCES: Final = frozenset({"REPORT", "MERGE", "CHECKOUT"})
"""Methods whose request bodies name resources."""
_LONG: Final = frozenset({"REPORT", "PUT", "MERGE"})
"""Methods that wait for their turn; of the others one client has several under way while it waits for one of these."""

_HOP: Final = frozenset({
    b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te", b"trailer",
    b"transfer-encoding", b"upgrade",
})  # fmt: skip
_NOT_SENT: Final = _HOP | {b"host", b"authorization", b"expect", b"content-length", b"destination", b"if"}
_NOT_PASSED_ON: Final = _HOP | {b"server", b"date", b"vary", b"www-authenticate", b"content-length"}
_PULLS = re.compile(rb"<[^<>]*(?:update|replay)-report\b")
"""Of the many reports those that hand out the files of a revision: checkout, update, switch, export, dump."""
_ENOUGH: Final = 512
"""Bytes of a report's body that tell which one it is."""
_VERSION = re.compile(rb"<D:version-name>(\d+)</D:version-name>")
_LOOKED_AT: Final = 8192
"""The beginning of an answer to MERGE, in which the new revision stands."""
_NO_CACHE: Final = (b"cache-control", b"no-cache")
_VISITOR: Final = "anonymous"

_ERROR: Final = """\
<?xml version="1.0" encoding="utf-8"?>
<D:error xmlns:D="DAV:" xmlns:m="http://apache.org/dav/xmlns" xmlns:C="svn:">
<C:error/>
<m:human-readable errcode="{code}">
{text}
</m:human-readable>
</D:error>
"""
_CODES: Final = {403: 220004}
"""Subversion's own numbers: an action that is not authorised; anything else is a failed request."""
_FAILED: Final = 175002


def is_svn_method(scope: Scope) -> bool:
    """Whether a request has a method that only Subversion's clients use."""
    return scope["method"] not in _WEB


def is_svn_request(scope: Scope) -> bool:
    """Whether a request is one of a Subversion client, whatever its method (system.md 3.1)."""
    return (
        "/!svn/" in scope["path"]
        or header(scope, b"user-agent").startswith(b"SVN/")
        or any(name == b"dav" and b"subversion" in value.lower() for name, value in scope["headers"])
    )


@dataclass(frozen=True, slots=True)
class SvnRequest:
    """What a request asks."""

    method: str
    path: RawPath

    @property
    def writes(self) -> bool:
        return self.method not in READS

    @property
    def makes_revisions(self) -> bool:
        return self.method == "MERGE"


def recognise(scope: Scope) -> SvnRequest:
    """What a request asks; raises `Refused` for what Subversion does not have."""
    method = scope["method"]
    if method not in READS and method not in WRITES:
        raise Refused(405, "Subversion has no such method.", (_ALLOW,))
    return SvnRequest(method, parse_path(scope["raw_path"].partition(b"?")[0].decode("latin-1")))


class SvnTransfer:
    """One request to Apache, from admission to the last byte."""

    def __init__(
        self, door: Door, upstream: Upstream, scope: Scope, receive: Receive, send: Send, request: SvnRequest
    ) -> None:
        self._door = door
        self._site = door.site
        self._upstream = upstream
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request = request
        self._answered = False
        self._beginning = b""
        """Of the request's body."""

    async def read(self, admitted: Admitted) -> None:
        """Serve a request that changes nothing."""
        name = admitted.repository.name
        translation = await self._translation(admitted, name)
        body = await self._peeked(self._body())
        pulls = self._request.method == "REPORT" and bool(_PULLS.search(self._beginning))
        if pulls:
            check_lock(self._site, admitted, writes=False)
        async with self._asked(admitted, translation, body) as answer:
            # Apache has the repository open now. Had another one got to its place before, it would be that.
            if await self._door.name_of(admitted) != name:
                raise Refused(503, "The repository is being moved.", ((b"retry-after", b"1"),))
            tail, _ = await self._pass_on(answer, translation)
            if pulls and answer.status == 200:
                await self._door.pulled(admitted)
            await self._send_end(tail)

    async def write(self, admitted: Admitted) -> None:
        """Serve a step of a commit, or a lock of a file: a rename or deletion waits for it, and it for them."""
        check_lock(self._site, admitted, writes=True)
        with contextlib.ExitStack() as held:
            held.callback(os.close, await self._door.shared_lock(admitted.repository.id))
            name = await self._name_in_url(admitted)
            translation = await self._translation(admitted, name)
            self._check_is_working(translation)
            if self._request.makes_revisions:
                await self._commit(admitted, translation, held)
                return
            self._site.tree.check_space()
            async with self._asked(admitted, translation, self._body()) as answer:
                tail, _ = await self._pass_on(answer, translation)
                await self._send_end(tail)

    async def _commit(self, admitted: Admitted, translation: Translation, held: contextlib.ExitStack) -> None:
        """Make a revision: nothing is told to the client before it is durable, journalled and visible."""
        push = await self._door.slow(pushes.begin, self._site, admitted.caller, admitted.repository.id, ())
        settled = False
        try:
            async with self._asked(admitted, translation, self._body(), patient=True) as answer:
                tail, beginning = await self._pass_on(answer, translation)
            made = _VERSION.search(beginning) if answer.status == 200 else None
            settled = True
            await self._door.settle(pushes.finish, push, [revision_update(int(made[1]))] if made else [])
            await self._send_end(tail)
        finally:
            if not settled:
                # What became of it is asked of the repository, when nobody else is at work on it.
                held.close()
                await self._door.recover(push)

    async def _name_in_url(self, admitted: Admitted) -> str:
        """What the repository is called, now that it stays so; raises `Refused` when the URL is not its any more."""
        name = await self._door.name_of(admitted)
        if name != admitted.repository.name and not BY_ID.fullmatch(self._request.path.segments[0]):
            raise Refused(404, NO_SUCH_REPOSITORY)
        return name

    async def _translation(self, admitted: Admitted, name: str) -> Translation:
        """How the repository is called on both sides; it can be reached by Apache."""
        repository = admitted.repository
        path = self._site.tree.path_of(name)
        try:
            apache = self._upstream.apache
            inside = apache.link_at_hand(repository.id, name, path)
            if inside is None:
                inside = await self._door.quick(apache.link, repository.id, name, path)
        except FileNotFoundError as error:
            # It is being moved, or the disk is gone.
            raise Refused(503, "The repository cannot be reached at the moment.", ((b"retry-after", b"1"),)) from error
        segments = self._request.path.segments
        count = 1 if BY_ID.fullmatch(segments[0]) else name.count("/") + 1
        return Translation(segments[:count], inside, "http://apache")

    def _check_is_working(self, translation: Translation) -> None:
        """Refuse to change what is no transaction: neither a revision nor its properties are changed afterwards."""
        method = self._request.method
        if method not in _TRANSACTIONAL or method == "CHECKOUT":
            return
        targets = [self._request.path]
        if method in ("COPY", "MOVE"):
            targets = [
                parse_path(translation.destination(_text(header(self._scope, b"destination"))).partition("//")[2])
            ]
            count = 2
        else:
            count = len(translation.outside)
        for target in targets:
            inside = target.segments[count:]
            if len(inside) < 2 or inside[0] != "!svn" or inside[1] not in _WORKING:
                raise Refused(403, "Only commits change a repository; a revision and its properties stay as they are.")

    @contextlib.asynccontextmanager
    async def _asked(
        self,
        admitted: Admitted,
        translation: Translation,
        body: AsyncIterator[bytes] | None,
        *,
        patient: bool = False,
    ) -> AsyncIterator[Answer]:
        """Ask Apache; the request ends when the client goes away, unless `patient`: then only when all was sent."""
        query = self._scope["query_string"]
        target = f"/{translation.inside}{self._request.path.after(len(translation.outside))}".encode("latin-1")
        head = b"%s %s%s HTTP/1.1\r\n" % (self._request.method.encode(), target, b"?" + query if query else b"")
        headers = self._headers(admitted, translation)
        if body is not None and self._request.method not in _NOT_XML:
            body = checked(body)
        if body is not None and self._request.method in _WITH_REFERENCES:
            body = translation.body_inwards(body)
        elif body is not None:
            if length := header(self._scope, b"content-length"):
                headers.append((b"content-length", length))
        elif self._request.method in WRITES:
            headers.append((b"content-length", b"0"))
        fed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.current_task()
        assert task is not None
        watching = asyncio.ensure_future(self._watch(fed, task, patient=patient))
        try:
            async with self._upstream.ask(head, headers, body, fed) as answer:
                yield answer
        except asyncio.CancelledError:
            if watching.done() and task.uncancel() == 0:
                raise Disconnected from None
            raise
        except (Unreachable, TimeoutError) as error:
            raise Refused(503, "Subversion cannot be reached at the moment.", ((b"retry-after", b"5"),)) from error
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, fed: asyncio.Future[None], task: asyncio.Task[Any], *, patient: bool) -> None:
        """Wait until all was sent to Apache, then for the client to go away; `receive` says so."""
        with contextlib.suppress(Exception):
            await asyncio.shield(fed)
            while (await self._receive())["type"] != "http.disconnect":
                pass
            if not patient and not self._answered:
                task.cancel()

    def _headers(self, admitted: Admitted, translation: Translation) -> list[tuple[bytes, bytes]]:
        """The client's headers, without what is between it and us, and with who it is."""
        given = self._scope["headers"]
        dropped = {
            token.strip().lower() for name, value in given if name == b"connection" for token in value.split(b",")
        }
        headers = [
            (name, value)
            for name, value in given
            if name not in _NOT_SENT and name not in dropped and not name.startswith(b"x-trivium-")
        ]
        user = _VISITOR if admitted.caller.anonymous else admitted.caller.username
        headers.append((b"host", b"apache"))
        headers.append((b"authorization", b"Basic " + base64.b64encode(f"{user}:x".encode())))
        if destination := header(self._scope, b"destination"):
            headers.append((b"destination", translation.destination(_text(destination)).encode("latin-1")))
        for name, value in given:
            if name == b"if":
                headers.append((b"if", translation.condition(_text(value)).encode("latin-1")))
        return headers

    def _body(self) -> AsyncIterator[bytes] | None:
        length = header(self._scope, b"content-length")
        if length.strip(b"0") == b"" and not header(self._scope, b"transfer-encoding"):
            return None
        settings = self._site.settings
        body = body_chunks(self._receive, settings.body_idle_timeout)
        return limited(body, settings.max_push_bytes)

    async def _peeked(self, body: AsyncIterator[bytes] | None) -> AsyncIterator[bytes] | None:
        """The same body, when its beginning is known: of a report that says what is wanted."""
        if body is None or self._request.method != "REPORT":
            return body
        async for chunk in body:
            self._beginning += chunk
            if len(self._beginning) >= _ENOUGH:
                break
        return chained([self._beginning] if self._beginning else [], body)

    async def _pass_on(self, answer: Answer, translation: Translation) -> tuple[bytes, bytes]:
        """Send Apache's answer to the client, all but its end. Returns that, and how it began."""
        files = self._request.method in _NOTHING_TRANSLATED
        await self._send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": self._answer_headers(answer, translation, with_length=files),
            }
        )
        body = answer.chunks() if files else translation.body_outwards(answer.chunks())
        beginning = held_back = b""
        async for chunk in body:
            if len(beginning) < _LOOKED_AT:
                beginning += chunk[:_LOOKED_AT]
            if held_back:
                await self._send_piece(held_back)
            held_back = chunk
        return held_back, beginning

    async def _send_end(self, chunk: bytes) -> None:
        self._answered = True  # from here on a client that leaves does so in good order
        await self._send({"type": "http.response.body", "body": chunk})

    async def _send_piece(self, chunk: bytes) -> None:
        async with asyncio.timeout(self._site.settings.vcs_timeout):
            await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    def _answer_headers(
        self, answer: Answer, translation: Translation, *, with_length: bool
    ) -> list[tuple[bytes, bytes]]:
        headers = []
        for name, value in answer.headers:
            if name == b"content-length" and (with_length or answer.status == 204 or value == b"0"):
                headers.append((name, value))
            elif name == b"location":
                headers.append((name, self._location(value, translation)))
            elif name not in _NOT_PASSED_ON:
                text = value.decode("latin-1")
                headers.append((name, translation.outwards(text).encode("latin-1") if text.startswith("/") else value))
        return [*headers, _NO_CACHE]

    def _location(self, value: bytes, translation: Translation) -> bytes:
        """Where something was made, as the client can find it."""
        path = value.decode("latin-1").removeprefix(translation.upstream)
        base = self._site.settings.base_url.rstrip("/")
        if not base:
            base = f"{self._scope['scheme']}://{_text(header(self._scope, b'host'))}"
        return (base + translation.outwards(path)).encode("latin-1")


def _text(value: bytes) -> str:
    return value.decode("latin-1")


async def serve(door: Door, upstream: Upstream, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of a Subversion client."""
    watched = Watched(send)
    try:
        request = recognise(scope)
        admitted = await door.admit(
            scope, kind="svn", name="/".join(request.path.segments), writes=request.writes, inside=True, signed=True
        )
        transfer = SvnTransfer(door, upstream, scope, receive, watched, request)
        work: Coroutine[Any, Any, None] = transfer.write(admitted) if request.writes else transfer.read(admitted)
        async with door.turn(admitted.caller, brief=request.method not in _LONG):
            await work
    except (Refused, TooLarge, StorageFull, Busy, VcsError, TimeoutError) as error:
        if watched.started:
            raise Disconnected from error
        await _refuse(send, error if isinstance(error, Refused) else _refused(error))


async def _refuse(send: Send, refused: Refused) -> None:
    """Refuse in the words of DAV, which Subversion shows to its user."""
    body = _ERROR.format(code=_CODES.get(refused.status, _FAILED), text=escape(refused.text)).encode()
    headers = ((b"content-type", b'text/xml; charset="utf-8"'), _NO_CACHE, *refused.headers)
    await respond(send, refused.status, body, headers)


def _refused(error: Exception) -> Refused:
    """What went wrong, for the user at the other end."""
    match error:
        case TooLarge():
            return Refused(413, f"The commit is larger than the server allows ({error.option}).")
        case StorageFull():
            return Refused(503, "The server is short of disk space and takes no commits.")
        case VcsError():
            return Refused(503, "Subversion is not served here at the moment.")
        case _:
            return Refused(503, "The server is busy; try again.", ((b"retry-after", b"5"),))
