# SPDX-License-Identifier: GPL-3.0-or-later
"""A site without a server around it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trivium.forge.installation import Administrator, set_up
from trivium.forge.site import Site, open_site
from trivium.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(data=tmp_path / "data", min_free_bytes=0)
    set_up(made, Administrator("root", "administrator-pw", "root@example.org"), public_access=False)
    return made


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    opened = open_site(settings)
    yield opened
    opened.close()
