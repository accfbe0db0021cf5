# SPDX-License-Identifier: GPL-3.0-or-later
"""The audit log: who did what, when, from where (system.md 2.8)."""

from __future__ import annotations

from dataclasses import asdict
from operator import itemgetter

from trivium.forge.events import searching
from trivium.forge.events.event import every_action
from trivium.forge.events.searching import Filter
from trivium.turns import Pace
from trivium.web.answers import Body, Page, Refused
from trivium.web.registering import Who, view
from trivium.web.showing import audit
from trivium.web.showing.event_words import sentence
from trivium.web.visit import Visit

_LONGEST = 255


@view("GET", "/_admin", needs=Who.SUPER_ADMIN, word="AdminController:index")
def log(visit: Visit) -> Page:
    """A page of it."""
    wanted = _filter(visit)
    after = visit.query.get("after", "")
    found = visit.ask(searching.page, wanted, after=after, limit=visit.look.admin_grid_items)
    asked = asdict(wanted)
    return Page(
        "administration/audit.html",
        rows=[audit.told(visit.language, row) for row in found.rows],
        wanted=wanted,
        actions=sorted(((one, sentence(visit.language, one)) for one in every_action()), key=itemgetter(1)),
        newer=visit.url("admin_audit.log", **asked) if after else "",
        older=visit.url("admin_audit.log", **asked, after=found.older) if found.older else "",
        csv=visit.url("admin_audit.export", "csv", **asked),
        jsonl=visit.url("admin_audit.export", "jsonl", **asked),
    )


@view("GET", "/_admin/audit/{form}", needs=Who.SUPER_ADMIN, word="AdminController:export", pace=Pace.SHORT)
def export(visit: Visit, form: str) -> Body:
    """All of it that is wanted, as CSV or as JSON lines."""
    writer = {"csv": audit.as_csv, "jsonl": audit.as_lines}.get(form)
    if writer is None:
        raise Refused(404, "There is no such form: csv or jsonl.")
    kind = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}[form]
    rows = searching.every(visit.site, visit.caller, _filter(visit))
    name = (("Content-Disposition", f'attachment; filename="audit.{form}"'),)
    return Body(writer(rows), kind, headers=name)


def _filter(visit: Visit) -> Filter:
    names = ("user", "action", "subject", "since", "until")
    return Filter(**{name: visit.query.get(name, "").strip()[:_LONGEST] for name in names})
