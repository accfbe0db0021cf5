# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures: `client` knows no server; `api` is the client with key and host in its environment."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.fakes import KEY, ApiServer, Client, isolated


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """Return a running server that answers `result: null`."""
    with ApiServer() as running:
        yield running


@pytest.fixture
def elsewhere() -> Iterator[ApiServer]:
    """Return a second server, which nobody should be talking to."""
    with ApiServer() as running:
        yield running


@pytest.fixture
def client(tmp_path: Path) -> Client:
    """Return a client without key, host and config file."""
    home = tmp_path / "home"
    home.mkdir()
    return isolated(home, tmp_path / "xdg")


@pytest.fixture
def api(client: Client, server: ApiServer) -> Client:
    """Return a client that is set up to call `server`."""
    client.env |= {"RHODECODE_API_KEY": KEY, "RHODECODE_API_HOST": server.url}
    return client
