# SPDX-License-Identifier: GPL-3.0-or-later
"""Another password for somebody who forgot theirs, by a link in a mail (system.md 2.8, security.md 3).

The link holds a key. It is made of the row, the account, its present password and the server's secret, so that neither
the database alone nor a mail that is sent twice needs it stored. It is found by its digest, is used once, holds for an
hour, and is void once the password is another. Whoever asks gets the same answer, by the same statements, whether or
not somebody has that address.
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import time
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, select, update

from trivium.access.caller import Caller, anonymous
from trivium.access.credentials import LOCAL, CredentialsRefused, Reason
from trivium.access.keys import KeyRing
from trivium.access.logins.local import hash_password
from trivium.access.stamps import rights_change
from trivium.errors import TriviumError
from trivium.forge.accounts import sessions
from trivium.forge.accounts.passwords import check_chosen
from trivium.forge.events import journal
from trivium.forge.events.accounts import PasswordChanged, PasswordResetAsked
from trivium.forge.site import Site
from trivium.http.addresses import neighbourhood
from trivium.names import MAX_NAME, is_clean_text
from trivium.store.engine import insert_id
from trivium.store.tables import DEFAULT_USER_ID, users
from trivium.store.tables import password_resets as table

LIFETIME: Final = 3600
"""Seconds for which a link holds."""
_OF_ACCOUNT: Final = 3
"""Mails for one address in an hour."""
_OF_NETWORK: Final = 20
"""Questions from one network in an hour."""
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_NONCE_BYTES: Final = 16


class ResetRefused(TriviumError):
    """The link was used, is too old, belongs to a password that is another by now, or was never given."""


@dataclass(frozen=True, slots=True)
class Reset:
    """A link that holds."""

    user_id: int
    username: str
    email: str
    key: str
    locale: str
    """The language of the page where somebody asked."""


_ACCOUNT: Final = select(users.c.id, users.c.username, users.c.password_hash).where(
    users.c.email == bindparam("sought"),
    users.c.active,
    users.c.extern_type == LOCAL,
    users.c.id != DEFAULT_USER_ID,
)
_RECENT_OF: Final = select(func.count()).where(
    table.c.asked_for == bindparam("whose"), table.c.asked_at > bindparam("since")
)
_RECENT_FROM: Final = select(func.count(), func.min(table.c.asked_at)).where(
    table.c.address == bindparam("network"), table.c.asked_at > bindparam("since")
)
_FORGET_OLD: Final = delete(table).where(table.c.asked_at <= bindparam("since"))
_ROW: Final = (
    select(
        table.c.id,
        table.c.digest,
        table.c.nonce,
        table.c.locale,
        users.c.id.label("user_id"),
        users.c.username,
        users.c.email,
        users.c.password_hash,
    )
    .join(users, users.c.id == table.c.user_id)
    .where(table.c.asked_at > bindparam("since"), users.c.active, users.c.extern_type == LOCAL)
)
_BY_DIGEST: Final = _ROW.where(table.c.digest == bindparam("sought"))
_BY_ID: Final = _ROW.where(table.c.id == bindparam("sought"))


def ask(site: Site, *, email: str, address: str, locale: str = "") -> None:
    """Ask for a link; a mail is sent to the address of the account, if there is one (`trivium/mail`).

    Raises `CredentialsRefused` with `retry_after` for a network from which very many were asked for.
    """
    given = email.strip().lower()
    given = given if given and len(given) <= MAX_NAME and is_clean_text(given) else "?"
    asked_for = site.ring.digest(f"password reset for\n{given}")
    network, moment = neighbourhood(address), int(time.time())
    since = {"since": moment - LIFETIME}
    with site.store.write(access_unchanged=True) as db:
        db.execute(_FORGET_OLD, since)
        count, first = db.execute(_RECENT_FROM, since | {"network": network}).one()
        if count >= _OF_NETWORK:
            raise CredentialsRefused(Reason.TOO_MANY, retry_after=max(1, first + LIFETIME - moment))
        if db.execute(_RECENT_OF, since | {"whose": asked_for}).scalar_one() >= _OF_ACCOUNT:
            return
        row = db.execute(_ACCOUNT, {"sought": given}).first()
        nonce = os.urandom(_NONCE_BYTES)
        key = _key(site.ring, nonce, *((row.id, row.password_hash) if row is not None else (0, "")))
        reset = insert_id(
            db,
            table,
            digest=_digest(site.ring, key),
            nonce=nonce,
            user_id=row.id if row is not None else None,
            asked_for=asked_for,
            address=network,
            locale=locale[:20],
            asked_at=moment,
        )
        subject = row.username if row is not None else ""
        journal.record(db, anonymous(address), PasswordResetAsked(subject=subject, reset=reset))


def to_mail(db: Connection, site: Site, reset: int) -> Reset | None:
    """What the mail needs; None when nobody has that address, or the link does not hold any more."""
    return _held(site, db.execute(_BY_ID, {"sought": reset, "since": int(time.time()) - LIFETIME}).first())


def held(db: Connection, _caller: Caller, site: Site, key: str) -> Reset:
    """The link with this key; raises `ResetRefused`."""
    found = None
    if _KEY.fullmatch(key):
        given = {"sought": _digest(site.ring, key), "since": int(time.time()) - LIFETIME}
        found = _held(site, db.execute(_BY_DIGEST, given).first())
    if found is None:
        raise ResetRefused("the link does not hold any more")
    return found


def use(site: Site, key: str, password: str, *, address: str) -> None:
    """Give the account of a link another password; all its sessions end, and all its links.

    Raises `ResetRefused`, and `Invalid` about `password` for one that cannot be used; then the link still holds.
    """
    caller = anonymous(address)
    site.store.take_time()
    with site.store.read() as db:
        link = held(db, caller, site, key)  # before a hash is computed
    check_chosen(password, link.username, link.email)
    password_hash = hash_password(password)
    with site.store.write(told_apart=True) as db:
        given = {"sought": _digest(site.ring, key), "since": int(time.time()) - LIFETIME}
        row = db.execute(_BY_DIGEST, given).first()
        found = _held(site, row)
        # Of two who use it at once, one finds the row.
        if row is None or found is None or not db.execute(delete(table).where(table.c.id == row.id)).rowcount:
            raise ResetRefused("the link does not hold any more")
        as_seen = (users.c.id == found.user_id, users.c.password_hash.is_not_distinct_from(row.password_hash))
        values = {"password_hash": password_hash, "force_password_change": False}
        if not db.execute(update(users).where(*as_seen, users.c.active).values(**values)).rowcount:
            raise ResetRefused("the link does not hold any more")
        db.execute(delete(table).where(table.c.user_id == found.user_id))
        rights_change(db, user_id=found.user_id)
        changed = PasswordChanged(subject=found.username, user_id=found.user_id, by_mail=True)
        journal.record(db, caller, changed)
        sessions.end_all(db, caller, found.user_id, found.username)


def _held(site: Site, row: Any) -> Reset | None:
    """The link in a row of `_ROW`, unless the password is another since."""
    if row is None:
        return None
    key = _key(site.ring, row.nonce, row.user_id, row.password_hash)
    if not hmac.compare_digest(_digest(site.ring, key), row.digest):
        return None
    return Reset(row.user_id, row.username, row.email, key, row.locale)


def _key(ring: KeyRing, nonce: bytes, user_id: int, password_hash: str | None) -> str:
    made = ring.digest(f"password reset key\n{nonce.hex()}\n{user_id}\n{password_hash or ''}")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _digest(ring: KeyRing, key: str) -> bytes:
    return ring.digest(f"password reset\n{key}")
