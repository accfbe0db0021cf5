# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody forgot their password (system.md 2.8)."""

from __future__ import annotations

from typing import Final

from trivium.access.credentials import CredentialsRefused
from trivium.forge.accounts import password_resets
from trivium.forge.accounts.password_resets import ResetRefused
from trivium.turns import Pace
from trivium.web.answers import SECRET, HeaderList, Page, Redirect
from trivium.web.forms import Entered, Form, Line, Secret, empty, read
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_LONGEST: Final = 255


class Asking(Form):
    """For which account."""

    email: Line


class NewPassword(Form):
    """Another password, typed twice."""

    new_password: Secret
    new_password_confirmation: Secret


@view("GET", "/_admin/password_reset", needs=Who.ANYBODY, word="LoginController:password_reset")
def form(visit: Visit) -> Page:
    """The form that asks for the mail address of an account."""
    return _asking(visit, empty(visit, Asking))


@view(
    "POST",
    "/_admin/password_reset",
    needs=Who.ANYBODY,
    word="LoginController:password_reset_ask",
    pace=Pace.SHORT,
)
def ask(visit: Visit) -> Page:
    """Have a mail sent; the answer is the same whether or not an account has that address."""
    entered = read(Asking, visit)
    if not visit.site.settings.mails_links:
        entered.refuse("", visit.text("This server sends no mails."))
    elif wanted := entered.form:
        email = wanted.email[:_LONGEST]
        try:
            password_resets.ask(visit.site, email=email, address=visit.asked.address, locale=visit.language.code)
            return Page("password_reset/sent.html", email=email)
        except CredentialsRefused as error:
            entered.refuse("", visit.text("This was asked for too often. Please wait a while."), 429)
            return _asking(visit, entered, (("Retry-After", str(error.retry_after)),))
    return _asking(visit, entered)


@view(
    "GET",
    "/_admin/password_reset_confirmation",
    needs=Who.ANYBODY,
    word="LoginController:password_reset_confirmation",
)
def choosing(visit: Visit) -> Page:
    """The form to choose a password, for whoever followed the link; to look at it uses up nothing."""
    return _choosing(visit, visit.query.get("key", ""), empty(visit, NewPassword))


@view(
    "POST",
    "/_admin/password_reset_confirmation",
    needs=Who.ANYBODY,
    word="LoginController:password_reset_choose",
    pace=Pace.SHORT,
)
def choose(visit: Visit) -> Page | Redirect:
    """Store the password that was chosen; whoever had signed in to the account has to do it again."""
    key, entered = visit.form.get("key", ""), read(NewPassword, visit)
    if wanted := entered.form:
        if wanted.new_password != wanted.new_password_confirmation:
            said = visit.text("The new password was not typed twice in the same way.")
            entered.refuse("new_password_confirmation", said)
            return _choosing(visit, key, entered)
        try:
            with entered.refusals(password="new_password"):
                password_resets.use(visit.site, key, wanted.new_password, address=visit.asked.address)
                return Redirect(visit.url("sign_in.form"), visit.text("Your password was changed. Please sign in."))
        except ResetRefused:
            return _void()
    return _choosing(visit, key, entered)


def _asking(visit: Visit, entered: Entered[Asking], headers: HeaderList = ()) -> Page:
    possible = visit.site.settings.mails_links
    return Page("password_reset/ask.html", entered.status, headers=headers, possible=possible, fields=entered)


def _choosing(visit: Visit, key: str, entered: Entered[NewPassword]) -> Page:
    try:
        found = visit.ask(password_resets.held, visit.site, key)
    except ResetRefused:
        return _void()
    username, template = found.username, "password_reset/choose.html"
    return Page(template, entered.status, headers=SECRET, key=key, username=username, fields=entered)


def _void() -> Page:
    return Page("password_reset/void.html", 404, headers=SECRET)
