# SPDX-License-Identifier: GPL-3.0-or-later
"""Permission names: the three scales of object permissions and the global ones (api-users.md 5.1)."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

from trivium.errors import Kind, NotFound, WrongScope


class Level(IntEnum):
    """How much somebody may do with an object; comparable (system.md 6.1 gives the weights)."""

    NONE = 0
    READ = 1
    WRITE = 3
    ADMIN = 4


class Scope(StrEnum):
    """The kind of object that a permission is about; the value is the prefix of its name."""

    REPOSITORY = "repository"
    REPO_GROUP = "group"
    USER_GROUP = "usergroup"

    def name_of(self, level: Level | int) -> str:
        """`Scope.REPOSITORY.name_of(Level.READ)` is `repository.read`."""
        return f"{self.value}.{Level(level).name.lower()}"


OBJECT_PERMISSIONS: Final[dict[str, tuple[Scope, Level]]] = {
    scope.name_of(level): (scope, level) for scope in Scope for level in Level
}

GLOBAL_FAMILIES: Final[dict[str, tuple[str, ...]]] = {
    # Family → its values, weakest first. Of one family a user has exactly one value.
    "hg.create": ("hg.create.none", "hg.create.repository"),
    "hg.create.write_on_repogroup": (
        "hg.create.write_on_repogroup.false",
        "hg.create.write_on_repogroup.true",
    ),
    "hg.repogroup.create": ("hg.repogroup.create.false", "hg.repogroup.create.true"),
    "hg.usergroup.create": ("hg.usergroup.create.false", "hg.usergroup.create.true"),
    "hg.fork": ("hg.fork.none", "hg.fork.repository"),
    "hg.register": ("hg.register.none", "hg.register.manual_activate", "hg.register.auto_activate"),
    "hg.extern_activate": ("hg.extern_activate.manual", "hg.extern_activate.auto"),
    "repository": tuple(Scope.REPOSITORY.name_of(level) for level in Level),
    "group": tuple(Scope.REPO_GROUP.name_of(level) for level in Level),
    "usergroup": tuple(Scope.USER_GROUP.name_of(level) for level in Level),
}

FAMILY_OF: Final[dict[str, str]] = {value: family for family, values in GLOBAL_FAMILIES.items() for value in values}
WEIGHT_OF: Final[dict[str, int]] = {
    value: weight for values in GLOBAL_FAMILIES.values() for weight, value in enumerate(values)
}

SUPER_ADMIN: Final = "hg.admin"
INHERITS: Final = ("hg.inherit_default_perms.false", "hg.inherit_default_perms.true")

_KNOWN = {*OBJECT_PERMISSIONS, *FAMILY_OF, SUPER_ADMIN, *INHERITS}


def parse_permission(given: object, scope: Scope) -> Level:
    """The level that a permission's name stands for.

    Raises `NotFound` for a name that no permission has and `WrongScope` for one of another kind.
    """
    if not isinstance(given, str) or given not in _KNOWN:
        raise NotFound(Kind.PERMISSION, given, f"there are {', '.join(map(scope.name_of, Level))}")
    found = OBJECT_PERMISSIONS.get(given)
    if found is None or found[0] is not scope:
        raise WrongScope(given, f"{scope.value}.")
    return found[1]
