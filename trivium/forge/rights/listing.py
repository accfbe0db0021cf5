# SPDX-License-Identifier: GPL-3.0-or-later
"""All that somebody may do, each with its reason: on the whole site, and on objects, a page at a time.

What a page costs does not grow with what there is: it walks the index of names, or, for somebody who may read little,
sorts that little. The reasons of a page are two statements more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, bindparam, func, literal, select

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import OBJECT_TABLES, ObjectTables, binds, candidates, effective_level
from trivium.access.why import GlobalReason, Why, global_whys, whys
from trivium.names import MAX_NAME, is_clean_text
from trivium.store.query import Query

PAGE: Final = 50
_FEW: Final = 1000
"""Up to so many objects are sorted rather than passed over."""
_GLOBAL_SHOWN: Final = (
    "hg.create",
    "hg.create.write_on_repogroup",
    "hg.repogroup.create",
    "hg.usergroup.create",
    "hg.fork",
)
"""The families that say what somebody may do; the others are rules for everybody (api-users.md 5.1)."""


@dataclass(frozen=True, slots=True)
class Right:
    """What somebody may do with one object."""

    id: int
    name: str
    kind: str
    """The system of a repository; empty for groups."""
    why: Why


@dataclass(frozen=True, slots=True)
class RightsPage:
    """A part of the list, by name."""

    rows: Sequence[Right]
    older: str | None
    """The `after` of the next page; None for the last."""


@dataclass(frozen=True, slots=True)
class GlobalRight:
    """What somebody may do on the whole site."""

    family: str
    permission: str
    """The value that counts; empty where nothing is said."""
    reasons: Sequence[GlobalReason]


def _page_of(tables: ObjectTables, *, few: bool) -> Query:
    objects = tables.objects.c
    kind = objects.kind if "kind" in objects else literal("")
    statement = select(objects.id, objects.name, kind.label("kind"), objects.name_key).where(
        objects.name_key > bindparam("after")
    )
    if few:
        statement = statement.where(objects.id.in_(candidates(tables)))
    readable = effective_level(tables) >= int(Level.READ)
    return Query(statement.where(readable).order_by(objects.name_key).limit(bindparam("most")))


def _count_of(tables: ObjectTables) -> Query:
    some: Any = candidates(tables).limit(_FEW + 1).subquery()
    return Query(select(func.count().label("many")).select_from(some))


_PAGES: Final = {
    (scope, few): _page_of(tables, few=few) for scope, tables in OBJECT_TABLES.items() for few in (False, True)
}
_COUNTS: Final = {scope: _count_of(tables) for scope, tables in OBJECT_TABLES.items()}


def rights_page(
    db: Connection, _caller: Caller, of: Caller, scope: Scope, *, after: str = "", limit: int = PAGE
) -> RightsPage:
    """What `of` may at least read, of one kind of objects: four statements at most.

    Whoever asks is known to be allowed to: themselves, or a super-admin.
    """
    start = after if len(after) <= MAX_NAME and is_clean_text(after) else ""
    given = binds(of)
    few = False
    if not of.super_admin:
        counted = _COUNTS[scope].first(db, given)
        few = counted is not None and counted[0] <= _FEW
    found = _PAGES[scope, few].all(db, given | {"after": start, "most": limit + 1})
    shown = found[:limit]
    reasons = whys(db, of, OBJECT_TABLES[scope], [row[0] for row in shown])
    rows = [Right(row[0], row[1], row[2], reasons[row[0]]) for row in shown if row[0] in reasons]
    return RightsPage(rows, shown[-1][-1] if len(found) > limit else None)


def global_rights(db: Connection, _caller: Caller, of: Caller) -> list[GlobalRight]:
    """What `of` may create, each with its reasons: one statement."""
    found = global_whys(db, of)
    return [
        GlobalRight(family, next((one.permission for one in found[family] if one.counts), ""), found[family])
        for family in _GLOBAL_SHOWN
    ]
