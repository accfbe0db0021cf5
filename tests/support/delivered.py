# SPDX-License-Identifier: GPL-3.0-or-later
"""Events are delivered when a test says so, and all of them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

from tests.support import postgresql
from tests.support.waiting import until
from trivium.forge.events import delivery
from trivium.forge.events.delivery import Subscriber
from trivium.forge.site import Site

_HOLDS_UP: Final = text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint <= (SELECT max(transaction_id) FROM journal)"
)


def deliver(site: Site, to: Subscriber) -> float | None:
    """As `delivery.deliver`, of everything that was recorded."""
    nothing_holds_up(site)
    return delivery.deliver(site, to)


def nothing_holds_up(site: Site) -> None:
    """Wait until every transaction has ended that began before the newest event.

    On PostgreSQL an event waits for them, whoever's they are. The servers that other tests of this process share write
    now and then what nobody asks for, in other databases of the same server.
    """
    if postgresql.wanted():
        until(lambda: not _is_held_up(site))


def _is_held_up(site: Site) -> object:
    with site.store.read() as db:
        return db.execute(_HOLDS_UP).scalar()
