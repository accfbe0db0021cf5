# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys and tokens of accounts (system.md 1.5)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.access.keys import KeyRing, Role, new_key
from trivium.errors import Invalid
from trivium.forge import journal
from trivium.forge.site import Site
from trivium.store.engine import insert_id
from trivium.store.tables import DEFAULT_USER_ID, now
from trivium.store.tables import tokens as table

NEVER: Final = -1


def add_token(
    db: Connection,
    ring: KeyRing,
    user_id: int,
    key: str,
    role: Role,
    *,
    builtin: bool = False,
    description: str = "",
    expires: int = NEVER,
) -> int:
    """Store a key; returns the token's id."""
    return insert_id(
        db,
        table,
        user_id=user_id,
        digest=ring.digest(key),
        sealed=ring.seal(key, f"token of {user_id}"),
        role=role.value,
        builtin=builtin,
        description=description,
        expires=expires,
        created_on=now(),
    )


def create_token(
    site: Site,
    caller: Caller,
    user_id: int,
    username: str,
    *,
    role: Role,
    description: str = "",
    expires: int = NEVER,
) -> str:
    """Make a further key for an account and return it: the only moment it needs to be seen."""
    if user_id == DEFAULT_USER_ID:
        raise Invalid("the user default has no keys")
    key = new_key()
    with site.store.write() as db:
        token_id = add_token(db, site.ring, user_id, key, role, description=description, expires=expires)
        journal.record(db, caller, "token.create", username, token_id=token_id, role=role.value, expires=expires)
    return key
