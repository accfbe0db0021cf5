# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups with everything that is shown beside their rows, as whole values: lists of them, and the page of one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select

from trivium.access.caller import Caller
from trivium.access.keys import KeyRing
from trivium.access.levels import Level, Scope
from trivium.access.permissions import REPOSITORIES, binds, effective_level, levels_joined
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.accounts.viewing import Account, with_details
from trivium.forge.grants import on_objects as grants
from trivium.forge.grants.on_objects import Member
from trivium.forge.groups import repo_groups, user_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.groups.user_groups import UserGroup
from trivium.store.tables import repositories, user_group_members, users


@dataclass(frozen=True, slots=True)
class RepoGroupList:
    """Repository groups, by name."""

    groups: Sequence[RepoGroup]
    repositories: Mapping[int, Sequence[str]]
    """Group id → the names of the repositories directly inside that the caller may read; empty groups are missing."""


@dataclass(frozen=True, slots=True)
class RepoGroupPage:
    """A repository group with everything that is shown of it."""

    group: RepoGroup
    repositories: Sequence[str]
    """The names of those directly inside that the caller may read."""
    members: Sequence[Member]
    """Who may do what with it, in the documented order (api-repos.md 2.6)."""


@dataclass(frozen=True, slots=True)
class UserGroupList:
    """User groups, by name."""

    groups: Sequence[UserGroup]
    users: Mapping[int, Sequence[int]]
    """Group id → the ids of its users, by their names; empty groups are missing."""
    accounts: Mapping[int, Account]
    """Everybody who is in one of the groups, by user id."""


@dataclass(frozen=True, slots=True)
class UserGroupPage:
    """A user group with everything that is shown of it."""

    group: UserGroup
    users: Sequence[Account]
    """Its users, by name."""
    members: Sequence[Member]
    """Who may do what with it, in the documented order."""


def _held_statement() -> Any:
    source, level = levels_joined(REPOSITORIES)
    return (
        select(repositories.c.group_id, repositories.c.name)
        .select_from(source)
        .where(repositories.c.group_id.is_not(None), level >= int(Level.READ))
        .order_by(func.lower(repositories.c.name))
    )


_HELD = _held_statement()
_HELD_BY_ONE = (
    select(repositories.c.name)
    .where(repositories.c.group_id == bindparam("group_id"), effective_level(REPOSITORIES) >= int(Level.READ))
    .order_by(func.lower(repositories.c.name))
)
_USERS = (
    select(user_group_members.c.user_group_id, *accounts.COLUMNS)
    .join(users, users.c.id == user_group_members.c.user_id)
    .order_by(users.c.username)
)
_USERS_OF_ONE = _USERS.where(user_group_members.c.user_group_id == bindparam("group_id"))


def readable_repo_groups(db: Connection, caller: Caller) -> RepoGroupList:
    """All repository groups that the caller may read: two statements."""
    held: dict[int, list[str]] = defaultdict(list)
    for group_id, name in db.execute(_HELD, binds(caller)):
        held[group_id].append(name)
    return RepoGroupList(repo_groups.readable(db, caller), held)


def repositories_in(db: Connection, caller: Caller, group: RepoGroup) -> list[str]:
    """The names of the repositories directly inside a group that the caller may read."""
    return [row[0] for row in db.execute(_HELD_BY_ONE, binds(caller) | {"group_id": group.id})]


def repo_group_page(db: Connection, caller: Caller, group: RepoGroup) -> RepoGroupPage:
    """The page of a repository group that was looked up: two statements."""
    inside = repositories_in(db, caller, group)
    return RepoGroupPage(group, inside, grants.members(db, Scope.REPO_GROUP, group.id))


def readable_user_groups(db: Connection, caller: Caller, opener: KeyRing | None = None) -> UserGroupList:
    """All user groups that the caller may read: a fixed number of statements. For the `opener`, see `with_details`."""
    groups = user_groups.readable(db, caller)
    wanted = {group.id for group in groups}
    inside: dict[int, list[int]] = defaultdict(list)
    everybody: dict[int, User] = {}
    for group_id, *columns in db.execute(_USERS):
        if group_id in wanted:
            user = accounts.user_of(columns)
            inside[group_id].append(user.id)
            everybody[user.id] = user
    shown = with_details(db, everybody.values(), opener)
    return UserGroupList(groups, inside, {account.user.id: account for account in shown})


def users_in(db: Connection, group: UserGroup, opener: KeyRing | None = None) -> list[Account]:
    """The users in a user group, by name: a fixed number of statements. For the `opener`, see `with_details`."""
    rows = db.execute(_USERS_OF_ONE, {"group_id": group.id})
    return with_details(db, [accounts.user_of(row[1:]) for row in rows], opener)


def user_group_page(db: Connection, group: UserGroup) -> UserGroupPage:
    """The page of a user group that was looked up: a fixed number of statements."""
    inside = users_in(db, group)
    return UserGroupPage(group, inside, grants.members(db, Scope.USER_GROUP, group.id))
