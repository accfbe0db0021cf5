# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories, groups and rights as rows, for questions to the database that open no repository."""

from __future__ import annotations

import json
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, insert

from tests.support import postgresql
from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.forge.accounts import users as accounts
from trivium.forge.naming import grams
from trivium.forge.site import Site
from trivium.names import key_of
from trivium.store import tables
from trivium.store.engine import insert_id
from trivium.store.tables import DEFAULT_USER_ID

WHEN = "2024-01-01T00:00:00.000"
LAST = {
    "raw_id": "ab" * 20,
    "short_id": "ab" * 6,
    "revision": 3,
    "author": "Ada <ada@example.org>",
    "date": "2024-01-02T03:04:05",
    "message": "\nMend it\n\nAt last.",
    "parents": [],
    "branch": "main",
}
EMPTY = LAST | {"raw_id": "0" * 40, "revision": -1, "message": ""}


def at_a_glance(site: Site) -> AbstractContextManager[Connection]:
    """For what must not take time, where the database allows that to be tried."""
    return site.store.read() if postgresql.wanted() else site.store.glance()


def user(site: Site, name: str, *, admin: bool = False) -> Caller:
    made = accounts.create(site, the_system(), username=name, email=f"{name}@example.org", admin=admin)
    return made.as_caller("192.0.2.1")


def group(db: Connection, name: str, owner: Caller, *, parent: int | None = None, default: Level = Level.READ) -> int:
    values: dict[str, Any] = {"name": name, "name_key": key_of(name), "parent_id": parent, "owner_id": owner.user_id}
    group_id = insert_id(
        db, tables.repo_groups, **values, description=f"about {name}", enable_locking=False, created_on=WHEN
    )
    grant(db, tables.repo_group_grants, group_id, DEFAULT_USER_ID, default)
    return group_id


def repository(
    db: Connection, name: str, owner: Caller, *, inside: int | None = None, default: Level = Level.READ, **more: Any
) -> int:
    values: dict[str, Any] = {
        "name": name,
        "name_key": key_of(name),
        "group_id": inside,
        "kind": "git",
        "owner_id": owner.user_id,
        "description": "",
        "private": False,
        "archived": False,
        "landing_rev": "rev:tip",
        "enable_downloads": False,
        "enable_locking": False,
        "enable_statistics": False,
        "fork_of_id": None,
        "created_on": WHEN,
        "updated_on": WHEN,
        "last_changeset": json.dumps(LAST),
        "history_state": "",
    }
    repository_id = insert_id(db, tables.repositories, **(values | more))
    grams.named(db, repository_id, key_of(name), new=True)
    grant(db, tables.repository_grants, repository_id, DEFAULT_USER_ID, default)
    return repository_id


def grant(db: Connection, table: Any, object_id: int, user_id: int, level: Level) -> None:
    db.execute(insert(table).values(object_id=object_id, user_id=user_id, level=int(level)))
