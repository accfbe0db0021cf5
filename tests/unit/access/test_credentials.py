# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that change while somebody signs in, and errands of the server to itself."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from trivium.access import credentials
from trivium.access.caller import Caller
from trivium.access.credentials import Authenticator, CredentialsRefused, Proof
from trivium.access.errands import ERRAND, read_errand, write_errand
from trivium.access.keys import KeyRing
from trivium.access.throttle import Throttle
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.store import schema
from trivium.store.engine import Store
from trivium.store.tables import user_addresses, users

RING = KeyRing(b"k" * 32)
ADA = 7


@pytest.fixture
def store(tmp_path: Path, empty_database: str) -> Iterator[Store]:
    made = Store(empty_database)
    schema.upgrade(made, tmp_path / "backups")
    with made.write() as db:
        db.execute(
            insert(users).values(
                id=ADA,
                username="ada",
                username_key="ada",
                firstname="",
                lastname="",
                email="ada@example.org",
                active=True,
                admin=False,
                password_hash="old",
                inherit_default_permissions=True,
                extern_name="rhodecode",
                extern_type="rhodecode",
                force_password_change=False,
                created_on="2026-01-01T00:00:00.000",
            )
        )
    yield made
    made.close()


@pytest.fixture
def authenticator(store: Store) -> Authenticator:
    return Authenticator(store, RING, Throttle(10, 300, 60), journal_failure)


def _hash(store: Store) -> str | None:
    with store.read() as db:
        return db.execute(select(users.c.password_hash).where(users.c.id == ADA)).scalar_one()


def test_a_renewed_hash_does_not_bring_an_old_password_back(
    store: Store, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def verify_slowly(_password: str, stored: str | None) -> tuple[bool, str | None]:
        assert stored == "old"
        with store.write() as db:  # somebody changes the password meanwhile
            db.execute(update(users).where(users.c.id == ADA).values(password_hash="new"))
        return True, "old, hashed anew"

    monkeypatch.setattr(credentials, "verify_password", verify_slowly)
    authenticator.by_password("ada", "old password", "192.0.2.1")
    assert _hash(store) == "new"


def test_a_hash_of_an_older_kind_is_renewed(
    store: Store, authenticator: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(credentials, "verify_password", lambda *_: (True, "old, hashed anew"))
    authenticator.by_password("ada", "a password", "192.0.2.1")
    assert _hash(store) == "old, hashed anew"


def test_an_errand_stands_for_whoever_sent_it_from_where_they_did(store: Store, authenticator: Authenticator) -> None:
    ada = Caller(ADA, "ada", False, True, "192.0.2.1")
    sent = write_errand(RING, ada, 60)
    assert authenticator.by_password(ERRAND, sent, "127.0.0.1") == (ada, Proof())
    with store.write() as db:
        db.execute(insert(user_addresses).values(user_id=ADA, network="127.0.0.0/8", description=""))
    with pytest.raises(CredentialsRefused):
        authenticator.by_password(ERRAND, sent, "127.0.0.1")


@pytest.mark.parametrize("text", ["", "x", "x" * 100_000, "ä", "\0", "AAAA" * 20])
def test_nobody_else_writes_errands(authenticator: Authenticator, text: str) -> None:
    with pytest.raises(CredentialsRefused):
        authenticator.by_password(ERRAND, text, "127.0.0.1")
    foreign = write_errand(KeyRing(b"f" * 32), Caller(ADA, "ada", False, True, ""), 60)
    with pytest.raises(CredentialsRefused):
        authenticator.by_password(ERRAND, foreign, "127.0.0.1")


def test_an_errand_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = write_errand(RING, Caller(ADA, "ada", False, True, ""), 60)
    assert read_errand(RING, sent) is not None
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert read_errand(RING, sent) is None
