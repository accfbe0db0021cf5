# SPDX-License-Identifier: GPL-3.0-or-later
"""Who looks at pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.changed import Changed, new_changed
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.shelves import Shelf, new_shelf
from tests.support.stories import Story, new_story
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
def every_changed(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Changed]:
    """Gives the repository of a system with changes of every sort; nobody changes it."""
    made: dict[str, Changed] = {}

    def of(kind: str) -> Changed:
        if kind not in made:
            made[kind] = new_changed(kind, server, root, tmp_path_factory.mktemp("changed") / kind)
        return made[kind]

    return of


@pytest.fixture(params=sorted(SYSTEMS))
def kind(request: pytest.FixtureRequest) -> str:
    """Of a system."""
    return str(request.param)


@pytest.fixture
def changed(kind: str, every_changed: Callable[[str], Changed]) -> Changed:
    """That of each system."""
    return every_changed(kind)


@pytest.fixture(scope="session")
def every_reader(server: Server) -> Callable[[Changed], Browser]:
    """Browsers of owners, one for each repository."""
    made: dict[str, Browser] = {}

    def of(changed: Changed) -> Browser:
        if changed.name not in made:
            made[changed.name] = Browser(server.url)
            assert made[changed.name].sign_in(changed.owner).status == 302
        return made[changed.name]

    return of


@pytest.fixture
def readers(changed: Changed, every_reader: Callable[[Changed], Browser]) -> Browser:
    """The browser of who owns it, who has signed in."""
    return every_reader(changed)


@pytest.fixture(scope="session")
def cramped(
    tmp_path_factory: pytest.TempPathFactory, prepared: Server
) -> Iterator[Callable[[str], tuple[Browser, Changed]]]:
    """A shared server whose pages show little, with such a repository and its owner's browser."""
    home = tmp_path_factory.mktemp("cramped")
    running = prepared.copied(home / "data")
    running.start(TRIVIUM_CUT_OFF_LIMIT_FILE="2000", TRIVIUM_CUT_OFF_LIMIT_DIFF="4000")
    made: dict[str, tuple[Browser, Changed]] = {}

    def of(kind: str) -> tuple[Browser, Changed]:
        if kind not in made:
            changed = new_changed(kind, running, running.api(running.admin_key), home / kind)
            browser = Browser(running.url)
            assert browser.sign_in(changed.owner).status == 302
            made[kind] = browser, changed
        return made[kind]

    yield of
    running.stop()


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


@pytest.fixture(scope="session")
def stories(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Story]:
    """Gives the repository of a system with a history in several lines; nobody changes it."""
    made: dict[str, Story] = {}

    def of(kind: str) -> Story:
        if kind not in made:
            made[kind] = new_story(kind, server, root, tmp_path_factory.mktemp(f"story-{kind}"))
        return made[kind]

    return of


@pytest.fixture(params=sorted(SYSTEMS))
def story(request: pytest.FixtureRequest, stories: Callable[[str], Story]) -> Story:
    """That of each system."""
    return stories(request.param)
