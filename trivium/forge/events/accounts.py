# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to accounts, their keys and the addresses that they may be used from."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from trivium.forge.events.event import Event


class UserCreated(Event, frozen=True):
    """An account was made; the subject is its name."""

    action = "user.create"
    user_id: int
    admin: bool
    active: bool


class UserRegistered(Event, frozen=True):
    """Somebody made an account, the subject, for themselves. It may wait until an administrator activates it."""

    action = "user.register"
    user_id: int
    active: bool


class UserChanged(Event, frozen=True):
    """Something of an account was set. A password is `changed` and no more."""

    action = "user.update"
    user_id: int
    changes: dict[str, Any]
    was: dict[str, Any]


class UserDeleted(Event, frozen=True):
    """An account is gone, with its keys."""

    action = "user.delete"
    user_id: int


class PossessionsHandedOver(Event, frozen=True):
    """Everything that an account, the subject, owned has another owner."""

    action = "user.hand_over"
    user_id: int
    to: str
    moved: dict[str, int]
    """How many of each kind of object (`access.levels.Scope`)."""


class TokenCreated(Event, frozen=True):
    """An account, the subject, got a further key."""

    action = "token.create"
    token_id: int
    role: str
    expires: int


class TokenRevoked(Event, frozen=True):
    """A further key lets nobody in any more."""

    action = "token.revoke"
    token_id: int
    role: str


class TokenReset(Event, frozen=True):
    """The built-in key of an account was replaced."""

    action = "token.reset"


class AddressAllowed(Event, frozen=True):
    """An account may be used from a range of addresses."""

    action = "address.allow"
    network: str


class AddressForgotten(Event, frozen=True):
    """A range was taken back."""

    action = "address.forget"
    network: str


class EmailAsked(Event, frozen=True):
    """A user, the subject, says that an address is theirs; a mail to it asks."""

    action = "email.ask"
    confirmation: int
    email: str


class EmailAdded(Event, frozen=True):
    """A further address of an account counts from now on."""

    action = "email.add"
    email: str


class EmailRemoved(Event, frozen=True):
    """A further address of an account counts no more, or will not be confirmed."""

    action = "email.remove"
    email: str


class SignedIn(Event, frozen=True):
    """Somebody signed in to the pages."""

    action = "sign_in"
    session_id: int
    remember: bool


class SignInFailed(Event, frozen=True):
    """Somebody was not let in, at whichever door; the subject is the account, empty where nobody has the name."""

    action = "sign_in.failed"
    reason: str


class SignedOut(Event, frozen=True):
    """Somebody ended a session of an account, the subject: their own by signing out, or another one."""

    action = "sign_out"
    session_id: int


class SessionsEnded(Event, frozen=True):
    """All sessions of an account were ended, with its password, its rank, or by its user."""

    action = "sessions.end"
    count: int


class PasswordChanged(Event, frozen=True):
    """A user chose another password."""

    action = "user.password"
    user_id: int | UnsetType = UNSET
    """Rows of earlier versions lack it."""
    by_mail: bool | UnsetType = UNSET
    """Whether they had forgotten the old one, and were let in by a mail."""


class PasswordResetAsked(Event, frozen=True):
    """Somebody wants to choose another password for an account, the subject; empty: for an address that nobody has."""

    action = "password_reset.ask"
    reset: int


class PreferencesChanged(Event, frozen=True):
    """A user wants pages to look otherwise; null is as the site has it."""

    action = "user.preferences"
    changes: dict[str, Any]
    was: dict[str, Any]


class UserFollowed(Event, frozen=True):
    """Somebody follows an account, the subject, from now on, or does not any more."""

    action = "user.follow"
    user_id: int
    follows: bool
