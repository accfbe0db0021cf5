# SPDX-License-Identifier: GPL-3.0-or-later
"""Git over smart HTTP: requests are streamed to and from `git upload-pack` and `git receive-pack`.

Permission is decided before a process starts; a process never outlives its request, nor this worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import parse_qs

import structlog

from trivium.errors import Busy, RepositoryFull, StorageFull
from trivium.forge.history.wants import Wants
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Finished, Push
from trivium.http.asgi import TEXT, Disconnected, Receive, Scope, Send, TooLarge, Watched, body_chunks, header, respond
from trivium.procs.process import CHUNK, Process
from trivium.procs.spawn import MEMORY
from trivium.vcs.errors import VcsError
from trivium.vcs.git.command import PROTOCOL_2
from trivium.wire.admission import NO_SUCH_REPOSITORY, Admitted, Refused, SignInNeeded, check_lock
from trivium.wire.door import NO_CACHE, Door, chained, limited
from trivium.wire.git.pktline import FLUSH, FetchCommand, Malformed, PackWatch, WantReader, pkt, refusal
from trivium.wire.git.push import PushCommands, PushReport

_log = structlog.get_logger(__name__)

T = TypeVar("T")

UPLOAD: Final = "upload-pack"
RECEIVE: Final = "receive-pack"
_INFLATE_FREE: Final = 16 << 20
_PROTOCOL = re.compile(r"[a-z0-9=:.\-]{1,200}")
_SERVICES: Final = ("/info/refs", "/git-upload-pack", "/git-receive-pack")
_LFS: Final = ("/info/lfs/objects/", "/info/lfs/locks")
"""Large file storage, which some clients ask for before they push."""
_LFS_TYPE: Final = (b"content-type", b"application/vnd.git-lfs+json")
_NOT_UNPACKED: Final = "The server did not take the pack: it is damaged, or holds an object beyond max_object_bytes."
_LONGEST_PATH: Final = 4096
_BY_STATUS: Final = frozenset({405, 415, 429})
"""Refusals that no client of git's own gets, and the one that asks it to come later."""
_LARGEST_QUESTION: Final = 128 << 20
"""Bytes of a request to fetch; two million ids."""
_EARLY: Final = 1 << 20
"""Bytes of a request's head that are read before the request has a place among the transfers."""


@dataclass(frozen=True, slots=True)
class GitRequest:
    """What a request asks of git."""

    name: str
    """The repository, as the URL has it."""
    service: str
    advertises: bool

    @property
    def writes(self) -> bool:
        return self.service == RECEIVE


def is_git_path(path: str) -> bool:
    """Whether a URL belongs to the Git protocol (system.md 3.1)."""
    return path.endswith(_SERVICES) or any(part in path for part in _LFS)


def recognise(scope: Scope) -> GitRequest:
    """What a request for a Git URL asks; raises `Refused` for what the smart protocol does not have."""
    path: str = scope["path"]
    asked = next((service for service in _SERVICES if path.endswith(service)), "")
    if len(path) > _LONGEST_PATH or not asked:
        raise Refused(404, NO_SUCH_REPOSITORY)
    name = "/".join(segment for segment in path.removesuffix(asked).split("/") if segment)
    if asked == "/info/refs":
        if scope["method"] not in ("GET", "HEAD"):
            raise Refused(405, "Use GET here.", ((b"allow", b"GET, HEAD"),))
        wanted = parse_qs(scope["query_string"].decode("latin-1")).get("service", [""])[0]
        if wanted not in ("git-upload-pack", "git-receive-pack"):
            raise Refused(403, "Only the smart HTTP protocol is spoken here.")
        return GitRequest(name, wanted[4:], True)
    if scope["method"] != "POST":
        raise Refused(405, "Use POST here.", ((b"allow", b"POST"),))
    service = asked.removeprefix("/git-")
    if header(scope, b"content-type") != f"application/x-git-{service}-request".encode():
        raise Refused(415, f"The content type must be application/x-git-{service}-request.")
    return GitRequest(name, service, False)


class GitTransfer:
    """One request to git, from admission to the last byte."""

    def __init__(self, door: Door, scope: Scope, receive: Receive, send: Send) -> None:
        self._door = door
        self._site = door.site
        self._scope = scope
        self._receive = receive
        self._send = send
        self._idle = door.site.settings.vcs_timeout
        self._warning = ""
        self._arriving: AsyncIterator[bytes] | None = None
        """The request's body as it comes, once somebody has begun to read it."""
        self._refusing: Callable[[str], bytes] | None = None
        """Turns a reason into an answer that git shows, once it is known what the client understands."""
        self._failing: Callable[[str], bytes] | None = None
        """The same, for when it is not known what git did."""

    async def advertise(self, request: GitRequest, admitted: Admitted) -> None:
        """Answer `info/refs`: the refs, or with protocol v2 what the server can do."""
        if not request.writes and self._versioned:
            # Whatever the repository: git need not be started to say so.
            abilities = await self._door.slow(self._site.git.command.abilities)
            await respond(self._send, 200, abilities, (_answer_type(request), *NO_CACHE))
            return
        if request.writes:
            # Git shows the words of a refusal here, and not later.
            check_lock(self._site, admitted, writes=True)
            self._site.tree.check_space()
        process = await self._start(admitted, request.service, "--http-backend-info-refs")
        prefix = pkt(f"# service=git-{request.service}\n".encode()) + FLUSH
        process.feed_nothing()
        await self._run(process, self._pump(process, request, prefix=prefix))

    async def answer(self, request: GitRequest, admitted: Admitted) -> None:
        """Do what a request asks. Its head is read before it has a place: who drips that keeps nobody waiting."""
        if request.advertises:
            async with self._door.turn(admitted.caller):
                await self.advertise(request, admitted)
            return
        body = self._body()
        if not request.writes:
            body = _bounded(body)
            head, command = await self._in_time(_fetch_head(body, versioned=self._versioned))
            self._refusing = refusal
            async with self._door.turn(admitted.caller):
                await self.upload(request, admitted, chained(head, body), command)
            return
        commands = PushCommands()
        await self._in_time(_push_head(commands, body, _EARLY))
        if commands.complete and commands.asks_nothing:
            await self._answer_at_once(request, b"")  # git need not be started to say nothing
            return
        if commands.complete and commands.wants_report:
            self._refusing = commands.refusal
        async with self._door.turn(admitted.caller):
            await self._in_time(_push_head(commands, body))
            if commands.wants_report:
                self._refusing = commands.refusal
                self._failing = commands.failure if commands.side_band else None
            elif commands.refused:
                raise Malformed("the name of a ref is not UTF-8")
            await self.receive(
                request, admitted, chained(itertools.chain(commands.head(), [commands.rest]), body), commands
            )

    async def _in_time(self, reading: Coroutine[Any, Any, T]) -> T:
        """Read the head of a request, within the time that a request has."""
        try:
            async with asyncio.timeout(self._site.settings.request_timeout):
                return await reading
        except TimeoutError:
            raise Refused(408, "The request did not arrive in time (request_timeout).") from None

    async def upload(
        self, request: GitRequest, admitted: Admitted, body: AsyncIterator[bytes], command: FetchCommand
    ) -> None:
        """Serve a clone or fetch, or tell the refs."""
        # Locked or not, everybody may ask where the branches are.
        message = check_lock(self._site, admitted, writes=False) if command.fetches else ""
        process = await self._start(admitted, UPLOAD)
        checks = self._versioned and command.fetches and self._site.settings.check_wants
        process.feed(self._checked(admitted, body) if checks else body)
        watch = PackWatch()
        status = await self._run(process, self._pump(process, request, report=watch))
        if status == 0 and command.fetches and watch.has_pack and await self._door.pulled(admitted):
            message = f"Made lock on repo `{admitted.repository.name}`"
        await self._send({"type": "http.response.body", "body": watch.tail(message)})

    async def _checked(self, admitted: Admitted, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A fetch with protocol v2, of which git gets to its end only when all that it wants may be seen."""
        reader, wants = WantReader(), Wants(self._site, admitted.repository.id)
        async for chunk in body:
            if found := reader.feed(chunk):
                async with self._door.directory_of(admitted) as directory:
                    place = Path(f"/proc/self/fd/{directory}")
                    hidden = await self._door.patient(wants.hidden, place, found)
                if hidden is not None:
                    raise Refused(404, f"upload-pack: not our ref {hidden}")
            yield chunk

    async def receive(
        self, request: GitRequest, admitted: Admitted, body: AsyncIterator[bytes], commands: PushCommands
    ) -> None:
        """Take a push: nothing is told to the client before it is durable, journalled and visible."""
        self._warning = check_lock(self._site, admitted, writes=True)
        if commands.fails_as_one:
            await self._answer_at_once(request, commands.refusal_of_names())
            return
        with contextlib.ExitStack() as held:
            lock = await self._door.shared_lock(admitted.repository.id)
            held.callback(os.close, lock)
            push = await self._door.slow(
                pushes.begin, self._site, admitted.caller, admitted.repository.id, commands.updates
            )
            await self._receive_pack(request, admitted, held, lock, body, commands, push)

    async def _answer_at_once(self, request: GitRequest, answer: bytes) -> None:
        """Answer without git, when the client has finished its sentence."""
        await self._hear_out()
        await respond(self._send, 200, answer, (_answer_type(request), *NO_CACHE))

    async def _hear_out(self) -> None:
        """Let the client send what it has begun: while it does, it hears nothing."""
        if self._arriving is None:
            return
        left = self._site.settings.max_push_bytes
        async for chunk in self._arriving:
            left -= len(chunk)
            if left < 0:
                break

    async def refuse(self, request: GitRequest | None, refused: Refused, *, started: bool) -> None:
        """Tell the client that its request ends here, in the words that it shows if there are such words.

        Git shows nobody what comes with a status of 400 or more in answer to a POST.
        """
        if self._arriving is None and request is not None and not request.advertises and _is_for_users(refused):
            self._refusing = await self._words_for(request)
        shown = self._refusing
        if shown is None or request is None:
            if started:
                raise Disconnected
            await respond(
                self._send, refused.status, (refused.text + "\n").encode(), (TEXT, *NO_CACHE, *refused.headers)
            )
        elif not started:
            await self._answer_at_once(request, shown(refused.text))
        elif request.writes:  # git has said that it is at work, in whole packets
            await self._send({"type": "http.response.body", "body": shown(refused.text)})
        else:
            raise Disconnected

    async def _words_for(self, request: GitRequest) -> Callable[[str], bytes] | None:
        """How to refuse a request of which nothing was read yet; None when nobody can tell what its client shows."""
        with contextlib.suppress(Refused, Malformed, TooLarge):
            body = self._body()
            if not request.writes:
                return refusal
            commands = PushCommands()
            await self._in_time(_push_head(commands, body, _EARLY))
            if commands.complete and commands.asks_nothing:
                return lambda _: b""  # who only tries is told when they mean it
            if commands.complete and commands.wants_report:
                return commands.refusal
        return None

    async def _receive_pack(
        self,
        request: GitRequest,
        admitted: Admitted,
        held: contextlib.ExitStack,
        lock: int,
        body: AsyncIterator[bytes],
        commands: PushCommands,
        push: Push,
    ) -> None:
        report = PushReport(side_band=commands.side_band, refused=commands.refused)
        process = None
        settled = False
        try:
            process = await self._start(admitted, RECEIVE, keep=lock)
            process.feed(body)
            await self._run(process, self._pump(process, request, report=report), patient=True)
            accepted = report.accepted(commands.updates) if commands.wants_report else None
            if not process.was_killed:
                settled = True
                finished = await self._door.settle(pushes.finish, push, accepted)
                said = self._said(admitted.repository.name, finished, quiet=commands.quiet) if accepted else ""
                tail = report.tail(_NOT_UNPACKED if report.unpack_failed else said)
                await self._send({"type": "http.response.body", "body": tail})
        finally:
            # The client is gone or git failed: what it did all the same is asked of the repository.
            if not settled and process is not None and process.was_killed:
                held.close()
                await self._door.recover(push)
            elif not settled:
                await self._door.settle(pushes.finish, push, None)
        if not settled:
            raise Disconnected

    def _said(self, name: str, finished: Finished, *, quiet: bool) -> str:
        """What the user reads at the end of a push (system.md 3.3).

        Git says `quiet` for whoever wants to read nothing without need, and for those who have no terminal.
        """
        released = f"Released lock on repo `{name}`" if finished.lock_released else ""
        completed = "" if quiet else "Trivium: push completed"
        return "\n".join(line for line in (self._warning, released, completed) if line)

    @property
    def _versioned(self) -> bool:
        """Whether the client speaks protocol v2 (of which a push has nothing)."""
        return PROTOCOL_2 in self._protocol.split(":")

    @property
    def _protocol(self) -> str:
        """What the client says of the protocol, if it is in words that git may be told."""
        protocol = header(self._scope, b"git-protocol").decode("latin-1")
        return protocol if _PROTOCOL.fullmatch(protocol) else ""

    async def _start(self, admitted: Admitted, service: str, *options: str, keep: int | None = None) -> Process:
        """Start git in the repository, wherever that stands at this moment."""
        command = self._site.git.command
        environment = command.environment if service == UPLOAD else command.receiving()
        if protocol := self._protocol:
            environment = environment | {"GIT_PROTOCOL": protocol}
        before = () if keep is None else command.check_of_sizes(self._length)
        argv = command.argv(*before, service, "--stateless-rpc", *options, ".")
        async with self._door.directory_of(admitted) as directory:
            return await Process.start(
                argv,
                environment=environment,
                cwd=directory,
                keep=keep,
                yielding=service == UPLOAD,
                memory=MEMORY if service == UPLOAD else command.receiving_memory,
            )

    @property
    def _length(self) -> int | None:
        """How many bytes the body has, if that is known before it has come."""
        length = header(self._scope, b"content-length")
        if header(self._scope, b"content-encoding") or not length.isdigit():
            return None
        return int(length[:20])

    def _body(self) -> AsyncIterator[bytes]:
        settings = self._site.settings
        body = self._arriving = body_chunks(self._receive, settings.body_idle_timeout)
        encoding = header(self._scope, b"content-encoding").lower()
        if encoding in (b"gzip", b"x-gzip"):
            body = _inflated(body, settings.max_inflate_ratio)
        elif encoding not in (b"", b"identity"):
            raise Refused(415, "A request may be compressed with gzip only.")
        return limited(body, settings.max_push_bytes)

    async def _pump(
        self,
        process: Process,
        request: GitRequest,
        *,
        prefix: bytes = b"",
        report: PushReport | PackWatch | None = None,
    ) -> int:
        """Send what git writes; returns its status. `report` looks at it, and then the end is left to others."""
        async with asyncio.timeout(self._idle):
            chunk = await process.read()
            status = 0 if chunk else await process.wait()
        if status and request.writes:
            self._refusing = self._failing
        if status > 0 and not request.advertises:
            raise Refused(400, "Git did not understand this request.")
        if status:
            raise Refused(503, "Git could not serve this request.", ((b"retry-after", b"5"),))
        await self._send({"type": "http.response.start", "status": 200, "headers": [_answer_type(request), *NO_CACHE]})
        chunk = prefix + chunk
        while chunk:
            if report is not None:
                chunk = report.feed(chunk)
            if chunk:
                async with asyncio.timeout(self._idle):
                    await self._send({"type": "http.response.body", "body": chunk, "more_body": True})
            async with asyncio.timeout(self._idle):
                chunk = await process.read()
        async with asyncio.timeout(self._idle):
            status = await process.wait()
        if status < 0:
            raise Disconnected  # it was killed: the client must not take this for the end
        if report is None:
            await self._send({"type": "http.response.body", "body": b""})
        return status

    async def _run(self, process: Process, pump: Coroutine[Any, Any, T], *, patient: bool = False) -> T:
        """Run a process to the end of its output and return what `pump` does; end it when the client goes away."""
        pumping = asyncio.ensure_future(pump)
        watching = asyncio.ensure_future(self._gone(process))
        try:
            await asyncio.wait({pumping, watching}, return_when=asyncio.FIRST_COMPLETED)
            # What went wrong with the request comes first: git may already have ended because of it.
            if watching.done() or process.fed.done():
                process.fed.result()
            if not pumping.done():
                watching.result()
                raise Disconnected
            return await pumping
        except (TimeoutError, ConnectionError, OSError) as error:
            raise Disconnected from error
        finally:
            for task in (pumping, watching):
                task.cancel()
            await asyncio.gather(pumping, watching, return_exceptions=True)
            errors = await process.end(patient=patient)
            if errors:
                _log.info("git said", path=self._scope["path"], text=errors[-500:].decode("utf-8", "replace"))

    async def _gone(self, process: Process) -> None:
        """Wait for the body to be delivered, then for the client to go away: `receive` says so."""
        await process.fed
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _is_for_users(refused: Refused) -> bool:
    """Whether the words of a refusal matter to users: a client that has to sign in, or to wait, goes by the status."""
    return not isinstance(refused, SignInNeeded) and refused.status not in _BY_STATUS


def _answer_type(request: GitRequest) -> tuple[bytes, bytes]:
    content = "advertisement" if request.advertises else "result"
    return b"content-type", f"application/x-git-{request.service}-{content}".encode()


async def _fetch_head(body: AsyncIterator[bytes], *, versioned: bool) -> tuple[list[bytes], FetchCommand]:
    """Read a request to `git-upload-pack` until it is clear what it wants: the chunks read, and what they say."""
    command = FetchCommand(versioned=versioned)
    read = []
    while not command.complete and (chunk := await anext(body, b"")):
        read.append(chunk)
        command.feed(chunk)
    return read, command


async def _bounded(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What somebody wants to fetch, and has; git looks at each of them."""
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > _LARGEST_QUESTION:
            raise Refused(413, "The request asks for too much at once.")
        yield chunk


async def _push_head(commands: PushCommands, body: AsyncIterator[bytes], enough: int = 0) -> None:
    """Read a push up to the end of its commands, or (if given) until there are `enough` bytes of them."""
    size = 0
    while not commands.complete and (not enough or size < enough):
        chunk = await anext(body, b"")
        if not chunk:
            raise Malformed("its list of commands is cut off")
        commands.feed(chunk)
        size += len(chunk)


async def _inflated(body: AsyncIterator[bytes], max_ratio: int) -> AsyncIterator[bytes]:
    """A gzip body, unpacked piece by piece; a bomb ends early (security.md S-29)."""
    unpacking = zlib.decompressobj(31)
    taken = given = 0
    async for chunk in body:
        taken += len(chunk)
        if unpacking.eof:
            raise Malformed("something follows the gzip data")
        while chunk:
            try:
                piece = unpacking.decompress(chunk, CHUNK)
            except zlib.error as error:
                raise Malformed("the gzip data is damaged") from error
            given += len(piece)
            if given > _INFLATE_FREE and given > taken * max_ratio:
                raise TooLarge("max_inflate_ratio")
            if piece:
                yield piece
            chunk = unpacking.unconsumed_tail
    if tail := unpacking.flush():
        yield tail
    if not unpacking.eof:
        raise Malformed("the gzip data is cut off")


async def serve(door: Door, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer one request of the Git protocol."""
    watched = Watched(send)
    transfer = GitTransfer(door, scope, receive, watched)
    request = None
    try:
        if lfs := _lfs_repository(scope["path"]):
            await door.admit(scope, kind="git", name=lfs, writes=False)
            told = b'{"message":"Large file storage (Git LFS) is not offered here."}'
            await respond(watched, 501, told, (_LFS_TYPE, *NO_CACHE))
            return
        request = recognise(scope)
        admitted = await door.admit(scope, kind="git", name=request.name, writes=request.writes)
        if admitted.renamed and request.advertises:
            there = f"{door.place_of(admitted)}/info/refs?service=git-{UPLOAD}".encode()
            await respond(watched, 302, headers=(TEXT, *NO_CACHE, (b"location", there)))
            return
        await transfer.answer(request, admitted)
    except (Refused, TooLarge, Malformed, StorageFull, Busy, VcsError) as error:
        refused = error if isinstance(error, Refused) else _refused(error)
        await transfer.refuse(request, refused, started=watched.started)


def _lfs_repository(path: str) -> str:
    """The repository whose large files a URL asks for; empty for other URLs."""
    if path.endswith(_SERVICES) or len(path) > _LONGEST_PATH:
        return ""
    before = min((path.index(part) for part in _LFS if part in path), default=0)
    return "/".join(segment for segment in path[:before].split("/") if segment)


def _refused(error: Exception) -> Refused:
    """What went wrong, for the user at the other end."""
    match error:
        case TooLarge():
            return Refused(413, f"The push is larger than the server allows ({error.option}).")
        case Malformed():
            return Refused(400, f"The request is not one of git: {error}.")
        case RepositoryFull():
            return Refused(413, "The repository takes as much room as it may (max_repo_bytes).")
        case StorageFull():
            return Refused(503, "The server is short of disk space and takes no pushes.")
        case VcsError():
            return Refused(503, "Git could not serve this request.", ((b"retry-after", b"5"),))
        case _:
            return Refused(503, "The server is busy; try again.", ((b"retry-after", b"5"),))
