# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of an account in pages, of one's own and for administrators of another's (system.md 1.5, 2.8).

`whose` is the account as a caller; what is changed is changed by the visitor.
"""

from __future__ import annotations

from typing import Annotated, Any

from trivium.access.caller import Caller
from trivium.access.keys import Role
from trivium.forge.accounts import tokens as core
from trivium.forge.accounts.tokens import NewToken
from trivium.web.answers import SECRET, Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Whole, empty, one_of, read
from trivium.web.visit import Visit

_Role = Annotated[str, one_of(*(role.value for role in Role))]


class NewKey(Form):
    """A further key; the names are those of the reference."""

    role: _Role
    lifetime: Whole
    """Minutes, -1 for ever. Both have to be chosen: a key that opens everything for ever is never made unawares."""
    description: Line = ""


def listed(visit: Visit, whose: Caller) -> dict[str, Any]:
    """What a page shows of the keys: one that was just made in full, to whoever made it and this once."""
    new = None
    if visit.session is not None and visit.said and "new" in visit.query:
        ring, session, ticket = visit.site.ring, visit.session.id, visit.query["new"]
        new = visit.ask(lambda db, _: core.just_made(db, whose, ring, session, ticket))
    return _shown(visit, whose, empty(visit, NewKey), new)


def made(visit: Visit, whose: Caller, page: str, *given: str) -> Redirect | dict[str, Any]:
    """Make the key that a form asks for, and lead to the view that shows it; else what its page shows."""
    entered = read(NewKey, visit)
    if wanted := entered.form:
        with entered.refusals():
            new = core.create_token(
                *(visit.site, visit.caller, whose.user_id, whose.username),
                role=Role(wanted.role),
                description=wanted.description,
                expires=core.expiry(wanted.lifetime),
            )
            said = visit.text("The token is made. Copy it now: it is shown this once.")
            return _to(visit, new, said, page, *given)
    return _shown(visit, whose, entered)


def deleted(visit: Visit, whose: Caller, page: str, *given: str) -> Redirect:
    """Delete a key, with effect from the next request, or replace the built-in one."""
    account = (visit.site, visit.caller, whose.user_id, whose.username)
    if visit.form.get("del_auth_token_builtin"):
        said = visit.text("The built-in key is replaced. Copy the new one now: it is shown this once.")
        return _to(visit, core.replace_builtin(*account), said, page, *given)
    named = visit.form.get("del_auth_token", "")
    number = visit.ask(lambda db, _: core.named(db, whose, visit.site.ring, named))
    if number is None:
        raise Refused(404, "There is no such token. It may have been deleted already.")
    core.revoke_token(*account, number)
    return Redirect(visit.url(page, *given), visit.text("The token is deleted. It lets nobody in any more."))


def page_of(template: str, shown: dict[str, Any], **values: Any) -> Page:
    """A page with keys; with one in full it is kept nowhere."""
    headers = SECRET if shown["new"] is not None else ()
    return Page(template, shown["fields"].status, headers=headers, **shown, **values)


def _to(visit: Visit, new: NewToken, said: str, page: str, *given: str) -> Redirect:
    """The list, which shows the key this once: it stands neither in the address nor in what is told."""
    assert visit.session is not None, "a key changes nothing"
    ticket = core.ticket(visit.site.ring, visit.session.id, new.id)
    return Redirect(visit.url(page, *given, new=ticket), said)


def _shown(visit: Visit, whose: Caller, entered: Entered[NewKey], new: NewToken | None = None) -> dict[str, Any]:
    return {
        "fields": entered,
        "tokens": visit.ask(lambda db, _: core.own_tokens(db, whose, visit.site.ring)),
        "new": new,
        "whose": whose.username,
        "base": visit.asked.origin + visit.asked.root,
    }
