# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the API, called without a server around it."""

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
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.site import Site
from trivium.http.crew import Crew

Call = Callable[..., tuple[str, Any]]


@pytest.fixture
def call(site: Site, root_key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Calls a method as root; says the name of the thread that answered, and the result."""
    crew = Crew(1, "short")
    slow = ThreadPoolExecutor(1, "long")
    door = ApiDoor(
        site, Authenticator(site.store, site.ring, Throttle(10, 300, 60), journal_failure), crew=crew, slow=slow
    )
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
