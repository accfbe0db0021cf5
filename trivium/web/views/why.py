# SPDX-License-Identifier: GPL-3.0-or-later
"""Why somebody may do something: every row that speaks about it (decisions.md A23)."""

from __future__ import annotations

from typing import Final

from trivium.access.levels import Scope
from trivium.errors import NotYourself
from trivium.forge.rights.explaining import explain
from trivium.web.answers import Page, Refused
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_OBJECTS: Final = {
    "repository": Scope.REPOSITORY,
    "group": Scope.REPO_GROUP,
    "user_group": Scope.USER_GROUP,
}
_LONGEST: Final = 255


@view("GET", "/_admin/why", needs=Who.USER, word="WhyController:index")
def why(visit: Visit) -> Page:
    """What a user may do with what is named, and why; with nothing named the question."""
    query = visit.query
    about = next((name for name in _OBJECTS if query.get(name, "").strip()), "")
    if not about:
        return Page("why/ask.html", user=query.get("user", "")[:_LONGEST])
    given, user = query[about].strip()[:_LONGEST], query.get("user", "").strip()[:_LONGEST]
    try:
        found = visit.ask(explain, _OBJECTS[about], given, user or None)
    except NotYourself:
        raise Refused(403, "Only whoever administers it sees what others may do with it.") from None
    return Page("why/why.html", found=found, about=about)
