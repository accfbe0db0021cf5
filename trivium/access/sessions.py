# SPDX-License-Identifier: GPL-3.0-or-later
"""From a session's cookie to a `Caller` (system.md 2.9, security.md S-21).

The cookie holds a random identifier and nothing else; the database holds its digest. One statement fetches whatever a
page needs to know of its visitor, so that an ended session, a disabled account or a new address rule counts for the
next request on every worker.
"""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import bindparam, exists, func, or_, select

from trivium.access.caller import Caller
from trivium.access.credentials import ACCOUNT_COLUMNS, CredentialsRefused, admitted
from trivium.access.keys import KeyRing
from trivium.access.stamps import STAMP_COLUMNS, Stamp
from trivium.settings import Settings
from trivium.store.engine import Store
from trivium.store.query import Query
from trivium.store.tables import (
    DEFAULT_USER_ID,
    changeset_comments,
    notifications,
    preferences,
    sessions,
    users,
)

REMEMBERED: Final = 365 * 86400
"""Seconds that a session lives whose user asked to be remembered (system.md 2.9)."""

MOST_UNREAD: Final = 100
"""Notifications that are counted: so the count costs the same for everybody."""

_COOKIE_BYTES: Final = 32
_COOKIE = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who signed in to the pages, with all that a page shows of them without asking again."""

    id: int
    caller: Caller
    must_change_password: bool
    """Until they have, they see no other page (system.md 6.5)."""
    remember: bool
    created_on: str
    last_seen: str
    """Up to a minute and a bit old."""
    flash: str | None
    """What the next page says once; the JSON of whoever set it."""
    preferences: str | None
    """The JSON of `forge/accounts/preferences.py`; None: nothing was ever chosen."""
    unread: int
    """Notifications that were not read yet; of very many some (`MOST_UNREAD`)."""
    firstname: str
    lastname: str
    rights_version: int
    stamp: Stamp
    """The state of all rights at the moment of the look-up."""
    form_secret: bytes
    """32 bytes that belong to this session alone, for the tokens of its forms; they tell nothing of the cookie."""


class _Row(NamedTuple):
    """A row of `_BY_COOKIE`."""

    id: int
    username: str
    active: bool
    admin: bool
    inherits: bool
    ranges: str | None
    force_password_change: bool
    firstname: str
    lastname: str
    rights_version: int
    session_id: int
    created_on: str
    last_seen: str
    remember: bool
    flash: str | None
    chosen: str | None
    unread: int
    stamp: int
    stamp_of_everybody: int
    stamp_of_standing: int


# Those whose comment is gone tell nothing any more; so it is while its repository is in the trash.
_there = or_(
    notifications.c.comment_id.is_(None),
    exists().where(changeset_comments.c.id == notifications.c.comment_id, changeset_comments.c.deleted_on.is_(None)),
)
_some = (
    select(notifications.c.id)
    .where(notifications.c.user_id == users.c.id, notifications.c.read_on.is_(None), _there)
    .correlate(users)
    .limit(MOST_UNREAD)
    .subquery()
)
_UNREAD = select(func.count()).select_from(_some).scalar_subquery()
_BY_COOKIE = Query(
    select(
        *ACCOUNT_COLUMNS,
        users.c.force_password_change,
        users.c.firstname,
        users.c.lastname,
        users.c.rights_version,
        sessions.c.id.label("session_id"),
        sessions.c.created_on,
        sessions.c.last_seen,
        sessions.c.remember,
        sessions.c.flash,
        preferences.c.chosen,
        _UNREAD.label("unread"),
        *STAMP_COLUMNS,
    )
    .select_from(
        sessions.join(users, users.c.id == sessions.c.user_id).outerjoin(
            preferences, preferences.c.user_id == users.c.id
        )
    )
    .where(sessions.c.digest == bindparam("sought"), users.c.id != DEFAULT_USER_ID)
)


def new_cookie() -> str:
    """A fresh identifier of 256 bits, as the cookie holds it."""
    return secrets.token_urlsafe(_COOKIE_BYTES)


def digest_of(ring: KeyRing, cookie: str) -> bytes:
    """What a session is looked up by."""
    return ring.digest(f"session\n{cookie}")


def is_cookie(text: str) -> bool:
    """Whether a text could be the identifier of a session; anything else is not looked up."""
    return _COOKIE.fullmatch(text) is not None


class Limits(NamedTuple):
    """The moments before which a session must have begun, or been used last, to be over now."""

    remembered: str
    """When a remembered one must have begun."""
    begun: str
    """When another one must have begun."""
    used: str
    """When another one must have been used last; empty: it never ends for that."""

    def over(self, *, remember: bool, created_on: str, last_seen: str) -> bool:
        """Whether a session has ended by itself."""
        if remember:
            return created_on < self.remembered
        return created_on < self.begun or last_seen < self.used


def limits(settings: Settings) -> Limits:
    """The limits of this second (`beaker.session.timeout`, `session_timeout`)."""
    return _limits(int(time.time()), settings.session_lifetime, settings.session_timeout)


@lru_cache(maxsize=4)
def _limits(second: int, lifetime: int, idle: int) -> Limits:
    """As `limits`; each page of a session asks for them."""
    present = datetime.fromtimestamp(second, UTC).replace(tzinfo=None)

    def before(seconds: int) -> str:
        # A lifetime that began before there were calendars never ends.
        back = min(seconds, int((present - datetime.min).total_seconds()))  # noqa: DTZ901  # UTC, as `present`
        return (present - timedelta(seconds=back)).isoformat(timespec="milliseconds")

    return Limits(before(REMEMBERED), before(lifetime), before(idle) if idle else "")


def by_cookie(store: Store, ring: KeyRing, settings: Settings, cookie: str, address: str) -> Session | None:
    """The session that a cookie belongs to: one statement.

    None for an unknown or ended one, and where its account may not be used, or not from this address.
    """
    if not is_cookie(cookie):
        return None
    with store.read() as db:
        found = _BY_COOKIE.first(db, {"sought": digest_of(ring, cookie)})
    if found is None:
        return None
    row = _Row(*found)
    if limits(settings).over(remember=row.remember, created_on=row.created_on, last_seen=row.last_seen):
        return None
    try:
        caller = admitted(row, address)
    except CredentialsRefused:
        return None
    return Session(
        id=row.session_id,
        caller=caller,
        must_change_password=row.force_password_change,
        remember=row.remember,
        created_on=row.created_on,
        last_seen=row.last_seen,
        flash=row.flash,
        preferences=row.chosen,
        unread=row.unread,
        firstname=row.firstname,
        lastname=row.lastname,
        rights_version=row.rights_version,
        stamp=Stamp(row.stamp, row.stamp_of_everybody, row.stamp_of_standing),
        form_secret=ring.digest(f"forms\n{cookie}"),
    )
