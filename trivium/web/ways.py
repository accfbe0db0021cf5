# SPDX-License-Identifier: GPL-3.0-or-later
"""Which repository an address leads into for whom: remembered, and one short statement tells whether it still does.

To look it up, with the rights on it, is a third of what a page costs that was made before. A revocation counts for the
next request, on every worker: what is remembered counts for exactly the state that it rests on
(`forge.repositories.state`).
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from trivium.access.caller import Caller
from trivium.forge.history.reading import Moment
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.state import Present, present_of
from trivium.names import MAX_DEPTH

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MOST: Final = 2000
"""Ways that one worker remembers; beyond that it forgets all."""


@dataclass(frozen=True, slots=True)
class Way:
    """A repository as somebody may see it."""

    present: Present
    """For which it was looked up."""
    caller: Caller
    repository: Repository
    segments: int
    """How many of the address are its name."""

    @property
    def moment(self) -> Moment | None:
        """The state of its history; None where that is not known yet."""
        present = self.present
        return (
            Moment(self.repository.name, present.history_state, present.updated_on) if present.history_state else None
        )


class Ways:
    """The memory of one worker. Any thread may use it."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, ...], int] = {}
        """Leading segments of addresses → the repository that they led into last."""
        self._known: dict[tuple[Hashable, tuple[str, ...]], Way] = {}

    def present(self, db: Connection, segments: tuple[str, ...]) -> tuple[tuple[str, ...], Present] | None:
        """The leading segments that led into a repository before, the fewest, and its present state."""
        for count in range(1, min(len(segments), MAX_DEPTH) + 1):
            repository_id = self._ids.get(segments[:count])
            if repository_id is not None:
                found = present_of(db, repository_id)
                return None if found is None else (segments[:count], found)
        return None

    def known(self, whose: Hashable, name: tuple[str, ...], present: Present) -> Way | None:
        """What was found out for somebody, if it still counts."""
        found = self._known.get((whose, name))
        return found if found is not None and found.present == present else None

    def led(self, segments: tuple[str, ...], repository: Repository) -> None:
        """Remember where an address leads."""
        if len(self._ids) >= _MOST:
            self._ids.clear()
        self._ids[segments] = repository.id

    def remember(self, whose: Hashable, name: tuple[str, ...], way: Way) -> None:
        """Remember what was looked up after its `present` was."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[whose, name] = way
