# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done regularly (`jobs/schedules.py`), and some of it when somebody asks."""

from __future__ import annotations

from typing import Final

import structlog

from trivium.access.caller import the_system
from trivium.errors import Invalid
from trivium.forge.accounts import tokens
from trivium.forge.gists import gists
from trivium.forge.jobs import finding
from trivium.forge.jobs.job import moment
from trivium.forge.jobs.running import Work
from trivium.forge.notifications import changes as notifications
from trivium.forge.site import Site
from trivium.forge.trash import trash
from trivium.forge.upkeep import integrity, queued_maintenance
from trivium.jobs.registry import handles
from trivium.jobs.schedules import EXPIRED, INTEGRITY, NOTIFICATIONS, OLD_JOBS, TRASH, Nothing

_log = structlog.get_logger(__name__)

_DAY: Final = 86_400.0


@handles(EXPIRED)
def remove_expired(site: Site, work: Work, _: Nothing) -> None:
    """Remove gists and tokens that expired long ago (keep_expired_days)."""
    days = site.settings.keep_expired_days
    if not days:
        return
    seconds = int(days * _DAY)
    removed = gists.remove_expired(site, the_system(), seconds, work.check)
    removed += tokens.remove_expired(site, the_system(), seconds)
    if removed:
        work.log(f"{removed} removed")


@handles(TRASH)
def empty_trash(site: Site, work: Work, _: Nothing) -> None:
    """Remove what was deleted long ago (trash_keep_days)."""
    days = site.settings.trash_keep_days
    if not days:
        return
    before = moment(-days * _DAY)
    doomed = [one for one in trash.entries(site) if one.deleted_on <= before]
    for number, entry in enumerate(doomed):
        work.check()
        work.tell(number, len(doomed), "entries")
        try:
            trash.remove(site, the_system(), entry)
        except Invalid:
            continue  # somebody was quicker, or brought it back
        except OSError as error:
            # It is tried again tomorrow; those behind it need not wait for that.
            _log.error("something in the trash cannot be removed", entry=entry.label, why=error.strerror)


@handles(OLD_JOBS)
def forget_jobs(site: Site, work: Work, _: Nothing) -> None:
    """Forget what became of jobs long ago (keep_jobs_days)."""
    if site.settings.keep_jobs_days:
        removed = finding.forget_old(site, site.settings.keep_jobs_days)
        work.log(f"{removed} forgotten")


@handles(NOTIFICATIONS)
def forget_notifications(site: Site, work: Work, _: Nothing) -> None:
    """Forget what people were told long ago (keep_notifications_days, max_notifications)."""
    work.log(f"{notifications.forget_old(site, work.check)} forgotten")


handles(integrity.VERIFY)(integrity.carry_out)
handles(queued_maintenance.MAINTENANCE)(queued_maintenance.carry_out)


@handles(INTEGRITY)
def verify_some(site: Site, work: Work, _: Nothing) -> None:
    """Look for damage in the repositories whose turn it is (verify_days)."""
    integrity.verify_some(site, work)
