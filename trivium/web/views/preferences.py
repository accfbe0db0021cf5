# SPDX-License-Identifier: GPL-3.0-or-later
"""How somebody wants pages to look: users and visitors alike (web.md 2.2, preferences)."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from trivium.errors import Invalid
from trivium.forge.accounts.preferences import (
    Contrast,
    Density,
    Layout,
    Palette,
    Preferences,
    Theme,
    Times,
    changed,
    set_preferences,
    written,
)
from trivium.language import KNOWN
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.forms import Entered, Form, Tick, Whole, one_of, read, stored
from trivium.web.registering import Who, view
from trivium.web.views.sign_in import safe_address
from trivium.web.visit import Visit
from trivium.web.zones import zones

_TICKS: Final = frozenset({"wrap", "keys"})
_LANGUAGES: Final = {"en": "English", "de": "Deutsch"}

_Theme = Annotated[str, one_of(*Theme)]
_Contrast = Annotated[str, one_of(*Contrast)]
_Palette = Annotated[str, one_of(*Palette)]
_Density = Annotated[str, one_of(*Density)]
_Layout = Annotated[str, one_of(*Layout)]
_Times = Annotated[str, one_of(*Times)]
_Locale = Annotated[str, one_of("", *KNOWN)]
_Zone = Annotated[str, one_of("", *zones())]


class Chosen(Form):
    """What the form sends: the fields are those of `Preferences`."""

    theme: _Theme = ""
    contrast: _Contrast = ""
    diff_palette: _Palette = ""
    diff_layout: _Layout = ""
    density: _Density = ""
    times: _Times = ""
    zone: _Zone = ""
    wrap: Tick = False
    keys: Tick = False
    tab_width: Whole = 4
    locale: _Locale = ""


@view("GET", "/_admin/my_account/preferences", needs=Who.ANYBODY, word="MyAccountController:my_account_preferences")
def form(visit: Visit) -> Page:
    """The form with what was chosen."""
    present = Chosen(**msgspec.structs.asdict(visit.preferences))
    return _shown(visit, stored(visit, present), visit.query.get("came_from", ""))


@view(
    "POST",
    "/_admin/my_account/preferences",
    needs=Who.ANYBODY,
    word="MyAccountController:my_account_preferences_update",
    pace=Pace.SHORT,
)
def save(visit: Visit) -> Page | Redirect:
    """Keep what was chosen: of a user with the account, of a visitor in a cookie."""
    entered, came_from = read(Chosen, visit), visit.form.get("came_from", "")
    if (wanted := entered.form) and (chosen := _chosen(visit, entered, wanted)):
        said, address = visit.text("Saved."), safe_address(visit, came_from)
        if visit.session is None:
            return Redirect(address, said, headers=(visit.cookies.preferring(written(chosen)),))
        set_preferences(visit.site, visit.caller, chosen)
        return Redirect(address, said)
    return _shown(visit, entered, came_from)


def _chosen(visit: Visit, entered: Entered[Chosen], wanted: Chosen) -> Preferences | None:
    """The preferences with what was chosen; what the form has not sent stays, but for boxes."""
    given = {
        name: value for name, value in msgspec.structs.asdict(wanted).items() if name in visit.form or name in _TICKS
    }
    try:
        return changed(visit.preferences, given)
    except Invalid:  # all else is one of some words
        entered.refuse("tab_width", visit.text("A tab stop is 1 to 16 characters wide."))
        return None


def _shown(visit: Visit, entered: Entered[Chosen], came_from: str) -> Page:
    return Page(
        "account/preferences.html",
        entered.status,
        fields=entered,
        came_from=safe_address(visit, came_from),
        zones=zones(),
        languages=[(code, _LANGUAGES.get(code, code)) for code in KNOWN],
    )
