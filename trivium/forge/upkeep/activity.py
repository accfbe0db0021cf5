# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth knowing but not worth a disk write per request: last use of keys, sign-ins, pulls.

Collected in memory and written together every few seconds; a crash may lose the last of it (system.md 1.6, 3.3).
"""

from __future__ import annotations

import threading
import time
from typing import Final

from sqlalchemy import bindparam, update

from trivium.access.caller import Caller
from trivium.forge.events import journal
from trivium.forge.events.moves import Pulled
from trivium.forge.repositories.settings import without_pulls
from trivium.forge.site import Site
from trivium.store.tables import now, tokens, users

_PULL_ONCE_IN: Final = 60.0

_USED = update(tokens).where(tokens.c.id == bindparam("row_id")).values(last_used=bindparam("moment"))
_SIGNED_IN = (
    update(users)
    .where(users.c.id == bindparam("row_id"))
    .values(last_login=bindparam("moment"), last_activity=bindparam("moment"))
)


class Activity:
    """The collector of one worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pulls: list[tuple[Caller, int, str]] = []
        self._recent: dict[tuple[int, str, int], float] = {}

    def pulled(self, caller: Caller, repository_id: int, name: str) -> None:
        """Note a clone or fetch; all its requests, and further ones within a minute, count once."""
        key = (caller.user_id, caller.address, repository_id)
        moment = time.monotonic()
        with self._lock:
            if moment - self._recent.get(key, -_PULL_ONCE_IN) >= _PULL_ONCE_IN:
                self._pulls.append((caller, repository_id, name))
                self._recent[key] = moment
            if len(self._recent) > 10_000:
                self._recent = {one: at for one, at in self._recent.items() if moment - at < _PULL_ONCE_IN}

    def write(self, site: Site, used_tokens: set[int], signed_in: set[int]) -> None:
        """Write what was collected; the sets are emptied."""
        with self._lock:
            pulls, self._pulls = self._pulls, []
        keys, accounts = _take(used_tokens), _take(signed_in)
        if not (pulls or keys or accounts):
            return
        moment = now()
        # A user's last sign-in is part of what super-admins see of them.
        with site.store.write(access_unchanged=not accounts, told_apart=True) as db:
            if keys:
                db.execute(_USED, [{"row_id": key, "moment": moment} for key in sorted(keys)])
            if accounts:
                db.execute(_SIGNED_IN, [{"row_id": account, "moment": moment} for account in sorted(accounts)])
            untold = without_pulls(db, {one[1] for one in pulls}) if pulls else ()
            for caller, repository_id, name in pulls:
                if repository_id in untold:
                    continue
                journal.record(db, caller, Pulled(subject=name, repository_id=repository_id))


def _take(noted: set[int]) -> list[int]:
    taken = []
    while noted:
        try:
            taken.append(noted.pop())
        except KeyError:  # another thread took the last one
            break
    return taken
