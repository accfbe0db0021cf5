# SPDX-License-Identifier: GPL-3.0-or-later
"""How somebody wants pages to look: users and visitors alike (web.md 2.2, preferences)."""

from __future__ import annotations

from typing import Final

from trivium.errors import Invalid
from trivium.forge.accounts.preferences import Preferences, changed, set_preferences, written
from trivium.language import KNOWN
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.registering import Who, view
from trivium.web.views.sign_in import safe_address
from trivium.web.visit import Visit

_CHOICES: Final = ("theme", "contrast", "diff_palette", "density", "diff_layout", "times")
_TICKS: Final = ("wrap", "keys")


@view("GET", "/_admin/my_account/preferences", needs=Who.ANYBODY, word="MyAccountController:my_account_preferences")
def form(visit: Visit) -> Page:
    """The form with what was chosen."""
    return _shown(visit, visit.preferences, safe_address(visit, visit.query.get("came_from", "")))


@view(
    "POST",
    "/_admin/my_account/preferences",
    needs=Who.ANYBODY,
    word="MyAccountController:my_account_preferences_update",
    pace=Pace.SHORT,
)
def save(visit: Visit) -> Page | Redirect:
    """Keep what was chosen: of a user with the account, of a visitor in a cookie."""
    given = visit.form
    came_from = safe_address(visit, given.get("came_from", ""))
    wanted: dict[str, object] = {name: given[name] for name in (*_CHOICES, "locale") if name in given}
    wanted |= {name: given.get(name) == "1" for name in _TICKS}
    if (width := given.get("tab_width", "")).isascii() and width.isdigit() and len(width) <= 2:
        wanted["tab_width"] = int(width)
    try:
        chosen = changed(visit.preferences, wanted)
    except Invalid:
        return _shown(visit, visit.preferences, came_from, visit.text("One of the choices does not exist."), 422)
    said = visit.text("Saved.")
    if visit.session is None:
        return Redirect(came_from, said, headers=(visit.cookies.preferring(written(chosen)),))
    set_preferences(visit.site, visit.caller, chosen)
    return Redirect(came_from, said)


def _shown(visit: Visit, chosen: Preferences, came_from: str, reason: str = "", status: int = 200) -> Page:
    return Page(
        "account/preferences.html",
        status,
        chosen_now=chosen,
        came_from=came_from,
        reason=reason,
        languages=KNOWN,
    )
