# SPDX-License-Identifier: GPL-3.0-or-later
"""Following repositories and users, and no longer doing so (system.md 2.8)."""

from __future__ import annotations

from trivium.forge.repositories.followers import toggle_following
from trivium.turns import Pace
from trivium.web.answers import Body, Redirect, Refused
from trivium.web.numbers import number
from trivium.web.registering import Who, view
from trivium.web.views.sign_in import safe_address
from trivium.web.visit import Visit


@view("POST", "/_admin/toggle_following", needs=Who.USER, word="JournalController:toggle_following", pace=Pace.SHORT)
def toggle(visit: Visit) -> Body | Redirect:
    """Follow, or stop: `ok` for scripts; a form that says where it came from leads back there."""
    toggle_following(
        visit.site,
        visit.caller,
        repository_id=_id(visit, "follows_repo_id"),
        user_id=_id(visit, "follows_user_id"),
    )
    came_from = visit.form.get("came_from", "")
    if came_from and not visit.asked.by_script:
        return Redirect(safe_address(visit, came_from))
    return Body(b"ok", sandboxed=False)


def _id(visit: Visit, field: str) -> int | None:
    given = visit.form.get(field, "")
    if not given:
        return None
    if not (found := number(given)):
        raise Refused(400, "What is followed is named by its number.")
    return found
