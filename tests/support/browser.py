# SPDX-License-Identifier: GPL-3.0-or-later
"""A browser without a window: it keeps cookies, sends forms with their token, and follows nothing by itself."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support.clients import Person


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    """By lower-case names; of several with one name the last."""
    cookies: list[str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def location(self) -> str:
        return self.headers.get("location", "")

    @property
    def page(self) -> Page:
        found = Page()
        found.feed(self.text)
        return found


class Page(HTMLParser):
    """A page taken apart."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag in ("script", "style"):
            self._hidden += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)

    @property
    def text(self) -> str:
        """What somebody reads, with single blanks."""
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """The attributes of all elements of a kind that have these."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            found
            for name, found in self.elements
            if name == tag and all(found.get(key) == value for key, value in wanted.items())
        ]

    @property
    def links(self) -> list[str]:
        return [found["href"] for found in self.all("a") if "href" in found]

    @property
    def token(self) -> str:
        return self.all("input", name="csrf_token")[0]["value"]


class Browser:
    """One visitor of a server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._parts = urlsplit(url)
        self.cookies: dict[str, str] = {}

    def request(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Send a request; `headers` with `_` for `-`."""
        connection = http.client.HTTPConnection(self._parts.hostname or "", self._parts.port, timeout=60)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            connection.request(method, path, body, sent)
            came = connection.getresponse()
            content = came.read()
            cookies = [value for name, value in came.getheaders() if name.lower() == "set-cookie"]
            answer = Answer(came.status, {name.lower(): value for name, value in came.getheaders()}, cookies, content)
        finally:
            connection.close()
        for cookie in cookies:
            name, _, rest = cookie.partition("=")
            value = rest.partition(";")[0]
            if "Max-Age=0" in cookie:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        return self.request("GET", path, **headers)

    def send(self, path: str, **fields: str) -> Answer:
        """Send a form of the page at the same address, with its token."""
        return self.post(path, {"csrf_token": self.get(path).page.token, **fields})

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Answer:
        kind = {"Content_Type": "application/x-www-form-urlencoded"}
        return self.request("POST", path, urlencode(fields).encode(), **(kind | headers))

    def sign_in(self, person: Person, came_from: str = "/") -> Answer:
        """Sign in by the form."""
        return self.send("/_admin/login", username=person.name, password=person.password, came_from=came_from)
