# SPDX-License-Identifier: GPL-3.0-or-later
"""How a session can end early. Each door tells the client in the way of its transport."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from trivium.errors import (
    NO_ROOM,
    Busy,
    DatabaseAway,
    DatabaseFull,
    Locked,
    RepositoryFull,
    StorageFull,
    TriviumError,
)
from trivium.vcs.errors import VcsError

SHORT_OF_SPACE: Final = "The server is short of disk space and takes no pushes."
NO_SUCH_REPOSITORY: Final = "There is no such repository."


class Interrupted(Exception):
    """The session ends here, and the client must be able to tell that its answer is not complete."""


class Why(Enum):
    """Kinds of reasons to decline."""

    ABSENT = auto()
    """There is no such thing, as far as the caller may know."""
    LOCKED = auto()
    """A user holds the lock of the repository."""
    NOT_UNDERSTOOD = auto()
    """The request does not belong to the protocol."""
    IMPOSSIBLE = auto()
    """The request is understood, and cannot be carried out."""
    TOO_LARGE = auto()
    TOO_SLOW = auto()
    """The client did not say in time what it wants."""
    UNAVAILABLE = auto()
    """The request can be carried out at another time."""


class Declined(TriviumError):
    """The request is declined; `text` is for the user at the other end."""

    def __init__(self, why: Why, text: str, *, retry_after: int | None = None) -> None:
        """`retry_after`: the seconds after which another try makes sense."""
        super().__init__(text)
        self.why = why
        self.text = text
        self.retry_after = retry_after


def declined(error: TriviumError, system: str) -> Declined:
    """What went wrong, for the user at the other end; `system` is what the version-control system calls itself."""
    match error:
        case Declined():
            return error
        case Locked():
            return Declined(Why.LOCKED, str(error))
        case RepositoryFull():
            return Declined(Why.TOO_LARGE, "The repository takes as much room as it may (max_repo_bytes).")
        case StorageFull() | DatabaseFull():
            return Declined(Why.UNAVAILABLE, SHORT_OF_SPACE)
        case VcsError() if error.public == NO_ROOM:
            return Declined(Why.UNAVAILABLE, SHORT_OF_SPACE)
        case DatabaseAway():
            return Declined(Why.UNAVAILABLE, "The server's database cannot be reached; try again.", retry_after=5)
        case Busy():
            return Declined(Why.UNAVAILABLE, "The server is busy; try again.", retry_after=5)
        case _:
            return Declined(Why.UNAVAILABLE, f"{system} could not serve this request.", retry_after=5)
