# SPDX-License-Identifier: GPL-3.0-or-later
"""What passwords cost: in tests, and in the servers that are copied for them, as little as the algorithm knows.

At its usual cost a hash takes a processor for 30 ms, more than nearly all that tests ask a server for.
"""

from __future__ import annotations

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pwdlib.hashers.bcrypt import BcryptHasher

from trivium.access.logins import local

USUAL = {"_hash": local._hash, "_NOBODY": local._NOBODY}
"""What there is of it in `trivium.access.logins.local` without this."""


def cost_little() -> None:
    """Hash and compare in this process by the same functions, but for less."""
    cheap = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1), BcryptHasher()))
    vars(local).update(_hash=cheap, _NOBODY=cheap.hash("nobody's"))
