# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail addresses of an account: one that mails go to, and further ones by which commits are known (system.md 6.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select

from trivium.access.caller import Caller
from trivium.errors import Invalid, Kind, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.events import journal
from trivium.forge.events.accounts import EmailAdded, EmailRemoved
from trivium.forge.site import Site
from trivium.names import check_email
from trivium.store.tables import LARGEST_ID, user_emails, users

MOST: Final = 50
"""Further addresses of an account."""


@dataclass(frozen=True, slots=True)
class Email:
    """A further address."""

    id: int
    email: str


@dataclass(frozen=True, slots=True)
class Emails:
    """The addresses of an account."""

    main: str | None
    """Where mails go."""
    further: Sequence[Email]


def emails_of(db: Connection, _caller: Caller, user_id: int) -> Emails:
    """The addresses of an account, for its user or a super-admin: two statements."""
    main = db.execute(select(users.c.email).where(users.c.id == user_id)).scalar()
    further = db.execute(
        select(user_emails.c.id, user_emails.c.email).where(user_emails.c.user_id == user_id).order_by(user_emails.c.id)
    )
    return Emails(main, [Email(*row) for row in further])


def add(site: Site, caller: Caller, user_id: int, username: str, email: str) -> None:
    """Have an address of an account count at once: for super-admins, who know whose it is.

    Raises `Invalid` about `email`, and `AlreadyExists`.
    """
    stored = _checked(email)
    with site.store.write(told_apart=True) as db:
        if db.execute(select(func.count()).where(user_emails.c.user_id == user_id)).scalar_one() >= MOST:
            raise Invalid("This account has very many addresses. Please remove some first.", about="email")
        accounts.check_free(db, email=stored)
        db.execute(insert(user_emails).values(user_id=user_id, email=stored))
        journal.record(db, caller, EmailAdded(subject=username, email=stored))


def remove(site: Site, caller: Caller, user_id: int, username: str, email_id: int) -> str:
    """Have a further address of an account count no more; returns it. Raises `NotFound`."""
    with site.store.write(told_apart=True) as db:
        mine = (user_emails.c.id == min(email_id, LARGEST_ID), user_emails.c.user_id == user_id)
        email: str | None = db.execute(select(user_emails.c.email).where(*mine)).scalar()
        if email is None or not db.execute(delete(user_emails).where(*mine)).rowcount:
            raise NotFound(Kind.EMAIL, email_id)
        journal.record(db, caller, EmailRemoved(subject=username, email=email))
    return email


def _checked(email: str) -> str:
    """An address as it is stored; raises `Invalid` about `email`."""
    name, at, host = email.rpartition("@")
    if not (name and at and host) or " " in email:
        raise Invalid("This is no e-mail address.", about="email")
    try:
        return check_email(email)
    except Invalid as error:
        raise Invalid("This is no e-mail address.", about="email") from error
