# SPDX-License-Identifier: GPL-3.0-or-later
"""Which review status changesets have: of each the newest that somebody gave it (system.md 6.3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.forge.repositories.finding import Repository
from trivium.store.query import Query
from trivium.store.tables import changeset_comments

_SIZES: Final = (1, 50, 200)
"""Changesets of one statement: each of these is compiled once, and what is asked for is filled up to one of them."""
_table = changeset_comments.c


@lru_cache(maxsize=len(_SIZES))
def _statement(size: int) -> Query:
    return Query(
        select(_table.revision, _table.status)
        .where(
            _table.repository_id == bindparam("repository"),
            _table.revision.in_([bindparam(f"id{number}") for number in range(size)]),
            _table.status.is_not(None),
            _table.deleted_on.is_(None),
        )
        .order_by(_table.id)
    )


def statuses(db: Connection, caller: Caller, repository: Repository, raw_ids: Sequence[str]) -> dict[str, str]:  # noqa: ARG001
    """Full id → status, of those that have one; whoever may read the repository may read this.

    One statement, of at most 200 changesets.
    """
    if not raw_ids:
        return {}
    size = next((one for one in _SIZES if one >= len(raw_ids)), _SIZES[-1])
    ids = {f"id{number}": raw_ids[number] if number < len(raw_ids) else "" for number in range(size)}
    rows: list[Any] = _statement(size).all(db, ids | {"repository": repository.id})
    return dict(rows)
