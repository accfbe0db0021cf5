# SPDX-License-Identifier: GPL-3.0-or-later
"""From where an account may be used (system.md 1.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address, summarize_address_range
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from trivium.access.caller import Caller, the_system
from trivium.errors import Forbidden, Invalid
from trivium.forge.accounts.users import User
from trivium.forge.bounds import check_description
from trivium.forge.events import journal
from trivium.forge.events.accounts import AddressAllowed, AddressForgotten
from trivium.forge.site import Site
from trivium.http.addresses import is_allowed, parse_network
from trivium.store.tables import DEFAULT_USER_ID, user_addresses, users

_MOST: Final = 200
"""Ranges of one account."""
_MOST_TYPED: Final = 20


def ranges(db: Connection, of: User | None = None) -> Sequence[tuple[str, str]]:
    """(user name, range) of one account or of all: by name, the ranges of one account in the order they were added."""
    statement = (
        select(users.c.username, user_addresses.c.network)
        .join(users, users.c.id == user_addresses.c.user_id)
        .order_by(users.c.username, user_addresses.c.id)
    )
    if of is not None:
        statement = statement.where(users.c.id == of.id)
    return [(row.username, row.network) for row in db.execute(statement)]


@dataclass(frozen=True, slots=True)
class Range:
    """From where an account may be used."""

    network: str
    description: str
    of_everybody: bool
    """Whether it is one of the user `default`."""


def own_ranges(db: Connection, caller: Caller) -> list[Range]:
    """The ranges that let the caller in, those of everybody last; none: they are let in from everywhere."""
    whose = (caller.user_id, DEFAULT_USER_ID) if caller.inherits else (caller.user_id,)
    columns = (user_addresses.c.network, user_addresses.c.description, user_addresses.c.user_id)
    rows = db.execute(
        select(*columns)
        .where(user_addresses.c.user_id.in_(whose))
        .order_by(user_addresses.c.user_id == DEFAULT_USER_ID, user_addresses.c.id)
    )
    return [Range(row.network, row.description, row.user_id == DEFAULT_USER_ID) for row in rows]


def allow_address(site: Site, caller: Caller, user: User, network: str, *, description: str = "") -> None:
    """Allow an account a range; from then on only its allowed ranges let it in (system.md 1.7)."""
    with site.store.write(told_apart=True) as db:
        db.execute(insert(user_addresses).values(user_id=user.id, network=network, description=description))
        journal.record(db, caller, AddressAllowed(subject=user.username, network=network))


@dataclass(frozen=True, slots=True)
class AllowedRange:
    """A range that an account may be used from."""

    id: int
    network: str
    description: str


def allowed(db: Connection, user_id: int) -> list[AllowedRange]:
    """The ranges of one account, in the order in which they were added."""
    columns = (user_addresses.c.id, user_addresses.c.network, user_addresses.c.description)
    mine = select(*columns).where(user_addresses.c.user_id == user_id).order_by(user_addresses.c.id)
    return [AllowedRange(*row) for row in db.execute(mine)]


def of_everybody(db: Connection) -> list[AllowedRange]:
    """Those of `default`, which bind everybody who inherits from it, and visitors."""
    return allowed(db, DEFAULT_USER_ID)


def networks_of(typed: str) -> list[str]:
    """The ranges that somebody typed: addresses, networks, and `first-last`, with commas between (system.md 1.7)."""
    items = [item.strip() for item in typed.split(",") if item.strip()]
    if not items or len(items) > _MOST_TYPED:
        raise Invalid("One to %(most)s ranges, with commas between them.", about="networks", most=_MOST_TYPED)
    found: dict[str, None] = {}
    for item in items:
        first, dash, last = item.partition("-")
        try:
            if dash:
                ends = ip_address(first.strip()), ip_address(last.strip())
                found |= dict.fromkeys(str(one) for one in summarize_address_range(*ends))
            else:
                found[str(parse_network(item))] = None
        except (ValueError, TypeError, Invalid) as error:
            shown = item[:60]
            raise Invalid("%(range)s is no range of addresses.", about="networks", range=shown) from error
    return list(found)


def allow(
    site: Site, caller: Caller, user: User, typed: str, *, description: str = "", even_without_me: bool = False
) -> None:
    """Allow an account what somebody typed (`networks_of`); ranges that it has already stay as they are.

    The ranges of `default` hold for everybody who inherits from it. Raises `Invalid` for ranges that would lock the
    caller out, unless that is wanted.
    """
    if not caller.super_admin:
        raise Forbidden
    networks = networks_of(typed)
    check_description(description)
    with site.store.write(told_apart=True) as db:
        had = {one.network for one in allowed(db, user.id)}
        new = [network for network in networks if network not in had]
        if len(had) + len(new) > _MOST:
            raise Invalid("An account has at most %(most)s ranges.", about="networks", most=_MOST)
        for network in new:
            db.execute(insert(user_addresses).values(user_id=user.id, network=network, description=description))
            journal.record(db, caller, AddressAllowed(subject=user.username, network=network))
        if not even_without_me and caller.address != the_system().address and not _lets_in(db, caller):
            raise Invalid(
                "With these ranges you could not come back: you are at %(address)s.",
                about="networks",
                address=caller.address,
            )


def _lets_in(db: Connection, caller: Caller) -> bool:
    """Whether the ranges of an account, and of `default`, let its user in from where they are."""
    whose = [caller.user_id, DEFAULT_USER_ID] if caller.inherits else [caller.user_id]
    ranges = db.execute(select(user_addresses.c.network).where(user_addresses.c.user_id.in_(whose))).scalars()
    return is_allowed(caller.address, ranges)


def forget(site: Site, caller: Caller, user: User, number: int) -> None:
    """Take the range with this id back; raises `Invalid` when it is gone already, or when that locks the caller out."""
    if not caller.super_admin:
        raise Forbidden
    with site.store.write(told_apart=True) as db:
        mine = (user_addresses.c.id == number, user_addresses.c.user_id == user.id)
        network = db.execute(select(user_addresses.c.network).where(*mine)).scalar()
        if network is None:
            raise Invalid("This range is gone already.", about="networks")
        db.execute(delete(user_addresses).where(*mine))
        journal.record(db, caller, AddressForgotten(subject=user.username, network=network))
        if not _lets_in(db, caller):
            raise Invalid("Without this range you could not come back.", about="networks")


def forget_address(site: Site, caller: Caller, user: User, network: str) -> None:
    """Take a range back; raises `Invalid` when it was not there."""
    with site.store.write(told_apart=True) as db:
        where = (user_addresses.c.user_id == user.id, user_addresses.c.network == network)
        if not db.execute(delete(user_addresses).where(*where)).rowcount:
            raise Invalid(f"{user.username} has no range {network}")
        journal.record(db, caller, AddressForgotten(subject=user.username, network=network))
