# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications are read, and thrown away, by whom they are for (system.md 2.8)."""

from __future__ import annotations

from sqlalchemy import delete as delete_from
from sqlalchemy import update

from trivium.access.caller import Caller
from trivium.forge.notifications.listing import Notification
from trivium.forge.site import Site
from trivium.store.tables import notifications as table
from trivium.store.tables import now


def mark_read(site: Site, caller: Caller, notification: Notification, *, read: bool = True) -> None:
    """Note that the caller has read one of theirs, or that it is to count as new again."""
    mine = (table.c.id == notification.id, table.c.user_id == caller.user_id)
    with site.store.write(access_unchanged=True) as db:
        if read:
            db.execute(update(table).where(*mine, table.c.read_on.is_(None)).values(read_on=now()))
        else:
            db.execute(update(table).where(*mine).values(read_on=None))


def mark_all_read(site: Site, caller: Caller, newest: int) -> None:
    """Note that the caller has read all up to one, also what they may not see any more.

    What came after the page that they saw stays new.
    """
    unread = (table.c.user_id == caller.user_id, table.c.read_on.is_(None), table.c.id <= newest)
    with site.store.write(access_unchanged=True) as db:
        db.execute(update(table).where(*unread).values(read_on=now()))


def delete(site: Site, caller: Caller, notification: Notification) -> None:
    """Throw one of the caller's away."""
    mine = (table.c.id == notification.id, table.c.user_id == caller.user_id)
    with site.store.write(access_unchanged=True) as db:
        db.execute(delete_from(table).where(*mine))
