# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists, a page at a time: walked by an index from where the page begins, so that no page costs more than another.

The key of a list is a column whose values are all different, in the order of its values. Texts are compared by code
points on every database (`store/tables.py`), so that a page that was begun on one is continued on another alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import Connection, Integer

from trivium.names import MAX_NAME, is_clean_text
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
    backwards = not after and bool(before)
    place = _place(key, after or before)
    upwards = descending is backwards
    if place is not None:
        statement = statement.where(key > place if upwards else key < place)
    else:
        backwards, upwards = False, not descending
    rows = db.execute(statement.order_by(key.asc() if upwards else key.desc()).limit(limit + 1), given or {}).all()
    more = len(rows) > limit
    rows = rows[:limit][::-1] if backwards else rows[:limit]
    if not rows:
        return Listed((), "", "")
    first, last = (str(getattr(row, key.name)) for row in (rows[0], rows[-1]))
    return Listed(
        rows,
        first if (more if backwards else place is not None) else "",
        last if (True if backwards else more) else "",
    )


def _place(key: Any, given: str) -> Any:
    """Where in the list a key stands; None for what is no key."""
    if isinstance(key.type, Integer) or key.type.python_type is int:
        usable = given.isascii() and given.isdigit() and len(given) <= len(str(LARGEST_ID))
        return min(int(given), LARGEST_ID) if usable else None
    return given if given and len(given) <= MAX_NAME and is_clean_text(given) else None
