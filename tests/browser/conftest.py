# SPDX-License-Identifier: GPL-3.0-or-later
"""One server with something to look at, and Debian's Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.watch import Watched
from tests.browser.world import World, new_world
from tests.support.servers import Server


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[World]:
    """A server of these tests alone: what stands in its lists is theirs. Nothing is changed in it."""
    place = tmp_path_factory.mktemp("browser")
    running = prepared.copied(place / "data")
    running.start(TRIVIUM_PSEUDO_LOCALE="1", TRIVIUM_ALLOW_REGISTRATION="true")
    home = place / "home"
    home.mkdir()
    yield new_world(running, running.api(running.admin_key), home)
    running.stop()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser. It ends with this room of tests: while it runs, this thread can have no other event loop."""
    program = shutil.which("chromium")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("chromium is missing: scripts/install dev")
        pytest.skip("chromium is missing: scripts/install dev")
    expect.set_options(timeout=20_000)  # as long as an act may take
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield running
        running.close()


@pytest.fixture(scope="package")
def cookies(chromium: Browser, world: World) -> list[dict[str, object]]:
    """What a browser keeps in which Ada has signed in: she does so once, by the form."""
    watched = Watched(chromium, world.server.url)
    watched.sign_in(world.owner)
    found = watched.context.cookies()
    watched.close()
    return found  # type: ignore[return-value]


@pytest.fixture
def window(chromium: Browser, world: World) -> Iterator[Callable[..., Watched]]:
    """Opens windows of somebody who has not signed in."""
    opened: list[Watched] = []

    def new(**options: object) -> Watched:
        opened.append(Watched(chromium, world.server.url, **options))
        return opened[-1]

    yield new
    for one in opened:
        one.close()


@pytest.fixture
def adas(window: Callable[..., Watched], cookies: list[dict[str, object]]) -> Watched:
    """Ada's window."""
    found = window()
    found.context.add_cookies(cookies)  # type: ignore[arg-type]
    return found
