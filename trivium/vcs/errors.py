# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors of version-control systems, and things that they do not have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from trivium.errors import NO_ROOM, TriviumError
from trivium.vcs.values import RefUpdate

_FULL: Final = (
    "no space left on device",
    "out of diskspace",
    "disk quota exceeded",
    "disk is full",
    "disk full",
    "failed to write new configuration file",
)


def says_that_the_disk_is_full(words: str) -> bool:
    """Whether that is what a program complains of, in Linux' words, git's or SQLite's."""
    said = words.lower()
    return any(sign in said for sign in _FULL)


class VcsError(TriviumError):
    """A version-control system could not do what was asked; the message is for the log and for administrators."""

    public: str | None = None
    """A text that everybody may read."""

    def __init__(self, message: str = "", /, **values: object) -> None:
        super().__init__(message, **values)
        if self.public is None and says_that_the_disk_is_full(message):
            self.public = NO_ROOM


class NotPossible(VcsError):
    """The system cannot do this at all, or not to this object; everybody may read the message."""

    def __init__(self, why: str, /, **values: object) -> None:
        super().__init__(why, **values)
        self.public = str(self)


class Interrupted(VcsError):
    """Work that can wait was given up for work that cannot."""


class Killed(VcsError):
    """A program ended in the middle of its work: it may have left locks and pieces (`BackEnd.recover`)."""


class EndedFromOutside(Killed):
    """Nobody knows why it ended, or the server that it belongs to did: another attempt makes sense."""


class PartlyDone(VcsError):
    """A transfer ended before its time, when some refs had moved already."""

    def __init__(self, why: str, moved: Sequence[RefUpdate]) -> None:
        super().__init__(why)
        self.moved = moved


class UnknownRevision(VcsError):
    """No commit of the repository is called that."""

    public = "the repository has no such revision or branch"


class UnknownPath(VcsError):
    """The path does not exist at that revision."""

    public = "there is no such path at that revision"


class HeadMoved(VcsError):
    """A branch is not where somebody saw it who wants to add to it."""

    public = "the branch has moved in the meantime"


class NotAccepted(VcsError):
    """What the server is to record for somebody would be refused from their client, too; everybody may read why."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.public = why


class TooLarge(VcsError):
    """The file has more bytes than the caller wants to have looked at."""


class NotText(VcsError):
    """The file has no lines: there is a NUL byte in it."""


class TooExpensive(VcsError):
    """A request took more time or memory than allowed; the message is for the user."""
