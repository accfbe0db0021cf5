# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever asks for much at once waits for themselves, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from trivium.access.caller import the_system
from trivium.access.credentials import Authenticator
from trivium.access.throttle import Throttle
from trivium.api.door import ApiDoor
from trivium.api.methods import registry
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import creation
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.http.crew import Crew
from trivium.turns import Pace
from trivium.vcs.values import Names

OTHER_KEY = "f" * 40
LONG, WAITING = "get_repo_changesets", "pull"
SHORT_THREADS = 2


@pytest.fixture
def door(site: Site) -> Iterator[ApiDoor]:
    accounts.create(site, the_system(), username="ada", email="ada@example.org", api_key=OTHER_KEY)
    crew, slow = Crew(SHORT_THREADS, "short"), ThreadPoolExecutor(48, "long")
    yield ApiDoor(
        site, Authenticator(site.store, site.ring, Throttle(10, 300, 60), journal_failure), crew=crew, slow=slow
    )
    crew.close()
    slow.shutdown()


async def ask(door: ApiDoor, key: str, method: str, **args: Any) -> tuple[int, Any]:
    """The status of a call and its envelope."""
    request = {"id": 7, "api_key": key, "method": method, "args": args}
    sent: list[dict[str, Any]] = []
    read = False

    async def receive() -> dict[str, Any]:
        nonlocal read
        if read:
            await asyncio.sleep(60)
        read = True
        return {"type": "http.request", "body": json.dumps(request).encode(), "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "method": "POST", "headers": [], "client": ("127.0.0.1", 1), "scheme": "http"}
    await door(scope, receive, send)
    return sent[0]["status"], json.loads(b"".join(message.get("body", b"") for message in sent))


class Work:
    """What calls of one account do, until they may end; those of others have nothing to do."""

    def __init__(self, key: str) -> None:
        self._key = key
        self._turn = threading.Condition()
        self._may_end = False
        self.at_once = 0
        self.most = 0

    def __call__(self, _scope: object, request: dict[str, Any], _asked: object) -> str:
        if request["api_key"] != self._key:
            return "done"
        with self._turn:
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self._turn.wait_for(lambda: self._may_end, 60)
            self.at_once -= 1
        return "done"

    def end(self) -> None:
        with self._turn:
            self._may_end = True
            self._turn.notify_all()


@pytest.mark.parametrize(("method", "each"), [(LONG, 2), (WAITING, 16)])
def test_one_account_cannot_hold_the_long_calls_of_everybody(
    door: ApiDoor, root_key: str, monkeypatch: pytest.MonkeyPatch, method: str, each: int
) -> None:
    work = Work(root_key)
    monkeypatch.setattr(door, "_result", work)

    async def calls() -> None:
        many = [asyncio.create_task(ask(door, root_key, method)) for _ in range(60)]
        while work.at_once < each:
            await asyncio.sleep(0.001)
        for other in (LONG, WAITING):
            assert (await ask(door, OTHER_KEY, other))[1]["result"] == "done"
        work.end()
        assert all(envelope["result"] == "done" for _, envelope in await asyncio.gather(*many))

    asyncio.run(calls())
    assert work.most == each


def test_who_waits_too_long_for_a_turn_is_told_so(
    door: ApiDoor, root_key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Work(root_key)
    monkeypatch.setattr(door, "_result", work)
    for turns in door.long_work.places.values():
        monkeypatch.setattr(turns, "_patience", 0.01)

    async def calls() -> None:
        many = [asyncio.create_task(ask(door, root_key, LONG)) for _ in range(2)]
        while work.at_once < 2:
            await asyncio.sleep(0.001)
        status, envelope = await ask(door, root_key, LONG)
        assert status == 503
        assert envelope == {
            "id": 7,
            "result": None,
            "error": "too many long calls of this user at once; try again",
        }
        work.end()
        await asyncio.gather(*many)
        assert (await ask(door, root_key, LONG))[0] == 200

    asyncio.run(calls())


def test_who_is_not_let_in_takes_no_turn(door: ApiDoor, monkeypatch: pytest.MonkeyPatch) -> None:
    for turns in door.long_work.places.values():
        monkeypatch.setattr(turns, "place", None)
    with asyncio.Runner() as loop:  # one for both: a crew belongs to its loop
        for key in ("0" * 40, ""):
            envelope = loop.run(ask(door, key, LONG))[1]
            assert envelope["error"] in ("Invalid API KEY", "Incorrect JSON data. Missing 'api_key or auth_token'")


@pytest.mark.parametrize("args", [{"cache": False}, {"with_revision_names": True}, {"cache": "false"}])
def test_who_reads_repositories_anew_keeps_no_short_call_waiting(
    door: ApiDoor, site: Site, root_key: str, monkeypatch: pytest.MonkeyPatch, args: dict[str, Any]
) -> None:
    with site.store.read() as db:
        root = accounts.find(db, "root")
    creation.create(site, root.as_caller("127.0.0.1"), CreationRequest(name="repo", kind="git"))
    began, may_end = threading.Semaphore(0), threading.Event()

    def reads(*_: object) -> Any:
        began.release()
        assert may_end.wait(60)
        return Names({}, {}, {})

    monkeypatch.setattr(pushes, "refresh", reads)
    monkeypatch.setattr(door._history, "names", reads)

    async def calls() -> None:
        many = [asyncio.create_task(ask(door, root_key, "get_repo", repoid="repo", **args)) for _ in range(2)]
        for _ in range(SHORT_THREADS):
            await asyncio.to_thread(began.acquire)
        for short in ({}, {"cache": True}, {"cache": 1, "with_revision_names": None}):
            assert (await ask(door, root_key, "get_repo", repoid="repo", **short))[1]["result"]["repo_name"] == "repo"
        assert (await ask(door, root_key, "get_users"))[1]["error"] is None
        may_end.set()
        assert all(envelope["error"] is None for _, envelope in await asyncio.gather(*many))

    asyncio.run(calls())


def test_every_pace_beyond_short_has_turns(door: ApiDoor) -> None:
    paces = {method.pace for method in registry.all() if method.pace > Pace.SHORT}
    assert paces == set(door.long_work.places)
