# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial over HTTP: requests are streamed to and from the Mercurial processes (`vcs.hg.server`).

Permission is decided here, before anything reaches them; what a request holds besides its command is for them to take
apart, and they carry out nothing that writes unless that was admitted. What a push changed is told by Mercurial itself,
and nothing is told to the client before that is durable, journalled and visible.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from trivium.access.levels import Level
from trivium.errors import Busy, StorageFull
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import settings as repository_settings
from trivium.http.asgi import TEXT, Disconnected, Receive, Scope, Send, TooLarge, Watched, body_chunks, header, respond
from trivium.vcs.errors import VcsError
from trivium.vcs.hg.frames import DATA, END, MOVED, Head, Moved, NotUnderstood, TooExpensive, WriteNeeded
from trivium.vcs.values import RefUpdate
from trivium.wire.admission import Admitted, LockedOut, Refused, SignInNeeded, check_lock
from trivium.wire.door import NO_CACHE, Door, chained, limited
from trivium.wire.hg.arguments import MOST, Held, Room, in_headers
from trivium.wire.hg.link import HgLink

_log = structlog.get_logger(__name__)

_ERROR: Final = (b"content-type", b"application/hg-error")
_room: Final = Room()
_TRANSFERS: Final = frozenset({"getbundle", "changegroup", "changegroupsubset", "stream_out"})
"""Commands that bring history to a client."""
_READS: Final = _TRANSFERS | {
    "capabilities", "heads", "known", "branches", "branchmap", "between", "lookup", "listkeys", "hello", "protocaps",
    "clonebundles", "clonebundles_manifest", "debugwireargs",
}  # fmt: skip
"""Everything else counts as a push (system.md 3.2); a `batch` is what is in it."""
_MOST_PIECES: Final = 1_000
_MOST_ABILITIES: Final = 16 << 10
_MOST_AFTER: Final = 64 << 10
"""Bytes that may stand in the body of a request which needs none."""
_KEPT_HEADERS: Final = ("content-type", "content-length", "content-encoding")
_TOLD_BY_STATUS: Final = frozenset({400, 405, 415, 429})
"""Refusals that clients understand by their status; of all others Mercurial would show no more than that."""


@dataclass(frozen=True, slots=True)
class HgRequest:
    """What a request asks of Mercurial."""

    name: str
    """The repository, as the URL has it."""
    command: str
    writes: bool

    @property
    def transfers(self) -> bool:
        """Whether history is pulled or pushed by it."""
        return self.writes or self.command in _TRANSFERS


def is_hg_request(scope: Scope) -> bool:
    """Whether a request belongs to Mercurial's protocol (system.md 3.1)."""
    return b"cmd=" in scope["query_string"] and header(scope, b"accept").startswith(b"application/mercurial")


def recognise(scope: Scope) -> HgRequest:
    """What a request asks; raises `Refused` for what the protocol does not have."""
    pieces = scope["query_string"].split(b"&", _MOST_PIECES)
    commands = [piece for piece in pieces if piece.startswith(b"cmd=")]
    if len(commands) != 1:
        raise Refused(400, "One command at a time.")
    if scope["method"] not in ("GET", "HEAD", "POST"):
        raise Refused(405, "Use GET or POST here.", ((b"allow", b"GET, HEAD, POST"),))
    name = "/".join(segment for segment in scope["path"].split("/") if segment)
    command = commands[0].removeprefix(b"cmd=").decode("latin-1")
    return HgRequest(name, command, command not in _READS and command != "batch")


class HgTransfer:
    """One request to Mercurial, from admission to the last byte."""

    def __init__(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        self._door = door
        self._site = door.site
        self._scope = scope
        self._receive = receive
        self._send = send
        self._idle = door.site.settings.vcs_timeout
        self._body = body_chunks(receive, door.site.settings.body_idle_timeout)
        """What the client says, or the rest of it: one iterator for all who listen."""
        self._arguments: tuple[bytes, bytes] = (b"", b"")
        """As texts: from the query, and from the headers or the body."""

    @contextlib.asynccontextmanager
    async def arguments(self, request: HgRequest, admitted: Admitted) -> AsyncIterator[None]:
        """Gather the arguments, and hold them as long as they are needed.

        No place is taken for that, and it must be done within `request_timeout`. Afterwards nothing is left of the body
        of a request that reads.
        """
        with _room.of(admitted.caller) as held:
            try:
                async with asyncio.timeout(self._site.settings.request_timeout):
                    await self._gather(request, held)
            except TimeoutError as error:
                raise Disconnected from error
            yield

    async def _gather(self, request: HgRequest, held: Held) -> None:
        told = header(self._scope, b"x-hgargs-post")
        posted = []
        async for piece in self._beginning(self._told(told) if told else 0):
            held.more(len(piece))
            posted.append(piece)
        given = b"".join(posted) if told else in_headers(self._scope["headers"], b"x-hgarg-")
        self._arguments = (self._scope["query_string"], given)
        if not request.writes:
            await self._no_more()

    @staticmethod
    def _told(raw: bytes) -> int:
        """How many bytes of the body are arguments."""
        if len(raw) > len(str(MOST)) or not raw.isdigit() or int(raw) > MOST:
            raise Refused(413, f"More than {MOST >> 20} MiB of arguments.")
        return int(raw)

    async def _beginning(self, size: int) -> AsyncIterator[bytes]:
        """The first bytes of the body; raises `Refused` when there are fewer."""
        while size:
            piece = await anext(self._body, b"")
            if not piece:
                raise Refused(400, "The body ends before its arguments do.")
            if len(piece) > size:
                self._body = chained([piece[size:]], self._body)
            yield piece[:size]
            size -= min(size, len(piece))

    async def _no_more(self) -> None:
        """Read to the end of a body in which there should be nothing more."""
        size = 0
        async for piece in self._body:
            size += len(piece)
            if size > _MOST_AFTER:
                raise Refused(400, "This command takes no body.")

    async def read(self, request: HgRequest, admitted: Admitted) -> None:
        """Serve a request that changes nothing; raises `WriteNeeded`, with nothing done, when it would."""
        if request.command in _TRANSFERS:
            check_lock(self._site, admitted, writes=False)
        link = await self._open(request, admitted)
        async with contextlib.aclosing(link):
            await self._until_gone(self._pump(link, await link.head()))
        if request.command in _TRANSFERS:
            await self._door.pulled(admitted)
        await self._send({"type": "http.response.body", "body": b""})

    async def push(self, request: HgRequest, admitted: Admitted) -> None:
        """Take a push. Once it has arrived in full it is carried out, whether or not the client still waits."""
        link = await asyncio.shield(asyncio.ensure_future(self._carry_out(request, admitted)))
        async with contextlib.aclosing(link):
            await self._until_gone(self._pump(link, await link.head()))
        await self._send({"type": "http.response.body", "body": b""})

    async def _carry_out(self, request: HgRequest, admitted: Admitted) -> HgLink:
        """Let Mercurial do a push and record what it did; what is left is to tell the client."""
        check_lock(self._site, admitted, writes=True)
        with contextlib.ExitStack() as held:
            lock = await self._door.shared_lock(admitted.repository.id)
            held.callback(os.close, lock)
            push = await self._door.slow(pushes.begin, self._site, admitted.caller, admitted.repository.id, ())
            moved: list[RefUpdate] | None = []
            link = None
            try:
                link = await self._open(request, admitted, lock)
                try:
                    await self._feed(link)
                finally:
                    # Also of a client who left in the middle it is known what they did: nothing.
                    link.close_sending()
                    moved = await self._moved(link)
            except BaseException:
                if link is not None:
                    await link.aclose()
                raise
            finally:
                if moved is None:
                    # Its process was killed, and may have left a transaction that is not complete.
                    held.close()
                    await self._door.recover(push)
                else:
                    await self._door.slow(pushes.finish, self._site, push, moved)
            return link

    async def _feed(self, link: HgLink) -> None:
        try:
            async for chunk in self._pushed():
                await link.send(DATA, chunk)
            await link.send(END)
        except (BrokenPipeError, ConnectionResetError):
            await self._discard()  # the client wants to finish its sentence

    async def _moved(self, link: HgLink) -> list[RefUpdate] | None:
        """What a push has changed; None when its process did not live to tell."""
        try:
            async with asyncio.timeout(self._idle):
                told: Moved = await link.expect(MOVED, Moved)
        except (TimeoutError, ConnectionError, VcsError):
            return None
        return told.ref_updates()

    async def _open(self, request: HgRequest, admitted: Admitted, lock: int | None = None) -> HgLink:
        """Hand the request to Mercurial, with the repository's directory, wherever that stands at this moment."""
        publishes = await self._door.glance(lambda: self._publishes(admitted))
        async with self._door.directory_of(admitted) as directory:
            files = [directory] if lock is None else [directory, lock]
            call = self._call(request, admitted, publishes=publishes)
            connection = await self._door.patient(self._site.hg.processes.call, "serve", files, call)
            return await HgLink.over(connection, self._idle)

    def _publishes(self, admitted: Admitted) -> bool:
        with self._site.store.read() as db:
            return repository_settings.publishes(db, admitted.repository.id)

    def _call(self, request: HgRequest, admitted: Admitted, *, publishes: bool) -> dict[str, Any]:
        abilities = in_headers(self._scope["headers"], b"x-hgproto-")
        if len(abilities) > _MOST_ABILITIES:
            raise Refused(413, "The client tells too much about itself (X-HgProto).")
        return {
            "command": request.command,
            "writes": request.writes,
            "publishes": publishes,
            "method": self._scope["method"],
            "arguments": self._arguments,
            "abilities": abilities,
            # Visitors who may push need no password for it.
            "may_come_again": admitted.caller.anonymous and admitted.repository.level < Level.WRITE,
            "username": admitted.caller.username,
            "address": admitted.caller.address,
        }

    def _pushed(self) -> AsyncIterator[bytes]:
        if header(self._scope, b"content-encoding") not in (b"", b"identity"):
            raise Refused(415, "A push must not be compressed as a whole.")
        return limited(self._body, self._site.settings.max_push_bytes)

    async def _discard(self) -> None:
        """Read what the client still has to say: it listens only when it has said all."""
        async for _ in self._body:
            pass

    async def _pump(self, link: HgLink, head: Head) -> None:
        """Send what Mercurial answers; the end is left to others."""
        headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in head.headers
            if name.lower() in _KEPT_HEADERS
        ]
        await self._send({"type": "http.response.start", "status": head.status, "headers": [*headers, *NO_CACHE]})
        async for chunk in link.body():
            async with asyncio.timeout(self._idle):
                await self._send({"type": "http.response.body", "body": chunk, "more_body": True})

    async def _until_gone(self, pump: Any) -> None:
        """Answer to the end, or until the client goes away."""
        pumping = asyncio.ensure_future(pump)
        watching = asyncio.ensure_future(self._gone())
        try:
            await asyncio.wait({pumping, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not pumping.done():
                raise Disconnected
            await pumping
        except (TimeoutError, ConnectionError) as error:
            raise Disconnected from error
        finally:
            for task in (pumping, watching):
                task.cancel()
            await asyncio.gather(pumping, watching, return_exceptions=True)

    async def _gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def refuse(self, refused: Refused) -> None:
        """Tell the user why not, in the way that their client shows."""
        with contextlib.suppress(Disconnected, TimeoutError, TooLarge):
            async with asyncio.timeout(self._idle):
                async for _ in limited(self._body, self._site.settings.max_push_bytes):
                    pass
        text = (refused.text + "\n").encode()
        headers = (*NO_CACHE, *refused.headers)
        if isinstance(refused, LockedOut) or refused.status == 404:
            await respond(self._send, refused.status, text, (TEXT, *headers), reason=refused.text)
        elif not _is_told_by_status(refused):
            await respond(self._send, 200, text, (_ERROR, *headers))
        else:
            await respond(self._send, refused.status, text, (TEXT, *headers))


async def serve(door: Door, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of Mercurial's protocol."""
    watched = Watched(send)
    transfer = HgTransfer(door, scope, receive, watched)
    try:
        request = recognise(scope)
        admitted = await door.admit(scope, kind="hg", name=request.name, writes=request.writes)
        if admitted.renamed and scope["method"] == "GET":
            there = f"{door.place_of(admitted)}?".encode() + scope["query_string"]
            await respond(watched, 302, headers=(TEXT, *NO_CACHE, (b"location", there)))
            return
        async with transfer.arguments(request, admitted), door.turn(admitted.caller):
            if not request.writes:
                try:
                    await transfer.read(request, admitted)
                    return
                except WriteNeeded:
                    request = replace(request, writes=True)
                    admitted = await door.admit(scope, kind="hg", name=request.name, writes=True)
            await transfer.push(request, admitted)
    except (Refused, TooLarge, StorageFull, Busy, VcsError, ConnectionError, TimeoutError) as error:
        if watched.started:
            raise Disconnected from error
        await transfer.refuse(error if isinstance(error, Refused) else _refused(error))


def _is_told_by_status(refused: Refused) -> bool:
    """Whether its status says all that there is to say."""
    return refused.status in _TOLD_BY_STATUS or isinstance(refused, SignInNeeded)


def _refused(error: Exception) -> Refused:
    """What went wrong, for the user at the other end."""
    match error:
        case TooLarge():
            return Refused(413, f"The push is larger than the server allows ({error.option}).")
        case StorageFull():
            return Refused(503, "The server is short of disk space and takes no pushes.")
        case Busy():
            return Refused(503, "The server is busy; try again.", ((b"retry-after", b"5"),))
        case NotUnderstood() | TooExpensive():
            return Refused(422, str(error))
        case _:
            _log.error("Mercurial could not serve a request", why=str(error))
            return Refused(503, "Mercurial could not serve this request.", ((b"retry-after", b"5"),))
