# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a call is answered: on the event loop when all is at hand, in a thread when it may take longer."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from trivium.access.credentials import Authenticator
from trivium.access.throttle import Throttle
from trivium.api.door import ApiDoor
from trivium.crew import Crew
from trivium.forge.site import Site

Call = Callable[..., tuple[str, Any]]


@pytest.fixture
def call(site: Site, root_key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Calls a method as root; says the name of the thread that answered, and the result."""
    crew = Crew(1, "short")
    slow = ThreadPoolExecutor(1, "long")
    door = ApiDoor(site, Authenticator(site.store, site.ring, Throttle(10, 300, 60)), crew=crew, slow=slow)
    answered_by: list[str] = []
    serve = door._serve

    def watched(*arguments: Any) -> bytes:
        answer = serve(*arguments)
        answered_by.append(threading.current_thread().name.partition("_")[0])
        return answer

    monkeypatch.setattr(door, "_serve", watched)

    def ask(method: str, *, filling: str = "", **args: Any) -> tuple[str, Any]:
        request = {"id": 1, "api_key": root_key, "method": method, "args": args, "filling": filling}
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": json.dumps(request).encode(), "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope: Any = {"type": "http", "method": "POST", "headers": [], "client": ("127.0.0.1", 1), "scheme": "http"}
        loop.run(door(scope, receive, send))
        answer = json.loads(b"".join(message.get("body", b"") for message in sent))
        assert answer["error"] is None, answer
        return answered_by.pop(), answer["result"]

    with asyncio.Runner() as loop:
        yield ask
    crew.close()
    slow.shutdown()


HERE = "MainThread"


def test_what_is_not_at_hand_is_fetched_in_a_thread_once(call: Call) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    assert call("get_repo", repoid="repo")[0] == "short"
    assert call("get_repo", repoid="repo")[0] == HERE


def test_the_same_holds_for_users(call: Call) -> None:
    assert call("get_user")[0] == "short"
    assert call("get_user")[0] == HERE


def test_a_change_of_permissions_is_seen_by_the_next_call(call: Call) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    call("create_user", username="ada", email="ada@example.org")
    call("get_repo", repoid="repo")
    call("grant_user_permission", repoid="repo", userid="ada", perm="repository.write")
    for where in ("short", HERE):
        answered_by, seen = call("get_repo", repoid="repo")
        assert answered_by == where
        assert {"ada": "repository.write"}.items() <= {
            member["name"]: member["permission"] for member in seen["members"]
        }.items()


@pytest.mark.parametrize(
    ("where", "method", "args"),
    [
        ("short", "get_users", {}),
        ("short", "create_user_group", {"group_name": "people"}),
        ("short", "get_repo", {"repoid": "repo", "cache": False}),
        ("long", "rescan_repos", {}),
    ],
)
def test_what_may_take_longer_is_done_in_a_thread(call: Call, where: str, method: str, args: dict[str, Any]) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    call("get_repo", repoid="repo")
    assert call(method, **args)[0] == where


def test_a_large_request_is_read_in_a_thread(call: Call) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    call("get_repo", repoid="repo")
    assert call("get_repo", repoid="repo", filling="x" * 4000)[0] == "short"
