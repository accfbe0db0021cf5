# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups in which somebody may put something: what forms offer (api-repos.md 4, 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPO_GROUPS, binds, global_permissions, levels_joined
from trivium.store.query import Query
from trivium.store.tables import repo_groups

MOST_OFFERED: Final = 500
"""A longer list helps nobody: then the name is typed."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Where something may be put."""

    top: bool
    """Whether in no group as well."""
    groups: tuple[str, ...]
    """Full names, in their order."""
    more: bool
    """Whether there are others besides."""

    @property
    def nowhere(self) -> bool:
        return not self.top and not self.groups


def _statement() -> Any:
    source, level = levels_joined(REPO_GROUPS)
    return (
        select(repo_groups.c.name)
        .select_from(source)
        .where(level >= bindparam("least"))
        .order_by(repo_groups.c.name_key)
        .limit(MOST_OFFERED + 1)
    )


_GROUPS: Final = Query(_statement())


def _offered(db: Connection, caller: Caller, least: Level, *, top: bool) -> Offered:
    names = [row[0] for row in _GROUPS.all(db, binds(caller) | {"least": int(least)})]
    return Offered(top, tuple(names[:MOST_OFFERED]), len(names) > MOST_OFFERED)


def for_new_repository(db: Connection, caller: Caller) -> Offered:
    """Where the caller may create a repository: as `creation.check_may_create`."""
    granted = global_permissions(db, caller)
    creates = granted["hg.create"] == "hg.create.repository"
    writes = caller.super_admin or (creates and granted["hg.create.write_on_repogroup"].endswith("true"))
    return _offered(db, caller, Level.WRITE if writes else Level.ADMIN, top=creates)


def for_moved_repository(db: Connection, caller: Caller) -> Offered:
    """Where the caller may move a repository to that they administer."""
    return _offered(db, caller, Level.WRITE, top=global_permissions(db, caller)["hg.create"] == "hg.create.repository")


def for_new_group(db: Connection, caller: Caller) -> Offered:
    """Where the caller may create a group: as `groups.creation.permitted_parent`."""
    creates = global_permissions(db, caller)["hg.repogroup.create"] == "hg.repogroup.create.true"
    return _offered(db, caller, Level.WRITE if creates else Level.ADMIN, top=creates)


def for_moved_group(db: Connection, caller: Caller) -> Offered:
    """Where the caller may move a group to that they administer."""
    creates = global_permissions(db, caller)["hg.repogroup.create"] == "hg.repogroup.create.true"
    return _offered(db, caller, Level.ADMIN, top=creates)
