# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client of Subversion does in one repository, step by step; Subversion itself carries out the steps.

A commit comes in steps: a transaction is begun, files are put into it, and its end makes a revision. Only that end is a
push (`forge.pushes.settling`). The push is begun before its revision is known, and settled before the client hears of
the end (system.md 3.3). A door carries the steps to Subversion and back, and tells the session of them. Over HTTP each
request is a session of its own.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from trivium.errors import RepositoryFull
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Finished, Push
from trivium.forge.repositories import growth
from trivium.forge.repositories.file_locks import journal_change
from trivium.forge.repositories.growth import Growth
from trivium.forge.sessions.transfers import Admitted, Transfers
from trivium.vcs.svn.filesystem import revision_update
from trivium.vcs.svn.locks import holder_of


class Commit:
    """A commit that is recorded and under way."""

    def __init__(self, transfers: Transfers, push: Push) -> None:
        self._transfers = transfers
        self._push = push
        self.settled = False

    async def settle(self, revisions: Sequence[int]) -> Finished:
        """Journal the revisions that Subversion has made, perhaps none; the client may hear of them afterwards."""
        self.settled = True
        return await self._transfers.settle(pushes.finish, self._push, [revision_update(one) for one in revisions])


class SvnSession:
    """What one caller does in one repository; to be closed in the end."""

    def __init__(self, transfers: Transfers, admitted: Admitted) -> None:
        self._transfers = transfers
        self._site = transfers.site
        self._admitted = admitted
        self._repository_id = admitted.repository.id
        self._growth: Growth | None = None
        self._held = contextlib.ExitStack()

    def begin_pull(self) -> None:
        """Check that the files of a revision may be handed out; raises `Locked`."""
        self._transfers.check_lock(self._admitted, writes=False)

    async def pulled(self) -> None:
        """Note that the files were handed out; to be called before the end of the answer."""
        await self._transfers.pulled(self._admitted)

    def begin_write(self) -> None:
        """Check that something may be changed; raises `Locked`."""
        self._transfers.check_lock(self._admitted, writes=True)

    async def check_growth(self, *, ends: bool = False) -> None:
        """Check that the repository may grow; raises `StorageFull`. `ends`: for a commit, whose files came before."""
        if self._growth is None:
            self._growth = Growth(self._site, self._repository_id, anew=ends)
        if self._site.settings.max_repo_bytes:
            try:
                await self._transfers.slow(self._growth.check)
            except RepositoryFull:
                # Clients that are gone may have left transactions, which tidying removes.
                self._site.pushed.put(self._repository_id)
                raise
        else:
            self._growth.check()  # the disk only: done at once

    async def grew(self, size: int) -> None:
        """Count bytes of a file that have come, and check now and then that the repository may grow."""
        if self._growth is not None and self._growth.add(size):
            await self.check_growth()

    def gave_up(self) -> None:
        """A transaction, or a file of one, was removed: the repository is smaller than its measure."""
        growth.forget(self._site, self._repository_id)

    async def holder_of(self, place: Path, file: str) -> str | None:
        """The user that holds a file of the repository, which stands at `place`, locked."""
        return await self._transfers.quick(holder_of, place, file)

    async def file_lock_changed(self, file: str, was: str | None, *, locked: bool) -> None:
        """Journal that the caller locked a file, or unlocked it; to be called before the end of the answer."""
        about = (self._admitted.caller, self._repository_id, self._admitted.repository.name, file, was)
        await self._transfers.slow(partial(journal_change, self._site, *about, locked=locked))

    async def hold_lock(self) -> None:
        """Hold the repository's lock as one of many: a rename or deletion waits until the session is closed."""
        self._held.callback(os.close, await self._transfers.shared_lock(self._repository_id))

    @contextlib.asynccontextmanager
    async def commit(self) -> AsyncIterator[Commit]:
        """Surrounds the making of a revision; the block must settle the commit. Raises `StorageFull`.

        A commit that is not settled in the end may be made or not: the repository is asked as soon as nobody else
        works on it.
        """
        caller = self._admitted.caller
        push = await self._transfers.slow(pushes.begin, self._site, caller, self._repository_id, ())
        commit = Commit(self._transfers, push)
        try:
            yield commit
        finally:
            if not commit.settled:
                self.close()
                await self._transfers.recover(push)

    def close(self) -> None:
        """Let go of the repository's lock."""
        self._held.close()
