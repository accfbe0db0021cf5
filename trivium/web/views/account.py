# SPDX-License-Identifier: GPL-3.0-or-later
"""One's own account: who one is, and the password (system.md 2.8)."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET

from trivium.access.credentials import CredentialsRefused, Reason
from trivium.forge.accounts import profiles, sessions
from trivium.forge.accounts import users as accounts
from trivium.turns import Pace
from trivium.web.answers import HeaderList, Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Secret, empty, read, stored
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


class Profile(Form):
    """What users say of themselves."""

    firstname: Line = ""
    lastname: Line = ""
    email: Line = ""
    """One of their addresses that count."""
    current_password: Secret = ""


class Password(Form):
    """Another password, typed twice."""

    current_password: Secret
    new_password: Secret
    new_password_confirmation: Secret


@view("GET", "/_admin/my_account", "/_admin/my_account/edit", needs=Who.USER, word="MyAccountController:my_account")
def profile(visit: Visit) -> Page:
    """The form with what is stored."""
    own = visit.ask(profiles.own_account)
    fields = stored(visit, visit.ask(_present))
    return Page("account/profile.html", fields=fields, own=own, here=visit.url("account.profile"))


def _present(db: Any, caller: Any) -> Profile:
    user = accounts.by_id(db, caller.user_id)
    return Profile(firstname=user.firstname, lastname=user.lastname, email=user.email or "")


@view(
    "POST",
    "/_admin/my_account",
    needs=Who.USER,
    word="MyAccountController:my_account_update",
    pace=Pace.SHORT,
)
def save_profile(visit: Visit) -> Page | Redirect:
    """Store it."""
    entered = read(Profile, visit)
    if wanted := entered.form:
        try:
            with entered.refusals():
                sent = visit.form
                profiles.change_own(
                    *(visit.site, visit.caller),
                    firstname=wanted.firstname if "firstname" in sent else UNSET,
                    lastname=wanted.lastname if "lastname" in sent else UNSET,
                    email=wanted.email if "email" in sent else UNSET,
                    password=wanted.current_password,
                    authenticator=visit.authenticator,
                    seen=entered.as_seen(_present),
                )
                return Redirect(visit.url("account.profile"), visit.text("Saved."))
        except CredentialsRefused as error:
            _wrong_password(visit, entered, error)
            return _profile_form(visit, entered, _waiting(error))
    return _profile_form(visit, entered)


def _profile_form(visit: Visit, entered: Entered[Profile], headers: HeaderList = ()) -> Page:
    own = visit.ask(profiles.own_account)
    return Page("account/profile.html", entered.status, headers=headers, fields=entered, own=own)


@view("GET", "/_admin/my_account/password", needs=Who.USER, word="MyAccountController:my_account_password")
def password(visit: Visit) -> Page:
    """The form to choose another password."""
    return _password_form(visit, empty(visit, Password))


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
    entered = read(Password, visit)
    if wanted := entered.form:
        if wanted.new_password != wanted.new_password_confirmation:
            said = visit.text("The new password was not typed twice in the same way.")
            entered.refuse("new_password_confirmation", said)
            return _password_form(visit, entered)
        try:
            with entered.refusals(password="new_password"):
                begun = sessions.change_own_password(
                    *(visit.site, visit.authenticator, visit.session),
                    *(wanted.current_password, wanted.new_password),
                    agent=visit.asked.agent,
                )
                seconds = begun.seconds if visit.session.remember else None
                cookie = visit.cookies.header(visit.cookies.session, begun.cookie, seconds)
                return Redirect(visit.url("home.home"), headers=(cookie,))
        except CredentialsRefused as error:
            _wrong_password(visit, entered, error)
            return _password_form(visit, entered, _waiting(error))
    return _password_form(visit, entered)


def _password_form(visit: Visit, entered: Entered[Password], headers: HeaderList = ()) -> Page:
    own = visit.ask(profiles.own_account)
    return Page("account/password.html", entered.status, headers=headers, fields=entered, own=own)


def _waiting(error: CredentialsRefused) -> HeaderList:
    return (("Retry-After", str(error.retry_after)),) if error.reason is Reason.TOO_MANY else ()


def _wrong_password(visit: Visit, entered: Entered[Profile] | Entered[Password], error: CredentialsRefused) -> None:
    """Say that the present password is not the one that was typed, or was guessed too often."""
    if error.reason is Reason.TOO_MANY:
        entered.refuse("current_password", visit.text("Too many wrong passwords. Please wait a while."), 429)
    else:
        entered.refuse("current_password", visit.text("The current password is wrong."))
