# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail addresses of an account: one that mails go to, and further ones by which its commits are known (system.md 6.5).

An address that a user adds counts for nothing until they have followed a link in a mail to it. The link holds a key
that is made of its row and the server's secret, holds for a day, is used once, and only by the user who asked for it.
Which of their own addresses mails go to is a choice among those that count (`profiles`).
"""

from __future__ import annotations

import base64
import hmac
import os
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select

from trivium.access.caller import Caller
from trivium.access.keys import KeyRing
from trivium.access.rates import Rates
from trivium.errors import AlreadyExists, Invalid, Kind, NotFound, TriviumError
from trivium.forge.accounts import users as accounts
from trivium.forge.events import journal
from trivium.forge.events.accounts import EmailAdded, EmailAsked, EmailRemoved
from trivium.forge.site import Site
from trivium.names import check_email
from trivium.store.engine import insert_id
from trivium.store.tables import LARGEST_ID, user_emails, users
from trivium.store.tables import email_confirmations as table

LIFETIME: Final = 86_400
"""Seconds for which a link holds."""
_FORGOTTEN: Final = 30 * LIFETIME
"""Seconds after which an address that nobody confirmed is listed no more."""
MOST: Final = 50
"""Further addresses of an account, confirmed or not."""
_HOUR: Final = 3600
_AN_HOUR: Final = 20
"""Addresses that a user may name in an hour: each names a mailbox."""
_KEY = re.compile(r"[A-Za-z0-9_-]{43}")
_NONCE_BYTES: Final = 16


class ConfirmationRefused(TriviumError):
    """The link was used, is too old, was given to somebody else, or never."""


class TooOften(TriviumError):
    """Too many addresses were named in an hour."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many addresses were named in an hour")
        self.retry_after = retry_after
        """Seconds."""


@dataclass(frozen=True, slots=True)
class Email:
    """A further address."""

    id: int
    email: str


@dataclass(frozen=True, slots=True)
class Unconfirmed:
    """An address that nobody has confirmed yet."""

    id: int
    email: str
    asked_at: int
    """Seconds since the epoch."""

    @property
    def over(self) -> bool:
        """Whether its link holds no more."""
        return self.asked_at <= time.time() - LIFETIME


@dataclass(frozen=True, slots=True)
class Emails:
    """The addresses of an account."""

    main: str | None
    """Where mails go."""
    further: Sequence[Email]
    unconfirmed: Sequence[Unconfirmed]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A link that holds."""

    user_id: int
    username: str
    email: str
    key: str
    locale: str
    """The language of the page where somebody asked."""
    holder: str = ""
    """The account that has the address already; empty: none, so that the link lets it be added."""


_ROW: Final = (
    select(table.c.id, table.c.digest, table.c.nonce, table.c.email, table.c.locale, users.c.id.label("user_id"))
    .add_columns(users.c.username)
    .join(users, users.c.id == table.c.user_id)
    .where(table.c.asked_at > bindparam("since"), users.c.active)
)
_BY_DIGEST: Final = _ROW.where(table.c.digest == bindparam("sought"))
_BY_ID: Final = _ROW.where(table.c.id == bindparam("sought"))


def emails_of(db: Connection, _caller: Caller, user_id: int) -> Emails:
    """The addresses of an account, for its user or a super-admin: three statements."""
    main = db.execute(select(users.c.email).where(users.c.id == user_id)).scalar()
    further = db.execute(
        select(user_emails.c.id, user_emails.c.email).where(user_emails.c.user_id == user_id).order_by(user_emails.c.id)
    )
    waiting = db.execute(
        select(table.c.id, table.c.email, table.c.asked_at).where(table.c.user_id == user_id).order_by(table.c.id)
    )
    return Emails(main, [Email(*row) for row in further], [Unconfirmed(*row) for row in waiting])


def ask(site: Site, caller: Caller, email: str, *, locale: str = "") -> None:
    """Have a mail sent to an address that the caller says is theirs; a link sent before to the same holds no more.

    Which addresses other accounts have is told nobody: such a one is answered alike, and the mail says whose it is.
    Raises `Invalid` about `email`, `TooOften`, and `AlreadyExists` for one that the caller has already.
    """
    if not site.settings.mails_links:
        raise Invalid("This site sends no mails. An administrator can add an address.", about="email")
    stored = checked(email)
    rates = _rates(site.settings.data)
    if rates.count(site.ring.digest(f"email {caller.user_id}")) > _AN_HOUR:
        raise TooOften(rates.seconds_left())
    nonce, moment = os.urandom(_NONCE_BYTES), int(time.time())
    with site.store.write(told_apart=True) as db:
        if accounts.holds(db, caller.user_id, stored):
            raise AlreadyExists(Kind.EMAIL, stored)
        db.execute(delete(table).where(table.c.asked_at <= moment - _FORGOTTEN))
        db.execute(delete(table).where(table.c.user_id == caller.user_id, table.c.email == stored))
        _check_few(db, caller.user_id)
        confirmation = insert_id(
            db,
            table,
            user_id=caller.user_id,
            email=stored,
            nonce=nonce,
            digest=_digest(site.ring, _key(site.ring, nonce, caller.user_id, stored)),
            locale=locale[:20],
            asked_at=moment,
        )
        journal.record(db, caller, EmailAsked(subject=caller.username, confirmation=confirmation, email=stored))


def to_mail(db: Connection, site: Site, confirmation: int) -> Confirmation | None:
    """What the mail needs; None when the link holds no more."""
    found = _held(site, db.execute(_BY_ID, {"sought": confirmation, "since": int(time.time()) - LIFETIME}).first())
    return None if found is None else replace(found, holder=accounts.holder_of(db, found.email))


def held(db: Connection, caller: Caller, site: Site, key: str) -> Confirmation:
    """The caller's link with this key; raises `ConfirmationRefused`."""
    found = None
    if _KEY.fullmatch(key):
        given = {"sought": _digest(site.ring, key), "since": int(time.time()) - LIFETIME}
        found = _held(site, db.execute(_BY_DIGEST, given).first())
    if found is None or found.user_id != caller.user_id:
        raise ConfirmationRefused("the link does not hold any more")
    return found


def confirm(site: Site, caller: Caller, key: str) -> str:
    """Have the address of the caller's link count from now on; returns it.

    Raises `ConfirmationRefused`, and `AlreadyExists` where another account has got the address meanwhile.
    """
    with site.store.write(told_apart=True) as db:
        found = held(db, caller, site, key)
        # Of two who use it at once, one finds the row.
        if not db.execute(delete(table).where(table.c.digest == _digest(site.ring, key))).rowcount:
            raise ConfirmationRefused("the link does not hold any more")
        _add(db, caller, found.user_id, found.username, found.email)
    return found.email


def add(site: Site, caller: Caller, user_id: int, username: str, email: str) -> None:
    """Have an address of an account count at once: for super-admins, who know whose it is.

    Raises `Invalid` about `email`, and `AlreadyExists`.
    """
    stored = checked(email)
    with site.store.write(told_apart=True) as db:
        db.execute(delete(table).where(table.c.user_id == user_id, table.c.email == stored))
        _check_few(db, user_id)
        _add(db, caller, user_id, username, stored)


def remove(site: Site, caller: Caller, user_id: int, username: str, email_id: int) -> str:
    """Have a further address of an account count no more; returns it. Raises `NotFound`."""
    with site.store.write(told_apart=True) as db:
        return _remove(db, caller, user_emails, user_id, username, email_id)


def forget(site: Site, caller: Caller, user_id: int, username: str, confirmation: int) -> str:
    """Take back that an address is to be confirmed; returns it. Raises `NotFound`."""
    with site.store.write(told_apart=True) as db:
        return _remove(db, caller, table, user_id, username, confirmation)


def _remove(db: Connection, caller: Caller, of: Any, user_id: int, username: str, row_id: int) -> str:
    mine = (of.c.id == min(row_id, LARGEST_ID), of.c.user_id == user_id)
    email: str | None = db.execute(select(of.c.email).where(*mine)).scalar()
    if email is None or not db.execute(delete(of).where(*mine)).rowcount:
        raise NotFound(Kind.EMAIL, row_id)
    journal.record(db, caller, EmailRemoved(subject=username, email=email))
    return email


def _add(db: Connection, caller: Caller, user_id: int, username: str, email: str) -> None:
    accounts.check_free(db, email=email)
    db.execute(insert(user_emails).values(user_id=user_id, email=email))
    journal.record(db, caller, EmailAdded(subject=username, email=email))


def _check_few(db: Connection, user_id: int) -> None:
    count = sum(
        db.execute(select(func.count()).where(of.c.user_id == user_id)).scalar_one() for of in (user_emails, table)
    )
    if count >= MOST:
        raise Invalid("This account has very many addresses. Please remove some first.", about="email")


def checked(email: str) -> str:
    """An address as it is stored, of which mail can be thought; raises `Invalid` about `email`.

    What somebody types into a page has to be one; the API takes more (api-users.md 7).
    """
    name, at, host = email.rpartition("@")
    if not (name and at and host) or " " in email:
        raise Invalid("This is no e-mail address.", about="email")
    try:
        return check_email(email)
    except Invalid as error:
        raise Invalid("This is no e-mail address.", about="email") from error


def _held(site: Site, row: Any) -> Confirmation | None:
    if row is None:
        return None
    key = _key(site.ring, row.nonce, row.user_id, row.email)
    if not hmac.compare_digest(_digest(site.ring, key), row.digest):
        return None
    return Confirmation(row.user_id, row.username, row.email, key, row.locale)


def _key(ring: KeyRing, nonce: bytes, user_id: int, email: str) -> str:
    made = ring.digest(f"email confirmation key\n{nonce.hex()}\n{user_id}\n{email}")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")


def _digest(ring: KeyRing, key: str) -> bytes:
    return ring.digest(f"email confirmation\n{key}")


@lru_cache(maxsize=8)
def _rates(data: Path) -> Rates:
    """What the workers of an installation count by the hour, with what `registration` counts."""
    return Rates(data / "hourly-rates", _HOUR)
