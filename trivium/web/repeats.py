# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that were told "what you have is still right", for the browser that asks the very same again (web.md 5).

Such an answer depends on the request, on the state of the repository and of all rights (`forge.repositories.state`),
and on what its view asked the database. So the same request is told the same while short statements tell that nothing
of that has changed: no address is taken apart, nobody is looked up, and no view runs.
"""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Final, NamedTuple

from cachetools import LRUCache

from trivium.access.caller import Caller
from trivium.errors import WouldWait
from trivium.forge.repositories.state import Present, State, present_of, state_of
from trivium.http.asgi import Headers, Scope
from trivium.store.engine import Store
from trivium.turns import Pace
from trivium.web.rendering import PERIOD
from trivium.web.visit import Question, RepositoryVisit, Visit

_MOST: Final = 4 << 20
"""Bytes, about, of what one worker remembers."""
_LARGEST: Final = 32 << 10
_MOST_TOO_LARGE: Final = 200
_MOST_QUESTIONS: Final = 8
_NO_REPOSITORY: Final = 0


class _Repeat(NamedTuple):
    """What an answer rests on."""

    headers: Headers
    repository_id: int
    present: Present | State
    """Of the first page of the site the state of all rights."""
    caller: Caller
    questions: tuple[Question, ...]
    period: int
    """The tag's; also what becomes known of a page without any change is asked for anew in the next one."""
    size: int


class Repeats:
    """The memory of one worker; its event loop alone uses it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: LRUCache[Hashable, _Repeat] = LRUCache(_MOST, lambda kept: kept.size)
        self._too_large: LRUCache[Hashable, None] = LRUCache(_MOST_TOO_LARGE)

    def headers(self, scope: Scope) -> Headers | None:
        """The headers of a 304 for a request; None: all of it has to be looked at."""
        if not any(name == b"if-none-match" for name, _ in scope["headers"]):
            return None
        key = _key(scope)
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.period == int(time.time()) // PERIOD and self._is_unchanged(kept):
            return kept.headers
        del self._kept[key]
        return None

    def _is_unchanged(self, kept: _Repeat) -> bool:
        try:
            with self._store.glance() as db:
                present = present_of(db, kept.repository_id) if kept.repository_id else state_of(db)
                return present == kept.present and all(
                    one.ask(db, kept.caller, *one.given, **one.more) == one.answer for one in kept.questions
                )
        except WouldWait:
            return False

    def remember(self, scope: Scope, visit: Visit, headers: Headers) -> None:
        """Remember a 304 that was found on the event loop: there no view changes anything.

        It is one of a visitor who has no session, for there is more to a session than the request tells.
        """
        if visit.pace is not Pace.AT_ONCE or visit.session is not None:
            return
        repository_id = _NO_REPOSITORY
        present: Present | State | None = None
        if isinstance(visit, RepositoryVisit):
            repository_id, present = visit.repository.id, visit.present
        elif not visit.asked.segments:  # the first page of the site rests on rights and questions alone
            present = visit.rights
        if present is None:
            return
        asked = visit.asked
        if asked.key or visit.said or asked.cookies.get(visit.cookies.session) or asked.method not in ("GET", "HEAD"):
            return
        if len(visit.questions) > _MOST_QUESTIONS:
            return
        key = _key(scope)
        if key in self._too_large:
            return
        size = len(repr(key)) + len(repr(visit.questions))
        if size > _LARGEST:
            self._too_large[key] = None
        else:
            period = int(time.time()) // PERIOD
            questions = tuple(visit.questions)
            self._kept[key] = _Repeat(headers, repository_id, present, visit.caller, questions, period, size)


def _key(scope: Scope) -> Hashable:
    """All that an answer can depend on of a request for which somebody has the answer already."""
    client = scope.get("client")
    return (
        client[0] if client else "",
        scope.get("scheme"),
        scope["method"],
        scope.get("raw_path"),
        scope["query_string"],
        *scope["headers"],
    )
