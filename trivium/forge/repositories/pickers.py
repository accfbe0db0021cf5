# SPDX-License-Identifier: GPL-3.0-or-later
"""What is offered while somebody types a name: a few repositories, groups, users, user groups (system.md 2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPO_GROUPS, USER_GROUPS, binds, effective_level
from trivium.errors import Forbidden
from trivium.forge.naming.searching import USERS, along, matching, stretches, ways, words_of
from trivium.forge.repositories.listed import ListedRepository
from trivium.forge.repositories.pages import page
from trivium.names import MAX_NAME, account_key_of, is_clean_text, key_of
from trivium.store.query import Query, Values
from trivium.store.tables import DEFAULT_USER_ID, user_groups, users

OFFERED: Final = 20
"""The most of one kind."""
_OF_USERS: Final = "user:"
"""What a query of the switcher begins with that is for a user."""


@dataclass(frozen=True, slots=True)
class PickedUser:
    """A user as everybody who signed in may know them (decisions.md A20)."""

    id: int
    username: str
    firstname: str
    lastname: str


@dataclass(frozen=True, slots=True)
class PickedGroup:
    """A group, of users or of repositories."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Places:
    """Where one may go."""

    repositories: Sequence[ListedRepository]
    groups: Sequence[PickedGroup]
    users: Sequence[PickedUser]


_like: Any = bindparam("pattern")
_people = select(users.c.id, users.c.username, users.c.firstname, users.c.lastname).where(
    users.c.active, users.c.id != DEFAULT_USER_ID
)
_users = _people.order_by(users.c.username_key).limit(OFFERED)
_low: Any = bindparam("low")
_high: Any = bindparam("high")
_BEGINNING: Final = Query(_users.where(users.c.username_key >= _low, users.c.username_key < _high))
_NAMED: Final = users.c.names_key.like(_like, escape="\\")
_STRETCHES: Final = 5
"""So many stretches of the list are looked at, 3,100 users: who is found later is offered when more is typed."""
_LOOKED_AT: Final = 2000
"""The same for a letter that many have."""
_first = (
    select(users.c.id, users.c.username, users.c.firstname, users.c.lastname, users.c.username_key, users.c.names_key)
    .where(users.c.active, users.c.id != DEFAULT_USER_ID)
    .order_by(users.c.username_key)
    .limit(_LOOKED_AT)
    .subquery("first")
)
_OF_THE_FIRST: Final = Query(
    select(_first.c.id, _first.c.username, _first.c.firstname, _first.c.lastname)
    .where(_first.c.names_key.like(_like, escape="\\"))
    .order_by(_first.c.username_key)
    .limit(OFFERED)
)
_LAST: Final = "\U0010ffff"


def _named(tables: Any, *more: Any) -> Query:
    objects = tables.objects.c
    return Query(
        select(objects.id, objects.name)
        .where(objects.name_key.like(_like, escape="\\"), *more, effective_level(tables) >= int(Level.READ))
        .order_by(objects.name_key)
        .limit(OFFERED)
    )


_USER_GROUPS: Final = _named(USER_GROUPS, user_groups.c.active)
_REPO_GROUPS: Final = _named(REPO_GROUPS)


def find_repositories(db: Connection, caller: Caller, query: str) -> Sequence[ListedRepository]:
    """Repositories with these words in their names that the caller may read, what changed last first."""
    return page(db, caller, query=query, limit=OFFERED).rows


def find_users(db: Connection, caller: Caller, query: str) -> list[PickedUser]:
    """Active users with this in their names; raises `Forbidden` for visitors.

    Those whose user names begin with it come first, and are found in no time: they are what somebody types. For the
    others no more than some thousand users are looked at. Addresses are not looked at: the grams, which have them, only
    leave out who cannot be meant.
    """
    if caller.anonymous:
        raise Forbidden
    words, low = words_of(query, key=account_key_of), account_key_of(query.strip())
    if words is None:
        return []
    found = [PickedUser(*row) for row in _BEGINNING.all(db, {"low": low, "high": low + _LAST})]
    if len(found) < OFFERED and low:
        known = {one.id for one in found}
        rows = [PickedUser(*row) for row in _holding(db, words, matching(low))]
        found += [one for one in rows if one.id not in known]
    return found[:OFFERED]


def _holding(db: Connection, words: Sequence[str], pattern: str) -> list[Values]:
    """Rows of users whose names hold what is sought, among those that are looked at."""
    found = ways(db, USERS, words)
    if found is None:
        return []
    if not found:
        return _OF_THE_FIRST.all(db, {"pattern": pattern})
    rows: list[Values] = []
    for one in islice(stretches(db, USERS, found, USERS.by_name, None, upwards=True), _STRETCHES):
        given = one.binds() | {"pattern": pattern, "most": OFFERED - len(rows)}
        rows += _holding_along(len(one.grams)).all(db, given)
        if len(rows) == OFFERED:
            break
    return rows


@lru_cache(maxsize=16)
def _holding_along(grams: int) -> Query:
    return Query(along(_people.where(_NAMED), USERS, USERS.by_name, grams, upwards=True))


def find_user_groups(db: Connection, caller: Caller, query: str) -> list[PickedGroup]:
    """Active user groups with this in their names that the caller may read; raises `Forbidden` for visitors."""
    if caller.anonymous:
        raise Forbidden
    return _groups(db, caller, _USER_GROUPS, query)


def find_repo_groups(db: Connection, caller: Caller, query: str) -> list[PickedGroup]:
    """Repository groups with this in their names that the caller may read."""
    return _groups(db, caller, _REPO_GROUPS, query)


def places(db: Connection, caller: Caller, query: str) -> Places:
    """Where the switcher leads: repositories and groups, or after `user:` users; visitors find none of those."""
    if query.startswith(_OF_USERS):
        sought = query[len(_OF_USERS) :].strip()
        return Places((), (), () if caller.anonymous else find_users(db, caller, sought))
    return Places(find_repositories(db, caller, query), find_repo_groups(db, caller, query), ())


def _groups(db: Connection, caller: Caller, statement: Query, query: str) -> list[PickedGroup]:
    pattern = _pattern(query)
    if pattern is None:
        return []
    return [PickedGroup(*row) for row in statement.all(db, binds(caller) | {"pattern": pattern})]


def _pattern(query: str) -> str | None:
    """What is sought, as a pattern; None for what no name has."""
    if len(query) > MAX_NAME or not is_clean_text(query):
        return None
    return matching(key_of(query.strip()))
