# SPDX-License-Identifier: GPL-3.0-or-later
"""People make accounts for themselves, where the site lets them (system.md 2.8)."""

from __future__ import annotations

from trivium.access.caller import anonymous
from trivium.errors import AlreadyExists, Forbidden, Invalid
from trivium.forge.accounts import registration
from trivium.forge.accounts.registration import Registration, TooOften, Unfit, Wanted
from trivium.turns import Pace
from trivium.web.answers import HeaderList, Page, Redirect
from trivium.web.forms import Entered, Form, Line, Secret, empty, read
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


class NewAccount(Form, kw_only=True):
    """What people say of the account that they want; the names are those of the reference."""

    username: Line
    email: Line
    firstname: Line = ""
    lastname: Line = ""
    password: Secret
    password_confirmation: Secret


@view("GET", "/_admin/register", needs=Who.ANYBODY, word="LoginController:register")
def form(visit: Visit) -> Page | Redirect:
    """The form, or the sentence that administrators make the accounts."""
    if visit.session is not None:
        return Redirect(visit.url("home.home"))
    return _closed() if _is_closed(visit) else _shown(empty(visit, NewAccount))


@view("POST", "/_admin/register", needs=Who.ANYBODY, word="LoginController:register", pace=Pace.SHORT)
def register(visit: Visit) -> Page | Redirect:
    """Make an account; which e-mail addresses have one already is not told."""
    if visit.session is not None:
        return Redirect(visit.url("home.home"))
    entered = read(NewAccount, visit)
    wanted = entered.form
    if wanted is not None and wanted.password != wanted.password_confirmation:
        said = visit.text("The password was not typed twice in the same way.")
        entered.refuse("password_confirmation", said)
        wanted = None
    if wanted is None:
        return _closed() if _is_closed(visit) else _shown(entered)
    try:
        account = Wanted(
            username=wanted.username,
            password=wanted.password,
            email=wanted.email,
            firstname=wanted.firstname,
            lastname=wanted.lastname,
        )
        registration.register(visit.site, anonymous(visit.asked.address), account)
    except Forbidden:
        return _closed()
    except TooOften as error:
        said = visit.text("Too many accounts were asked for from where you are. Please try again in an hour.")
        entered.refuse("", said, 429)
        return _shown(entered, (("Retry-After", str(error.retry_after)),))
    except AlreadyExists:
        entered.refuse("username", visit.text("This user name is taken."))
        return _shown(entered)
    except Unfit as error:
        entered.refuse(error.field, _reason(visit, error))
        return _shown(entered)
    except Invalid:
        # Somebody else was quicker, at the same moment.
        entered.refuse("", visit.text("This could not be stored. Please send it once more."))
        return _shown(entered)
    said = visit.text("Your account is made. If you cannot sign in with it yet, it waits for an administrator.")
    return Redirect(visit.url("sign_in.form"), said)


def _reason(visit: Visit, error: Unfit) -> str:
    match error.field:
        case "username":
            return visit.text(
                "A user name has letters, digits, “_”, “.” and “-”, begins with neither “.” nor “-”, is no number, and"
                " some are reserved."
            )
        case "password":
            return visit.text(error.message)
        case "email":
            return visit.text("This is no e-mail address.")
        case _:
            return visit.text("This is too long, or has a character that cannot be stored.")


def _is_closed(visit: Visit) -> bool:
    return visit.ask(lambda db, _: registration.registration(db, visit.site.settings)) is Registration.CLOSED


def _closed() -> Page:
    return Page("registration/closed.html", 403)


def _shown(entered: Entered[NewAccount], headers: HeaderList = ()) -> Page:
    return Page("registration/form.html", entered.status, headers=headers, fields=entered)
