# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups that somebody may read as a tree, with how many repositories they may read in each.

To count them all costs a look at every repository, so a worker remembers it for one state of everybody's rights and of
the caller's (`access.stamps`): a revocation, or a new repository, counts for the next request.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from cachetools import LRUCache
from sqlalchemy import Connection, bindparam, func, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPO_GROUPS, REPOSITORIES, binds, effective_level, levels_joined
from trivium.forge.groups import repo_groups
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.names import parent_of
from trivium.store.engine import Store
from trivium.store.query import Query, Values
from trivium.store.tables import access_stamp, repositories, users
from trivium.store.tables import repo_groups as table

_MOST_NODES: Final = 200_000
"""Of all trees that a worker remembers together."""


@dataclass(frozen=True, slots=True)
class GroupNode:
    """A group in the tree."""

    id: int
    name: str
    """The full path."""
    label: str
    """What it is called below the node that holds it: groups between them may be hidden."""
    description: str
    level: Level
    repositories: int
    """Directly inside, that the caller may read."""
    total: int
    """At any depth."""
    groups: Sequence[GroupNode]
    """By name."""
    kinds: Mapping[str, int]
    """System → how many of `repositories`."""


@dataclass(frozen=True, slots=True)
class GroupTree:
    """All that the caller may read."""

    groups: Sequence[GroupNode]
    """Those at the top, by name."""
    repositories: int
    """At top level, in no group."""
    total: int
    """All repositories that the caller may read."""
    nodes: Mapping[int, GroupNode]
    """Every node by its id."""
    kinds: Mapping[str, int]
    """System → how many of `total`."""
    state: Values | None = None
    """Of the rights for which it was made: of the same caller's trees, those with the same state are the same."""


@dataclass(frozen=True, slots=True)
class Subgroup:
    """A group directly inside another, as its page lists it."""

    id: int
    name: str
    description: str


def _counts_statement() -> Any:
    source, level = levels_joined(REPOSITORIES)
    inside = (
        select(repositories.c.group_id, repositories.c.kind, func.count().label("held"))
        .select_from(source)
        .where(level >= int(Level.READ))
        .group_by(repositories.c.group_id, repositories.c.kind)
        .subquery()
    )
    return select(inside.c.group_id, table.c.name, inside.c.kind, inside.c.held).outerjoin_from(
        inside, table, table.c.id == inside.c.group_id
    )


_COUNTS: Final = Query(_counts_statement())
_STATE: Final = Query(
    select(access_stamp.c.everybody, users.c.rights_version).select_from(
        access_stamp.outerjoin(users, users.c.id == bindparam("whose"))
    )
)
_subgroups = (
    select(table.c.id, table.c.name, table.c.description)
    .where(effective_level(REPO_GROUPS) >= int(Level.READ))
    .order_by(table.c.name_key)
)
_TOP: Final = Query(_subgroups.where(table.c.parent_id.is_(None)))
_INSIDE: Final = Query(_subgroups.where(table.c.parent_id == bindparam("group")))


def subgroups(db: Connection, caller: Caller, group: RepoGroup | None = None) -> list[Subgroup]:
    """The groups directly inside one, or at the top, that the caller may read, by name: one statement, no counts."""
    rows = _TOP.all(db, binds(caller)) if group is None else _INSIDE.all(db, binds(caller) | {"group": group.id})
    return [Subgroup(*row) for row in rows]


def read_tree(db: Connection, caller: Caller) -> GroupTree:
    """The tree as it is now: two statements that look at every group and repository."""
    groups = {group.name: group for group in repo_groups.readable(db, caller)}
    held: dict[int | None, Counter[str]] = defaultdict(Counter)
    below: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    nothing: Counter[str] = Counter()
    for group_id, name, kind, count in _COUNTS.all(db, binds(caller)):
        held[group_id][kind] = count
        kinds[kind] += count
        # What is in a hidden group counts for those above it that are shown.
        while name:
            below[name] += count
            name = parent_of(name)
    inside: dict[str, list[RepoGroup]] = defaultdict(list)
    for name, group in groups.items():
        above = parent_of(name)
        while above and above not in groups:
            above = parent_of(above)
        inside[above].append(group)
    nodes: dict[int, GroupNode] = {}

    def made(above: str) -> tuple[GroupNode, ...]:
        found = []
        for group in inside.get(above, ()):
            label = group.name[len(above) + 1 :] if above else group.name
            node = GroupNode(
                group.id,
                group.name,
                label,
                group.description,
                group.level,
                held.get(group.id, nothing).total(),
                below[group.name],
                made(group.name),
                held.get(group.id, nothing),
            )
            nodes[node.id] = node
            found.append(node)
        return tuple(found)

    return GroupTree(made(""), held[None].total(), kinds.total(), nodes, kinds)


class GroupTrees:
    """The trees that one worker remembers; what was least recently used goes first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[int, tuple[Values | None, GroupTree]] = LRUCache(
            _MOST_NODES, getsizeof=lambda kept: len(kept[1].nodes) + 1
        )

    def of(self, store: Store, caller: Caller) -> GroupTree:
        """The tree of a caller: one statement when it is remembered.

        Raises `WouldWait` in a `Store.glance` when it is not.
        """
        with store.read() as db:
            # Before whatever the tree is made of: it may be newer than it says, and never older.
            state = _STATE.first(db, {"whose": caller.user_id})
            with self._lock:
                kept = self._kept.get(caller.user_id)
            if kept is not None and kept[0] == state:
                return kept[1]
            store.take_time()
            tree = replace(read_tree(db, caller), state=state)
        if len(tree.nodes) < _MOST_NODES // 8:
            with self._lock:
                self._kept[caller.user_id] = (state, tree)
        return tree
