# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of the core in the words and statuses of pages (system.md 2.1)."""

from __future__ import annotations

from trivium.errors import (
    NO_ROOM,
    AlreadyExists,
    Busy,
    DatabaseAway,
    DatabaseFull,
    Forbidden,
    Invalid,
    Locked,
    NotFound,
    NotYourself,
    OwnerReserved,
    StorageFull,
    TriviumError,
)
from trivium.vcs.budget import Exhausted, Unwanted
from trivium.vcs.errors import NotPossible, NotText, TooExpensive, TooLarge, UnknownPath, UnknownRevision, VcsError
from trivium.web.answers import Refused


def refused(error: TriviumError) -> Refused:
    """What a visitor is told of an error that no view has dealt with."""
    match error:
        case UnknownRevision():
            return Refused(404, "There is no such revision in this repository.")
        case UnknownPath():
            return Refused(404, "There is nothing at this path in this revision.")
        case NotFound():
            return Refused(404, "There is nothing at this address, or you may not see it.")
        case NotText() | TooLarge():
            return Refused(404, "This file cannot be shown as text.")
        case Exhausted():
            return Refused(503, "This is too large to be shown here.", hint=str(error))
        case TooExpensive():
            return Refused(503, "This takes more time or memory than the server allows.", hint=str(error))
        case Unwanted():
            return Refused(503, "Nobody waits for this any more.")
        case NotPossible():
            return Refused(404, error.message, given=error.values)
        case Forbidden() | NotYourself() | OwnerReserved():
            return Refused(403, "You may not do this.")
        case Locked():
            return Refused(423, error.message, given=error.values)
        case DatabaseFull():
            return Refused(507, "There is not enough room on the server.")
        case DatabaseAway():
            return Refused(503, "The database cannot be reached. Please try again.", headers=(("Retry-After", "5"),))
        case Busy():
            return Refused(503, "Somebody else is working on this. Please try again.", headers=(("Retry-After", "5"),))
        case StorageFull():
            return Refused(507, "There is not enough room on the server.")
        case AlreadyExists() | Invalid():
            return Refused(400, error.message, given=error.values)
        case VcsError() if error.public == NO_ROOM:
            return Refused(507, "There is not enough room on the server.")
        case VcsError():
            return Refused(500, "The repository cannot be read. An administrator finds the reason in the log.")
        case _:
            return Refused(400, "This cannot be done.")
