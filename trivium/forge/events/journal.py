# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal: who did what, when, from where. Append-only, no secrets (security.md S-31).

An event is written together with the change that it tells of, and its subscribers read it from here.
"""

from __future__ import annotations

from typing import Final, Protocol

import msgspec
from sqlalchemy import Connection, insert

from trivium.forge.events.event import Event
from trivium.store.engine import EVENTS
from trivium.store.query import Change
from trivium.store.tables import journal, now

_INSERT = Change(insert(journal))
_LONGEST_SUBJECT: Final = 255


class Actor(Protocol):
    """Who did something, or tried to: usually a `Caller`."""

    @property
    def user_id(self) -> int | None:
        """None: nobody knows who it was."""
        ...

    @property
    def username(self) -> str: ...

    @property
    def address(self) -> str: ...


def record(db: Connection, caller: Actor, event: Event) -> None:
    """Write an event in the transaction of the change that it tells of: either both are there or neither is."""
    _INSERT.run(
        db,
        {
            "at": now(),
            "user_id": caller.user_id,
            "username": caller.username,
            "address": caller.address,
            "action": event.action,
            "subject": event.subject[:_LONGEST_SUBJECT],
            "repository_id": event.repository_id,
            "detail": msgspec.json.encode(event.detail()).decode(),
        },
    )
    db.info.setdefault(EVENTS, set()).add(event.action)
