# SPDX-License-Identifier: GPL-3.0-or-later
"""What an account owns, and how another account takes it over: while it owns something it cannot be deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Scope
from trivium.access.permissions import OBJECT_TABLES
from trivium.errors import Forbidden, Invalid
from trivium.forge.accounts.users import User
from trivium.forge.events import journal
from trivium.forge.events.accounts import PossessionsHandedOver
from trivium.forge.site import Site
from trivium.store.tables import DEFAULT_USER_ID, gists

SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Possessions:
    """What somebody owns."""

    names: Mapping[Scope, Sequence[str]]
    """The first 20 of each kind, by name."""
    counts: Mapping[Scope, int]
    gists: int
    """These go with the account."""

    @property
    def total(self) -> int:
        """How much has to have another owner before the account can go."""
        return sum(self.counts.values())


def possessions(db: Connection, caller: Caller, user: User) -> Possessions:
    """What an account owns: a statement for each kind. Raises `Forbidden` for others than super-admins."""
    if not caller.super_admin:
        raise Forbidden
    names, counts = {}, {}
    for scope, tables in OBJECT_TABLES.items():
        objects = tables.objects.c
        mine = objects.owner_id == user.id
        names[scope] = list(
            db.execute(select(objects.name).where(mine).order_by(objects.name_key).limit(SHOWN)).scalars()
        )
        counts[scope] = (
            len(names[scope])
            if len(names[scope]) < SHOWN
            else db.execute(select(func.count()).select_from(tables.objects).where(mine)).scalar_one()
        )
    of_gists = db.execute(select(func.count()).where(gists.c.owner_id == user.id)).scalar_one()
    return Possessions(names, counts, of_gists)


def hand_over(site: Site, caller: Caller, user: User, heir: User) -> int:
    """Give everything that an account owns, but its gists, to another one; returns how much that was.

    All of it, or after a crash nothing. Raises `Forbidden` for others than super-admins, and `Invalid` for an heir who
    cannot own anything.
    """
    if not caller.super_admin:
        raise Forbidden
    if heir.id == DEFAULT_USER_ID:
        raise Invalid("The user default owns nothing.", about="heir")
    if heir.id == user.id:
        raise Invalid("They own it already.", about="heir")
    if not heir.active:
        raise Invalid("%(name)s is disabled.", about="heir", name=heir.username)
    with site.store.write() as db:
        moved = {
            scope.value: db.execute(
                update(tables.objects).where(tables.objects.c.owner_id == user.id).values(owner_id=heir.id)
            ).rowcount
            for scope, tables in OBJECT_TABLES.items()
        }
        if total := sum(moved.values()):
            event = PossessionsHandedOver(subject=user.username, user_id=user.id, to=heir.username, moved=moved)
            journal.record(db, caller, event)
    return total
