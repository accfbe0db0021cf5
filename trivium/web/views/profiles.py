# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of users (system.md 2.8)."""

from __future__ import annotations

from trivium.forge.repositories import profiles
from trivium.web.answers import Page
from trivium.web.registering import Who, view
from trivium.web.showing.deeds import by_day
from trivium.web.showing.home import rows
from trivium.web.visit import Visit


@view("GET", "/_profiles/{username}", needs=Who.USER, word="ProfilesController:profile")
def profile(visit: Visit, username: str) -> Page:
    """Who somebody is, what they own, and what they did last: as far as one may read it."""
    query = visit.query
    after, before = query.get("after", ""), query.get("before", "")
    found = visit.ask(profiles.profile, username, after=after, before=before)
    owned = found.repositories
    return Page(
        "profiles/profile.html",
        found=found,
        rows=rows(visit, owned.rows),
        days=by_day(visit, found.acts.entries),
        newer=visit.url("profiles.profile", found.username, before=owned.newer) if owned.newer else "",
        older=visit.url("profiles.profile", found.username, after=owned.older) if owned.older else "",
    )
