# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at what waits, every few seconds: what dead processes left is taken back, and what a queue lost is sent again.

Every process that serves or works looks. A look reads; it writes only where something is to be done, and two that do
the same do it once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final

from trivium.forge.jobs import running
from trivium.forge.site import Site
from trivium.forge.upkeep.recovery import recover
from trivium.jobs.broker import Broker

EVERY: Final = 5.0
"""Seconds between two looks."""
_MOST: Final = 200
_LOST_AFTER: Final = timedelta(seconds=15)
"""A message that nobody has taken for so long, from a queue that is empty, is lost; or a worker keeps it for later."""


def look(site: Site, busy_with: Collection[str] = ()) -> None:
    """Take back what dead processes left, and tell the broker of what waits unseen; this process is `busy_with` some.

    Raises what the database raises.
    """
    mine = frozenset(busy_with)
    left = running.left_behind(site, mine)
    if left - {site.worker.id}:
        recover(site, alone=False)
    if site.worker.id in left:
        # Ours, whose end could not be stored.
        running.take_back(site, site.worker.id, mine)
    if isinstance(site.jobs, Broker) and site.jobs.check():
        _send_again(site, site.jobs)


def _send_again(site: Site, broker: Broker) -> None:
    with site.store.read() as db:
        waiting = running.due(db, _MOST)
    if not waiting:
        return
    lost_before = (datetime.now(UTC).replace(tzinfo=None) - _LOST_AFTER).isoformat(timespec="milliseconds")
    wanted = [job.id for job in waiting if job.sent_on is None]
    silent = [job.id for job in waiting if job.sent_on is not None and job.sent_on < lost_before]
    if silent and broker.waiting() == 0:
        wanted += silent
    running.sent(site, [job for job in wanted if broker.tell(job)])
