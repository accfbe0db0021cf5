# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs reported of their own troubles, for administrators to read (system.md 2.8)."""

from __future__ import annotations

from trivium.forge.upkeep import exception_reports as reports
from trivium.turns import Pace
from trivium.web.answers import Page, Refused
from trivium.web.numbers import number
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


@view(
    "GET",
    "/_admin/settings/exceptions",
    needs=Who.SUPER_ADMIN,
    word="ExceptionsTrackerController:browse_exceptions",
    pace=Pace.SHORT,
)
def newest(visit: Visit) -> Page:
    """All of them, the newest first."""
    before = number(visit.query.get("before", "")) or None
    found = visit.ask(lambda db, _: reports.page(db, before=before, limit=visit.look.admin_grid_items))
    return Page(
        "administration/reports.html",
        rows=found.rows,
        kept_days=reports.KEPT_DAYS,
        newer=visit.url("admin_reports.newest") if before else "",
        older=visit.url("admin_reports.newest", before=str(found.older)) if found.older else "",
    )


@view(
    "GET",
    "/_admin/settings/exceptions/{report}",
    needs=Who.SUPER_ADMIN,
    word="ExceptionsTrackerController:show_exception",
    pace=Pace.SHORT,
)
def report(visit: Visit, report: str) -> Page:
    """What one says."""
    found = visit.ask(lambda db, _: reports.find(db, number(report)))
    if found is None:
        raise Refused(
            404, "There is no such report; it may be older than %(days)s days.", given={"days": reports.KEPT_DAYS}
        )
    return Page("administration/report.html", found=found)
