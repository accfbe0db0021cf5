# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords: kept as slow hashes, older ones renewed, and nothing that is not one is ever right."""

from __future__ import annotations

import pytest
from pwdlib.hashers.bcrypt import BcryptHasher

from tests.support.passwords import USUAL
from trivium.access.logins import local
from trivium.access.logins.local import MAX_LENGTH, check_password, hash_password, verify_password
from trivium.errors import Invalid


@pytest.fixture(autouse=True)
def usual_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in USUAL.items():
        monkeypatch.setattr(local, name, value)


@pytest.mark.parametrize("password", ["s3cret-pw", "pässwörd 日本", " " * 6, "x" * MAX_LENGTH])
def test_only_the_right_password_is_right(password: str) -> None:
    stored = hash_password(check_password(password))
    assert stored.startswith("$argon2id$") and password not in stored
    assert hash_password(password) != stored
    assert verify_password(password, stored) == (True, None)
    for wrong in (password[:-1], password.upper() + "x", "", password + "x"):
        assert verify_password(wrong, stored) == (False, None)


def test_an_older_hash_is_accepted_and_renewed() -> None:
    old = BcryptHasher(rounds=4).hash("s3cret-pw")
    right, renewed = verify_password("s3cret-pw", old)
    assert right and renewed is not None
    assert verify_password("s3cret-pw", renewed) == (True, None)
    assert verify_password("wrong-one", old) == (False, None)


@pytest.mark.parametrize("stored", [None, "", "*", "s3cret-pw", "$argon2id$", "$2b$nonsense"])
def test_no_password_fits_what_is_no_hash(stored: str | None) -> None:
    assert verify_password("s3cret-pw", stored) == (False, None)


def test_who_has_no_password_waits_for_as_long() -> None:
    """What is compared instead costs what a new hash does (security.md S-20)."""
    assert not local._hash.current_hasher.check_needs_rehash(local._NOBODY)
    assert local._hash.current_hasher.check_needs_rehash(local._NOBODY.replace("t=2", "t=1"))


@pytest.mark.parametrize("password", ["", "12345", "x" * (MAX_LENGTH + 1)])
def test_passwords_that_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        check_password(password)
