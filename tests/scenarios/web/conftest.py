# SPDX-License-Identifier: GPL-3.0-or-later
"""Who looks at pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.shelves import Shelf, new_shelf
from tests.support.systems import SYSTEMS

LISTED = """
    ChangesetController:changeset_patch,
    ChangesetController:changeset_raw,
    FilesController:raw,
    FilesController:archivefile,
"""
"""The contract's example, as it is printed."""


@pytest.fixture(scope="session")
def keyed_server(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A shared server whose views may be opened by keys, as in the contract's example."""
    running = prepared.copied(tmp_path_factory.mktemp("keyed") / "data")
    running.start(TRIVIUM_API_ACCESS_CONTROLLERS_WHITELIST=LISTED)
    yield running
    running.stop()


@pytest.fixture
def browser(server: Server) -> Browser:
    """Somebody who has not signed in."""
    return Browser(server.url)


@pytest.fixture
def adas(server: Server, ada: Person) -> Browser:
    """Ada's browser, in which she has signed in."""
    found = Browser(server.url)
    assert found.sign_in(ada).status == 302
    return found


@pytest.fixture
def project(root: Api, ada: Person, tmp_path: Path) -> str:
    """An empty private repository of Ada."""
    return root.new_repo(owner=ada.name, private=True).name


@pytest.fixture(scope="session")
def shelves(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Shelf]:
    """Gives the repository of a system that tests of pages look at; nobody changes it."""
    made: dict[str, Shelf] = {}

    def of(kind: str) -> Shelf:
        if kind not in made:
            made[kind] = new_shelf(kind, server, root, tmp_path_factory.mktemp(f"shelf-{kind}"))
        return made[kind]

    return of


@pytest.fixture(params=sorted(SYSTEMS))
def shelf(request: pytest.FixtureRequest, shelves: Callable[[str], Shelf]) -> Shelf:
    """That of each system."""
    return shelves(request.param)
