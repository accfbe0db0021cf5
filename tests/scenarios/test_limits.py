# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of security.md 6 that no other scenario runs into: each bites where its option says, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api
from tests.support.raw import exchange, status_of
from tests.support.servers import Server
from tests.support.systems import new_system


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A server that allows little."""
    running = prepared.copied(tmp_path_factory.mktemp("narrow") / "data")
    running.start(
        TRIVIUM_MAX_API_ITEMS="2",
        TRIVIUM_MAX_FORM_BODY="1000",
        TRIVIUM_MAX_GIST_BYTES="100",
        TRIVIUM_MAX_GIST_FILES="2",
        TRIVIUM_MAX_HEADERS="12",
        TRIVIUM_MAX_RENDER_BYTES="400",
        TRIVIUM_RENDER_TIMEOUT="0",
    )
    yield running
    running.stop()


@pytest.fixture(scope="module")
def narrows(narrow: Server) -> Api:
    return narrow.api(narrow.admin_key)


def test_gists(narrows: Api) -> None:
    def files(count: int, size: int) -> dict[str, dict[str, str]]:
        return {f"{number}.txt": {"content": "x" * size} for number in range(count)}

    assert narrows("create_gist", files=files(2, 50))["gist"]
    for count, size in ((3, 1), (1, 101), (2, 51)):
        assert narrows.error("create_gist", files=files(count, size))


def test_a_list_of_changesets(narrow: Server, narrows: Api, tmp_path: Path) -> None:
    owner = narrows.new_user()
    system = new_system("git", tmp_path / "home")
    name = system.new_repository(narrows, owner)
    copy = system.checkout(narrow, name, owner)
    ids = [copy.change(f"{number}", **{"a.txt": f"{number}\n"}) for number in range(3)]
    some = narrows("get_repo_changesets", repoid=name, start_rev=ids[0], limit=2)
    assert [one["raw_id"] for one in some] == ids[:2]
    assert "max_api_items" in narrows.error("get_repo_changesets", repoid=name, start_rev=ids[0], limit=3)


def test_lines_of_a_head(narrow: Server) -> None:
    for count, status in ((8, 302), (20, 431)):
        lines = "".join(f"X-{number}: x\r\n" for number in range(count))
        head = f"GET /nothing HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n".encode()
        assert status_of(exchange(narrow.url, head)) == status


def test_a_form(narrow: Server) -> None:
    for size, status in ((900, 403), (1001, 413)):
        body = b"username=" + b"x" * (size - 9)
        head = (
            "POST /_admin/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {size}\r\n\r\n"
        )
        assert status_of(exchange(narrow.url, head.encode() + body)) == status


def test_markup(narrow: Server, narrows: Api, tmp_path: Path) -> None:
    """What is too long for that, or takes too long, is shown as it was written."""
    owner = narrows.new_user()
    system = new_system("git", tmp_path / "home")
    name = system.new_repository(narrows, owner)
    texts = {"small.md": "*one* of many\n" * 20, "large.md": "*one* of many\n" * 40}
    system.checkout(narrow, name, owner).change("Texts", **texts)
    browser = Browser(narrow.url)
    browser.sign_in(owner)
    for path, text in texts.items():
        page = browser.get(f"/{name}/render/tip/{path}").page
        assert not page.all("em")
        assert text.split("\n")[0] in page.text
