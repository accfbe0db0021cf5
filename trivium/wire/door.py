# SPDX-License-Identifier: GPL-3.0-or-later
"""What the protocols share: admission, places, threads."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import Executor
from typing import Any, Final, TypeVar
from urllib.parse import quote

from trivium.access.caller import Caller, anonymous
from trivium.access.credentials import Authenticator
from trivium.access.places import NoPlace, Places
from trivium.egress.remote import IMPORT_MARK
from trivium.errors import Busy, NotFound, WouldWait
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Push
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import user_locks
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.addresses import ClientAddresses
from trivium.http.asgi import Scope, TooLarge, header
from trivium.http.crew import Crew
from trivium.http.patience import comes_true
from trivium.http.rooms import Room
from trivium.tree.kernel_locks import RepositoryLock
from trivium.wire.admission import NO_SUCH_REPOSITORY, Admitted, Refused, admit

T = TypeVar("T")

_PAUSE: Final = 0.01
_HASHING: Final = 1
"""Half of how many passwords are hashed at once for one network of addresses."""
_FIRSTS: Final = 8
"""So many times the shared places there are for first transfers."""
_TURNS_PER_PROCESSOR: Final = 8
_ROOM: Final = 16
_SHARE: Final = 8
"""In bodies of the largest size that must be read whole: of everybody, and of one account or network."""
_AT_ONCE: Final = 2
"""So many of them are understood at a time."""
_MOVING: Final = 3.0
"""How long a repository may be between two places before it counts as lost."""
_MARK: Final = IMPORT_MARK.lower().encode()
NO_CACHE: Final = (
    (b"expires", b"Fri, 01 Jan 1980 00:00:00 GMT"),
    (b"pragma", b"no-cache"),
    (b"cache-control", b"no-cache, max-age=0, must-revalidate"),
)


class Door:
    """One worker's entrance for version-control clients."""

    def __init__(
        self,
        site: Site,
        authenticator: Authenticator,
        activity: Activity,
        *,
        crew: Crew,
        slow: Executor,
        patient: Executor,
    ) -> None:
        """Threads: the `crew` for look-ups, `slow` for what writes, `patient` for what may wait for seconds."""
        self.site = site
        self.activity = activity
        most = site.settings.max_dav_body
        self.bodies = Room(_ROOM * most, _SHARE * most)
        """What of them is held at once."""
        self.understanding = asyncio.Semaphore(_AT_ONCE)
        """Held while a thread understands a large one: many would keep the event loop from its turns."""
        self._authenticator = authenticator
        self._crew = crew
        self._slow = slow
        self._patient = patient
        self._addresses = ClientAddresses(site.settings.proxy_networks, site.settings.client_address_header)
        shared = _TURNS_PER_PROCESSOR * (os.cpu_count() or 1)
        self._hashing = Places(each=_HASHING, shared=_HASHING, firsts=_HASHING, patience=site.settings.request_timeout)
        self._places = Places(
            each=site.settings.max_concurrent_vcs,
            shared=shared,
            firsts=_FIRSTS * shared,
            patience=site.settings.vcs_timeout,
        )

    async def admit(
        self, scope: Scope, *, kind: str, name: str, writes: bool, inside: bool = False, signed: bool = False
    ) -> Admitted:
        """Decide about a request; raises `Refused`. `inside` and `signed` as for `admission.admit`."""
        address = self._addresses.of(scope)

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
                mark=header(scope, _MARK),
                address=address,
            )

        try:
            with self.site.store.glance():
                return decide()
        except WouldWait:
            pass
        # There may be a password to hash. Who sends many at once waits for themselves, and keeps nobody else waiting.
        try:
            async with self._hashing.place(anonymous(address), brief=True):
                return await self._crew.run(decide)
        except NoPlace:
            raise Refused(503, "Too many sign-ins at once.", ((b"retry-after", b"10"),)) from None

    async def name_of(self, admitted: Admitted) -> str:
        """What the repository is called at this moment: it may have been renamed since; raises `Refused`."""

        def look() -> str:
            with self.site.store.read() as db:
                return repositories.by_id(db, admitted.caller, admitted.repository.id).name

        try:
            return await self.glance(look)
        except NotFound:
            raise Refused(404, NO_SUCH_REPOSITORY) from None

    @contextlib.asynccontextmanager
    async def directory_of(self, admitted: Admitted) -> AsyncIterator[int]:
        """The repository's directory as a descriptor, wherever it stands at this moment; raises `Refused`.

        A descriptor stays with its directory, whatever that is called later. So it is enough to look at the name again
        after opening it: had somebody else's repository got there first, it would be another one.
        """
        name = admitted.repository.name
        deadline = asyncio.get_running_loop().time() + _MOVING
        while asyncio.get_running_loop().time() < deadline:
            with contextlib.ExitStack() as held:
                directory: int | None = None
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    directory = os.open(self.site.tree.path_of(name), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                    held.callback(os.close, directory)
                present = await self.name_of(admitted)
                if directory is not None and present == name:
                    yield directory
                    return
            name = present
            await asyncio.sleep(_PAUSE)
        # A crash while it was being moved, or the disk is gone.
        raise Refused(503, "The repository cannot be reached at the moment.", ((b"retry-after", b"1"),))

    @contextlib.asynccontextmanager
    async def turn(self, caller: Caller, *, brief: bool = False) -> AsyncIterator[None]:
        """Wait for a place among the transfers of this user and of everybody; `brief` as for `Places.place`.

        Raises `Refused`.
        """
        try:
            async with self._places.place(caller, brief=brief):
                yield
        except NoPlace:
            raise Refused(503, "Too many transfers at once (max_concurrent_vcs).", ((b"retry-after", b"10"),)) from None

    async def shared_lock(self, repository_id: int) -> int:
        """Hold a repository's lock as one of many, by the descriptor that is returned; who is alone is waited for."""
        lock = RepositoryLock(self.site.tree.locks, repository_id)
        deadline = asyncio.get_running_loop().time() + self.site.settings.exclusive_timeout
        while (descriptor := lock.try_shared()) is None:
            if asyncio.get_running_loop().time() > deadline:
                raise Refused(503, "The repository is busy; try again.", ((b"retry-after", b"5"),))
            await asyncio.sleep(_PAUSE)
        return descriptor

    async def pulled(self, admitted: Admitted) -> bool:
        """Note that somebody has fetched, which may lock the repository for their push; True: it did (system.md 3.4).

        To be called before the end of the answer, so that whoever has it knows who holds the lock.
        """
        repository = admitted.repository
        self.activity.pulled(admitted.caller, repository.id, repository.name)
        return repository.enable_locking and await self.slow(
            user_locks.take_for_push, self.site, admitted.caller, repository
        )

    async def settle(self, how: Callable[..., T], push: Push, *arguments: Any) -> T:
        """Record what became of a push; not even the end of the request stops that half-way."""
        return await asyncio.shield(self.slow(how, self.site, push, *arguments))

    async def recover(self, push: Push) -> None:
        """Clean up after a push whose process was killed, as soon as nobody else uses the repository.

        Waiting for that takes no thread, and goes on after the end of the request.
        """
        await asyncio.shield(self._recover(push))

    async def _recover(self, push: Push) -> None:
        with contextlib.ExitStack() as held, pushes.left_for_later(push):
            claim = held.enter_context(RepositoryLock(self.site.tree.locks, push.repository_id).claimed())
            deadline = asyncio.get_running_loop().time() + self.site.settings.exclusive_timeout
            if not await comes_true(claim.try_alone, until=deadline):
                raise Busy("the repository is in use")
            # From here on the lock is the thread's, which may outlive this task.
            await self.patient(self._recover_alone, push, held.pop_all())

    def _recover_alone(self, push: Push, held: contextlib.ExitStack) -> None:
        with held:
            pushes.recover_alone(self.site, push)

    def place_of(self, admitted: Admitted) -> str:
        """Where the repository is, under the name that it has now: the beginning of a URL, or of one's path."""
        return f"{self.site.settings.base_url.rstrip('/')}/{quote(admitted.repository.name)}"

    async def glance(self, look: Callable[[], T]) -> T:
        """Look something up in the database: here, or in a thread when it has to wait for something or to hash."""
        try:
            with self.site.store.glance():
                return look()
        except WouldWait:
            return await self._crew.run(look)

    async def quick(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run a short call in a thread."""
        return await self._crew.run(function, *arguments)

    async def slow(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run work on a repository in a thread of its own pool: what writes, and waits for the disk at most."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, function, *arguments)

    async def patient(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run what may wait for seconds, for a program or for somebody else, where it keeps no short work waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._patient, function, *arguments)


async def chained(head: Iterable[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body whose beginning was read already."""
    for chunk in head:
        yield chunk
    async for chunk in rest:
        yield chunk


async def limited(body: AsyncIterator[bytes], limit: int) -> AsyncIterator[bytes]:
    """A body that may not be longer; raises `TooLarge`."""
    size = 0
    async for chunk in body:
        size += len(chunk)
        if size > limit:
            raise TooLarge("max_push_bytes")
        yield chunk
