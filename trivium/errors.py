# SPDX-License-Identifier: GPL-3.0-or-later
"""The errors of the core: few, typed, and without a text of their own.

The doors (`api`, `wire`, `web`, `cli`) turn them into the words, status codes and shapes that their readers expect.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """What an error is about; the value is the noun that the API's texts use."""

    USER = "user"
    USER_GROUP = "user group"
    REPOSITORY = "repository"
    REPO_GROUP = "repository group"
    PERMISSION = "permission"
    EMAIL = "email"
    FIELD = "field"
    GIST = "gist"
    COMMENT = "comment"
    TASK = "task"
    NOTIFICATION = "notification"


class TriviumError(Exception):
    """Base of everything that the core refuses on purpose.

    A message that others than administrators read has its values by name, as `%(name)s`, so that it can be told in
    their language.
    """

    def __init__(self, message: str = "", /, **values: object) -> None:
        super().__init__(message % values if values else message)
        self.message = message
        """The sentence before its values were put in: the key of its translation."""
        self.values = values


class WouldWait(Exception):
    """The answer cannot be had at once; raised only to callers who said that they cannot wait."""


class NotFound(TriviumError):
    """The object does not exist, or the caller may not know that it does (security.md S-14)."""

    def __init__(self, kind: Kind, given: object, hint: str = "") -> None:
        super().__init__(f"{kind} {given!r} not found")
        self.kind = kind
        self.given = given
        """The caller's name for the object, unchanged: the texts echo it."""
        self.hint = hint
        """What there is instead, where that is no secret."""


class Forbidden(TriviumError):
    """The caller may not use this operation at all."""


class NotYourself(TriviumError):
    """A regular user named another account where only their own is allowed."""


class OwnerReserved(TriviumError):
    """A regular user tried to choose the owner of something that they create."""


class AlreadyExists(TriviumError):
    """The name is taken."""

    def __init__(self, kind: Kind, name: str, *, is_fork: bool = False) -> None:
        super().__init__(f"{kind} {name!r} already exists")
        self.kind = kind
        self.name = name
        self.is_fork = is_fork


class Invalid(TriviumError):
    """A value cannot be used.

    The message is a sentence in English: for the API, the command line and the log. With `about`, the name of the
    argument, it is for whoever typed the value as well: pages show it beside its field, in their reader's language, so
    that it is written out here.
    """

    def __init__(self, message: str = "", /, *, about: str = "", **values: object) -> None:
        super().__init__(message, **values)
        self.about = about


class WrongScope(Invalid):
    """A real permission that belongs to another kind of object."""

    def __init__(self, permission: str, expected_prefix: str) -> None:
        super().__init__(f"permission {permission!r} should start with {expected_prefix}")
        self.permission = permission
        self.expected_prefix = expected_prefix


class InUse(TriviumError):
    """Something still depends on the object; `holders` are names that the caller may see."""

    def __init__(self, holders: list[str]) -> None:
        super().__init__(f"still used by {', '.join(holders)}")
        self.holders = holders


class Locked(TriviumError):
    """A user holds the lock of the repository (system.md 3.4). The message is for users: its text is documented."""

    def __init__(self, name: str, holder: str, reason: str) -> None:
        super().__init__(
            "Repository `%(name)s` locked by user `%(holder)s`. Reason:`%(reason)s`",
            name=name,
            holder=holder,
            reason=reason,
        )


class Busy(TriviumError):
    """Somebody else is working on the object; trying again later makes sense."""


class ChangedMeanwhile(TriviumError):
    """What the caller decided about is no more what they saw; nothing happened (`forge/seen.py`)."""

    def __init__(self, present: object) -> None:
        super().__init__("this was changed by somebody else")
        self.present = present
        """What stands now, as the caller looks at it."""


class Undone(Busy):
    """The database ended a transaction for another one's sake: nothing of it happened, and it can be repeated."""


class DatabaseAway(Busy):
    """The database cannot be asked: it was restarted, is starting, or cannot be reached. That passes by itself.

    When it went away during a commit nobody knows whether that happened.
    """


class DatabaseFull(DatabaseAway):
    """The disk of the database is full: what changes nothing is still answered."""


NO_ROOM: Final = "no room is left on the server's disk"
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class StorageFull(TriviumError):
    """Less than `min_free_bytes` is left where repositories are stored (security.md R-9)."""


def is_of_a_full_disk(error: OSError) -> bool:
    """Whether Linux says that the disk is full, or that its user may have no more of it."""
    return error.errno in _FULL


@contextlib.contextmanager
def full_disk_told() -> Iterator[None]:
    """Raises `StorageFull` where the disk turns out to be full."""
    try:
        yield
    except OSError as error:
        if not is_of_a_full_disk(error):
            raise
        raise StorageFull(NO_ROOM) from error


class RepositoryFull(StorageFull):
    """The repository takes as much room as one may (max_repo_bytes)."""


class Cancelled(TriviumError):
    """Somebody asked that the work ends."""


class StartRefused(TriviumError):
    """The server must not start; the message is the one sentence that an administrator reads."""
