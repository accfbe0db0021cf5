# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own account: so far the password (system.md 2.8)."""

from __future__ import annotations

from trivium.access.credentials import CredentialsRefused, Reason
from trivium.errors import Invalid
from trivium.forge.accounts import sessions
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect, Refused
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


@view("GET", "/_admin/my_account/password", needs=Who.USER, word="MyAccountController:my_account_password")
def password(visit: Visit) -> Page:
    """The form to choose another password."""
    return Page("account/password.html", reason="")


@view(
    "POST",
    "/_admin/my_account/password",
    needs=Who.USER,
    word="MyAccountController:my_account_password_update",
    pace=Pace.SHORT,
)
def save_password(visit: Visit) -> Page | Redirect:
    """Store another password; all sessions of the account end, and this one begins anew."""
    if visit.session is None:
        raise Refused(403, "Sign in to do this.")
    given = visit.form
    new = given.get("new_password", "")
    if new != given.get("new_password_confirmation", ""):
        return _again(visit.text("The new password was not typed twice in the same way."))
    try:
        begun = sessions.change_own_password(
            visit.site,
            visit.authenticator,
            visit.session,
            given.get("current_password", ""),
            new,
            agent=visit.asked.agent,
        )
    except CredentialsRefused as error:
        if error.reason is Reason.TOO_MANY:
            return _again(visit.text("Too many wrong passwords. Please wait a while."), 429)
        return _again(visit.text("The current password is wrong."))
    except Invalid as error:
        return _again(visit.text(str(error)))
    seconds = begun.seconds if visit.session.remember else None
    cookie = visit.cookies.header(visit.cookies.session, begun.cookie, seconds)
    return Redirect(visit.url("home.home"), headers=(cookie,))


def _again(reason: str, status: int = 422) -> Page:
    return Page("account/password.html", status, reason=reason)
