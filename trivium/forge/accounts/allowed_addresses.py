# SPDX-License-Identifier: GPL-3.0-or-later
"""From where an account may be used (system.md 1.7)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge.accounts.users import User
from trivium.forge.events import journal
from trivium.forge.events.accounts import AddressAllowed, AddressForgotten
from trivium.forge.site import Site
from trivium.store.tables import user_addresses, users


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
