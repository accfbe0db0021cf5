# SPDX-License-Identifier: GPL-3.0-or-later
"""The repositories that somebody administers (system.md 2.8)."""

from __future__ import annotations

from trivium.forge.repositories import administered
from trivium.web.answers import Page
from trivium.web.registering import Who, view
from trivium.web.showing import administration as shown
from trivium.web.visit import Visit


@view("GET", "/_admin/repos", needs=Who.USER, word="ReposController:index")
def listed(visit: Visit) -> Page:
    """Those that one administers."""
    query, kinds = shown.sought(visit), list(visit.site.back_ends)
    kind = next((one for one in kinds if one == visit.query.get("kind")), "")
    found = visit.ask(administered.page, query=query, kind=kind, **shown.place(visit))
    addresses = shown.pages(visit, "admin_repositories.listed", found, query=query, kind=kind)
    return Page("administration/repositories.html", rows=found.rows, query=query, chosen=kind, kinds=kinds, **addresses)
