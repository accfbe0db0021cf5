# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves in repositories, and who fetches from them; the subject is the repository's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trivium.forge.events.event import Event

Ref = tuple[str, str, str]
"""Its name, the id that it held before, and the id that it holds now; forty zeros mean none."""


class RefsMoved(Event, frozen=True):
    """Refs moved, or changesets and revisions came; for Mercurial and Subversion see `BackEnd.history`."""

    refs: Sequence[Ref]


class Pushed(RefsMoved, frozen=True):
    """A client pushed, or committed to Subversion."""

    action = "push"


class Stripped(RefsMoved, frozen=True):
    """A changeset was removed, with what follows it."""

    action = "strip"


class PulledFromRemote(RefsMoved, frozen=True):
    """The repository was brought up to date from another server."""

    action = "remote.pull"


class Unexplained(RefsMoved, frozen=True):
    """Refs moved without a known cause; of very many, only the first are told."""

    action = "repository.unexplained"
    count: int


class Pulled(Event, frozen=True):
    """Somebody cloned or fetched."""

    action = "pull"


MOVES: Final[dict[str, type[RefsMoved]]] = {one.action: one for one in (Pushed, Stripped, PulledFromRemote)}
"""The event that an intent to move refs becomes, by its action."""
