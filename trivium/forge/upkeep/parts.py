# SPDX-License-Identifier: GPL-3.0-or-later
"""After a push the parts of pages are asked for that its first visitor would wait for otherwise (web.md 5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from trivium.forge.events.delivery import Subscriber
from trivium.forge.events.moves import MOVES
from trivium.forge.events.outbox import Recorded
from trivium.forge.events.repositories import RepositoryCreated, RepositoryRestored

NAME: Final = "parts"
_ACTIONS: Final = frozenset({*MOVES, RepositoryCreated.action, RepositoryRestored.action})


def subscriber(ask: Callable[[int], None]) -> Subscriber:
    """Hears of all that moves in repositories, and asks for the parts of one by its id.

    `ask` is quick: it leaves the making to somebody else. It may be called twice, and for a repository that is gone.
    """

    def hear(event: Recorded) -> None:
        if event.repository_id is not None:
            ask(event.repository_id)

    return Subscriber(NAME, _ACTIONS, hear)
