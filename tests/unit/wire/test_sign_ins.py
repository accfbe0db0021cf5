# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever sends many passwords at once waits for themselves, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from trivium.access.caller import anonymous
from trivium.access.credentials import Authenticator, Proof
from trivium.access.throttle import Throttle
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.repositories.state import State
from trivium.forge.sessions.transfers import Admitted, Transfers
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.crew import Crew
from trivium.wire import door as module
from trivium.wire.admission import Refused
from trivium.wire.door import Door


class Hashing:
    """Passwords that take as long to hash as the test wants, those from one network; others are known at once."""

    def __init__(self, slow: str) -> None:
        self._slow = slow
        self._lock = threading.Lock()
        self._at_once = 0
        self.most = 0
        self.may_end = threading.Event()
        self.began = threading.Event()

    def __call__(self, site: Site, *_: object, address: str, **__: object) -> Admitted:
        site.store.take_time()
        if address == self._slow:
            with self._lock:
                self._at_once += 1
                self.most = max(self.most, self._at_once)
            self.began.set()
            self.may_end.wait(60)
            with self._lock:
                self._at_once -= 1
        return Admitted(anonymous(address), cast("Any", None), State(0), Proof())


@pytest.fixture
def door(site: Site) -> Iterator[Door]:
    crew, slow = Crew(4, "admission"), ThreadPoolExecutor(1)
    transfers = Transfers(site, Activity(), crew=crew, slow=slow, patient=slow)
    yield Door(transfers, Authenticator(site.store, site.ring, Throttle(10, 300, 60), journal_failure))
    crew.close()
    slow.shutdown()


async def admitted(door: Door, address: str) -> Any:
    scope: Any = {"type": "http", "method": "GET", "headers": [], "client": (address, 1)}
    return (await door.admit(scope, kind="git", name="repo", writes=False)).caller.address


def test_many_passwords_from_one_network_keep_nobody_else_waiting(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    hashing = Hashing("192.0.2.1")
    monkeypatch.setattr(module, "admit", hashing)

    async def sign_in() -> None:
        many = [asyncio.create_task(admitted(door, "192.0.2.1")) for _ in range(50)]
        while not hashing.began.is_set():
            await asyncio.sleep(0.001)
        for number in range(2, 12):
            assert await admitted(door, f"192.0.2.{number}") == f"192.0.2.{number}"
        hashing.may_end.set()
        assert await asyncio.gather(*many) == ["192.0.2.1"] * 50

    asyncio.run(sign_in())
    assert hashing.most <= 2


def test_who_waits_too_long_to_sign_in_is_told_to_come_again(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    hashing = Hashing("192.0.2.1")
    monkeypatch.setattr(module, "admit", hashing)
    monkeypatch.setattr(door._hashing, "_patience", 0.01)

    async def sign_in() -> None:
        two = [asyncio.create_task(admitted(door, "192.0.2.1")) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await admitted(door, "192.0.2.1")
        assert refused.value.status == 503
        hashing.may_end.set()
        await asyncio.gather(*two)

    asyncio.run(sign_in())
