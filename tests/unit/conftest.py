# SPDX-License-Identifier: GPL-3.0-or-later
"""A site without a server around it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgresql, rows
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
def prepared_database() -> str | None:
    """The database of what is set up once; None: a file of SQLite in its data."""
    return postgresql.new_database() if postgresql.wanted() else None


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables."""
    if not postgresql.wanted():
        yield f"sqlite:///{tmp_path / 'trivium.db'}"
        return
    name = postgresql.new_database()
    yield postgresql.address_of(name)
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def prepared_data(tmp_path_factory: pytest.TempPathFactory, root_key: str, prepared_database: str | None) -> Path:
    """What is set up once and copied for each site."""
    data = tmp_path_factory.mktemp("prepared") / "data"
    set_up(
        Settings(data=data, min_free_bytes=0, database_url=_url(prepared_database)),
        Administrator("root", "administrator-pw", "root@example.org", root_key),
        public_access=False,
    )
    return data


@pytest.fixture
def settings(tmp_path: Path, prepared_data: Path, prepared_database: str | None) -> Iterator[Settings]:
    shutil.copytree(prepared_data, tmp_path / "data")
    database = None if prepared_database is None else postgresql.new_database(prepared_database)
    yield Settings(data=tmp_path / "data", min_free_bytes=0, database_url=_url(database))
    if database is not None:
        postgresql.drop_database(database)


def _url(database: str | None) -> str:
    return "" if database is None else postgresql.address_of(database)


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
