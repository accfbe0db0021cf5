# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial over HTTP: requests are streamed to and from the Mercurial processes (`vcs.hgserver`).

Permission is decided here, before anything reaches them. What a push changed is told by Mercurial itself, and nothing
is told to the client before that is durable, journalled and visible.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qs

import structlog

from trivium.asgi import TEXT, Disconnected, Receive, Scope, Send, TooLarge, Watched, body_chunks, header, respond
from trivium.errors import Busy, StorageFull
from trivium.forge import pushes
from trivium.vcs.hgframes import DATA, END, MOVED, Head, Moved
from trivium.vcs.model import RefUpdate, VcsError
from trivium.wire.admission import Admitted, LockedOut, Refused, SignInNeeded, check_lock
from trivium.wire.door import NO_CACHE, Door, limited
from trivium.wire.hglink import HgLink

_log = structlog.get_logger(__name__)

_ERROR: Final = (b"content-type", b"application/hg-error")
_ARGUMENTS: Final = b"x-hgarg-"
_TRANSFERS: Final = frozenset(
    {"getbundle", "changegroup", "changegroupsubset", "stream_out", "get_cached_bundle_inline"}
)
"""Commands that bring history to a client."""
_READS: Final = _TRANSFERS | {
    "capabilities", "heads", "known", "branches", "branchmap", "between", "lookup", "listkeys", "hello", "protocaps",
    "clonebundles", "clonebundles_manifest", "debugwireargs",
}  # fmt: skip
"""Everything else counts as a push (system.md 3.2)."""
_MOST_ARGUMENTS: Final = 16 << 20
_KEPT_HEADERS: Final = ("content-type", "content-length", "content-encoding")
_TOLD_BY_STATUS: Final = frozenset({400, 404, 405, 415, 429})
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
    commands = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True).get("cmd", [])
    if len(commands) != 1:
        raise Refused(400, "One command at a time.")
    if scope["method"] not in ("GET", "HEAD", "POST"):
        raise Refused(405, "Use GET or POST here.", ((b"allow", b"GET, HEAD, POST"),))
    name = "/".join(segment for segment in scope["path"].split("/") if segment)
    (command,) = commands
    return HgRequest(name, command, command not in _READS and command != "batch")


def only_reads(scope: Scope, posted: bytes) -> bool:
    """Whether a batch, some of it perhaps in the body, holds nothing but commands that read."""
    headers = {key: value for key, value in scope["headers"] if key.startswith(_ARGUMENTS)}
    joined = b"".join(headers.get(b"%b%d" % (_ARGUMENTS, number + 1), b"") for number in range(len(headers)))
    told = [
        commands
        for part in (joined, scope["query_string"], posted)
        for commands in parse_qs(part.decode("latin-1")).get("cmds", [])
    ]
    # Of several lists it is Mercurial's choice which one counts.
    return len(told) == 1 and all(one.partition(" ")[0] in _READS for one in told[0].split(";"))


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
        self.posted = b""
        """Arguments that came in the body."""

    async def arguments(self) -> bytes:
        """Read what there is of arguments in the body, before anything else is; there may be many ids among them."""
        told = header(self._scope, b"x-hgargs-post")
        if not told:
            return b""
        if not told.isdigit() or int(told) > _MOST_ARGUMENTS:
            raise Refused(400, "Too many arguments.")
        received = []
        size = 0
        async for chunk in self._body:
            received.append(chunk)
            size += len(chunk)
            if size >= int(told):
                break
        self.posted = b"".join(received)
        return self.posted[: int(told)]

    async def read(self, request: HgRequest, admitted: Admitted) -> None:
        """Serve a request that changes nothing."""
        await self._discard()
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
                    # Also of a client who left in the middle it is known what he did: nothing.
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
            if self.posted:
                await link.send(DATA, self.posted)
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
        async with self._door.directory_of(admitted) as directory:
            files = [directory] if lock is None else [directory, lock]
            arguments = self._arguments(request, admitted)
            connection = await self._door.slow(self._site.hg.processes.call, "serve", files, arguments)
            return await HgLink.over(connection, self._idle)

    def _arguments(self, request: HgRequest, admitted: Admitted) -> dict[str, Any]:
        headers = [
            (key.decode("latin-1"), value.decode("latin-1"))
            for key, value in self._scope["headers"]
            # In the environment of WSGI a `_` could not be told from a `-`, and would hide what was looked at before.
            if b"_" not in key and (key.startswith((b"x-hg", b"accept")) or key == b"vary")
        ]
        return {
            "command": request.command,
            "writes": request.writes,
            "method": self._scope["method"],
            "query": self._scope["query_string"].decode("latin-1"),
            "headers": headers,
            "posted": b"" if request.writes else self.posted,
            "anonymous": admitted.caller.anonymous,
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
        """Tell the user why not, in the way that his client shows."""
        with contextlib.suppress(Disconnected):
            await self._discard()
        text = (refused.text + "\n").encode()
        headers = (*NO_CACHE, *refused.headers)
        if isinstance(refused, LockedOut):
            await respond(self._send, refused.status, text, (TEXT, *headers), reason=refused.text)
        elif refused.status not in _TOLD_BY_STATUS and not isinstance(refused, SignInNeeded):
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
        posted = b"" if request.writes else await transfer.arguments()
        if request.command == "batch" and not only_reads(scope, posted):
            request = replace(request, writes=True)
            admitted = await door.admit(scope, kind="hg", name=request.name, writes=True)
        async with door.turn(admitted.caller):
            if request.writes:
                await transfer.push(request, admitted)
            else:
                await transfer.read(request, admitted)
    except (Refused, TooLarge, StorageFull, Busy, VcsError, ConnectionError) as error:
        if watched.started:
            raise Disconnected from error
        await transfer.refuse(error if isinstance(error, Refused) else _refused(error))


def _refused(error: Exception) -> Refused:
    """What went wrong, for the user at the other end."""
    match error:
        case TooLarge():
            return Refused(413, f"The push is larger than the server allows ({error.option}).")
        case StorageFull():
            return Refused(503, "The server is short of disk space and takes no pushes.")
        case Busy():
            return Refused(503, "The server is busy; try again.", ((b"retry-after", b"5"),))
        case _:
            _log.error("Mercurial could not serve a request", why=str(error))
            return Refused(503, "Mercurial could not serve this request.", ((b"retry-after", b"5"),))
