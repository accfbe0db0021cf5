# SPDX-License-Identifier: GPL-3.0-or-later
"""Notifications are read, and thrown away, by whom they are for; old ones go by themselves (system.md 2.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy import delete as delete_from

from trivium.access.caller import Caller
from trivium.forge.jobs.job import moment
from trivium.forge.notifications.listing import Notification
from trivium.forge.site import Site
from trivium.store.tables import notifications as table
from trivium.store.tables import now

_AT_A_TIME: Final = 1000
"""Rows, and users, of one transaction."""
_DAY: Final = 86_400.0
_WITH_MANY: Final = (
    select(table.c.user_id).group_by(table.c.user_id).having(func.count() > bindparam("most")).limit(_AT_A_TIME)
)
_TOO_MANY: Final = (
    select(table.c.id)
    .where(table.c.user_id == bindparam("whose"))
    .order_by(table.c.id.desc())
    .offset(bindparam("most"))
    .limit(_AT_A_TIME)
)


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


def forget_old(site: Site, check: Callable[[], None]) -> int:
    """Remove what is older than `keep_notifications_days`, and of each user what is more than `max_notifications`.

    Returns how many. `check` is called between transactions, and may raise; what was removed until then is.
    """
    removed = 0
    if site.settings.keep_notifications_days:
        old = table.c.at < moment(-_DAY * site.settings.keep_notifications_days)
        doomed = select(table.c.id).where(old).order_by(table.c.id).limit(_AT_A_TIME)
        while found := _remove(site, doomed, {}):
            removed += found
            check()
    most = site.settings.max_notifications
    while most:
        with site.store.read() as db:
            whose = db.execute(_WITH_MANY, {"most": most}).scalars().all()
        if not whose:
            break
        for user_id in whose:
            check()
            removed += _remove(site, _TOO_MANY, {"whose": user_id, "most": most})
    return removed


def _remove(site: Site, doomed: Select[tuple[int]], given: dict[str, int]) -> int:
    with site.store.write(access_unchanged=True) as db:
        ids = db.execute(doomed, given).scalars().all()
        if ids:
            db.execute(delete_from(table).where(table.c.id.in_(ids)))
    return len(ids)
