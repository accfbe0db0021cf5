# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories with everything that is shown beside their rows, as whole values: a list, and the page of one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.accounts.viewing import Account, with_details
from trivium.forge.grants import on_objects as grants
from trivium.forge.grants.on_objects import Member
from trivium.forge.groups import repo_groups
from trivium.forge.repositories import fields, finding
from trivium.forge.repositories.finding import Repository
from trivium.store.query import Query
from trivium.store.tables import repository_followers, users


@dataclass(frozen=True, slots=True)
class RepositoryList:
    """Repositories, in the order in which they are shown."""

    repositories: Sequence[Repository]
    holders: Mapping[int, Account]
    """Who holds one of them locked, by user id."""
    fields: Mapping[int, Mapping[str, str]]
    """Repository id → its extra fields; repositories without any are missing."""


@dataclass(frozen=True, slots=True)
class RepositoryPage:
    """A repository with everything that is shown of it beside its history."""

    repository: Repository
    holder: Account | None
    """Who holds it locked."""
    fields: Mapping[str, str]
    members: Sequence[Member]
    """Who may do what with it, in the documented order (api-repos.md 2.6)."""
    followers: Sequence[Account]
    """By name."""

    @property
    def people(self) -> list[int]:
        """The ids of the users whom it shows with their details."""
        return [account.user.id for account in self.followers] + ([self.holder.user.id] if self.holder else [])


_FOLLOWERS = Query(
    select(*accounts.COLUMNS)
    .join(repository_followers, repository_followers.c.user_id == users.c.id)
    .where(repository_followers.c.repository_id == bindparam("repository_id"))
    .order_by(users.c.username)
)


def readable(db: Connection, caller: Caller, *, root: object = None, traverse: bool = True) -> RepositoryList:
    """The repositories that the caller may read, by name: a fixed number of statements.

    With `root`, which names a repository group, only those inside it; without `traverse` only those directly inside,
    or at top level. Raises `NotFound` for a group that the caller may not read.
    """
    found = finding.readable(db, caller)
    if root is not None or not traverse:
        above = "" if root is None else f"{repo_groups.find(db, caller, root, Level.READ).name}/"
        found = [one for one in found if one.name.startswith(above)]
        if not traverse:
            found = [one for one in found if "/" not in one.name[len(above) :]]
    return RepositoryList(found, _holders(db, found), fields.of_all(db))


def listed(db: Connection, repositories: Sequence[Repository]) -> RepositoryList:
    """Some repositories that were looked up: a fixed number of statements."""
    found = fields.of_some(db, [repository.id for repository in repositories])
    return RepositoryList(repositories, _holders(db, repositories), found)


def page(db: Connection, repository: Repository) -> RepositoryPage:
    """The page of a repository that was looked up: a fixed number of statements."""
    return RepositoryPage(
        repository,
        next(iter(_holders(db, [repository]).values()), None),
        fields.of_one(db, repository.id),
        grants.members(db, Scope.REPOSITORY, repository.id),
        with_details(db, _followers(db, repository.id)),
    )


def _holders(db: Connection, of: Iterable[Repository]) -> dict[int, Account]:
    ids = {repository.locked_by_id for repository in of if repository.locked_by_id is not None}
    found = with_details(db, accounts.by_ids(db, ids)) if ids else []
    return {account.user.id: account for account in found}


def _followers(db: Connection, repository_id: int) -> list[User]:
    return [accounts.user_of(row) for row in _FOLLOWERS.all(db, {"repository_id": repository_id})]
