# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as administrators look through it: all rows, by user, kind of act, object and time (system.md 2.8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, or_, select

from trivium.access.caller import Caller
from trivium.errors import Forbidden
from trivium.forge.site import Site
from trivium.names import MAX_NAME, account_key_of, is_clean_text
from trivium.store.tables import LARGEST_ID, journal, users

PAGE: Final = 50
_AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which rows; empty: whatever it is."""

    user: str = ""
    """The name that whoever did it has, or had then."""
    action: str = ""
    """As the journal calls it; with a dot at the end everything that begins so."""
    subject: str = ""
    """The name of the object at that time."""
    since: str = ""
    """A day or a moment, ISO 8601, UTC."""
    until: str = ""
    """A day, which is meant whole, or a moment."""


@dataclass(frozen=True, slots=True)
class Row:
    """What somebody did."""

    id: int
    at: str
    username: str
    address: str
    action: str
    subject: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows, the newest first."""

    rows: Sequence[Row]
    older: str
    """The `after` of the next page; empty for the last."""


_COLUMNS: Final = (
    *(journal.c.id, journal.c.at, journal.c.username, journal.c.address),
    *(journal.c.action, journal.c.subject, journal.c.detail),
)
_LAST: Final = "\U0010ffff"


def page(db: Connection, caller: Caller, wanted: Filter, *, after: str = "", limit: int = PAGE) -> Rows:
    """A page of rows: two statements. Raises `Forbidden` for others than super-admins."""
    usable = after.isascii() and after.isdigit() and len(after) <= len(str(LARGEST_ID))
    found = _rows(db, caller, wanted, min(int(after), LARGEST_ID) if usable else LARGEST_ID, limit + 1)
    return Rows(found[:limit], str(found[limit - 1].id) if len(found) > limit else "")


def every(site: Site, caller: Caller, wanted: Filter) -> Iterator[Row]:
    """All rows, the newest first, read a few hundred at a time."""
    before = LARGEST_ID
    while True:
        with site.store.read() as db:
            found = _rows(db, caller, wanted, before, _AT_A_TIME)
        yield from found
        if len(found) < _AT_A_TIME:
            return
        before = found[-1].id


def _rows(db: Connection, caller: Caller, wanted: Filter, before: int, limit: int) -> list[Row]:
    if not caller.super_admin:
        raise Forbidden
    given = (wanted.user, wanted.action, wanted.subject, wanted.since, wanted.until)
    if any(len(one) > MAX_NAME or not is_clean_text(one) for one in given):
        return []
    conditions = [journal.c.id < before, *_conditions(db, wanted)]
    statement = select(*_COLUMNS).where(*conditions).order_by(journal.c.id.desc()).limit(limit)
    return [Row(*row[:6], _decoded(row.detail)) for row in db.execute(statement)]


def _conditions(db: Connection, wanted: Filter) -> Iterator[Any]:
    if wanted.user:
        key = account_key_of(wanted.user)
        user_id = db.execute(select(users.c.id).where(users.c.username_key == key)).scalar()
        named = journal.c.username == wanted.user
        yield named if user_id is None else or_(named, journal.c.user_id == user_id)
    if wanted.action.endswith("."):
        yield journal.c.action.between(wanted.action, wanted.action + _LAST)
    elif wanted.action:
        yield journal.c.action == wanted.action
    if wanted.subject:
        yield journal.c.subject == wanted.subject
    if wanted.since:
        yield journal.c.at >= wanted.since
    if wanted.until:
        yield journal.c.at <= wanted.until + _LAST


def _decoded(stored: str) -> Mapping[str, Any]:
    try:
        found = msgspec.json.decode(stored)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
