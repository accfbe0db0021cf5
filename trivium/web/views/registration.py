# SPDX-License-Identifier: GPL-3.0-or-later
"""People make accounts for themselves, where the site lets them (system.md 2.8)."""

from __future__ import annotations

from typing import Final

from trivium.access.caller import anonymous
from trivium.errors import AlreadyExists, Forbidden, Invalid
from trivium.forge.accounts import registration
from trivium.forge.accounts.registration import Registration, TooOften, Unfit, Wanted
from trivium.turns import Pace
from trivium.web.answers import HeaderList, Page, Redirect
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_LONGEST: Final = 4_096
_SHOWN: Final = ("username", "email", "firstname", "lastname")
"""What stands in the form again after something was wrong: passwords do not."""


@view("GET", "/_admin/register", needs=Who.ANYBODY, word="LoginController:register")
def form(visit: Visit) -> Page | Redirect:
    """The form, or the sentence that administrators make the accounts."""
    if visit.session is not None:
        return Redirect(visit.url("home.home"))
    policy = visit.ask(lambda db, _: registration.registration(db, visit.site.settings))
    return _closed() if policy is Registration.CLOSED else _shown(visit, {})


@view("POST", "/_admin/register", needs=Who.ANYBODY, word="LoginController:register", pace=Pace.SHORT)
def register(visit: Visit) -> Page | Redirect:
    """Make an account; which e-mail addresses have one already is not told."""
    if visit.session is not None:
        return Redirect(visit.url("home.home"))
    given = visit.form
    password = given.get("password", "")
    typed = {name: given.get(name, "").strip()[:_LONGEST] for name in _SHOWN}
    if password != given.get("password_confirmation", ""):
        return _shown(visit, {"password_confirmation": _reason(visit, "password_confirmation")})
    try:
        registration.register(visit.site, anonymous(visit.asked.address), Wanted(password=password, **typed))
    except Forbidden:
        return _closed()
    except TooOften as error:
        waiting = (("Retry-After", str(error.retry_after)),)
        said = visit.text("Too many accounts were asked for from where you are. Please try again in an hour.")
        return _shown(visit, {"": said}, status=429, headers=waiting)
    except AlreadyExists:
        return _shown(visit, {"username": visit.text("This user name is taken.")})
    except Unfit as error:
        said = visit.text(error.message) if error.field == "password" else _reason(visit, error.field)
        return _shown(visit, {error.field: said})
    except Invalid:
        # Somebody else was quicker, at the same moment.
        return _shown(visit, {"": visit.text("This could not be stored. Please send it once more.")})
    said = visit.text("Your account is made. If you cannot sign in with it yet, it waits for an administrator.")
    return Redirect(visit.url("sign_in.form"), said)


def _reason(visit: Visit, field: str) -> str:
    match field:
        case "username":
            return visit.text(
                "A user name has letters, digits, “_”, “.” and “-”, begins with neither “.” nor “-”, is no number, and"
                " some are reserved."
            )
        case "password_confirmation":
            return visit.text("The password was not typed twice in the same way.")
        case "email":
            return visit.text("This is no e-mail address.")
        case _:
            return visit.text("This is too long, or has a character that cannot be stored.")


def _closed() -> Page:
    return Page("registration/closed.html", 403)


def _shown(visit: Visit, wrong: dict[str, str], *, status: int = 0, headers: HeaderList = ()) -> Page:
    typed = {name: visit.form.get(name, "").strip()[:_LONGEST] for name in _SHOWN}
    return Page("registration/form.html", status or (422 if wrong else 200), headers=headers, wrong=wrong, typed=typed)
