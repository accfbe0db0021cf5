# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories compared with the disk and put in good order, by jobs that administrators ask for (system.md 2.8)."""

from __future__ import annotations

from typing import Final

from trivium.access.levels import Level
from trivium.forge.jobs import finding as jobs
from trivium.forge.jobs.job import JobKind
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import rescans
from trivium.forge.repositories.rescans import RescanArguments
from trivium.forge.upkeep import queued_maintenance
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Line, Tick, empty, read
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_SHOWN: Final = 5
_AGAIN: Final = "2"
"""Seconds until a page that shows progress is fetched again."""


class Mapping(Form):
    """How the root is compared with the database."""

    destroy: Tick = False
    even_most: Tick = False
    invalidate: Tick = False
    really: Tick = False


class Maintenance(Form):
    """What is put in good order."""

    repository: Line = ""
    """Empty: all."""


@view("GET", "/_admin/settings/mapping", needs=Who.SUPER_ADMIN, word="SettingsController:settings_mapping")
def mapping(visit: Visit) -> Page:
    """What was found when the root was compared with the database."""
    return _page(visit, "mapping", rescans.RESCAN, empty(visit, Mapping))


@view(
    "POST",
    "/_admin/settings/mapping",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_mapping_update",
    pace=Pace.SHORT,
)
def rescan(visit: Visit) -> Page | Redirect:
    """Have that done by a job: first to be told what it would change, then to change it."""
    entered = read(Mapping, visit)
    if wanted := entered.form:
        asked = RescanArguments(
            remove_obsolete=wanted.destroy,
            dry=not wanted.really,
            even_most=wanted.even_most,
            invalidate=wanted.invalidate,
        )
        rescans.ask_for_rescan(visit.site, visit.caller, asked)
        return Redirect(visit.url("admin_upkeep.mapping"), visit.text("A job does it; what it finds is told here."))
    return _page(visit, "mapping", rescans.RESCAN, entered)


@view("GET", "/_admin/settings/maintenance", needs=Who.SUPER_ADMIN, word="SettingsController:settings_maintenance")
def maintenance(visit: Visit) -> Page:
    """What became of the last maintenance of repositories."""
    return _page(visit, "maintenance", queued_maintenance.MAINTENANCE, empty(visit, Maintenance))


@view(
    "POST",
    "/_admin/settings/maintenance",
    needs=Who.SUPER_ADMIN,
    word="SettingsController:settings_maintenance_update",
    pace=Pace.SHORT,
)
def maintain(visit: Visit) -> Page | Redirect:
    """Have a job put one repository in good order, or all."""
    entered = read(Maintenance, visit)
    if wanted := entered.form:
        with entered.refusals(absent="repository"):
            if wanted.repository:
                one = visit.ask(repositories.find, wanted.repository, Level.ADMIN)
                queued_maintenance.ask_for(visit.site, visit.caller, one)
            else:
                queued_maintenance.ask_for_all(visit.site, visit.caller)
            return Redirect(
                visit.url("admin_upkeep.maintenance"), visit.text("A job does it; how far it is stands here.")
            )
    return _page(visit, "maintenance", queued_maintenance.MAINTENANCE, entered)


def _page(visit: Visit, tab: str, kind: JobKind, entered: Entered[Mapping] | Entered[Maintenance]) -> Page:
    done = visit.ask(jobs.of_kind, kind.name, _SHOWN)
    under_way = any(not job.state.over for job in done)
    headers = (("Refresh", _AGAIN),) if under_way and visit.asked.method == "GET" else ()
    template = f"administration/settings_{tab}.html"
    return Page(template, entered.status, headers=headers, tab=f"admin_upkeep.{tab}", fields=entered, done=done)
