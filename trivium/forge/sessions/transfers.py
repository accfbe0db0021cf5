# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sessions of one worker share: places, threads, and the way to a repository that may move."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from trivium.access.caller import Caller
from trivium.access.credentials import Proof
from trivium.access.places import NoPlace, Places
from trivium.errors import Busy, Locked, NotFound, WouldWait
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Push
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import user_locks
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.state import Standing, standing_of
from trivium.forge.sessions.endings import NO_SUCH_REPOSITORY, Declined, Why
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.crew import Crew
from trivium.http.patience import comes_true
from trivium.tree.kernel_locks import RepositoryLock

T = TypeVar("T")

_PAUSE: Final = 0.01
_FIRSTS: Final = 8
"""Places for first transfers, as a multiple of the shared places."""
_TURNS_PER_PROCESSOR: Final = 8
_MOVING: Final = 3.0
"""How long a repository may be between two places before it counts as lost."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A caller who may do what they asked for."""

    caller: Caller
    repository: Repository
    """Without its description and last changeset, which these clients are not shown."""
    standing: Standing
    """What the decision rests on."""
    proof: Proof
    """What let the caller in."""
    publishes: bool = True
    """Of a Mercurial repository: whether changesets pushed to it, or pulled from it, become public."""
    renamed: bool = False
    """Whether they asked for a name that the repository had before."""


class Transfers:
    """The transfers of one worker, through whichever door they came."""

    def __init__(self, site: Site, activity: Activity, *, crew: Crew, slow: Executor, patient: Executor) -> None:
        """Threads: the `crew` for look-ups, `slow` for what writes, `patient` for what may wait for seconds."""
        self.site = site
        self.activity = activity
        self._crew = crew
        self._slow = slow
        self._patient = patient
        shared = _TURNS_PER_PROCESSOR * (os.cpu_count() or 1)
        self._places = Places(
            each=site.settings.max_concurrent_vcs,
            shared=shared,
            firsts=_FIRSTS * shared,
            patience=site.settings.vcs_timeout,
        )

    def check_lock(self, admitted: Admitted, *, writes: bool) -> str:
        """Raise `Locked` for a push (`writes`) or pull that a lock of a user forbids (system.md 3.4).

        Where locks only warn (`lock_ret_code`), return the text for the user instead; it is empty without a lock.
        """
        try:
            user_locks.check(admitted.caller, admitted.repository, writes=writes)
        except Locked as error:
            if self.site.settings.lock_ret_code >= 400:
                raise
            return str(error)
        return ""

    async def name_of(self, admitted: Admitted) -> str:
        """What the repository is called at this moment: it may have been renamed since; raises `Declined`."""

        def look() -> str:
            with self.site.store.read() as db:
                if standing_of(db, admitted.repository.id) == admitted.standing:
                    return admitted.repository.name
                return repositories.by_id(db, admitted.caller, admitted.repository.id).name

        try:
            return await self.glance(look)
        except NotFound:
            raise Declined(Why.ABSENT, NO_SUCH_REPOSITORY) from None

    @contextlib.asynccontextmanager
    async def directory_of(self, admitted: Admitted) -> AsyncIterator[int]:
        """The repository's directory as a descriptor, wherever it stands at this moment; raises `Declined`.

        A descriptor stays with its directory, whatever that is called later. So it is enough to look at the name again
        after opening it: if another repository had taken the place, the name would be different.
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
        raise Declined(Why.UNAVAILABLE, "The repository cannot be reached at the moment.", retry_after=1)

    @contextlib.asynccontextmanager
    async def turn(self, caller: Caller, *, brief: bool = False) -> AsyncIterator[None]:
        """Wait for a place among the transfers of this user and of everybody; `brief` as for `Places.place`.

        Raises `Declined`.
        """
        try:
            async with self._places.place(caller, brief=brief):
                yield
        except NoPlace:
            raise Declined(
                Why.UNAVAILABLE, "Too many transfers at once (max_concurrent_vcs).", retry_after=10
            ) from None

    async def shared_lock(self, repository_id: int) -> int:
        """Hold a repository's lock as one of many, by the descriptor that is returned; waits for one who is alone."""
        lock = RepositoryLock(self.site.tree.locks, repository_id)
        deadline = asyncio.get_running_loop().time() + self.site.settings.exclusive_timeout
        while (descriptor := lock.try_shared()) is None:
            if asyncio.get_running_loop().time() > deadline:
                raise Declined(Why.UNAVAILABLE, "The repository is busy; try again.", retry_after=5)
            await asyncio.sleep(_PAUSE)
        return descriptor

    async def pulled(self, admitted: Admitted) -> bool:
        """Note a fetch, which may lock the repository for the caller's push; True when it did (system.md 3.4).

        To be called before the end of the answer: a client that has all of it knows who holds the lock.
        """
        repository = admitted.repository
        self.activity.pulled(admitted.caller, repository.id, repository.name)
        return repository.enable_locking and await self.slow(
            user_locks.take_for_push, self.site, admitted.caller, repository
        )

    async def settle(self, how: Callable[..., T], push: Push, *arguments: Any) -> T:
        """Record what became of a push; not even the end of the session stops that half-way."""
        return await asyncio.shield(self.slow(how, self.site, push, *arguments))

    async def recover(self, push: Push) -> None:
        """Clean up after a push whose process was killed, as soon as nobody else uses the repository.

        Waiting for that takes no thread, and goes on after the end of the session.
        """
        await asyncio.shield(self._recover(push))

    async def _recover(self, push: Push) -> None:
        with contextlib.ExitStack() as held, pushes.left_for_later(self.site, push):
            claim = held.enter_context(RepositoryLock(self.site.tree.locks, push.repository_id).claimed())
            deadline = asyncio.get_running_loop().time() + self.site.settings.exclusive_timeout
            if not await comes_true(claim.try_alone, until=deadline):
                raise Busy("the repository is in use")
            # From here on the lock is the thread's, which may outlive this task.
            await self.patient(self._recover_alone, push, held.pop_all())

    def _recover_alone(self, push: Push, held: contextlib.ExitStack) -> None:
        with held:
            pushes.recover_alone(self.site, push)

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
        """Run work on a repository in a thread of its own pool: work that writes, and waits for the disk at most."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, function, *arguments)

    async def patient(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run what may wait for seconds, for a program or for somebody else, where it keeps no short work waiting."""
        return await asyncio.get_running_loop().run_in_executor(self._patient, function, *arguments)
