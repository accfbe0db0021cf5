# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists, a page at a time: walked by an index from where the page begins, so that no page costs more than another.

The key of a list is a column whose values are all different, in the order of its values. Texts are compared by code
points on every database (`store/tables.py`), so that a page that was begun on one is continued on another alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Integer

from trivium.forge.naming.searching import Searched, stretches
from trivium.names import MAX_NAME, is_clean_text
from trivium.store.query import Query
from trivium.store.tables import LARGEST_ID

PAGE: Final = 50
"""Rows of a page."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A part of a list."""

    rows: Sequence[T]
    newer: str
    """The `before` of the page before this one; empty for the first."""
    older: str
    """The `after` of the next page; empty for the last."""


@dataclass(frozen=True, slots=True)
class _Way:
    """From where a page goes, and into which direction."""

    place: Any
    """None: from the beginning."""
    backwards: bool
    upwards: bool


def walk(
    db: Connection,
    statement: Any,
    key: Any,
    *,
    given: dict[str, Any] | None = None,
    descending: bool = False,
    after: str = "",
    before: str = "",
    limit: int = PAGE,
) -> Listed[Any]:
    """A page of the rows of a statement, in the order of a column that it selects: one statement.

    `after` and `before` come from another page of the same list; what is no such key begins at the beginning.
    """
    way = _way(key, after, before, descending=descending)
    if way.place is not None:
        statement = statement.where(key > way.place if way.upwards else key < way.place)
    rows = db.execute(statement.order_by(key.asc() if way.upwards else key.desc()).limit(limit + 1), given or {}).all()
    return _page(rows, way, limit, lambda row: getattr(row, key.name))


def walk_having(
    db: Connection,
    kind: Searched,
    ways: Sequence[tuple[str, ...]],
    by: Any,
    statement: Callable[[int, bool], Query],
    key_at: int,
    *,
    given: dict[str, Any] | None = None,
    descending: bool = False,
    after: str = "",
    before: str = "",
    limit: int = PAGE,
) -> Listed[Any]:
    """The same of what is found on some ways (`searching.ways`), in the order of `by`, a column of the grams.

    `statement` gives one of `searching.along`, for so many grams and upwards or not; its rows have the key at `key_at`.
    Two statements, and two more for each further stretch of the list that is looked at.
    """
    way = _way(by, after, before, descending=descending)
    rows = list[Any]()
    for one in stretches(db, kind, ways, by, way.place, upwards=way.upwards):
        asked = statement(len(one.grams), way.upwards)
        rows += asked.all(db, (given or {}) | one.binds() | {"most": limit + 1 - len(rows)})
        if len(rows) > limit:
            break
    return _page(rows, way, limit, lambda row: row[key_at])


def _way(key: Any, after: str, before: str, *, descending: bool) -> _Way:
    backwards = not after and bool(before)
    place = _place(key, after or before)
    backwards = backwards and place is not None
    return _Way(place, backwards, descending is backwards)


def _page(rows: Sequence[Any], way: _Way, limit: int, key_of_row: Callable[[Any], Any]) -> Listed[Any]:
    more = len(rows) > limit
    rows = rows[:limit][::-1] if way.backwards else rows[:limit]
    if not rows:
        return Listed((), "", "")
    first, last = (str(key_of_row(row)) for row in (rows[0], rows[-1]))
    return Listed(
        rows,
        first if (more if way.backwards else way.place is not None) else "",
        last if (True if way.backwards else more) else "",
    )


def _place(key: Any, given: str) -> Any:
    """Where in the list a key stands; None for what is no key."""
    if isinstance(key.type, Integer) or key.type.python_type is int:
        usable = given.isascii() and given.isdigit() and len(given) <= len(str(LARGEST_ID))
        return min(int(given), LARGEST_ID) if usable else None
    return given if given and len(given) <= MAX_NAME and is_clean_text(given) else None
