# SPDX-License-Identifier: GPL-3.0-or-later
"""Why somebody may do something with a repository or a group (decisions.md A23).

Super-admins may ask about everybody, users about themselves, and whoever administers an object about its people.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import OBJECT_TABLES
from trivium.access.why import Why, why
from trivium.errors import Kind, NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.groups import repo_groups, user_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.groups.user_groups import UserGroup
from trivium.forge.repositories import finding
from trivium.forge.repositories.finding import Repository

_KINDS: Final = {
    Scope.REPOSITORY: Kind.REPOSITORY,
    Scope.REPO_GROUP: Kind.REPO_GROUP,
    Scope.USER_GROUP: Kind.USER_GROUP,
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a user may do with an object, and why."""

    user: User
    scope: Scope
    name: str
    """What the object is called."""
    why: Why

    @property
    def permission(self) -> str:
        """Such as `repository.read`."""
        return self.scope.name_of(self.why.level)


def _found(db: Connection, caller: Caller, scope: Scope, given: object) -> Repository | RepoGroup | UserGroup:
    """The object, if the caller may read it; raises `NotFound`."""
    match scope:
        case Scope.REPOSITORY:
            return finding.find(db, caller, given, Level.READ)
        case Scope.REPO_GROUP:
            return repo_groups.find(db, caller, given, Level.READ)
        case Scope.USER_GROUP:
            return user_groups.find(db, caller, given, Level.READ)


def explain(db: Connection, caller: Caller, scope: Scope, given: object, user: object = None) -> Explanation:
    """Why a user, or the caller, may do what they may with an object; both are named as in arguments.

    Raises `NotFound` for an object that the caller may not read, and `NotYourself` where they name somebody else and
    do not administer it.
    """
    found = _found(db, caller, scope, given)
    if user is None:
        whose = accounts.by_id(db, caller.user_id)
    elif found.level >= Level.ADMIN:
        whose = accounts.find(db, user)
    else:
        whose = accounts.find_for(db, caller, user)
    decided = why(db, whose.as_caller(caller.address), OBJECT_TABLES[scope], found.id)
    if decided is None:  # it was deleted a moment ago
        raise NotFound(_KINDS[scope], given)
    return Explanation(whose, scope, found.name, decided)
