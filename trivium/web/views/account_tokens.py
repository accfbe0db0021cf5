# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of one's own account: listed, made, replaced and deleted (system.md 1.5, 2.8)."""

from __future__ import annotations

from typing import Final

from trivium.turns import Pace
from trivium.web.answers import Page, Redirect
from trivium.web.registering import Who, view
from trivium.web.showing import keys
from trivium.web.visit import Visit

_HERE: Final = "account_tokens.tokens"
_TEMPLATE: Final = "account/tokens.html"


@view("GET", "/_admin/my_account/auth_tokens", needs=Who.USER, word="MyAccountController:my_account_auth_tokens")
def tokens(visit: Visit) -> Page:
    """The keys; one that was just made is shown in full, to whoever made it and this once."""
    return keys.page_of(_TEMPLATE, keys.listed(visit, visit.caller))


@view(
    "POST",
    "/_admin/my_account/auth_tokens",
    needs=Who.USER,
    word="MyAccountController:my_account_auth_tokens_add",
    pace=Pace.SHORT,
)
def add(visit: Visit) -> Page | Redirect:
    """Make a key."""
    found = keys.made(visit, visit.caller, _HERE)
    return found if isinstance(found, Redirect) else keys.page_of(_TEMPLATE, found)


@view(
    "DELETE",
    "/_admin/my_account/auth_tokens",
    needs=Who.USER,
    word="MyAccountController:my_account_auth_tokens_delete",
    pace=Pace.SHORT,
)
def delete(visit: Visit) -> Redirect:
    """Delete a key, with effect from the next request, or replace the built-in one."""
    return keys.deleted(visit, visit.caller, _HERE)
