# SPDX-License-Identifier: GPL-3.0-or-later
"""What is worth knowing but not worth a disk write per request: sign-ins, pulls, visits, last use of keys and sessions.

Collected in memory and written together every few seconds; a crash may lose the last of it (system.md 1.6, 3.3).
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from sqlalchemy import Boolean, Connection, bindparam, case, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from trivium.access.caller import Caller
from trivium.access.sessions import Session
from trivium.errors import DatabaseAway
from trivium.forge.events import journal
from trivium.forge.events.moves import Pulled
from trivium.forge.repositories.settings import without_pulls
from trivium.forge.site import Site
from trivium.store.tables import now, sessions, tokens, users, visits

T = TypeVar("T")

_PULL_ONCE_IN: Final = 60.0
_SEEN_ONCE_IN: Final = 60.0
_MOST_PULLS_KEPT: Final = 10_000
"""While the database is away."""
_MOST_VISITS: Final = 30
"""Of one user; more than are shown, for some of the repositories may be hidden later."""

_LONGEST_ADDRESS: Final = 45

_USED = (
    update(tokens)
    .where(tokens.c.id == bindparam("row_id"))
    .values(last_used=bindparam("moment"), last_address=bindparam("place"))
)
_ACTIVE = (
    update(users)
    .where(users.c.id == bindparam("row_id"))
    .values(
        last_activity=bindparam("moment"),
        last_login=case((bindparam("signed_in", type_=Boolean), bindparam("moment")), else_=users.c.last_login),
    )
)
_SEEN = update(sessions).where(sessions.c.id == bindparam("row_id")).values(last_seen=bindparam("moment"))
_VISITED_AGAIN = (
    update(visits)
    .where(visits.c.user_id == bindparam("whose"), visits.c.repository_id == bindparam("what"))
    .values(visited_on=bindparam("moment"))
)
_KEPT = (
    select(visits.c.repository_id)
    .where(visits.c.user_id == bindparam("whose"))
    .order_by(visits.c.visited_on.desc(), visits.c.repository_id)
    .limit(_MOST_VISITS)
)
_FORGET_VISITS = delete(visits).where(visits.c.user_id == bindparam("whose"), visits.c.repository_id.not_in(_KEPT))


class Activity:
    """The collector of one worker."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pulls: list[tuple[Caller, int, str]] = []
        self._recent: dict[tuple[int, str, int], float] = {}
        self._visits: dict[tuple[int, int], str] = {}
        self._seen: dict[int, int] = {}

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

    def visited(self, caller: Caller, repository_id: int) -> None:
        """Note that somebody looked at a page of a repository; visitors without an account leave no trace."""
        if not caller.anonymous:
            with self._lock:
                self._visits[caller.user_id, repository_id] = now()

    def saw(self, session: Session) -> None:
        """Note that a session is used; one that was noted a moment ago is not noted again."""
        if session.last_seen < now(ago=_SEEN_ONCE_IN):
            with self._lock:
                self._seen[session.id] = session.caller.user_id

    def write(self, site: Site, used_tokens: dict[int, str], signed_in: set[int]) -> None:
        """Write what was collected, keys with where they were used; both are emptied."""
        with self._lock:
            pulls, self._pulls = self._pulls, []
            looked, self._visits = self._visits, {}
            seen, self._seen = self._seen, {}
        keys, accounts = dict(_take(used_tokens.popitem)), set(_take(signed_in.pop))
        if not (pulls or keys or accounts or looked or seen):
            return
        try:
            site.store.again(partial(self._written, site, pulls, looked, seen, keys, accounts))
        except DatabaseAway:
            with self._lock:  # for the next time
                self._pulls = (pulls + self._pulls)[:_MOST_PULLS_KEPT]
                self._visits = looked | self._visits
                self._seen = seen | self._seen
            used_tokens.update(keys | used_tokens)
            signed_in.update(accounts)
            raise

    def _written(
        self,
        site: Site,
        pulls: list[tuple[Caller, int, str]],
        looked: dict[tuple[int, int], str],
        seen: dict[int, int],
        keys: dict[int, str],
        accounts: set[int],
    ) -> None:
        moment = now()
        active = accounts.union(seen.values())
        # A user's last sign-in is part of what super-admins see of them.
        with site.store.write(access_unchanged=not accounts, told_apart=True) as db:
            if keys:
                db.execute(
                    _USED,
                    [{"row_id": key, "moment": moment, "place": keys[key][:_LONGEST_ADDRESS]} for key in sorted(keys)],
                )
            if active:
                # All workers take the rows in one order: none waits for another that waits for it.
                db.execute(
                    _ACTIVE, [{"row_id": one, "moment": moment, "signed_in": one in accounts} for one in sorted(active)]
                )
            if seen:
                db.execute(_SEEN, [{"row_id": session_id, "moment": moment} for session_id in sorted(seen)])
            _write_visits(db, looked)
            untold = without_pulls(db, {one[1] for one in pulls}) if pulls else ()
            for caller, repository_id, name in pulls:
                if repository_id in untold:
                    continue
                journal.record(db, caller, Pulled(subject=name, repository_id=repository_id))


def _write_visits(db: Connection, looked: dict[tuple[int, int], str]) -> None:
    for (user_id, repository_id), moment in sorted(looked.items()):
        if not db.execute(_VISITED_AGAIN, {"whose": user_id, "what": repository_id, "moment": moment}).rowcount:
            # Whoever or whatever is gone by now, or was noted by another worker a moment ago, is left out.
            with contextlib.suppress(IntegrityError), db.begin_nested():
                db.execute(insert(visits).values(user_id=user_id, repository_id=repository_id, visited_on=moment))
    for user_id in sorted({user_id for user_id, _ in looked}):
        db.execute(_FORGET_VISITS, {"whose": user_id})


def _take(next_one: Callable[[], T]) -> list[T]:
    """All that was noted, while other threads note more."""
    taken = []
    with contextlib.suppress(KeyError):
        while True:
            taken.append(next_one())
    return taken
