# SPDX-License-Identifier: GPL-3.0-or-later
"""Who must not wait is told so at once where others are in the way, and may ask again later."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from trivium.access.credentials import Authenticator
from trivium.access.throttle import Throttle
from trivium.errors import WouldWait
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.site import Site

pytestmark = pytest.mark.sqlite_only  # a database with a server of its own can always be slow


def test_a_writer_is_not_in_the_way(site: Site) -> None:
    with site.store.write() as writing:
        accounts.find(writing, "root")
        with site.store.glance() as db:
            assert accounts.find(db, "root").username == "root"


def test_who_has_the_database_for_himself_is_not_waited_for(site: Site) -> None:
    # As SQLite holds it while it repairs it after a crash.
    site.store.close()
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


def test_who_must_not_wait_changes_nothing_and_hashes_no_password(site: Site) -> None:
    authenticator = Authenticator(site.store, site.ring, Throttle(10, 300, 60), journal_failure)
    known = ("root", "administrator-pw", "127.0.0.1")
    with site.store.glance():
        with pytest.raises(WouldWait), site.store.write():
            pytest.fail("a transaction has begun")
        for password in ("wrong", "administrator-pw"):
            with pytest.raises(WouldWait):
                authenticator.by_password("root", password, "127.0.0.1")
    with site.store.read() as db:
        assert db.exec_driver_sql("SELECT count(*) FROM sign_in_failures").scalar_one() == 0
        assert db.exec_driver_sql("SELECT count(*) FROM journal WHERE action = 'sign_in.failed'").scalar_one() == 0
    assert authenticator.by_password(*known)[0].username == "root"
    # From now on it is known, and need not be hashed.
    with site.store.glance():
        assert authenticator.by_password(*known)[0].username == "root"
    with site.store.write():
        pass
