# SPDX-License-Identifier: GPL-3.0-or-later
"""People make accounts for themselves, where the site lets them (system.md 2.8, 6.1).

The option `allow_registration` opens the form, and the permission `hg.register` of the user `default` says what becomes
of an account: `manual_activate` has it wait until an administrator activates it, `auto_activate` lets its owner sign in
at once, `none` closes the form.

Which e-mail addresses have accounts is told nobody. An account with such an address is made all the same, without the
address, and waits for an administrator, with the same answer in about the same time. A name that is taken is told:
whoever reads the site knows names.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from trivium.access.caller import Caller, anonymous
from trivium.access.credentials import LOCAL
from trivium.access.logins.local import hash_password
from trivium.access.permissions import global_permissions
from trivium.access.rates import Rates
from trivium.errors import AlreadyExists, Forbidden, Invalid, Kind
from trivium.forge.accounts import users
from trivium.forge.accounts.passwords import check_chosen
from trivium.forge.accounts.users import User
from trivium.forge.events import journal
from trivium.forge.events.accounts import UserRegistered
from trivium.forge.site import Site
from trivium.http.addresses import neighbourhood
from trivium.names import check_email, check_username
from trivium.settings import Settings

_HOUR: Final = 3600
_FAMILY: Final = "hg.register"


class Registration(StrEnum):
    """What becomes of people who want an account."""

    CLOSED = "closed"
    """Administrators make the accounts."""
    APPROVED = "approved"
    """An account waits until an administrator activates it."""
    AUTOMATIC = "automatic"
    """An account can be used at once."""


_BY_PERMISSION: Final = {
    "hg.register.manual_activate": Registration.APPROVED,
    "hg.register.auto_activate": Registration.AUTOMATIC,
}


class TooOften(Invalid):
    """Too many accounts were asked for from one address."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("too many accounts were asked for from this address (register_rate)")
        self.retry_after = retry_after
        """Seconds."""


class Unfit(Invalid):
    """Something that was typed cannot be used; the message is a sentence for whoever typed it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field
        """A name of `Wanted`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The account that somebody wants."""

    username: str
    password: str
    email: str
    firstname: str = ""
    lastname: str = ""


def registration(db: Connection, settings: Settings) -> Registration:
    """What becomes of people who want an account: one statement at most."""
    if not settings.allow_registration:
        return Registration.CLOSED
    permission = global_permissions(db, anonymous(""))[_FAMILY]
    return _BY_PERMISSION.get(permission, Registration.CLOSED)


def register(site: Site, caller: Caller, wanted: Wanted) -> User:
    """Make an account for whoever asks, and its row in the journal; inactive unless `Registration.AUTOMATIC`.

    Raises `Forbidden` where accounts are made by administrators, `TooOften`, `Unfit`, and `AlreadyExists` for a name
    that is taken.
    """
    with site.store.read() as db:
        if registration(db, site.settings) is Registration.CLOSED:
            raise Forbidden
    _count(site, caller.address)
    _check(wanted)
    email = check_email(wanted.email)
    with site.store.read() as db:
        users.check_free(db, username=wanted.username)  # before the hash, which costs the most
    password_hash = hash_password(wanted.password)
    with site.store.write(told_apart=True) as db:
        users.check_free(db, username=wanted.username)
        policy = registration(db, site.settings)
        if policy is Registration.CLOSED:
            raise Forbidden
        taken = _is_taken(db, email)
        active = policy is Registration.AUTOMATIC and not taken
        user_id = users.add(
            db,
            site.ring,
            username=wanted.username,
            email=None if taken else email,
            active=active,
            admin=False,
            password_hash=password_hash,
            firstname=wanted.firstname,
            lastname=wanted.lastname,
            extern_name=LOCAL,
            extern_type=LOCAL,
        )
        journal.record(db, caller, UserRegistered(subject=wanted.username, user_id=user_id, active=active))
        return users.by_id(db, user_id)


def _is_taken(db: Connection, email: str) -> bool:
    try:
        users.check_free(db, email=email)
    except AlreadyExists as error:
        if error.kind is not Kind.EMAIL:
            raise
        return True
    return False


def _check(wanted: Wanted) -> None:
    try:
        check_username(wanted.username)
    except Invalid as error:
        raise Unfit("username", str(error)) from error
    try:
        check_chosen(wanted.password, wanted.username, wanted.email)
    except Invalid as error:
        raise Unfit("password", error.message) from error
    name, at, host = wanted.email.rpartition("@")
    if not name or not at or not host or " " in wanted.email:
        raise Unfit("email", "this is no e-mail address")
    try:
        check_email(wanted.email)
    except Invalid as error:
        raise Unfit("email", "this is no e-mail address") from error
    for field, text in (("firstname", wanted.firstname), ("lastname", wanted.lastname)):
        try:
            users.check_text(text)
        except Invalid as error:
            raise Unfit(field, str(error)) from error


def _count(site: Site, address: str) -> None:
    """Count that an account is asked for; raises `TooOften`."""
    most = site.settings.register_rate
    if not most:
        return
    rates = _rates(site.settings.data)
    if rates.count(site.ring.digest(f"register {neighbourhood(address)}")) > most:
        raise TooOften(rates.seconds_left())


@lru_cache(maxsize=8)
def _rates(data: Path) -> Rates:
    """What the workers of an installation count by the hour."""
    return Rates(data / "hourly-rates", _HOUR)
