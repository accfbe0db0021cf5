# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: who did what, when, from where. Append-only, no secrets (security.md S-31)."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, insert

from trivium.access.caller import Caller
from trivium.store.tables import journal, now

_INSERT = insert(journal)


def record(
    db: Connection, caller: Caller, action: str, subject: str, *, repository_id: int | None = None, **detail: object
) -> None:
    """Write one row in the transaction of the change that it tells of.

    `action` is `<noun>.<verb>` or `push`/`pull`; `subject` names the object as it was called at the time.
    """
    db.execute(
        _INSERT,
        {
            "at": now(),
            "user_id": caller.user_id,
            "username": caller.username,
            "address": caller.address,
            "action": action,
            "subject": subject[:255],
            "repository_id": repository_id,
            "detail": msgspec.json.encode(detail).decode(),
        },
    )
