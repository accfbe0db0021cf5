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
