# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes that wait to be put in order keep nobody else waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest
from structlog.testing import capture_logs

from trivium.access.levels import Level
from trivium.forge.accounts import users as accounts
from trivium.forge.pushes import settling as pushes
from trivium.forge.pushes.settling import Push
from trivium.forge.repositories import creation
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.sessions import transfers as module
from trivium.forge.sessions.transfers import Transfers
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.crew import Crew
from trivium.store import intents
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.values import RefUpdate

THREADS: Final = 2


@pytest.fixture
def transfers(site: Site) -> Iterator[Transfers]:
    crew, slow, patient = Crew(1, "admission"), ThreadPoolExecutor(THREADS), ThreadPoolExecutor(THREADS)
    yield Transfers(site, Activity(), crew=crew, slow=slow, patient=patient)
    crew.close()
    slow.shutdown()
    patient.shutdown()


@pytest.fixture
def killed(site: Site) -> list[Push]:
    """Pushes to one repository whose processes were killed, more than there are threads."""
    with site.store.read() as db:
        root = accounts.find(db, "root").as_caller("127.0.0.1")
    creation.create(site, root, CreationRequest(name="repo", kind="git"))
    with site.store.read() as db:
        repository = repositories.find(db, root, "repo", Level.WRITE)
    update = RefUpdate("refs/heads/main", "0" * 40, "1" * 40)
    return [pushes.begin(site, root, repository.id, [update]) for _ in range(2 * THREADS)]


def unsettled(site: Site) -> int:
    with site.store.read() as db:
        return len(intents.recorded(db))


async def in_line(
    transfers: Transfers, killed: list[Push], monkeypatch: pytest.MonkeyPatch
) -> list[asyncio.Task[None]]:
    """Recoveries, each of which has found the repository in use."""
    waiting = asyncio.Semaphore(0)

    async def pause(seconds: float) -> None:
        waiting.release()
        await sleep(seconds)

    sleep = asyncio.sleep
    monkeypatch.setattr(module.asyncio, "sleep", pause)
    tasks = [asyncio.create_task(transfers.recover(push)) for push in killed]
    for _ in tasks:
        await waiting.acquire()
    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    return tasks


def test_recoveries_wait_without_threads(
    transfers: Transfers, site: Site, killed: list[Push], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        with RepositoryLock(site.tree.locks, killed[0].repository_id).shared(0):
            tasks = await in_line(transfers, killed, monkeypatch)
            assert await transfers.slow(unsettled, site) == len(killed)
            assert await transfers.patient(unsettled, site) == len(killed)
            assert await transfers.quick(unsettled, site) == len(killed)
        await asyncio.gather(*tasks)

    asyncio.run(work())
    assert not unsettled(site)


def test_a_recovery_goes_on_when_the_request_ends(
    transfers: Transfers, site: Site, killed: list[Push], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work() -> None:
        with RepositoryLock(site.tree.locks, killed[0].repository_id).shared(0):
            tasks = await in_line(transfers, killed, monkeypatch)
            for task in tasks:
                task.cancel()
            assert all(
                isinstance(ended, asyncio.CancelledError)
                for ended in await asyncio.gather(*tasks, return_exceptions=True)
            )
        while await transfers.quick(unsettled, site):
            await asyncio.sleep(0)

    asyncio.run(work())


def test_what_cannot_be_recovered_in_time_is_left_for_later(
    transfers: Transfers, site: Site, killed: list[Push], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAUSE", 0)
    object.__setattr__(site.settings, "exclusive_timeout", 0)

    async def work() -> None:
        with RepositoryLock(site.tree.locks, killed[0].repository_id).shared(0), capture_logs() as told:
            await transfers.recover(killed[0])
        assert [entry["event"] for entry in told] == ["a push could not be settled"]

    asyncio.run(work())
    assert unsettled(site) == len(killed)
