# SPDX-License-Identifier: GPL-3.0-or-later
"""A small file is found and read in one look at its repository, which is opened once."""

from __future__ import annotations

import pytest

from tests.support import gits, rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.forge.history.reading import History
from trivium.forge.site import Site


@pytest.mark.parametrize("view", ["raw", "rawfile"])
def test_a_small_file_is_found_and_read_at_once(
    site: Site, ada: Caller, doorway: Doorway, monkeypatch: pytest.MonkeyPatch, view: str
) -> None:
    with site.store.write() as db:
        rows.repository(db, "tool", ada)
    (raw_id,) = gits.history(site.tree.path_of("tool"), {"notes.txt": "one\n", "large.bin": "x" * (300 << 10)})
    looks = []
    read = History.read
    monkeypatch.setattr(History, "read", lambda *given: (looks.append(given), read(*given))[1])
    visitor = doorway.visitor(ada)
    assert visitor.get(f"/tool/{view}/{raw_id}/notes.txt").body == b"one\n"
    assert visitor.get(f"/tool/{view}/{raw_id}/notes.txt").body == b"one\n"
    assert len(looks) == 1
    assert visitor.get(f"/tool/{view}/{raw_id}/large.bin").body == b"x" * (300 << 10)
