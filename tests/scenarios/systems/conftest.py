# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the same for Git, Mercurial and Subversion is told once: every scenario here runs with each of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, Filled, System, new_system


@pytest.fixture(params=sorted(SYSTEMS))
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    return new_system(request.param, tmp_path / "home")


@pytest.fixture
def ada(root: Api) -> Person:
    return root.new_user()


@pytest.fixture
def filled(server: Server, root: Api, system: System, ada: Person) -> Filled:
    """A repository of Ada with three changesets."""
    name = system.new_repository(root, ada)
    copy = system.checkout(server, name, ada)
    ids = [
        copy.change("one", **{"docs/read me.txt": "first\nsecond\n", "image": b"\0\1\2", "gone": "x\n"}),
        copy.change("two", **{"docs/read me.txt": "first\nchanged\nthird\n"}),
        copy.change("three", **{"gone": None, "grüße/ünïcode.txt": "ü\n"}),
    ]
    return Filled(name, copy, ids)
