# SPDX-License-Identifier: GPL-3.0-or-later
"""What the pages of administrators about one account have in common."""

from __future__ import annotations

from typing import Any

from trivium.errors import Kind, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.web.answers import HeaderList, Page
from trivium.web.visit import Visit


def user_of(visit: Visit, given: str) -> User:
    """The account that an address is about; raises `NotFound`, also for `default`, which has pages of its own."""
    found = visit.ask(lambda db, _: accounts.find(db, given))
    if found.is_default:
        raise NotFound(Kind.USER, given)
    return found


def page(view: str, name: str, user: User, status: int = 200, *, headers: HeaderList = (), **values: Any) -> Page:
    """A page about an account, which has tabs: the view that shows it, and the name of its template."""
    template = f"administration/user_{name}.html"
    return Page(template, status, headers=headers, user=user, this=str(user.id), tab=view, **values)
