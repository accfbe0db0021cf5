# SPDX-License-Identifier: GPL-3.0-or-later
"""From where an account may be used (system.md 1.7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge.accounts.users import User
from trivium.forge.events import journal
from trivium.forge.events.accounts import AddressAllowed, AddressForgotten
from trivium.forge.site import Site
from trivium.store.tables import DEFAULT_USER_ID, user_addresses, users


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


def forget_address(site: Site, caller: Caller, user: User, network: str) -> None:
    """Take a range back; raises `Invalid` when it was not there."""
    with site.store.write(told_apart=True) as db:
        where = (user_addresses.c.user_id == user.id, user_addresses.c.network == network)
        if not db.execute(delete(user_addresses).where(*where)).rowcount:
            raise Invalid(f"{user.username} has no range {network}")
        journal.record(db, caller, AddressForgotten(subject=user.username, network=network))
