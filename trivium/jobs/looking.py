# SPDX-License-Identifier: GPL-3.0-or-later
"""A look at what waits, every few seconds: what dead processes left is taken back, and what a queue lost is sent again.

Every process that serves or works looks. A look reads; it writes only where something is to be done, and two that do
the same do it once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from trivium.forge.jobs import running
from trivium.forge.jobs.job import moment
from trivium.forge.site import Site
from trivium.forge.upkeep.recovery import is_something_left, recover
from trivium.jobs.broker import Broker

_EVERY: Final = 5.0
"""Seconds between two looks."""
_MOST: Final = 200
_LOST_AFTER: Final = 15.0
"""Seconds after which a message that nobody has taken, from a queue that is empty, is lost."""
_LOST_ANYWAY: Final = 600.0
"""And from one that is never empty."""


def interval(site: Site) -> float:
    """Seconds between two looks: fewer where repositories are looked after more often (housekeeping_interval)."""
    return min(_EVERY, site.settings.housekeeping_interval or _EVERY)


def look(site: Site, busy_with: Callable[[], Collection[str]]) -> None:
    """Take back what nobody does any more, and tell the broker of what waits unseen; `busy_with` of this process.

    Raises what the database raises.
    """
    left = running.left_behind(site, busy_with)
    if left.runners or is_something_left(site):
        # What they did to repositories is settled first: their jobs may begin again at once.
        recover(site, alone=False)
    if left.forgotten:
        running.take_back(site, site.worker.id, only=left.forgotten)
    if isinstance(site.jobs, Broker) and site.jobs.check():
        _send_again(site, site.jobs)


def _send_again(site: Site, broker: Broker) -> None:
    with site.store.read() as db:
        waiting = running.due(db, _MOST)
    if not waiting:
        return
    wanted = [job.id for job in waiting if job.sent_on is None or job.sent_on < moment(-_LOST_ANYWAY)]
    silent = [job.id for job in waiting if job.id not in wanted and (job.sent_on or "") < moment(-_LOST_AFTER)]
    if silent and broker.waiting() == 0:
        wanted += silent
    running.sent(site, [job for job in wanted if broker.tell(job)])
