# SPDX-License-Identifier: GPL-3.0-or-later
"""The documented error texts, in one place (api-users.md 1.1, 5.4 and the sections of the methods)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

import msgspec

from trivium.errors import (
    AlreadyExists,
    Busy,
    DatabaseAway,
    Forbidden,
    InUse,
    Invalid,
    Kind,
    Locked,
    NotFound,
    NotYourself,
    OwnerReserved,
    StorageFull,
    TriviumError,
    Undone,
    WrongScope,
)
from trivium.names import path_of
from trivium.vcs.errors import VcsError

DENIED: Final = "Access was denied to this resource."
INTERNAL: Final = "Internal server error"
FOREIGN_USER: Final = "userid is not the same as your user"
OWNER_RESERVED: Final = "Only RhodeCode admin can specify `owner` param"

_LONGEST_DETAIL: Final = 1000

_EXISTS: Final = {
    Kind.USER: "user `{0}` already exist",
    Kind.EMAIL: "email `{0}` already exist",
    Kind.USER_GROUP: "user group `{0}` already exist",
    Kind.REPOSITORY: "repo `{0}` already exist",
    Kind.REPO_GROUP: "repo group `{0}` already exist",
}


class Refusal(Exception):
    """The answer is an error with exactly this text; `detail` says why, to everybody who may read the text."""

    def __init__(self, text: str, detail: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.detail = detail


def reason_of(refusal: Refusal) -> TriviumError | None:
    """The error of the core behind a refusal, if it has a sentence to say that the text does not say already."""
    error: BaseException | None = refusal.__cause__
    while error is not None and not isinstance(error, TriviumError):
        error = error.__cause__
    if isinstance(error, NotFound) and error.hint:
        return Invalid(error.hint)
    return error if isinstance(error, (Invalid, Busy, StorageFull, InUse, Locked, VcsError)) else None


def detail_of(refusal: Refusal, *, super_admin: bool) -> str | None:
    """Why something was refused, for the caller.

    Callers may know what is said of their own arguments. The words of a version-control system may name places of the
    server: super-admins get them, and everybody else gets `VcsError.public`. Nothing is said of what is hidden from the
    caller (security.md S-14).
    """
    reason: object = refusal.detail or reason_of(refusal)
    if isinstance(reason, VcsError):
        reason = why(reason) if super_admin else reason.public
    return None if reason is None else str(reason)[:_LONGEST_DETAIL] or None


def why(reason: TriviumError) -> str:
    """The whole reason, for administrators and the log. It begins with what everybody is told."""
    words = str(reason)
    public = reason.public if isinstance(reason, VcsError) else None
    return words if public is None or words.startswith(public) else f"{public}: {words}"


@contextlib.contextmanager
def failing_as(text: str, *errors: type[TriviumError]) -> Iterator[None]:
    """Say `text` for errors of these kinds, where a method has other words than usual."""
    try:
        yield
    except Undone:
        raise  # the whole call can be repeated (`Store.again`)
    except errors as error:
        raise Refusal(text) from error


def shown(value: object) -> str:
    """A value as messages echo it: a text as it is, everything else as JSON."""
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def shown_path(value: object) -> str:
    """A full name of a repository or group as messages show it: without empty segments (api-repos.md 1.4)."""
    return path_of(value) if isinstance(value, str) else shown(value)


def text_of(error: TriviumError, failure: str | None) -> str:
    """The text for an error of the core; `failure` is what the method says about all the others."""
    match error:
        case Forbidden():
            return DENIED
        case NotYourself():
            return FOREIGN_USER
        case OwnerReserved():
            return OWNER_RESERVED
        case NotFound(kind=kind, given=given) if kind is not Kind.FIELD:
            return f"{kind} `{shown(given)}` does not exist"
        case WrongScope(permission=permission, expected_prefix=prefix):
            return f"permission `{permission}` is invalid, should start with {prefix}"
        case AlreadyExists(kind=kind, name=name, is_fork=is_fork) if kind in _EXISTS:
            return ("fork `{0}` already exist" if is_fork else _EXISTS[kind]).format(name)
        case InUse(holders=holders):
            return f"UserGroup assigned to {', '.join(holders)}"
        case DatabaseAway():
            return str(error)
        case _:
            return failure or INTERNAL
