# SPDX-License-Identifier: GPL-3.0-or-later
"""A request of Mercurial: streamed to and from the Mercurial processes (`vcs.hg.server`).

Rights were decided about before; the processes write nothing unless that was admitted. Mercurial itself tells what a
push changed, and the client hears nothing before that is durable, journalled and visible (system.md 3.3).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from trivium.access.levels import Level
from trivium.forge.pushes import settling as pushes
from trivium.forge.sessions.channel import Channel, unless_gone
from trivium.forge.sessions.endings import Declined, Why, declined
from trivium.forge.sessions.hg.link import HgLink
from trivium.forge.sessions.transfers import Admitted, Transfers
from trivium.vcs.errors import TooExpensive, VcsError
from trivium.vcs.hg.frames import DATA, END, MOVED, Head, Moved, NotUnderstood, WriteNeeded
from trivium.vcs.values import RefUpdate

_log = structlog.get_logger(__name__)

_TRANSFERS: Final = frozenset({"getbundle", "changegroup", "changegroupsubset", "stream_out"})
"""Commands that bring history to a client."""
READS: Final = _TRANSFERS | {
    "capabilities", "heads", "known", "branches", "branchmap", "between", "lookup", "listkeys", "hello", "protocaps",
    "clonebundles", "clonebundles_manifest", "debugwireargs", "batch",
}  # fmt: skip
"""Commands that read. Everything else counts as a push (system.md 3.2), also in a `batch`: Mercurial looks into it."""


class HgChannel(Channel, Protocol):
    """The other end of a session of Mercurial."""

    async def begin(self, head: Head) -> None:
        """Begin the answer, which has this head."""

    async def hear_out(self) -> None:
        """Let the client send what it has begun to send: until then it reads nothing."""


@dataclass(frozen=True, slots=True)
class HgCall:
    """A command of the protocol with its arguments. Its body, if it has one, is the channel's input."""

    command: str
    arguments: tuple[bytes, bytes]
    """Two texts, for Mercurial's process to take apart (`vcs.hg.server.arguments`)."""
    abilities: bytes
    """What the client says that it can do."""
    method: str
    """GET, HEAD or POST: only POST has a body in the request, and only HEAD has none in the answer."""


class HgSession:
    """What one client asks, with one command, of one repository."""

    def __init__(self, transfers: Transfers, admitted: Admitted, channel: HgChannel, call: HgCall) -> None:
        self._transfers = transfers
        self._site = transfers.site
        self._admitted = admitted
        self._channel = channel
        self._call = call
        self._idle = transfers.site.settings.vcs_timeout

    async def read(self) -> bool:
        """Serve a command that changes nothing. False, with nothing done, when it would change something."""
        try:
            with _told():
                await self._read()
        except WriteNeeded:
            return False
        return True

    async def push(self) -> None:
        """Take a push. Once it has arrived in full it is carried out, whether or not the client still waits."""
        with _told():
            link = await asyncio.shield(asyncio.ensure_future(self._carry_out()))
            await self._answer(link)
            await self._channel.finish()

    async def _read(self) -> None:
        transfers = self._call.command in _TRANSFERS
        if transfers:
            self._transfers.check_lock(self._admitted, writes=False)
        await self._answer(await self._open(None))
        if transfers:
            await self._transfers.pulled(self._admitted)
        await self._channel.finish()

    async def _carry_out(self) -> HgLink:
        """Let Mercurial do a push and record what it did; the caller then tells the client."""
        repository_id = self._admitted.repository.id
        self._transfers.check_lock(self._admitted, writes=True)
        with contextlib.ExitStack() as held:
            lock = await self._transfers.shared_lock(repository_id)
            held.callback(os.close, lock)
            push = await self._transfers.slow(pushes.begin, self._site, self._admitted.caller, repository_id, ())
            moved: list[RefUpdate] | None = []
            link = None
            try:
                link = await self._open(lock)
                try:
                    await self._feed(link)
                finally:
                    # A client that left in the middle has changed nothing, and Mercurial says so.
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
                    await self._transfers.recover(push)
                else:
                    await self._transfers.slow(pushes.finish, self._site, push, moved)
            return link

    async def _feed(self, link: HgLink) -> None:
        try:
            async for chunk in self._channel.incoming():
                await link.send(DATA, chunk)
            await link.send(END)
        except (BrokenPipeError, ConnectionResetError):
            await self._channel.hear_out()

    async def _moved(self, link: HgLink) -> list[RefUpdate] | None:
        """What a push has changed; None when its process died before it told."""
        try:
            async with asyncio.timeout(self._idle):
                told: Moved = await link.expect(MOVED, Moved)
        except (TimeoutError, ConnectionError, VcsError):
            return None
        return told.ref_updates()

    async def _open(self, lock: int | None) -> HgLink:
        """Hand the command to Mercurial, with the repository's directory, wherever that stands at this moment.

        A push gives the repository's lock as well, and may write.
        """
        async with self._transfers.directory_of(self._admitted) as directory:
            files = [directory] if lock is None else [directory, lock]
            told = self._told(writes=lock is not None)
            connection = await self._transfers.patient(self._site.hg.processes.call, "serve", files, told)
            return await HgLink.over(connection, self._idle)

    def _told(self, *, writes: bool) -> dict[str, Any]:
        caller, level = self._admitted.caller, self._admitted.repository.level
        return {
            "command": self._call.command,
            "writes": writes,
            "publishes": self._admitted.publishes,
            "method": self._call.method,
            "arguments": self._call.arguments,
            "abilities": self._call.abilities,
            # Visitors who may push need no password for it.
            "may_come_again": caller.anonymous and level < Level.WRITE,
            "username": caller.username,
            "address": caller.address,
        }

    async def _answer(self, link: HgLink) -> None:
        """Send Mercurial's answer; the caller sends the end."""
        async with contextlib.aclosing(link):
            await self._channel.begin(await link.head())
            await unless_gone(self._channel, self._relay(link))

    async def _relay(self, link: HgLink) -> None:
        async for chunk in link.body():
            async with asyncio.timeout(self._idle):
                await self._channel.send(chunk)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Turn errors of Mercurial and its processes into words for the user; `WriteNeeded` passes to the caller."""
    try:
        yield
    except (Declined, WriteNeeded):
        raise
    except (NotUnderstood, TooExpensive) as error:
        raise Declined(Why.IMPOSSIBLE, str(error)) from error
    except (VcsError, ConnectionError, TimeoutError) as error:
        _log.error("Mercurial could not serve a request", why=str(error))
        if isinstance(error, VcsError):
            raise declined(error, "Mercurial") from error
        raise Declined(Why.UNAVAILABLE, "Mercurial could not serve this request.", retry_after=5) from error
