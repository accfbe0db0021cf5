# SPDX-License-Identifier: GPL-3.0-or-later
"""What everybody may do with new objects, and, where that is wanted, with all that there are (system.md 6.1)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from sqlalchemy import Connection, func, insert, literal, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.access.permissions import OBJECT_TABLES, ObjectTables
from trivium.access.stamps import rights_change
from trivium.errors import Forbidden
from trivium.forge.events import journal
from trivium.forge.events.permissions import ObjectDefaultsOverwritten
from trivium.forge.grants.global_permissions import set_values
from trivium.forge.grants.on_objects import Subject
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.store.tables import DEFAULT_USER_ID

EVERYBODY: Final = Subject("default", user_id=DEFAULT_USER_ID)


def set_object_defaults(
    site: Site, caller: Caller, wanted: Mapping[Scope, Level], overwrite: Collection[Scope] = (), seen: Seen = whatever
) -> dict[Scope, int]:
    """Set what everybody may do with a new object of each kind, and of the kinds `overwrite` with all that there are.

    Private repositories stay closed. Returns how many objects of each of those kinds have another row than before. All
    of it is one transaction, with a fixed number of statements. Raises `Forbidden` for others than super-admins.
    """
    if not caller.super_admin:
        raise Forbidden
    changed = {}
    with site.store.write() as db:
        seen(db, caller)
        rights_change(db, user_id=DEFAULT_USER_ID)
        set_values(db, caller, EVERYBODY, {scope.value: scope.name_of(level) for scope, level in wanted.items()})
        for scope in overwrite:
            count = changed[scope] = _overwrite(db, OBJECT_TABLES[scope], wanted[scope])
            event = ObjectDefaultsOverwritten(
                subject="default", scope=scope.value, level=scope.name_of(wanted[scope]), count=count
            )
            journal.record(db, caller, event)
    return changed


def _overwrite(db: Connection, tables: ObjectTables, level: Level) -> int:
    objects, grants = tables.objects.c, tables.grants.c
    wanted = select(objects.id)
    if "private" in objects:
        wanted = wanted.where(~objects.private)
    everybodys = grants.user_id == DEFAULT_USER_ID
    changed = db.execute(
        update(tables.grants)
        .where(everybodys, grants.level != int(level), grants.object_id.in_(wanted))
        .values(level=int(level))
    ).rowcount
    rows = select(grants.object_id).where(everybodys)
    missing = wanted.where(objects.id.not_in(rows))
    # PostgreSQL's driver does not tell how many rows were inserted.
    added = db.execute(select(func.count()).select_from(missing.subquery())).scalar_one()
    if added:
        values = missing.with_only_columns(objects.id, literal(DEFAULT_USER_ID), literal(int(level)))
        db.execute(insert(tables.grants).from_select(["object_id", "user_id", "level"], values))
    return changed + (added if level is not Level.NONE else 0)
