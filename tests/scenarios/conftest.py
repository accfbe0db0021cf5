# SPDX-License-Identifier: GPL-3.0-or-later
"""Who lives in the scenarios."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.svn_client import Svn


@pytest.fixture
def ada(root: Api) -> Person:
    """A user without rights of her own."""
    return root.new_user()


@pytest.fixture(scope="session")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A shared server that believes what is said of a client's address: here, and at 192.0.2.1, are its proxies."""
    running = prepared.copied(tmp_path_factory.mktemp("behind-proxy") / "data")
    running.start(TRIVIUM_TRUSTED_PROXIES="127.0.0.0/8, 192.0.2.1")
    yield running
    running.remove()


@pytest.fixture
def visitors(server: Server) -> Iterator[Callable[[str], None]]:
    """Says whether visitors may look: "on" or "off", as it is again afterwards."""

    def may_look(state: str) -> None:
        server.administer("public-access", state)

    yield may_look
    may_look("off")


@pytest.fixture
def svn(tmp_path: Path, ada: Person) -> Svn:
    """Her Subversion client."""
    return Svn(tmp_path / "home", ada)
