# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors before the door of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.doors import HERE, Doorway, Visitor
from trivium.forge.accounts import users as accounts
from trivium.forge.site import Site


@pytest.fixture
def doorway(site: Site) -> Iterator[Doorway]:
    made = Doorway(site)
    yield made
    made.close()


@pytest.fixture
def root(doorway: Doorway) -> Visitor:
    with doorway.site.store.read() as db:
        return doorway.visitor(accounts.first_super_admin(db).as_caller(HERE))
