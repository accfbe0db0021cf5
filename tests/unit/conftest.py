# SPDX-License-Identifier: GPL-3.0-or-later
"""A site without a server around it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import rows
from trivium.access.caller import Caller
from trivium.assembly import open_site
from trivium.forge.site import Site
from trivium.installation import Administrator, set_up
from trivium.settings import Settings


@pytest.fixture(scope="session")
def root_key() -> str:
    """The API key of the first administrator."""
    return "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory, root_key: str) -> Path:
    """What is set up once and copied for each site."""
    made = Settings(data=tmp_path_factory.mktemp("prepared") / "data", min_free_bytes=0)
    set_up(made, Administrator("root", "administrator-pw", "root@example.org", root_key), public_access=False)
    return made.data


@pytest.fixture
def settings(tmp_path: Path, prepared_data: Path) -> Settings:
    shutil.copytree(prepared_data, tmp_path / "data")
    return Settings(data=tmp_path / "data", min_free_bytes=0)


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    opened = open_site(settings)
    yield opened
    opened.close()


@pytest.fixture
def ada(site: Site) -> Caller:
    """A user without rights of her own."""
    return rows.user(site, "ada")


@pytest.fixture
def ben(site: Site) -> Caller:
    """Another one."""
    return rows.user(site, "ben")
