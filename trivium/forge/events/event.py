# SPDX-License-Identifier: GPL-3.0-or-later
"""What an event is: something that happened, as a value. The other files name them, by noun."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec
from msgspec import UNSET
from sqlalchemy import Connection, Table, select

from trivium.store.tables import repositories, users

_OF_THE_ROW = frozenset({"subject", "repository_id"})
_NAMES = {
    "owner_id": ("owner", users.c.id, users.c.username),
    "fork_of_id": ("fork_of", repositories.c.id, repositories.c.name),
}
"""Columns that refer to something → what a row of the journal calls its name."""
_DERIVED = frozenset({"name_key", "username_key"})
"""What follows from other values."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. Its fields are the detail of its row in the journal, under their names.

    The values that a change replaced stand in `was`, under the names of the new ones; rows that earlier versions wrote
    lack it. No field holds a secret (security.md S-31).
    """

    action: ClassVar[str] = ""
    """What happened, as the journal calls it: `<noun>.<verb>`, or `push`, `pull` and `strip`."""
    subject: str
    """The name of the object at that time; of one that is renamed, its former name."""
    repository_id: int | None = None
    """The repository that it is about; a reader who may not read that learns only the action."""

    def detail(self) -> dict[str, Any]:
        """All fields but those that have columns of their own."""
        fields = msgspec.structs.asdict(self)
        return {name: value for name, value in fields.items() if name not in _OF_THE_ROW and value is not UNSET}


def every_action() -> list[str]:
    """What the journal calls all kinds of events that are known, in order."""
    found, left = set(), [Event]
    while left:
        kind = left.pop()
        left += kind.__subclasses__()
        if kind.action:
            found.add(kind.action)
    return sorted(found)


def values_before(db: Connection, table: Table, row_id: int, names: Iterable[str]) -> dict[str, Any]:
    """The values of some columns of a row, for a transaction that is about to change them.

    No other transaction changes the row before that one ends.
    """
    columns = [table.c[name] for name in names]
    if not columns:
        return {}
    row = db.execute(select(*columns).where(table.c.id == row_id).with_for_update()).mappings().first()
    return dict(row) if row is not None else {}


def in_names(db: Connection, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of columns as the journal tells them: who and what they refer to by its present name."""
    told = {}
    for column, value in values.items():
        if column in _NAMES:
            called, number, name = _NAMES[column]
            told[called] = None if value is None else db.execute(select(name).where(number == value)).scalar()
        elif column not in _DERIVED:
            told[column] = value
    return told
