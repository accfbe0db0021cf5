# SPDX-License-Identifier: GPL-3.0-or-later
"""Named locks: what of two transactions must not run at the same time, where rows alone cannot say so.

SQLite has one writer, so that a transaction there has every lock already. On PostgreSQL a lock is advisory, belongs to
the transaction, and ends with it. Whoever takes two takes them in the order of this list:

1. the row of `access_stamp`, which `Store.write` changes first of all unless it is told that no right can change. So
   all transactions that create, rename, delete, or grant something run one after the other, and what one of them has
   looked up stays true until it ends;
2. `RENAMES`: what stands in the tree of repositories, between a look at recorded renames and the commit of one;
3. the others of this file; what one of them guards stands beside its name.
"""

from __future__ import annotations

import hashlib
from typing import Final

from sqlalchemy import Connection, func, select

RENAMES: Final = "renames"
SCHEMA: Final = "schema"
"""Steps of the schema, and what is written once into a new database."""
SIGN_IN_FAILURES: Final = "sign-in failures"
"""What is counted of wrong passwords: a failure between reading a number and writing the next would not count."""


def user_lock_of(repository_id: int) -> str:
    """The lock of a repository that users see: a push that releases it must not release the next one."""
    return f"user lock {repository_id}"


def checks_of(repository_id: int) -> str:
    """How many programs say something of a commit."""
    return f"checks {repository_id}"


def preferences_of(user_id: int) -> str:
    """The row that a user may not have yet."""
    return f"preferences {user_id}"


def lock(db: Connection, name: str) -> None:
    """Hold a lock until the transaction ends. Raises what `Store.write` raises when that takes too long."""
    if db.dialect.name == "postgresql":
        db.execute(select(func.pg_advisory_xact_lock(number_of(name))))


def number_of(name: str) -> int:
    """The number by which PostgreSQL knows a lock."""
    return int.from_bytes(hashlib.sha256(f"trivium {name}".encode()).digest()[:8], "big", signed=True)
