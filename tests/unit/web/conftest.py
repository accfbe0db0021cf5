# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors before the door of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.forge.site import Site


@pytest.fixture
def doorway(site: Site) -> Iterator[Doorway]:
    made = Doorway(site)
    yield made
    made.close()


@pytest.fixture
def ada(site: Site) -> Caller:
    return rows.user(site, "ada")


@pytest.fixture
def ben(site: Site) -> Caller:
    return rows.user(site, "ben")
