# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom an event is told to on their pages: written from the journal, once for each event and reader.

The subscriber hears of every event at least once, in order, after a crash as well (`forge/events/delivery.py`). What it
writes for one event is one transaction, and whoever was told already is left out.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from sqlalchemy import insert, select

from trivium.forge.events.accounts import UserRegistered
from trivium.forge.events.delivery import Subscriber
from trivium.forge.events.outbox import Recorded
from trivium.forge.events.reviews import Commented
from trivium.forge.notifications.hearing import commented, hearers
from trivium.forge.site import Site
from trivium.store.tables import notifications as table
from trivium.store.tables import users

NAME: Final = "notifications"
COMMENT: Final = "cs_comment"
MENTION: Final = "mention"
REGISTRATION: Final = "registration"
_MOST_ADMINISTRATORS: Final = 50
_ADMINISTRATORS: Final = (
    select(users.c.id).where(users.c.admin, users.c.active).order_by(users.c.id).limit(_MOST_ADMINISTRATORS)
)


def subscriber(site: Site) -> Subscriber:
    """Hears of whatever somebody is told of."""
    return Subscriber(NAME, frozenset({Commented.action, UserRegistered.action}), partial(hear, site))


def hear(site: Site, event: Recorded) -> None:
    """Tell those an event concerns."""
    match event.action:
        case Commented.action:
            told = [(one.user.id, MENTION if one.mentioned else COMMENT) for one in hearers(site, event)]
            comment = commented(event).comment
            _write(site, event, told, comment if isinstance(comment, int) else None)
        case UserRegistered.action:
            with site.store.read() as db:
                told = [(user_id, REGISTRATION) for user_id in db.execute(_ADMINISTRATORS).scalars()]
            _write(site, event, told, None)


def _write(site: Site, event: Recorded, told: Iterable[tuple[int, str]], comment_id: int | None) -> None:
    """Write what was not written for this event before; one process at a time does."""
    kinds = dict(told)
    if not kinds:
        return
    of_event = select(table.c.user_id).where(table.c.event_id == event.id, table.c.user_id.in_(kinds))
    with site.store.write(access_unchanged=True) as db:
        # Of those who have an account by now: one that is gone gets nothing, and holds up nothing.
        there = select(users.c.id).where(users.c.id.in_(kinds)).with_for_update(read=True, key_share=True)
        wanted = set(db.execute(there).scalars()) - set(db.execute(of_event).scalars())
        rows = [
            {
                "user_id": user_id,
                "event_id": event.id,
                "kind": kinds[user_id],
                "at": event.at,
                "username": event.subject if kinds[user_id] == REGISTRATION else event.username,
                "comment_id": comment_id,
            }
            for user_id in sorted(wanted)
        ]
        if rows:
            db.execute(insert(table), rows)
