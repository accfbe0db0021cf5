# SPDX-License-Identifier: GPL-3.0-or-later
"""What users change of their own accounts: their names, and to which of their addresses mails go (system.md 2.8).

Everything else of an account is for administrators (security.md S-17; `users.update_account`).
"""

from __future__ import annotations

from dataclasses import dataclass

from msgspec import UNSET, UnsetType
from sqlalchemy import Connection, delete, select, update

from trivium.access.caller import Caller
from trivium.access.credentials import LOCAL, Authenticator
from trivium.access.stamps import rights_change
from trivium.errors import Invalid
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.events import journal
from trivium.forge.events.accounts import UserChanged
from trivium.forge.events.event import values_before
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.store.tables import user_emails, users


@dataclass(frozen=True, slots=True)
class OwnAccount:
    """What somebody sees of their own account."""

    user: User
    emails: tuple[str, ...]
    """The addresses that count, the one that mails go to first."""

    @property
    def choices(self) -> list[tuple[str, str]]:
        """The addresses as a form offers them."""
        return [(email, email) for email in self.emails]

    @property
    def has_password(self) -> bool:
        """Whether the password is kept here, and not in a directory."""
        return self.user.extern_type == LOCAL


def own_account(db: Connection, caller: Caller) -> OwnAccount:
    """The caller's account: two statements."""
    user = accounts.by_id(db, caller.user_id)
    further = db.execute(
        select(user_emails.c.email).where(user_emails.c.user_id == user.id).order_by(user_emails.c.id)
    ).scalars()
    return OwnAccount(user, (*([user.email] if user.email else []), *further))


def change_own(
    site: Site,
    caller: Caller,
    *,
    firstname: str | UnsetType = UNSET,
    lastname: str | UnsetType = UNSET,
    email: str | UnsetType = UNSET,
    password: str = "",
    authenticator: Authenticator,
    seen: Seen = whatever,
) -> None:
    """Give the caller's account other names, or have mails go to another of its addresses.

    The address lets whoever reads it choose another password, so that only who knows the present one may set it.
    What is not given stays. Raises `Invalid` about `firstname`, `lastname` or `email`, and `CredentialsRefused`.
    """
    wanted: dict[str, str | None] = {}
    for name, text in (("firstname", firstname), ("lastname", lastname)):
        if text is UNSET:
            continue
        try:
            accounts.check_text(text)
        except Invalid as error:
            raise Invalid("This is too long, or has a character that cannot be stored.", about=name) from error
        wanted[name] = text
    with site.store.read() as db:
        present = accounts.by_id(db, caller.user_id).email or ""
    if email is not UNSET and email.lower() != present:
        authenticator.by_sign_in(caller.username, password, caller.address)
        wanted["email"] = email.lower() or None
    with site.store.write(told_apart=True) as db:
        seen(db, caller)
        was = values_before(db, users, caller.user_id, wanted)
        changes = {name: value for name, value in wanted.items() if value != was[name]}
        if not changes:
            return
        if "email" in changes:
            if (was["email"] or "") != present:
                raise Invalid("Somebody has changed this meanwhile. Please look again.", about="email")
            _exchange(db, caller.user_id, was["email"], changes["email"])
        db.execute(update(users).where(users.c.id == caller.user_id).values(**changes))
        accounts.called(db, caller.user_id)
        rights_change(db, user_id=caller.user_id)
        was = {name: was[name] for name in changes}
        event = UserChanged(subject=caller.username, user_id=caller.user_id, changes=changes, was=was)
        journal.record(db, caller, event)


def _exchange(db: Connection, user_id: int, before: str | None, wanted: str | None) -> None:
    """Take an address from the further ones of an account, and put the one that mails went to in its place."""
    row = (user_emails.c.user_id == user_id, user_emails.c.email == (wanted or ""))
    if wanted is None or db.execute(select(user_emails.c.id).where(*row)).first() is None:
        raise Invalid("This is none of your confirmed addresses. Add it under “E-mail addresses” first.", about="email")
    if before is None:
        db.execute(delete(user_emails).where(*row))
    else:
        db.execute(update(user_emails).where(*row).values(email=before))
