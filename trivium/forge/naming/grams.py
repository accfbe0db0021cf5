# SPDX-License-Identifier: GPL-3.0-or-later
"""What names of repositories are searched by (`forge/naming/searching.py`, `forge/repositories/pages.py`)."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

from sqlalchemy import Connection, bindparam, delete, insert, select

from trivium.forge.naming.former_names import below
from trivium.forge.naming.searching import grams_of
from trivium.store.tables import repositories
from trivium.store.tables import repository_grams as table

_AT_A_TIME: Final = 2000

_FORGET = delete(table).where(table.c.repository_id == bindparam("sought"))


def named(db: Connection, repository_id: int, name_key: str, *, new: bool = False) -> None:
    """A repository is called so from now on."""
    if not new:
        db.execute(_FORGET, {"sought": repository_id})
    _add(db, [(repository_id, name_key)])


def group_named(db: Connection, path: str) -> None:
    """Everything inside the group `path` was called otherwise before."""
    inside = below(repositories, path)
    db.execute(delete(table).where(table.c.repository_id.in_(select(repositories.c.id).where(inside))))
    names = db.execute(select(repositories.c.id, repositories.c.name_key).where(inside)).all()
    _add(db, [(repository_id, name_key) for repository_id, name_key in names])


def _add(db: Connection, names: Iterable[tuple[int, str]]) -> None:
    rows = ({"gram": gram, "repository_id": which} for which, key in names for gram in sorted(grams_of(key)))
    while some := list(islice(rows, _AT_A_TIME)):
        db.execute(insert(table), some)
