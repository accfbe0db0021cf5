# SPDX-License-Identifier: GPL-3.0-or-later
"""Which review status changesets have: of each the newest that somebody gave it (system.md 6.3)."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.forge.repositories.finding import Repository
from trivium.store.tables import changeset_comments

_table = changeset_comments.c
_OF_SOME = (
    select(_table.revision, _table.status)
    .where(
        _table.repository_id == bindparam("repository"),
        _table.revision.in_(bindparam("ids", expanding=True)),
        _table.status.is_not(None),
        _table.deleted_on.is_(None),
    )
    .order_by(_table.id)
)


def statuses(db: Connection, caller: Caller, repository: Repository, raw_ids: Sequence[str]) -> dict[str, str]:  # noqa: ARG001
    """Full id → status, of those that have one: one statement; whoever may read the repository may read this."""
    if not raw_ids:
        return {}
    rows = db.execute(_OF_SOME, {"repository": repository.id, "ids": list(raw_ids)})
    return {str(revision): str(status) for revision, status in rows}
