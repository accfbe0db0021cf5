# SPDX-License-Identifier: GPL-3.0-or-later
"""What the protocols share: admission, turns, threads."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

from trivium.access.addresses import client_address
from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator
from trivium.asgi import Scope, TooLarge, header
from trivium.crew import Crew
from trivium.errors import NotFound
from trivium.forge import repositories
from trivium.forge.activity import Activity
from trivium.forge.site import Site
from trivium.store.locks import RepositoryLock
from trivium.wire.admission import NO_SUCH_REPOSITORY, Admitted, Refused, admit

T = TypeVar("T")

LOCK_PAUSE: Final = 0.01
MOVING: Final = 3.0
"""How long a repository may be between two places before it counts as lost."""
NO_CACHE: Final = (
    (b"expires", b"Fri, 01 Jan 1980 00:00:00 GMT"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache, max-age=0, must-revalidate"),
)


class Door:
    """One worker's entrance for version-control clients."""

    def __init__(
        self, site: Site, authenticator: Authenticator, activity: Activity, *, crew: Crew, slow: Executor
    ) -> None:
        self.site = site
        self.activity = activity
        self._authenticator = authenticator
        self._crew = crew
        self._slow = slow
        self._proxies = site.settings.proxy_networks
        self._all = asyncio.Semaphore(4 * (os.cpu_count() or 1) * 2)
        self._mine: dict[int, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(site.settings.max_concurrent_vcs)
        )
        self._brief: dict[int, asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(2 * site.settings.max_concurrent_vcs)
        )

    async def admit(
        self, scope: Scope, *, kind: str, name: str, writes: bool, inside: bool = False, signed: bool = False
    ) -> Admitted:
        """Decide about a request; raises `Refused`. `inside` and `signed` as for `admission.admit`."""
        client = scope.get("client")
        address = client_address(client[0] if client else "", scope["headers"], self._proxies)

        def decide() -> Admitted:
            return admit(
                self.site,
                self._authenticator,
                kind=kind,
                name=name,
                writes=writes,
                inside=inside,
                signed=signed,
                authorization=header(scope, b"authorization"),
                address=address,
            )

        return await self._crew.run(decide)

    async def name_of(self, admitted: Admitted) -> str:
        """What the repository is called at this moment: it may have been renamed since; raises `Refused`."""

        def look() -> str:
            with self.site.store.read() as db:
                return repositories.by_id(db, admitted.caller, admitted.repository.id).name

        try:
            return await self._crew.run(look)
        except NotFound:
            raise Refused(404, NO_SUCH_REPOSITORY) from None

    @contextlib.asynccontextmanager
    async def turn(self, caller: Caller, *, brief: bool = False) -> AsyncIterator[None]:
        """Wait for a place among the transfers of this user and of everybody (security.md 6).

        `brief`: for requests that a client makes beside a transfer, and that do not wait for one. They have places of
        their own, so that nobody who is slow can hold all that there are for everybody.
        """
        timeout = self.site.settings.vcs_timeout
        user = caller.user_id
        async with contextlib.AsyncExitStack() as held:
            for places in (self._brief[user],) if brief else (self._mine[user], self._all):
                try:
                    async with asyncio.timeout(timeout):
                        await places.acquire()
                except TimeoutError:
                    raise Refused(
                        503, "Too many transfers at once (max_concurrent_vcs).", ((b"retry-after", b"10"),)
                    ) from None
                held.callback(places.release)
            yield

    async def shared_lock(self, repository_id: int) -> int:
        """Hold a repository's lock as one of many, by the descriptor that is returned; who is alone is waited for."""
        lock = RepositoryLock(self.site.tree.locks, repository_id)
        deadline = asyncio.get_running_loop().time() + self.site.settings.exclusive_timeout
        while (descriptor := lock.try_shared()) is None:
            if asyncio.get_running_loop().time() > deadline:
                raise Refused(503, "The repository is busy; try again.", ((b"retry-after", b"5"),))
            await asyncio.sleep(LOCK_PAUSE)
        return descriptor

    async def quick(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a short call in a thread."""
        return await self._crew.run(function, *arguments)

    async def slow(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run work on a repository in a thread of its own pool."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, function, *arguments)


async def limited(body: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """A body that may not be longer; raises `TooLarge`."""
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > limit:
            raise TooLarge("max_push_bytes")
        yield chunk
