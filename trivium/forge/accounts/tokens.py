# SPDX-License-Identifier: GPL-3.0-or-later
"""API keys and tokens of accounts (system.md 1.5)."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, or_, select, update

from trivium.access.caller import Caller
from trivium.access.keys import KeyRing, Role, new_key
from trivium.errors import Invalid
from trivium.forge.events import journal
from trivium.forge.events.accounts import TokenCreated, TokenReset, TokenRevoked
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.engine import insert_id
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, now, users
from trivium.store.tables import tokens as table

NEVER: Final = -1
MOST: Final = 500
"""Keys of one account."""
ENDING: Final = 4
_LONGEST_DESCRIPTION: Final = 1000
LONGEST_LIFETIME: Final = 60 * 24 * 366 * 100
"""Minutes."""
_AT_A_TIME: Final = 1000
_LONGEST_NUMBER: Final = 18
_SHOWN_SECONDS: Final = 300


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
    last_address: str | None
    """From where that was."""
    ending: str = ""
    """The last characters of the key, by which its owner knows it; empty unless they were asked for."""

    @property
    def expiry(self) -> str:
        """When it expires, as moments are stored; empty for never."""
        return "" if self.expires < 0 else datetime.fromtimestamp(self.expires, UTC).replace(tzinfo=None).isoformat()

    @property
    def expired(self) -> bool:
        return 0 <= self.expires <= time.time()


_COLUMNS: Final = (
    table.c.id,
    table.c.role,
    table.c.builtin,
    table.c.description,
    table.c.expires,
    table.c.created_on,
    table.c.last_used,
    table.c.last_address,
    table.c.sealed,
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


@dataclass(frozen=True, slots=True)
class NewToken:
    """A key that was just made, or replaced."""

    id: int
    key: str


def expiry(lifetime: int) -> int:
    """When a key expires that is made now and lives so many minutes, -1 for ever; raises `Invalid` about `lifetime`."""
    if lifetime == NEVER:
        return NEVER
    if not 1 <= lifetime <= LONGEST_LIFETIME:
        raise Invalid("A lifetime is a number of minutes, or -1 for ever.", about="lifetime")
    return int(time.time()) + 60 * lifetime


def create_token(
    site: Site,
    caller: Caller,
    user_id: int,
    username: str,
    *,
    role: Role,
    description: str = "",
    expires: int = NEVER,
) -> NewToken:
    """Make a further key for an account; the answer is the only moment it needs to be seen.

    Raises `Invalid` about `description` for one that cannot be stored, and when the account has very many keys.
    """
    if user_id == DEFAULT_USER_ID:
        raise Invalid("the user default has no keys")
    if len(description) > _LONGEST_DESCRIPTION or not is_clean_text(description):
        raise Invalid("This is too long, or has a character that cannot be stored.", about="description")
    key = new_key()
    with site.store.write(told_apart=True) as db:
        if db.execute(select(func.count()).where(table.c.user_id == user_id)).scalar_one() >= MOST:
            raise Invalid("This account has very many keys. Please delete some first.", about="description")
        token_id = add_token(db, site.ring, user_id, key, role, description=description, expires=expires)
        journal.record(db, caller, TokenCreated(subject=username, token_id=token_id, role=role.value, expires=expires))
    return NewToken(token_id, key)


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
    return create_token(site, caller, caller.user_id, caller.username, role=Role.FEED, description="Feeds").key


def tokens_of(db: Connection, user_id: int, opener: KeyRing | None = None) -> list[Token]:
    """The keys of an account, the built-in one first: one statement. With an `opener`, with how they end."""
    rows = db.execute(select(*_COLUMNS).where(table.c.user_id == user_id).order_by(table.c.builtin.desc(), table.c.id))
    return [
        Token(
            row.id,
            Role(row.role),
            *row[2:-1],
            ending=opener.open(row.sealed, f"token of {user_id}")[-ENDING:] if opener else "",
        )
        for row in rows
    ]


def own_tokens(db: Connection, caller: Caller, ring: KeyRing) -> list[Token]:
    """The keys of the caller's account, with how they end: one statement."""
    return tokens_of(db, caller.user_id, ring)


def ticket(ring: KeyRing, session_id: int, token_id: int) -> str:
    """What shows a session the key that it has just made, for some minutes (`just_made`)."""
    return f"{token_id}-{_mark(ring, session_id, token_id, _stretch())}"


def just_made(db: Connection, caller: Caller, ring: KeyRing, session_id: int, given: str) -> NewToken | None:
    """The key that a ticket is for: one of the caller's own, which this session has made in the last minutes."""
    number, _, mark = given.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
        return None
    known = [_mark(ring, session_id, int(number), when) for when in (_stretch(), _stretch() - 1)]
    if not any(hmac.compare_digest(mark.encode(), one.encode()) for one in known):
        return None
    mine = (table.c.id == int(number), table.c.user_id == caller.user_id)
    sealed = db.execute(select(table.c.sealed).where(*mine)).scalar()
    return None if sealed is None else NewToken(int(number), ring.open(sealed, f"token of {caller.user_id}"))


def _stretch() -> int:
    return int(time.time()) // _SHOWN_SECONDS


def _mark(ring: KeyRing, session_id: int, token_id: int, stretch: int) -> str:
    return ring.digest(f"just made\n{session_id}\n{token_id}\n{stretch}").hex()[:32]


def named(db: Connection, caller: Caller, ring: KeyRing, given: str) -> int | None:
    """The number of the caller's token that a form names, by its number or by the key itself."""
    mine = table.c.user_id == caller.user_id
    if len(given) <= _LONGEST_NUMBER and given.isascii() and given.isdigit():
        return db.execute(select(table.c.id).where(mine, table.c.id == int(given))).scalar()
    return db.execute(select(table.c.id).where(mine, table.c.digest == ring.digest(given))).scalar()


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
    return replace_builtin(site, caller, user_id, username).key


def replace_builtin(site: Site, caller: Caller, user_id: int, username: str) -> NewToken:
    """The same, with the number of the token."""
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
                last_address=None,
            )
        ).rowcount
        if changed:
            token_id = db.execute(select(table.c.id).where(table.c.user_id == user_id, table.c.builtin)).scalar_one()
        else:
            token_id = add_token(db, site.ring, user_id, key, Role.ALL, builtin=True)
        journal.record(db, caller, TokenReset(subject=username))
    return NewToken(token_id, key)


def remove_expired(site: Site, caller: Caller, seconds: int) -> int:
    """Remove the further keys that expired more than so many seconds ago; returns how many.

    Until then they are listed, marked expired (system.md 1.5).
    """
    long_ago = (table.c.builtin.is_(False), table.c.expires >= 0, table.c.expires <= int(time.time()) - seconds)
    with site.store.read() as db:
        if db.execute(select(table.c.id).where(*long_ago).limit(1)).first() is None:
            return 0  # mostly: a transaction for nothing would end what is remembered of rights
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
