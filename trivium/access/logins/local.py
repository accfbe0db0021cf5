# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords: argon2id with explicit cost, older bcrypt hashes accepted and renewed (security.md S-19)."""

from __future__ import annotations

from typing import Final

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from trivium.errors import Invalid

MIN_LENGTH: Final = 6
"""What the API must accept (system.md 3.5)."""
MAX_LENGTH: Final = 1024

_hash = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19 * 1024, parallelism=1), BcryptHasher()))
# Of a long random password that was thrown away, at the cost above; written down, since to hash delays each process.
_NOBODY: Final = "$argon2id$v=19$m=19456,t=2,p=1$g/augmW1mB/7+3jinNU5Tg$IWHNadMfrpRRIHu3XcBX0p4QXbn/Ft4aVbquIYWtR0E"


def check_password(password: str) -> str:
    """Refuse what is too short or too long to be a password."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid(
            "A password has %(least)s to %(most)s characters.", about="password", least=MIN_LENGTH, most=MAX_LENGTH
        )
    return password


def hash_password(password: str) -> str:
    return _hash.hash(password)


def verify_password(password: str, password_hash: str | None) -> tuple[bool, str | None]:
    """Whether the password is right, and a renewed hash when the stored one is of an older kind.

    Takes the same time for an account that does not exist or has no password (security.md S-20).
    """
    if not password or len(password) > MAX_LENGTH:
        return False, None
    if not password_hash:
        _hash.verify(password, _NOBODY)
        return False, None
    try:
        return _hash.verify_and_update(password, password_hash)
    except Exception:  # a hash of an unknown kind: no password fits it
        return False, None
