# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must not wait is told so at once where others are in the way, and may ask again later."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from trivium.errors import WouldWait
from trivium.forge import accounts
from trivium.forge.site import Site


def test_a_writer_is_not_in_the_way(site: Site) -> None:
    with site.store.write() as writing:
        accounts.find(writing, "root")
        with site.store.glance() as db:
            assert accounts.find(db, "root").username == "root"


def test_who_has_the_database_for_himself_is_not_waited_for(site: Site) -> None:
    # As SQLite holds it while it repairs it after a crash.
    site.store.engine.dispose()
    with closing(sqlite3.connect(site.settings.data / "trivium.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(WouldWait), site.store.glance() as db:
            accounts.find(db, "root")
    with site.store.glance() as db:
        assert accounts.find(db, "root").username == "root"


def test_the_same_connection_sees_what_was_committed_since(site: Site) -> None:
    with site.store.glance() as first:
        assert accounts.find(first, "root").email == "root@example.org"
    with site.store.write() as writing:
        writing.exec_driver_sql("UPDATE users SET email = 'other@example.org' WHERE username = 'root'")
    with site.store.glance() as second:
        assert second is first
        assert accounts.find(second, "root").email == "other@example.org"
