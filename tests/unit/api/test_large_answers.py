# SPDX-License-Identifier: GPL-3.0-or-later
"""Large answers pass through a worker in pieces, and none is made for somebody who has gone."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.waiting import until
from trivium.access.credentials import Authenticator
from trivium.access.throttle import Throttle
from trivium.api import sending
from trivium.api.door import ApiDoor
from trivium.api.envelope import Answer
from trivium.api.outgoing import LARGE, Outgoing
from trivium.api.sending import send_answer
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.caches.answers import SMALL, Draft, Kept
from trivium.forge.site import Site
from trivium.http.asgi import Disconnected
from trivium.http.crew import Crew
from trivium.vcs.budget import Budget, Unwanted, spending


class Caller:
    """A client of a door whose methods are made up."""

    def __init__(self, door: ApiDoor, key: str) -> None:
        self.door = door
        self.key = key
        self.sent: list[dict[str, Any]] = []
        self.stays = True

    def will_answer(self, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Any]) -> None:
        monkeypatch.setattr(self.door, "_result", lambda *_: make())

    async def ask(self, request_id: Any = 1) -> None:
        request = {"id": request_id, "api_key": self.key, "method": "get_repo_changesets", "args": {}}
        read = False

        async def receive() -> dict[str, Any]:
            nonlocal read
            if not read:
                read = True
                return {"type": "http.request", "body": json.dumps(request).encode(), "more_body": False}
            while self.stays:
                await asyncio.sleep(0.01)
            return {"type": "http.disconnect"}

        scope: Any = {"type": "http", "method": "POST", "headers": [], "client": ("127.0.0.1", 1), "scheme": "http"}
        await self.door(scope, receive, self.send)

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)


@pytest.fixture
def caller(site: Site, root_key: str) -> Iterator[Caller]:
    crew = Crew(1, "short")
    slow = ThreadPoolExecutor(1, "long")
    authenticator = Authenticator(site.store, site.ring, Throttle(10, 300, 60), journal_failure)
    yield Caller(ApiDoor(site, authenticator, crew=crew, slow=slow), root_key)
    crew.close()
    slow.shutdown()


def _kept(place: Path, value: object) -> Kept:
    with Draft(place / "answer", place / ".answer") as draft:
        draft.write_value(value)
        made, _ = draft.finish(keep=True)
    assert isinstance(made, Kept)
    return made


def _open_files() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("request_id", [1, "", '""', 'a ""', None, {"a": ""}])
def test_a_large_answer_is_sent_in_pieces_of_the_same_envelope(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_id: Any
) -> None:
    value = ["", '""', "x" * 1_000_000]
    caller.will_answer(monkeypatch, lambda: _kept(tmp_path, value))
    asyncio.run(caller.ask(request_id))
    assert json.loads(caller.body) == {"id": request_id, "result": value, "error": None}
    assert dict(caller.sent[0]["headers"])[b"content-length"] == str(len(caller.body)).encode()
    assert max(len(message.get("body", b"")) for message in caller.sent) <= 4 * SMALL
    assert [message["more_body"] for message in caller.sent[1:-1]] == [True] * (len(caller.sent) - 2)
    assert not caller.sent[-1].get("more_body")


def test_what_is_not_in_memory_is_read_in_a_thread(
    caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: set[str] = set()
    plain = Kept.piece

    def piece(kept: Kept, at: int, most: int) -> bytes:
        readers.add(threading.current_thread().name.partition("_")[0])
        return plain(kept, at, most)

    monkeypatch.setattr(Kept, "piece_at_hand", lambda *_: None)
    monkeypatch.setattr(Kept, "piece", piece)
    caller.will_answer(monkeypatch, lambda: _kept(tmp_path, "x" * 1_000_000))
    asyncio.run(caller.ask())
    assert json.loads(caller.body)["result"] == "x" * 1_000_000
    assert readers == {"long"}


@pytest.mark.parametrize("taken", [0, 1, 3])
def test_who_stops_reading_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    """An answer has some seconds, and as many more as a slow reader needs for its length."""
    monkeypatch.setattr(sending, "_SLOWEST", 1 << 40)
    answer = Answer(b'{"result":', kept=_kept(tmp_path, "x" * 1_000_000), end=b"}")
    sent = []

    async def stops(message: object) -> None:
        if len(sent) == taken:
            loop = asyncio.get_running_loop()
            now = loop.time
            monkeypatch.setattr(loop, "time", lambda: now() + 120)  # so that what came before has all the time it needs
            await asyncio.Event().wait()
        sent.append(message)

    async def send() -> None:
        with ThreadPoolExecutor(1) as slow:
            await asyncio.wait_for(send_answer(stops, answer, slow=slow, patience=60), 3600)

    with pytest.raises(Disconnected):
        asyncio.run(send())
    assert len(sent) == taken
    assert answer.kept is not None
    with pytest.raises(OSError, match="Bad file descriptor"):
        answer.kept.piece(0, 1)


def test_no_file_stays_open(caller: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(_: object) -> None:
        raise Disconnected

    with asyncio.Runner() as loop:
        caller.will_answer(monkeypatch, lambda: _kept(tmp_path, "x" * 1_000_000))
        loop.run(caller.ask())  # the threads open the database once
        before = _open_files()
        loop.run(caller.ask())
        monkeypatch.setattr(caller, "send", fails)
        with pytest.raises(Disconnected):
            loop.run(caller.ask())

        asked_for, cancelled = threading.Event(), threading.Event()

        def makes() -> Kept:
            asked_for.set()
            assert cancelled.wait(30)
            return _kept(tmp_path, "x" * 1_000_000)

        async def goes_away() -> None:
            asked = asyncio.create_task(caller.ask())
            while not asked_for.is_set():
                await asyncio.sleep(0.001)
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
            cancelled.set()

        caller.will_answer(monkeypatch, makes)
        loop.run(goes_away())

        def closed() -> bool:
            loop.run(asyncio.sleep(0))  # what a thread hands back is closed by the loop
            return _open_files() <= before

        until(closed)


def test_work_for_somebody_who_went_away_is_given_up(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    given_up = threading.Event()

    def works() -> None:
        with spending(Budget) as budget:
            caller.stays = False
            try:
                for _ in range(500):
                    budget.check()
                    time.sleep(0.01)
            except Unwanted:
                given_up.set()
                raise

    caller.will_answer(monkeypatch, works)
    asyncio.run(caller.ask())
    assert given_up.is_set()


def test_work_for_somebody_who_waits_is_finished(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def works() -> str:
        with spending(Budget) as budget:
            for _ in range(30):
                time.sleep(0.01)
                budget.check()
        return "done"

    caller.will_answer(monkeypatch, works)
    asyncio.run(caller.ask())
    assert json.loads(caller.body)["result"] == "done"


class Reader(Caller):
    """One who takes the beginning of an answer, and no more for now."""

    def __init__(self, door: ApiDoor, key: str) -> None:
        super().__init__(door, key)
        self.begins = asyncio.Event()
        self.reads_on = asyncio.Event()

    async def send(self, message: dict[str, Any]) -> None:
        self.begins.set()
        await self.reads_on.wait()
        await super().send(message)


def test_readers_who_do_not_read_hold_no_answer_in_memory(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of everything, asked for by many who never read it, must not fill the memory of a worker."""
    value = MARK + "x" * LARGE
    monkeypatch.setattr(caller.door, "_result", lambda *_: value)

    async def readers() -> None:
        slow = [Reader(caller.door, caller.key) for _ in range(8)]
        asked = [asyncio.create_task(reader.ask()) for reader in slow]
        for reader in slow:
            await reader.begins.wait()
        assert _answers_in_memory() == [value]
        for reader in slow:
            reader.reads_on.set()
        await asyncio.gather(*asked)
        assert all(json.loads(reader.body) == {"id": 1, "result": value, "error": None} for reader in slow)

    asyncio.run(readers())


MARK = "the beginning of an answer that is found in memory by it"


def _answers_in_memory() -> list[object]:
    """The texts and bytes that begin with the mark, or nearly, and that any object or frame holds."""
    gc.collect()
    found: dict[int, object] = {}
    for holder in gc.get_objects():
        for held in gc.get_referents(holder):
            if isinstance(held, str) and len(held) > LARGE and MARK in held[:200]:
                found[id(held)] = held
            if isinstance(held, (bytes, bytearray)) and len(held) > LARGE and MARK.encode() in held[:200]:
                found[id(held)] = held
    return list(found.values())


def test_answers_that_nobody_reads_do_not_fill_the_disk(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    value = "x" * LARGE
    monkeypatch.setattr(caller.door, "_result", lambda *_: value)
    monkeypatch.setattr(caller.door, "_outgoing", Outgoing(caller.door._site.settings.data / "cache", LARGE // 4))

    async def readers() -> None:
        slow = Reader(caller.door, caller.key)
        asked = asyncio.create_task(slow.ask())
        await slow.begins.wait()
        await caller.ask()
        assert caller.sent[0]["status"] == 503
        assert json.loads(caller.body)["error"] == "too many large answers wait to be read; try again"
        slow.reads_on.set()
        await asked
        caller.sent.clear()
        await caller.ask()
        assert caller.sent[0]["status"] == 200
        assert json.loads(caller.body)["result"] == value

    asyncio.run(readers())


def test_a_disk_without_room_costs_no_answer(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    value = "x" * LARGE
    monkeypatch.setattr(caller.door, "_result", lambda *_: value)
    monkeypatch.setattr("trivium.api.outgoing.kept_of", full)
    asyncio.run(caller.ask())
    assert json.loads(caller.body)["result"] == value
