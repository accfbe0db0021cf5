# SPDX-License-Identifier: GPL-3.0-or-later
"""The door of the pages without a server around it: for tests that need many visitors and rows, and no client."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.browser import Answer
from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator
from trivium.access.throttle import Throttle
from trivium.forge.accounts import sessions
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.site import Site
from trivium.forge.upkeep.activity import Activity
from trivium.http.crew import Crew
from trivium.store.engine import insert_id
from trivium.store.tables import now
from trivium.store.tables import sessions as table
from trivium.turns import LongWork
from trivium.web.door import WebDoor
from trivium.web.tokens import token_of

HERE = "192.0.2.1"


class Doorway:
    """The door of one worker."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.activity = Activity()
        self._threads = ThreadPoolExecutor(2)
        self._loop = asyncio.new_event_loop()
        self.pieces: list[bytes] = []
        """Of the last answer's body."""
        self.leaves_after: int | None = None
        """After so many pieces the client is gone; None: it takes all."""
        self._crew = Crew(1, "quick")
        authenticator = Authenticator(site.store, site.ring, Throttle(3, 100, 60), journal_failure)
        self._door = WebDoor(
            site,
            authenticator,
            self.activity,
            crew=self._crew,
            long_work=LongWork(site.settings, self._threads),
            downloads=self._threads,
        )

    def close(self) -> None:
        self._crew.close()
        self._threads.shutdown()
        self._loop.close()

    def visitor(self, caller: Caller | None = None, *, key: str = "") -> Visitor:
        """Somebody who has signed in, or who has not, or who sends a key."""
        cookies = {}
        if caller is not None:
            cookie = sessions.new_cookie()
            digest = sessions.digest_of(self.site.ring, cookie)
            moment = now()
            with self.site.store.write(access_unchanged=True) as db:
                insert_id(
                    db,
                    table,
                    digest=digest,
                    user_id=caller.user_id,
                    created_on=moment,
                    last_seen=moment,
                    address=HERE,
                    agent="",
                    remember=False,
                )
            cookies[self.site.settings.session_cookie] = cookie
        return Visitor(self, cookies, key)

    def ask(self, scope: dict[str, Any], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        return self._loop.run_until_complete(self._asked(scope, body))

    async def _asked(self, scope: dict[str, Any], body: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        sent: list[Any] = []
        came = False
        gone, noticed = asyncio.Event(), asyncio.Event()

        async def receive() -> Any:
            nonlocal came
            if came:
                await gone.wait()
                noticed.set()
                return {"type": "http.disconnect"}
            came = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)
            if self.leaves_after is not None and len(sent) > self.leaves_after:
                gone.set()
                await noticed.wait()

        if await self._door.repeated(scope, send):
            pass
        elif not await self._door(scope, receive, send):
            await self._door.absent(scope, receive, send)
        self.pieces = [message["body"] for message in sent[1:] if message.get("body")]
        return sent[0]["status"], sent[0]["headers"], b"".join(self.pieces)

    @contextmanager
    def statements(self) -> Iterator[list[str]]:
        """What the event loop asks the database meanwhile; what it leaves to a thread is not among them."""
        if not self.site.store.can_glance:
            pytest.skip("about what the event loop asks: with PostgreSQL it leaves all of that to threads")
        said: list[str] = []
        with self.site.store.glance() as db:
            driver: Any = db.connection.dbapi_connection
        driver.set_trace_callback(said.append)
        try:
            yield said
        finally:
            driver.set_trace_callback(None)


class Visitor:
    """Whoever stands before it."""

    def __init__(self, doorway: Doorway, cookies: dict[str, str], key: str) -> None:
        self._doorway = doorway
        self.cookies = cookies
        self._key = key

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def xhr(self, path: str) -> Answer:
        return self.get(path, X_Requested_With="XMLHttpRequest")

    def post(self, path: str, *, token: bool = True, **fields: str) -> Answer:
        """Send a form, with the token that its page has."""
        cookie = self.cookies.get(self._doorway.site.settings.session_cookie, "")
        if token:
            fields["csrf_token"] = token_of(self._doorway.site.ring.digest(f"forms\n{cookie}"))
        kind = {"Content_Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, urlencode(fields).encode(), **kind)

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        bare, _, query = path.partition("?")
        sent = {"Host": "forge.example.org", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if self._key:
            sent["X-Rc-Auth-Token"] = self._key
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": bare,
            "raw_path": bare.encode(),
            "query_string": query.encode(),
            "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in sent.items()],
            "client": (HERE, 1234),
            "server": ("forge.example.org", 80),
        }
        status, given, content = self._doorway.ask(scope, body)
        decoded = [(name.decode(), value.decode("latin-1")) for name, value in given]
        cookies = [value for name, value in decoded if name == "set-cookie"]
        for cookie in cookies:
            name, _, rest = cookie.partition("=")
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = rest.partition(";")[0]
        return Answer(status, dict(decoded), cookies, content)
