# SPDX-License-Identifier: GPL-3.0-or-later
"""A fetch from a repository of Git, or a push to it: streamed to and from `git upload-pack` or `git receive-pack`.

Rights were decided about before. A process never outlives its session, nor this worker. A push is recorded
before git starts and journalled before the client hears of it (system.md 3.3).
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TypeVar

import structlog

from trivium.forge.history.wants import Wants
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Finished, Push
from trivium.forge.sessions.channel import Channel, chained, unless_gone
from trivium.forge.sessions.endings import SHORT_OF_SPACE, Declined, Interrupted, Why
from trivium.forge.sessions.git.heads import EARLY, bounded, fetch_head, push_head, short
from trivium.forge.sessions.git.pktline import Malformed, PackWatch, WantReader, refs_told, refusal
from trivium.forge.sessions.git.push import PushCommands, PushReport
from trivium.forge.sessions.git.refs_asked import LONGEST, refs_answered, refs_asked
from trivium.forge.sessions.transfers import Admitted, Transfers
from trivium.procs.process import CHUNK, Process
from trivium.procs.spawn import MEMORY
from trivium.vcs.git.advertisement import refs_for_push
from trivium.vcs.git.command import PROTOCOL_1, PROTOCOL_2

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_PROTOCOL = re.compile(r"[a-z0-9=:.\-]{1,200}")
_NOT_UNPACKED: Final = "The server did not take the pack: it is damaged, or holds an object beyond max_object_bytes."


class Service(StrEnum):
    """What a client of git asks for; the value is git's own word for it."""

    UPLOAD = "upload-pack"
    RECEIVE = "receive-pack"


class GitSession:
    """What one client asks of one of git's services."""

    def __init__(self, transfers: Transfers, channel: Channel, service: Service, *, protocol: str = "") -> None:
        """`protocol` is what the client says of the versions that it speaks (`GIT_PROTOCOL`)."""
        self._transfers = transfers
        self._site = transfers.site
        self._channel = channel
        self._service = service
        self._protocol = protocol if _PROTOCOL.fullmatch(protocol) else ""
        self._idle = transfers.site.settings.vcs_timeout
        self._heard = False
        """Whether any of the client's input was read."""
        self._warning = ""
        self._refusing: Callable[[str], bytes] | None = None
        """Turns a reason into an answer that git shows, once it is known what the client understands."""
        self._failing: Callable[[str], bytes] | None = None
        """The same, for when it is not known what git did."""

    @property
    def writes(self) -> bool:
        return self._service is Service.RECEIVE

    @property
    def versioned(self) -> bool:
        """Whether the client speaks protocol v2 (which does not exist for pushes)."""
        return not self.writes and PROTOCOL_2 in self._protocol.split(":")

    async def advertise(self, admitted: Admitted) -> None:
        """Tell the refs, or with protocol v2 what the server can do."""
        async with self._transfers.turn(admitted.caller):
            if self.versioned:
                await self._channel.finish(await self._abilities())
                return
            if self.writes:
                # Git shows the words of a refusal here, and not later.
                self._transfers.check_lock(admitted, writes=True)
                self._site.tree.check_space()
                if told := await self._refs_for_push(admitted):
                    await self._channel.finish(told)
                    return
            process = await self._start(admitted, "--http-backend-info-refs")
            process.feed_nothing()
            await self._run(admitted, process, self._relay(process))
            await self._channel.finish()

    async def _refs_for_push(self, admitted: Admitted) -> bytes:
        """The refs as `git receive-pack` would tell them; empty when it has to do so itself."""
        if PROTOCOL_1 in self._protocol.split(":"):
            return b""
        async with self._transfers.directory_of(admitted) as directory:
            refs = await self._transfers.slow(refs_for_push, Path(f"/proc/self/fd/{directory}"))
        if refs is None:
            return b""
        return refs_told(refs, await self._transfers.slow(self._site.git.command.abilities_for_push))

    async def _refs_for_fetch(self, admitted: Admitted, question: bytes) -> bytes:
        """The refs that a client of protocol v2 asks for, as git would tell them; empty when it has to do so itself."""
        asked = refs_asked(question, await self._abilities())
        if asked is None:
            return b""
        async with self._transfers.directory_of(admitted) as directory:
            return await self._transfers.slow(refs_answered, Path(f"/proc/self/fd/{directory}"), asked) or b""

    async def _abilities(self) -> bytes:
        """What git can do with protocol v2: the same for every repository, so that it need not be started."""
        command = self._site.git.command
        return command.known_abilities() or await self._transfers.patient(command.abilities)

    async def serve(self, admitted: Admitted) -> None:
        """Serve the request. Its head is read before the client has a place, so a slow sender keeps nobody waiting."""
        self._heard = True
        if self.writes:
            await self._serve_push(admitted)
        else:
            await self._serve_fetch(admitted)

    async def refuse(self, reason: str) -> bool:
        """Tell the user why the request is refused, in git's way; False when git would not show it."""
        if not self._heard:
            self._refusing = await self._words()
        if self._refusing is None or (self._channel.started and not self.writes):
            return False
        # A push that has begun was sent whole packets only, by which git says that it is at work.
        await self._channel.finish(self._refusing(reason))
        return True

    async def _words(self) -> Callable[[str], bytes] | None:
        """How to refuse a client whose input is still unread; None when it is unknown what it shows."""
        if not self.writes:
            return refusal
        commands = PushCommands()
        try:
            await self._in_time(push_head(commands, self._channel.incoming(), EARLY))
        except Declined:
            return None
        if commands.complete and commands.asks_nothing:
            return lambda _: b""  # a client that only tries is told at its real push
        return commands.refusal if commands.complete and commands.wants_report else None

    async def _serve_fetch(self, admitted: Admitted) -> None:
        """Serve a clone or fetch, or tell the refs."""
        body = bounded(self._channel.incoming())
        head, command = await self._in_time(fetch_head(body, versioned=self.versioned))
        self._refusing = refusal
        question = None if command.fetches else await self._in_time(short(head, body, LONGEST))
        async with self._transfers.turn(admitted.caller):
            if question is not None and (told := await self._refs_for_fetch(admitted, question)):
                await self._channel.finish(told)
                return
            # A lock hides no refs.
            message = self._transfers.check_lock(admitted, writes=False) if command.fetches else ""
            process = await self._start(admitted)
            asked = chained(head, body)
            checks = self.versioned and command.fetches and self._site.settings.check_wants
            process.feed(self._checked(admitted, asked) if checks else asked)
            watch = PackWatch()
            status = await self._run(admitted, process, self._relay(process, watch))
            if status == 0 and command.fetches and watch.has_pack and await self._transfers.pulled(admitted):
                message = f"Made lock on repo `{admitted.repository.name}`"
            await self._channel.finish(watch.tail(message))

    async def _checked(self, admitted: Admitted, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """A fetch with protocol v2; git gets its end only when the client may have all that it wants."""
        reader, wants = WantReader(), Wants(self._site, admitted.repository.id)
        async for chunk in body:
            if found := reader.feed(chunk):
                async with self._transfers.directory_of(admitted) as directory:
                    place = Path(f"/proc/self/fd/{directory}")
                    hidden = await self._transfers.patient(wants.hidden, place, found)
                if hidden is not None:
                    raise Declined(Why.ABSENT, f"upload-pack: not our ref {hidden}")
            yield chunk

    async def _serve_push(self, admitted: Admitted) -> None:
        """Take a push: nothing is told to the client before it is durable, journalled and visible."""
        body = self._channel.incoming()
        commands = PushCommands()
        await self._in_time(push_head(commands, body, EARLY))
        if commands.complete and commands.asks_nothing:
            await self._channel.finish()  # git need not be started to say nothing
            return
        if commands.complete and commands.wants_report:
            self._refusing = commands.refusal
        async with self._transfers.turn(admitted.caller):
            await self._in_time(push_head(commands, body))
            if commands.wants_report:
                self._refusing = commands.refusal
                self._failing = commands.failure if commands.side_band else None
            elif commands.refused:
                raise Malformed("the name of a ref is not UTF-8")
            self._warning = self._transfers.check_lock(admitted, writes=True)
            if commands.fails_as_one:
                await self._channel.finish(commands.refusal_of_names())
                return
            with contextlib.ExitStack() as held:
                lock = await self._transfers.shared_lock(admitted.repository.id)
                held.callback(os.close, lock)
                push = await self._transfers.slow(
                    pushes.begin, self._site, admitted.caller, admitted.repository.id, commands.updates
                )
                written = chained(itertools.chain(commands.head(), [commands.rest]), body)
                await self._receive_pack(admitted, held, lock, written, commands, push)

    async def _receive_pack(
        self,
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
            process = await self._start(admitted, keep=lock)
            process.feed(body)
            await self._run(admitted, process, self._relay(process, report), patient=True)
            accepted = report.accepted(commands.updates) if commands.wants_report else None
            if not process.was_killed:
                settled = True
                finished = await self._transfers.settle(pushes.finish, push, accepted)
                said = self._said(admitted.repository.name, finished, quiet=commands.quiet) if accepted else ""
                if report.unpack_failed:
                    said = SHORT_OF_SPACE if report.no_room else _NOT_UNPACKED
                await self._channel.finish(report.tail(said))
        finally:
            # The client is gone or git failed: the repository is asked what git did all the same.
            if not settled and process is not None and process.was_killed:
                held.close()
                await self._transfers.recover(push)
            elif not settled:
                await self._transfers.settle(pushes.finish, push, None)
        if not settled:
            raise Interrupted

    def _said(self, name: str, finished: Finished, *, quiet: bool) -> str:
        """What the user reads at the end of a push (system.md 3.3).

        Git says `quiet` for users who want few messages, and for those who have no terminal.
        """
        released = f"Released lock on repo `{name}`" if finished.lock_released else ""
        completed = "" if quiet else "Trivium: push completed"
        return "\n".join(line for line in (self._warning, released, completed) if line)

    async def _in_time(self, reading: Coroutine[Any, Any, T]) -> T:
        """Read the head of a request, within the time that a request has."""
        try:
            async with asyncio.timeout(self._site.settings.request_timeout):
                return await reading
        except TimeoutError:
            raise Declined(Why.TOO_SLOW, "The request did not arrive in time (request_timeout).") from None

    async def _start(self, admitted: Admitted, *options: str, keep: int | None = None) -> Process:
        """Start git in the repository, wherever that stands at this moment; a push `keep`s the repository's lock."""
        command = self._site.git.command
        environment = command.receiving() if self.writes else command.environment
        if self._protocol:
            environment = environment | {"GIT_PROTOCOL": self._protocol}
        before = () if keep is None else command.check_of_sizes(self._channel.length)
        argv = command.argv(*before, self._service, "--stateless-rpc", *options, ".")
        async with self._transfers.directory_of(admitted) as directory:
            return await Process.start(
                argv,
                environment=environment,
                cwd=directory,
                keep=keep,
                yielding=not self.writes,
                memory=command.receiving_memory if self.writes else MEMORY,
            )

    async def _relay(self, process: Process, watch: PackWatch | PushReport | None = None) -> int:
        """Send git's output, as `watch` has it; returns git's status. The caller sends the end."""
        async with asyncio.timeout(self._idle):
            chunk = await process.read()
            status = 0 if chunk else await process.wait()
        if status and self.writes:
            self._refusing = self._failing
        if status > 0 and self._heard:
            raise Declined(Why.NOT_UNDERSTOOD, "Git did not understand this request.")
        if status:
            raise Declined(Why.UNAVAILABLE, "Git could not serve this request.", retry_after=5)
        while chunk:
            if piece := chunk if watch is None else watch.feed(chunk):
                async with asyncio.timeout(self._idle):
                    await self._channel.send(piece)
            if isinstance(watch, PackWatch) and watch.has_pack:
                await self._pass_on(process, watch)
            async with asyncio.timeout(self._idle):
                chunk = await process.read()
        async with asyncio.timeout(self._idle):
            status = await process.wait()
        if status < 0:
            raise Interrupted  # it was killed: the client must not take this for the end
        return status

    async def _pass_on(self, process: Process, watch: PackWatch) -> None:
        """Send what there is of a pack, but for its end, without looking at it.

        Who reads slowly has as much time for each byte as for those of the pieces that are read.
        """
        while count := await process.stretch():
            if held := watch.let_go():
                async with asyncio.timeout(self._idle):
                    await self._channel.send(held)
            async with asyncio.timeout(self._idle * max(1, count / CHUNK)):
                await self._channel.pass_on(process.pipe, count, self._idle)

    async def _run(
        self, admitted: Admitted, process: Process, work: Coroutine[Any, Any, T], *, patient: bool = False
    ) -> T:
        """Run git to the end of its output and return what `work` does; end it when the client goes away."""
        try:
            return await unless_gone(self._channel, work, process.fed)
        finally:
            if errors := await process.end(patient=patient):
                said = errors[-500:].decode("utf-8", "replace")
                _log.info("git said", repository=admitted.repository.name, text=said)
