# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer that many ask for at once is made once; who waits for it holds nothing that others want."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.unit.api.test_long_calls import OTHER_KEY, ask
from trivium.access.caller import the_system
from trivium.access.credentials import Authenticator
from trivium.access.throttle import Throttle
from trivium.api.door import ApiDoor
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.caches.answers import Draft
from trivium.forge.history import asked
from trivium.forge.history.kept import kept
from trivium.forge.history.reading import History
from trivium.forge.repositories import creation
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.http.crew import Crew
from trivium.turns import Pace
from trivium.vcs.budget import present
from trivium.vcs.errors import VcsError

MANY = 50
LONG = "get_repo_changeset"


class Making:
    """What the makers of an answer do, one after the other; each begins when it likes and ends when it may."""

    def __init__(self) -> None:
        self.began = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.count = 0
        self.steps: deque[Callable[[], object]] = deque()
        """What the first of them do; those that follow succeed."""

    def changeset(self, history: History, repository: Repository, revision: str, *_: object) -> Any:
        return kept(history.site, repository, revision, self._make)

    def _make(self, draft: Draft) -> None:
        self.count += 1
        self.began.release()
        assert self.may_end.acquire(timeout=60)
        if self.steps:
            self.steps.popleft()()
        draft.write_value("made")


@pytest.fixture
def making(monkeypatch: pytest.MonkeyPatch) -> Making:
    made = Making()
    monkeypatch.setattr(asked, "changeset", made.changeset)
    return made


@pytest.fixture
def door(site: Site) -> Iterator[ApiDoor]:
    accounts.create(site, the_system(), username="ada", email="ada@example.org", api_key=OTHER_KEY)
    with site.store.read() as db:
        root = accounts.find(db, "root").as_caller("127.0.0.1")
    creation.create(site, root, CreationRequest(name="repo", kind="git", private=False))
    crew, slow = Crew(1, "short"), ThreadPoolExecutor(48, "long")
    yield ApiDoor(
        site, Authenticator(site.store, site.ring, Throttle(10, 300, 60), journal_failure), crew=crew, slow=slow
    )
    crew.close()
    slow.shutdown()


def wanting(door: ApiDoor, key: str, revision: str = "tip") -> asyncio.Task[tuple[int, Any]]:
    return asyncio.create_task(ask(door, key, LONG, repoid="repo", revision=revision))


async def waiters(door: ApiDoor, making: Making, key: str, count: int) -> list[asyncio.Task[tuple[int, Any]]]:
    """So many calls of which the first makes the answer, and the others have seen that it does."""
    tasks = [wanting(door, key)]
    await asyncio.to_thread(making.began.acquire)
    places = door.long_work.places[Pace.LONG]
    for _ in range(count - 1):
        tasks.append(wanting(door, key))
        # Each has gone through the places when it is asleep.
        while not all(_sleeps(task) for task in tasks[1:]):
            await asyncio.sleep(0)
    assert places._shared._value == 2  # the first of an account takes none of those that all share
    return tasks


def _sleeps(task: asyncio.Task[Any]) -> bool:
    """Whether a call waits for somebody else's answer."""
    at: Any = task.get_coro()
    names = set()
    while at is not None and hasattr(at, "cr_await"):
        names.add(at.cr_code.co_name)
        at = at.cr_await
    return "comes_true" in names


def test_what_many_ask_for_is_made_once(door: ApiDoor, making: Making, root_key: str) -> None:
    async def calls() -> None:
        tasks = await waiters(door, making, root_key, MANY)
        making.may_end.release()
        assert [envelope["result"] for _, envelope in await asyncio.gather(*tasks)] == ["made"] * MANY

    asyncio.run(calls())
    assert making.count == 1


def test_who_waits_keeps_neither_a_place_nor_a_thread(
    door: ApiDoor, making: Making, root_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def calls() -> None:
        tasks = await waiters(door, making, root_key, MANY)
        other = wanting(door, root_key, "other")
        await asyncio.to_thread(making.began.acquire)
        making.may_end.release(2)
        assert (await other)[1]["result"] == "made"
        await asyncio.gather(*tasks)

    with ThreadPoolExecutor(2) as two:
        monkeypatch.setattr(door.long_work, "_threads", two)
        asyncio.run(calls())
    assert making.count == 2


def test_when_the_maker_fails_somebody_else_is_the_next(door: ApiDoor, making: Making, root_key: str) -> None:
    def fail() -> None:
        raise VcsError("the disk is on fire")

    making.steps.append(fail)

    async def calls() -> None:
        tasks = await waiters(door, making, root_key, MANY)
        making.may_end.release(2)
        errors = [envelope["error"] for _, envelope in await asyncio.gather(*tasks)]
        assert errors == ["Error occurred during commit fetching", *[None] * (MANY - 1)]

    asyncio.run(calls())
    assert making.count == 2


def test_what_is_not_worth_keeping_is_made_by_one_after_the_other(door: ApiDoor, making: Making, root_key: str) -> None:
    def cut() -> None:
        present().cut = True

    making.steps.extend([cut, cut])

    async def calls() -> None:
        tasks = await waiters(door, making, root_key, 5)
        making.may_end.release(3)
        assert all(envelope["result"] == "made" for _, envelope in await asyncio.gather(*tasks))

    asyncio.run(calls())
    assert making.count == 3


def test_who_may_not_read_it_any_more_when_it_is_made_does_not_get_it(
    door: ApiDoor, making: Making, site: Site, root_key: str
) -> None:
    async def calls() -> None:
        tasks = await waiters(door, making, root_key, 2)
        hers = wanting(door, OTHER_KEY)
        while not _sleeps(hers):
            await asyncio.sleep(0)
        assert (await ask(door, root_key, "update_repo", repoid="repo", private=True))[1]["error"] is None
        making.may_end.release()
        assert (await hers)[1] == {"id": 7, "result": None, "error": "repository `repo` does not exist"}
        assert all(envelope["result"] == "made" for _, envelope in await asyncio.gather(*tasks))

    asyncio.run(calls())


def test_who_waits_too_long_is_told_so(door: ApiDoor, making: Making, site: Site, root_key: str) -> None:
    object.__setattr__(site.settings, "request_timeout", 1)

    async def calls() -> None:
        first = wanting(door, root_key)
        await asyncio.to_thread(making.began.acquire)
        status, envelope = await wanting(door, root_key)
        assert (status, envelope["error"]) == (
            503,
            "somebody else is making the same answer, and it takes long; try again",
        )
        making.may_end.release()
        await first

    asyncio.run(calls())
