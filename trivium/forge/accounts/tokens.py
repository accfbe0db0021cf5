# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys and tokens of accounts (system.md 1.5)."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, or_, select, update

from trivium.access.caller import Caller
from trivium.access.keys import KeyRing, Role, new_key
from trivium.errors import Invalid
from trivium.forge.events import journal
from trivium.forge.events.accounts import TokenCreated, TokenReset, TokenRevoked
from trivium.forge.site import Site
from trivium.store.engine import insert_id
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, now, users
from trivium.store.tables import tokens as table

NEVER: Final = -1
_AT_A_TIME: Final = 1000


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is listed, without its key."""

    id: int
    role: Role
    builtin: bool
    description: str
    expires: int
    """Seconds since the epoch; -1 is never."""
    created_on: str
    last_used: str | None


_COLUMNS: Final = (
    table.c.id,
    table.c.role,
    table.c.builtin,
    table.c.description,
    table.c.expires,
    table.c.created_on,
    table.c.last_used,
)

_moment: Any = bindparam("moment")
_FEED_KEY: Final = Query(
    select(table.c.sealed)
    .where(
        table.c.user_id == bindparam("whose"),
        table.c.role == bindparam("role"),
        ~table.c.builtin,
        or_(table.c.expires == NEVER, table.c.expires > _moment),
    )
    .order_by(table.c.id)
    .limit(1)
)


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
    with site.store.write(told_apart=True) as db:
        token_id = add_token(db, site.ring, user_id, key, role, description=description, expires=expires)
        journal.record(db, caller, TokenCreated(subject=username, token_id=token_id, role=role.value, expires=expires))
    return key


def feed_token(site: Site, caller: Caller) -> str | None:
    """The key that stands in the addresses of feeds, made on first use (system.md 1.5).

    None for visitors, and where the site shows no keys (`mask_api_keys`). Raises `WouldWait` in a `Store.glance` when
    it has to be made.
    """
    if caller.anonymous or site.settings.mask_api_keys:
        return None
    with site.store.read() as db:
        row = _FEED_KEY.first(db, {"whose": caller.user_id, "role": Role.FEED.value, "moment": int(time.time())})
    if row is not None:
        return site.ring.open(row[0], f"token of {caller.user_id}")
    return create_token(site, caller, caller.user_id, caller.username, role=Role.FEED, description="Feeds")


def tokens_of(db: Connection, user_id: int) -> list[Token]:
    """The keys of an account, the built-in one first."""
    rows = db.execute(select(*_COLUMNS).where(table.c.user_id == user_id).order_by(table.c.builtin.desc(), table.c.id))
    return [Token(row.id, Role(row.role), *row[2:]) for row in rows]


def revoke_token(site: Site, caller: Caller, user_id: int, username: str, token_id: int) -> None:
    """Revoke a further key of an account, with effect from the next request.

    Raises `Invalid` for one that the account does not have, and for the built-in one, which can only be replaced.
    """
    with site.store.write(told_apart=True) as db:
        mine = (table.c.id == token_id, table.c.user_id == user_id)
        row = db.execute(select(table.c.builtin, table.c.role).where(*mine)).first()
        if row is None:
            raise Invalid(f"{username} has no token {token_id}")
        if row.builtin:
            raise Invalid(f"token {token_id} is the built-in key of {username}; it is replaced, not revoked")
        db.execute(delete(table).where(*mine))
        journal.record(db, caller, TokenRevoked(subject=username, token_id=token_id, role=row.role))


def reset_builtin(site: Site, caller: Caller, user_id: int, username: str) -> str:
    """Replace the built-in key of an account and return the new one; the old one is no longer valid."""
    if user_id == DEFAULT_USER_ID:
        raise Invalid("the user default has no keys")
    key = new_key()
    with site.store.write(told_apart=True) as db:
        changed = db.execute(
            update(table)
            .where(table.c.user_id == user_id, table.c.builtin)
            .values(
                digest=site.ring.digest(key),
                sealed=site.ring.seal(key, f"token of {user_id}"),
                created_on=now(),
                last_used=None,
            )
        ).rowcount
        if not changed:
            add_token(db, site.ring, user_id, key, Role.ALL, builtin=True)
        journal.record(db, caller, TokenReset(subject=username))
    return key


def remove_expired(site: Site, caller: Caller, seconds: int) -> int:
    """Remove the further keys that expired more than so many seconds ago; returns how many.

    Until then they are listed, marked expired (system.md 1.5).
    """
    long_ago = (table.c.builtin.is_(False), table.c.expires >= 0, table.c.expires <= int(time.time()) - seconds)
    with site.store.write(told_apart=True) as db:
        rows = db.execute(
            select(table.c.id, table.c.role, users.c.username)
            .join(users, users.c.id == table.c.user_id)
            .where(*long_ago)
            .order_by(table.c.id)
            .limit(_AT_A_TIME)
        ).all()
        for row in rows:
            journal.record(db, caller, TokenRevoked(subject=row.username, token_id=row.id, role=row.role))
        if rows:
            db.execute(delete(table).where(table.c.id.in_([row.id for row in rows])))
    return len(rows)
