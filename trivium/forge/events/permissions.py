# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to permissions."""

from __future__ import annotations

from typing import Any

from trivium.forge.events.event import Event


class PermissionGranted(Event, frozen=True):
    """A user or user group got a level on the subject: on a repository, a group of them, or a user group (`scope`)."""

    action = "permission.grant"
    scope: str
    whom: str
    of_group: bool
    """Whether `whom` is a user group."""
    level: str | None
    recursion: str
    """Which objects inside a group changed with it."""
    was: dict[str, Any]
    """The level that the row had, null without one."""


class PermissionRevoked(PermissionGranted, frozen=True):
    """The row of a user or user group was taken away; `level` is null."""

    action = "permission.revoke"


class GlobalPermissionSet(Event, frozen=True):
    """A user or user group, the subject, got a value of a permission for the whole site, or lost it (`forgotten`)."""

    action = "permission.global"
    permission: str
    of_group: bool
    forgotten: bool
    was: dict[str, Any]
    """The value that applied before, null without one."""


class ObjectDefaultsOverwritten(Event, frozen=True):
    """What everybody may do with all objects of a kind (`scope`), but private ones, was set to the same level."""

    action = "permission.overwrite"
    scope: str
    level: str
    count: int
    """How many had another one."""


class AnonymousAccessSet(Event, frozen=True):
    """The site was opened to visitors, or closed."""

    action = "site.anonymous_access"
    allowed: bool
    was: dict[str, Any]
