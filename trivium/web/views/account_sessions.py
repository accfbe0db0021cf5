# SPDX-License-Identifier: GPL-3.0-or-later
"""Where one has signed in, and from where one may (system.md 1.7, 2.8, 2.9)."""

from __future__ import annotations

from trivium.forge.accounts import allowed_addresses
from trivium.forge.accounts import sessions as core
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.numbers import number
from trivium.web.registering import Who, view
from trivium.web.showing.devices import device
from trivium.web.visit import Visit


@view("GET", "/_admin/my_account/sessions", needs=Who.USER, word="MyAccountController:my_account_sessions")
def sessions(visit: Visit) -> Page:
    """All of them, what was used last first."""
    found = visit.ask(core.own_sessions, visit.site)
    return Page("account/sessions.html", sessions=[(one, device(one.agent)) for one in found])


@view(
    "DELETE",
    "/_admin/my_account/sessions",
    needs=Who.USER,
    word="MyAccountController:my_account_sessions_end",
    pace=Pace.SHORT,
)
def end(visit: Visit) -> Redirect:
    """End one, or all but this one; whoever used it has to sign in again."""
    assert visit.session is not None, "a key changes nothing"
    whose = (visit.site, visit.caller, visit.caller.user_id, visit.caller.username)
    address = visit.url("account_sessions.sessions")
    if visit.form.get("del_all"):
        count = core.end_sessions(*whose, but=visit.session.id)
        return Redirect(
            address, visit.language.plural("%(num)s session is ended.", "%(num)s sessions are ended.", count)
        )
    if not core.end_session(*whose, number(visit.form.get("del_session_id", ""))):
        raise Refused(404, "There is no such session. It may have ended already.")
    return Redirect(address, visit.text("The session is ended."))


@view("GET", "/_admin/my_account/ips", needs=Who.USER, word="MyAccountController:my_account_ips")
def addresses(visit: Visit) -> Page:
    """From which ranges one may use the account; administrators set them."""
    return Page("account/addresses.html", found=visit.ask(allowed_addresses.own_ranges))
