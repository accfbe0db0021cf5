# SPDX-License-Identifier: GPL-3.0-or-later
"""Visitors before the door of the pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.doors import Doorway
from trivium.forge.site import Site


@pytest.fixture
def doorway(site: Site) -> Iterator[Doorway]:
    made = Doorway(site)
    yield made
    made.close()
