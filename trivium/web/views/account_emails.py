# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail addresses of one's own account (system.md 2.8, 6.5)."""

from __future__ import annotations

from trivium.forge.accounts import emails as core
from trivium.forge.accounts.emails import ConfirmationRefused, TooOften
from trivium.turns import Pace
from trivium.web.answers import SECRET, HeaderList, Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, empty, read
from trivium.web.numbers import number
from trivium.web.registering import Who, view
from trivium.web.visit import Visit


class NewEmail(Form):
    """A further address."""

    new_email: Line


@view("GET", "/_admin/my_account/emails", needs=Who.USER, word="MyAccountController:my_account_emails")
def emails(visit: Visit) -> Page:
    """The addresses, and which are still to be confirmed."""
    return _shown(visit, empty(visit, NewEmail))


@view(
    "POST",
    "/_admin/my_account/emails",
    needs=Who.USER,
    word="MyAccountController:my_account_emails_add",
    pace=Pace.SHORT,
)
def add(visit: Visit) -> Page | Redirect:
    """Have a mail sent to an address, which counts once its link was followed."""
    entered = read(NewEmail, visit)
    if wanted := entered.form:
        try:
            with entered.refusals(email="new_email", exists="new_email"):
                core.ask(visit.site, visit.caller, wanted.new_email, locale=visit.language.code)
                said = visit.text("A mail is on its way to %(email)s. Follow the link in it.", email=wanted.new_email)
                return Redirect(visit.url("account_emails.emails"), said)
        except TooOften as error:
            said = visit.text("Too many addresses were added lately. Please try again in an hour.")
            entered.refuse("new_email", said, 429)
            return _shown(visit, entered, (("Retry-After", str(error.retry_after)),))
    return _shown(visit, entered)


@view(
    "DELETE",
    "/_admin/my_account/emails",
    needs=Who.USER,
    word="MyAccountController:my_account_emails_delete",
    pace=Pace.SHORT,
)
def delete(visit: Visit) -> Redirect:
    """Have an address count no more, or take back that it is to be confirmed."""
    whose = (visit.site, visit.caller, visit.caller.user_id, visit.caller.username)
    if waiting := visit.form.get("del_unconfirmed_id", ""):
        email = core.forget(*whose, _id(waiting))
    else:
        email = core.remove(*whose, _id(visit.form.get("del_email_id", "")))
    return Redirect(visit.url("account_emails.emails"), visit.text("%(email)s is removed.", email=email))


@view(
    "GET",
    "/_admin/my_account/emails/confirmation",
    needs=Who.USER,
    word="MyAccountController:my_account_emails_confirmation",
)
def confirming(visit: Visit) -> Page:
    """The question whether the address is one's own, for who followed the link; to look at it uses up nothing."""
    key = visit.query.get("key", "")
    try:
        found = visit.ask(core.held, visit.site, key)
    except ConfirmationRefused:
        return _void(visit)
    here = visit.url("account_emails.emails")
    return Page("account/confirm_email.html", headers=SECRET, found=found, here=here)


@view(
    "POST",
    "/_admin/my_account/emails/confirmation",
    needs=Who.USER,
    word="MyAccountController:my_account_emails_confirm",
    pace=Pace.SHORT,
)
def confirm(visit: Visit) -> Page | Redirect:
    """Have the address count."""
    try:
        email = core.confirm(visit.site, visit.caller, visit.form.get("key", ""))
    except ConfirmationRefused:
        return _void(visit)
    return Redirect(visit.url("account_emails.emails"), visit.text("%(email)s is confirmed.", email=email))


def _shown(visit: Visit, entered: Entered[NewEmail], headers: HeaderList = ()) -> Page:
    found = visit.ask(core.emails_of, visit.caller.user_id)
    possible = visit.site.settings.mails_links
    return Page("account/emails.html", entered.status, headers=headers, fields=entered, found=found, possible=possible)


def _void(visit: Visit) -> Page:
    return Page("account/void_email.html", 404, headers=SECRET, here=visit.url("account_emails.emails"))


def _id(given: str) -> int:
    if not (found := number(given)):
        raise Refused(404, "There is no such address. It may have been removed already.")
    return found
