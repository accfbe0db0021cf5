# SPDX-License-Identifier: GPL-3.0-or-later
"""Who follows what: to read in the journal what happens there, or what somebody does (system.md 6.2)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import binds
from trivium.errors import Forbidden, Invalid, Kind, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.events import journal
from trivium.forge.events.accounts import UserFollowed
from trivium.forge.events.repositories import PublicJournalSet, RepositoryFollowed
from trivium.forge.repositories import finding
from trivium.forge.repositories.listed import READABLE
from trivium.forge.repositories.pages import PAGE
from trivium.forge.site import Site
from trivium.names import MAX_NAME, is_clean_text
from trivium.store.query import Query
from trivium.store.tables import DEFAULT_USER_ID, repositories, repository_followers, user_followers, users


@dataclass(frozen=True, slots=True)
class Follower:
    """Somebody who follows something, or is followed, as everybody may know them (decisions.md A20)."""

    id: int
    username: str
    firstname: str
    lastname: str


@dataclass(frozen=True, slots=True)
class FollowerPage:
    """A part of a list of followers, by name."""

    rows: Sequence[Follower]
    older: str | None
    """The `after` of the next page."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many there are of what hangs on a repository."""

    forks: int
    """Those that the caller may read."""
    followers: int


_FORKS: Final = Query(
    select(func.count()).select_from(repositories).where(repositories.c.fork_of_id == bindparam("parent"), READABLE)
)
_FOLLOWER_COUNT: Final = Query(
    select(func.count()).where(repository_followers.c.repository_id == bindparam("repository"))
)
_FOLLOWS: Final = Query(
    select(repository_followers.c.user_id).where(
        repository_followers.c.repository_id == bindparam("repository"),
        repository_followers.c.user_id == bindparam("follower"),
    )
)
_followers = (
    select(users.c.id, users.c.username, users.c.firstname, users.c.lastname, users.c.username_key)
    .join(repository_followers, repository_followers.c.user_id == users.c.id)
    .where(repository_followers.c.repository_id == bindparam("repository"))
    .order_by(users.c.username_key)
    .limit(bindparam("most"))
)
_FOLLOWERS: Final = Query(_followers)
_FOLLOWERS_AFTER: Final = Query(_followers.where(users.c.username_key > bindparam("name")))


_FOLLOWED_USERS: Final = Query(
    select(users.c.id, users.c.username, users.c.firstname, users.c.lastname)
    .join(user_followers, user_followers.c.user_id == users.c.id)
    .where(user_followers.c.follower_id == bindparam("follower"))
    .order_by(users.c.username_key)
    .limit(bindparam("most"))
)
_MOST_FOLLOWED: Final = 500


def followed_users(db: Connection, caller: Caller) -> list[Follower]:
    """The users whom the caller follows, by name; at most 500."""
    given = {"follower": caller.user_id, "most": _MOST_FOLLOWED}
    return [Follower(*row) for row in _FOLLOWED_USERS.all(db, given)]


def followers(
    db: Connection, _caller: Caller, repository_id: int, *, after: str = "", limit: int = PAGE
) -> FollowerPage:
    """Who follows a repository that the caller was found to read."""
    given = {"repository": repository_id, "most": limit + 1, "name": after}
    usable = after and is_clean_text(after) and len(after) <= MAX_NAME
    rows = (_FOLLOWERS_AFTER if usable else _FOLLOWERS).all(db, given)
    shown = rows[:limit]
    return FollowerPage([Follower(*row[:-1]) for row in shown], shown[-1][-1] if len(rows) > limit else None)


def counts(db: Connection, caller: Caller, repository_id: int) -> Counts:
    """How many forks and followers a repository has: two statements."""
    forked = _FORKS.first(db, binds(caller) | {"parent": repository_id})
    followed = _FOLLOWER_COUNT.first(db, {"repository": repository_id})
    return Counts(forked[0] if forked else 0, followed[0] if followed else 0)


def follows(db: Connection, caller: Caller, repository_id: int) -> bool:
    """Whether the caller follows a repository; nobody follows as a visitor."""
    given = {"repository": repository_id, "follower": caller.user_id}
    return not caller.anonymous and _FOLLOWS.first(db, given) is not None


def in_public_journal(db: Connection, _caller: Caller, repository_id: int) -> bool:
    """Whether what happens in a repository is told in the public journal."""
    return _FOLLOWS.first(db, {"repository": repository_id, "follower": DEFAULT_USER_ID}) is not None


def toggle_following(
    site: Site, caller: Caller, *, repository_id: int | None = None, user_id: int | None = None
) -> bool:
    """Follow a repository or a user, or stop; returns whether the caller follows from now on (system.md 2.8).

    Raises `Forbidden` for visitors, `NotFound` for what the caller may not know of, and `Invalid` for themselves.
    """
    if caller.anonymous:
        raise Forbidden
    if (repository_id is None) == (user_id is None):
        raise Invalid("somebody follows either a repository or a user", about="follows")
    # Answers of the API show who follows a repository.
    with site.store.write(told_apart=True) as db:
        if repository_id is not None:
            followed = finding.find(db, caller, repository_id, Level.READ)
            now_followed = _toggled(db, repository_followers, repository_id=followed.id, user_id=caller.user_id)
            event = RepositoryFollowed(subject=followed.name, repository_id=followed.id, follows=now_followed)
            journal.record(db, caller, event)
            return now_followed
        other = accounts.by_id(db, user_id or 0)
        if other.id == DEFAULT_USER_ID:
            raise NotFound(Kind.USER, user_id)
        if other.id == caller.user_id:
            raise Invalid("nobody follows themselves", about="follows")
        now_followed = _toggled(db, user_followers, user_id=other.id, follower_id=caller.user_id)
        journal.record(db, caller, UserFollowed(subject=other.username, user_id=other.id, follows=now_followed))
        return now_followed


def set_public_journal(site: Site, caller: Caller, repository_id: int, *, shown: bool) -> None:
    """Show what happens in a repository to visitors in the public journal, or not: the user `default` follows it.

    Raises `NotFound` unless the caller administers the repository.
    """
    with site.store.write(told_apart=True) as db:
        repository = finding.find(db, caller, repository_id, Level.ADMIN)
        given = {"repository": repository.id, "follower": DEFAULT_USER_ID}
        if (_FOLLOWS.first(db, given) is not None) != shown:
            _toggled(db, repository_followers, repository_id=repository.id, user_id=DEFAULT_USER_ID)
            event = PublicJournalSet(subject=repository.name, repository_id=repository.id, shown=shown)
            journal.record(db, caller, event)


def _toggled(db: Connection, table: Any, **row: int) -> bool:
    """Delete a row, or insert it where it is not; returns whether it is there now."""
    if db.execute(delete(table).where(*(table.c[name] == value for name, value in row.items()))).rowcount:
        return False
    # Whoever asks twice at once follows.
    with contextlib.suppress(IntegrityError), db.begin_nested():
        db.execute(insert(table).values(**row))
    return True
