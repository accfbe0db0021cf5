# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of one's own account: listed, made, replaced and deleted (system.md 1.5, 2.8)."""

from __future__ import annotations

from typing import Annotated, Final

from trivium.access.keys import Role
from trivium.forge.accounts import tokens as core
from trivium.forge.accounts.tokens import NEVER, NewToken
from trivium.turns import Pace
from trivium.web.answers import HeaderList, Page, Redirect, Refused
from trivium.web.forms import Entered, Form, Line, Whole, empty, one_of, read
from trivium.web.registering import Who, view
from trivium.web.visit import Visit

_SECRET: Final[HeaderList] = (("Cache-Control", "private, no-store"), ("Referrer-Policy", "no-referrer"))
_Role = Annotated[str, one_of(*(role.value for role in Role))]


class NewKey(Form):
    """A further key; the names are those of the reference."""

    description: Line = ""
    lifetime: Whole = NEVER
    """Minutes, -1 for ever."""
    role: _Role = Role.ALL.value


@view("GET", "/_admin/my_account/auth_tokens", needs=Who.USER, word="MyAccountController:my_account_auth_tokens")
def tokens(visit: Visit) -> Page:
    """The keys; one that was just made is shown in full, to whoever made it and this once."""
    new = None
    if visit.session is not None and visit.said and "new" in visit.query:
        new = visit.ask(core.just_made, visit.site.ring, visit.session.id, visit.query["new"])
    return _shown(visit, empty(visit, NewKey), new)


@view(
    "POST",
    "/_admin/my_account/auth_tokens",
    needs=Who.USER,
    word="MyAccountController:my_account_auth_tokens_add",
    pace=Pace.SHORT,
)
def add(visit: Visit) -> Page | Redirect:
    """Make a key."""
    entered = read(NewKey, visit)
    if wanted := entered.form:
        with entered.refusals():
            made = core.create_token(
                *(visit.site, visit.caller, visit.caller.user_id, visit.caller.username),
                role=Role(wanted.role),
                description=wanted.description,
                expires=core.expiry(wanted.lifetime),
            )
            return _to(visit, made, visit.text("The token is made. Copy it now: it is shown this once."))
    return _shown(visit, entered)


@view(
    "DELETE",
    "/_admin/my_account/auth_tokens",
    needs=Who.USER,
    word="MyAccountController:my_account_auth_tokens_delete",
    pace=Pace.SHORT,
)
def delete(visit: Visit) -> Redirect:
    """Delete a key, with effect from the next request, or replace the built-in one."""
    whose = (visit.site, visit.caller, visit.caller.user_id, visit.caller.username)
    if visit.form.get("del_auth_token_builtin"):
        said = visit.text("The built-in key is replaced. Copy the new one now: it is shown this once.")
        return _to(visit, core.replace_builtin(*whose), said)
    given = visit.form.get("del_auth_token", "")
    number = visit.ask(core.named, visit.site.ring, given)
    if number is None:
        raise Refused(404, "There is no such token. It may have been deleted already.")
    core.revoke_token(*whose, number)
    return Redirect(visit.url("account_tokens.tokens"), visit.text("The token is deleted. It lets nobody in any more."))


def _to(visit: Visit, made: NewToken, said: str) -> Redirect:
    """The list, which shows the key this once: it stands neither in the address nor in what is told."""
    assert visit.session is not None, "a key changes nothing"
    return Redirect(
        visit.url("account_tokens.tokens", new=core.ticket(visit.site.ring, visit.session.id, made.id)), said
    )


def _shown(visit: Visit, entered: Entered[NewKey], new: NewToken | None = None) -> Page:
    return Page(
        "account/tokens.html",
        entered.status,
        headers=_SECRET if new is not None else (),
        fields=entered,
        tokens=visit.ask(core.own_tokens, visit.site.ring),
        new=new,
        base=visit.asked.origin + visit.asked.root,
    )
