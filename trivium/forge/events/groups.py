# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to groups of users and groups of repositories; the subject is the group's name."""

from __future__ import annotations

from typing import Any

from trivium.forge.events.event import Event


class UserGroupCreated(Event, frozen=True):
    """A group of users was made."""

    action = "user_group.create"
    owner: str


class UserGroupChanged(Event, frozen=True):
    """Something of a group of users was set."""

    action = "user_group.update"
    changes: dict[str, Any]
    was: dict[str, Any]


class UserGroupDeleted(Event, frozen=True):
    """A group of users is gone."""

    action = "user_group.delete"


class MemberAdded(Event, frozen=True):
    """A user came into a group."""

    action = "user_group.add_member"
    member: str


class MemberRemoved(Event, frozen=True):
    """A user left a group, or was taken out of it."""

    action = "user_group.remove_member"
    member: str


class RepoGroupCreated(Event, frozen=True):
    """A group of repositories was made."""

    action = "repo_group.create"
    owner: str


class RepoGroupChanged(Event, frozen=True):
    """A group of repositories was renamed, moved or changed; values not given are null, except the name."""

    action = "repo_group.update"
    name: str
    description: str | None
    owner: str | None
    enable_locking: bool | None
    was: dict[str, Any]


class RepoGroupDeleted(Event, frozen=True):
    """A group of repositories, which was empty, is gone."""

    action = "repo_group.delete"
    group_id: int
