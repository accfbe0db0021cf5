# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a user, as other users see it (system.md 2.8, decisions.md A20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, bindparam, exists, select

from trivium.access.caller import Caller
from trivium.errors import Forbidden, Kind, NotFound
from trivium.forge.events import reading
from trivium.forge.events.reading import JournalPage
from trivium.forge.repositories import pages
from trivium.forge.repositories.pages import RepositoryPage
from trivium.names import account_key_of, is_clean_text
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, user_followers, users

_ACTS_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """A user, and what they have and do as far as the reader may know."""

    id: int
    username: str
    firstname: str
    lastname: str
    active: bool
    created_on: str
    email: str | None
    """None for everybody but themselves and super-admins; so are the two below."""
    last_login: str | None
    last_activity: str | None
    followed: bool
    """Whether the reader follows them."""
    themselves: bool
    repositories: RepositoryPage
    """What they own and the reader may read."""
    acts: JournalPage
    """What they did last where the reader may read it."""


_BY_NAME: Final = Query(
    select(
        users.c.id,
        users.c.username,
        users.c.firstname,
        users.c.lastname,
        users.c.active,
        users.c.created_on,
        users.c.email,
        users.c.last_login,
        users.c.last_activity,
        exists().where(user_followers.c.user_id == users.c.id, user_followers.c.follower_id == bindparam("reader")),
    ).where(
        users.c.username_key == bindparam("key"), users.c.username == bindparam("sought"), users.c.id != DEFAULT_USER_ID
    )
)


def profile(db: Connection, caller: Caller, username: str, *, after: str = "", before: str = "") -> Profile:
    """The page of a user: three statements; `after` and `before` are those of its list of repositories.

    Raises `Forbidden` for visitors, whoever they ask for, and `NotFound`.
    """
    if caller.anonymous:
        raise Forbidden
    given = {"key": account_key_of(username), "sought": username, "reader": caller.user_id}
    row = _BY_NAME.first(db, given) if is_clean_text(username) else None
    if row is None:
        raise NotFound(Kind.USER, username)
    user_id, name, firstname, lastname, active, created_on, email, last_login, last_activity, followed = row
    themselves = user_id == caller.user_id
    told_all = themselves or caller.super_admin
    return Profile(
        user_id,
        name,
        firstname,
        lastname,
        active,
        created_on,
        email if told_all else None,
        last_login if told_all else None,
        last_activity if told_all else None,
        bool(followed),
        themselves,
        pages.page(db, caller, owner_id=user_id, after=after, before=before),
        reading.of_user(db, caller, user_id, limit=_ACTS_SHOWN),
    )
