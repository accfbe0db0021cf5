# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids that a client of git may still want: those that refs hold or reach, or held when the client asked for them.

A client asks for the refs first, and then for what they hold. A forced push in between may move or delete a ref, and
must not break this fetch. So ids that pushes took away may be fetched for another minute.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import bindparam, select

from trivium.forge.events.moves import PulledFromRemote
from trivium.forge.pushes.settling import PUSH, STRIP
from trivium.forge.site import Site
from trivium.store import intents
from trivium.store.tables import journal, now
from trivium.vcs.git.wants import Wanted

_MINUTE: Final = 60.0
_LATEST = (
    select(journal.c.detail)
    .where(
        journal.c.repository_id == bindparam("repository_id"),
        journal.c.action.in_([PUSH, PulledFromRemote.action]),
        journal.c.at >= bindparam("since"),
    )
    .order_by(journal.c.id.desc())
    .limit(100)
)


class Wants:
    """What one request wants of a repository."""

    def __init__(self, site: Site, repository_id: int) -> None:
        self._site = site
        self._repository_id = repository_id
        self._wanted = Wanted(site.git.command, seconds=site.settings.request_timeout)

    def hidden(self, path: Path, wanted: Collection[str]) -> str | None:
        """One of these ids that no client may have; None when there is none. Raises `VcsError`."""
        found = self._wanted.unreachable(path, wanted)
        if not found:
            return None
        held = _just_held(self._site, self._repository_id)
        return next((raw_id for raw_id in found if raw_id not in held), None)


def _just_held(site: Site, repository_id: int) -> set[str]:
    """Ids that refs held a moment ago, by the journal and by the intents of pushes under way."""
    since = now(ago=_MINUTE)
    with site.store.read() as db:
        details = [
            one.detail
            for one in intents.recorded(db)
            if one.kind == PUSH and one.detail.get("repository_id") == repository_id and one.detail["action"] != STRIP
        ]
        told = db.execute(_LATEST, {"repository_id": repository_id, "since": since}).all()
    moves = [move for one in details for move in msgspec.convert(one["updates"], list[tuple[str, str, str]])]
    moves += [move for row in told for move in msgspec.json.decode(row.detail, type=_Moved).refs]
    return {old for _, old, _ in moves}


class _Moved(msgspec.Struct):
    refs: list[tuple[str, str, str]]
