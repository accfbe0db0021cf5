# SPDX-License-Identifier: GPL-3.0-or-later
"""What is the same for Git, Mercurial and Subversion is told once: every scenario here runs with each of them."""

from __future__ import annotations

from collections.abc import Callable
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
    return _filled(server, root, system, ada)


@pytest.fixture(scope="session")
def filled_once(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Filled]:
    """Gives the repository of a system that tests read and nobody changes."""
    made: dict[str, Filled] = {}

    def of(kind: str) -> Filled:
        if kind not in made:
            system = new_system(kind, tmp_path_factory.mktemp("filled") / "home")
            made[kind] = _filled(server, root, system, root.new_user())
        return made[kind]

    return of


@pytest.fixture
def kept(system: System, filled_once: Callable[[str], Filled]) -> Filled:
    """As `filled`, for tests that only read it."""
    return filled_once(system.kind)


def _filled(server: Server, root: Api, system: System, owner: Person) -> Filled:
    name = system.new_repository(root, owner)
    copy = system.checkout(server, name, owner)
    ids = [
        copy.change("one", **{"docs/read me.txt": "first\nsecond\n", "image": b"\0\1\2", "gone": "x\n"}),
        copy.change("two", **{"docs/read me.txt": "first\nchanged\nthird\n"}),
        copy.change("three", **{"gone": None, "grüße/ünïcode.txt": "ü\n"}),
    ]
    return Filled(name, copy, ids)
