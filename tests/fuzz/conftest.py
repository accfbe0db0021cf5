# SPDX-License-Identifier: GPL-3.0-or-later
"""The server that is sent nonsense: patient for a second or two, so that what never ends costs no time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fuzz.watch import Watched
from tests.support.servers import Server


@pytest.fixture(scope="package")
def watched(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Watched]:
    place = tmp_path_factory.mktemp("fuzz")
    server = prepared.copied(place / "data")
    server.start(
        TRIVIUM_BODY_IDLE_TIMEOUT="1",
        TRIVIUM_HEADER_TIMEOUT="1",
        TRIVIUM_REQUEST_TIMEOUT="5",
        TRIVIUM_REMOTE_TIMEOUT="2",
        TRIVIUM_IMPORT_RATE="0",
        TRIVIUM_LOGIN_FAILURES="1000000",
        TRIVIUM_LOGIN_IP_FAILURES="1000000",
        # Who keeps a worker from answering for so long has found something: it is replaced then.
        TRIVIUM_WORKER_UNRESPONSIVE="10",
    )
    yield Watched(server, place / "homes")
    server.stop()
