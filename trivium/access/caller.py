# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is asking: the same value at every door."""

from __future__ import annotations

from dataclasses import dataclass

from trivium.store.tables import DEFAULT_USER_ID


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated user, or the anonymous visitor (who acts as the user `default`)."""

    user_id: int
    username: str
    super_admin: bool
    inherits: bool
    """Whether the permissions of `default` count for the caller (system.md 6.1)."""
    address: str
    """Where the request comes from, for the journal."""

    @property
    def anonymous(self) -> bool:
        return self.user_id == DEFAULT_USER_ID


def anonymous(address: str) -> Caller:
    """A visitor without credentials."""
    return Caller(DEFAULT_USER_ID, "default", super_admin=False, inherits=True, address=address)


def the_system() -> Caller:
    """Trivium itself, for set-up and maintenance."""
    return Caller(0, "trivium", super_admin=True, inherits=True, address="local")
