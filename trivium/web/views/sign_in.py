# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in and out (system.md 2.8, 2.9)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from trivium.access.credentials import CredentialsRefused, Reason
from trivium.forge.accounts import sessions
from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_LONGEST: Final = 1024
_LONGEST_ADDRESS: Final = 4096


@view("GET", "/_admin/login", needs=Who.ANYBODY, word="LoginController:index")
def form(visit: Visit) -> Page | Redirect:
    """The form; whoever has signed in goes where they wanted."""
    came_from = safe_address(visit, visit.query.get("came_from", ""))
    if visit.session is not None:
        return Redirect(came_from)
    return _shown(visit, came_from)


@view("POST", "/_admin/login", needs=Who.ANYBODY, word="LoginController:sign_in", pace=Pace.SHORT)
def sign_in(visit: Visit) -> Page | Redirect:
    """Begin a session. All that is wrong with credentials is told in the same words."""
    given = visit.form
    came_from = safe_address(visit, given.get("came_from") or visit.query.get("came_from", ""))
    username, password = given.get("username", "")[:_LONGEST], given.get("password", "")
    remember = given.get("remember") not in (None, "", "0", "false", "False")
    try:
        begun = sessions.sign_in(
            visit.site,
            visit.authenticator,
            username=username,
            password=password,
            address=visit.asked.address,
            agent=visit.asked.agent,
            remember=remember,
            instead_of=visit.asked.cookies.get(visit.cookies.session, ""),
        )
    except CredentialsRefused as error:
        if error.reason is Reason.TOO_MANY:
            said = visit.language.plural(
                "Too many wrong passwords. Please wait %(num)s second.",
                "Too many wrong passwords. Please wait %(num)s seconds.",
                error.retry_after,
            )
            waiting = (("Retry-After", str(error.retry_after)),)
            return _shown(visit, came_from, said, username, remember=remember, status=429, headers=waiting)
        said = visit.text("The user name or the password is wrong.")
        return _shown(visit, came_from, said, username, remember=remember)
    cookie = visit.cookies.header(visit.cookies.session, begun.cookie, begun.seconds if remember else None)
    if begun.must_change_password:
        came_from = visit.url("account.password")
    return Redirect(came_from, headers=(cookie,))


@view("POST", "/_admin/logout", needs=Who.ANYBODY, word="LoginController:logout", pace=Pace.SHORT)
def sign_out(visit: Visit) -> Redirect:
    """End the session, and have the browser forget what it has seen (decisions.md W7)."""
    if visit.session is not None:
        sessions.sign_out(visit.site, visit.session)
    gone = visit.cookies.header(visit.cookies.session, "", 0)
    return Redirect(visit.url("home.home"), headers=(gone, ("Clear-Site-Data", '"cache"')))


def safe_address(visit: Visit, given: str) -> str:
    """Where to go after signing in: an address of ours, else the first page (system.md 2.8).

    Browsers take a backslash for a slash, and leave line ends out; nothing that has such characters is followed.
    """
    home = visit.url("home.home")
    if not given or len(given) > _LONGEST_ADDRESS or not given.isprintable() or "\\" in given:
        return home
    try:
        parts = urlsplit(given)
    except ValueError:
        return home
    if parts.scheme or parts.netloc:
        if f"{parts.scheme}://{parts.netloc}" != visit.asked.origin:
            return home
        given = given.removeprefix(visit.asked.origin)
    if not given.startswith("/") or given.startswith("//"):
        return home
    return given if given.isascii() else home


def _shown(
    visit: Visit,
    came_from: str,
    reason: str = "",
    username: str = "",
    *,
    remember: bool = False,
    status: int = 200,
    headers: tuple[tuple[str, str], ...] = (),
) -> Page:
    return Page(
        "sign_in/form.html",
        status,
        headers=headers,
        came_from=came_from,
        reason=reason,
        username=username,
        remember=remember,
        registration=visit.site.settings.allow_registration,
    )
