# SPDX-License-Identifier: GPL-3.0-or-later
"""A server below a path of its host, behind a proxy with TLS, in another language: options of system.md 5.1."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.browser import Browser
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, new_system


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A server whose users reach it below `/scm`, by https, and speak German unless their browsers say otherwise."""
    running = prepared.copied(tmp_path_factory.mktemp("below") / "data")
    running.start(
        TRIVIUM_PREFIX="/scm", TRIVIUM_FORCE_HTTPS="true", TRIVIUM_LANG="de", TRIVIUM_TRUSTED_PROXIES="127.0.0.1"
    )
    yield running
    running.stop()


def test_pages_lead_to_what_is_below(below: Server) -> None:
    for path in ("/_admin/login", "/scm/_admin/login"):
        answer = Browser(below.url).get(path)
        assert answer.status == 200
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        found = [attributes for _, attributes in answer.page.elements]
        addresses = [one[name] for one in found for name in ("href", "src", "action") if one.get(name)]
        assert addresses
        assert all(one.startswith(("/scm/", "#")) for one in addresses), addresses
        assert all("Path=/scm;" in cookie and "; Secure" in cookie for cookie in answer.cookies)
        (style, *_) = [one for one in addresses if "_static" in one]
        assert Browser(below.url).get(style).status == 200
    way = Browser(below.url).get("/scm/nothing/raw/tip/x").location
    assert way == "/scm/_admin/login?came_from=%2Fscm%2Fnothing%2Fraw%2Ftip%2Fx"
    for path in ("/scm", "/scm/"):
        assert Browser(below.url).get(path).status in (200, 302)
    # What only begins so is something else.
    assert Browser(below.url).get("/scmx/_admin/login").status == 302


def test_addresses_are_told_as_users_reach_them(below: Server) -> None:
    root = below.api(below.admin_key)
    host = urlsplit(below.url).netloc
    gist = root("create_gist", files={"a.txt": {"content": "x"}})["gist"]
    assert gist["url"].startswith(f"https://{host}/scm/_admin/gists/")


@pytest.mark.parametrize("kind", SYSTEMS)
def test_clients_work_below(kind: str, below: Server, tmp_path: Path) -> None:
    """They keep the path that a proxy leaves there: a commit comes back in another checkout."""
    root = below.api(below.admin_key)
    owner = root.new_user()
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, owner, private=True)
    seen = copy.copy(below)
    seen.url += "/scm"
    system.checkout(seen, name, owner).change("One", **{"a.txt": "one\n"})
    again = system.checkout(seen, name, owner)
    assert (again.path / "a.txt").read_text() == "one\n"


def test_the_language_of_browsers_that_ask_for_none(below: Server) -> None:
    def language(**headers: str) -> str:
        elements = Browser(below.url).get("/_admin/login", **headers).page.elements
        return next(attributes["lang"] for tag, attributes in elements if tag == "html")

    assert language() == language(Accept_Language="fr, *;q=0.1") == "de"
    assert language(Accept_Language="en-US,en;q=0.9,de;q=0.1") == "en"
