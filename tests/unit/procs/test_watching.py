# SPDX-License-Identifier: GPL-3.0-or-later
"""A transfer that must not go on is ended, and says why."""

from __future__ import annotations

import threading

import pytest

from trivium.errors import StorageFull
from trivium.procs import watching
from trivium.procs.watching import watched
from trivium.vcs.errors import VcsError


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_EVERY", 0.001)


def test_a_transfer_that_fills_the_disk_is_ended() -> None:
    ended = threading.Event()

    def full() -> None:
        raise StorageFull("no room")

    def transfer(*failures: Exception) -> None:
        with watched(full, ended.set):
            assert ended.wait(30)
            for failure in failures:
                raise failure

    with pytest.raises(StorageFull):
        transfer()
    ended.clear()
    with pytest.raises(StorageFull):
        transfer(VcsError("what it says when it is ended does not matter"))


def test_other_transfers_end_by_themselves() -> None:
    looked = threading.Event()
    with watched(looked.set, lambda: pytest.fail("ended")):
        assert looked.wait(30)
    failure = VcsError("its own failure")
    with pytest.raises(VcsError), watched(looked.set, lambda: pytest.fail("ended")):
        raise failure
