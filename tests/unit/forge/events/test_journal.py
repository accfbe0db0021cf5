# SPDX-License-Identifier: GPL-3.0-or-later
"""Events are written with the change that they tell of, or not at all (security.md S-31)."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Iterator

import pytest
from sqlalchemy import select, update

from trivium.access.caller import the_system
from trivium.forge import events
from trivium.forge.events import journal
from trivium.forge.events.accounts import UserDeleted
from trivium.forge.events.event import Event, values_before
from trivium.forge.events.repositories import RepositoryDeleted, RepositoryRestored
from trivium.forge.site import Site
from trivium.store.tables import journal as table
from trivium.store.tables import users


def kinds(kind: type[Event] = Event) -> Iterator[type[Event]]:
    for below in kind.__subclasses__():
        yield below
        yield from kinds(below)


def rows(site: Site) -> list[tuple[str, str, int | None, object]]:
    with site.store.read() as db:
        found = db.execute(select(table.c.action, table.c.subject, table.c.repository_id, table.c.detail)).all()
    return [(row.action, row.subject, row.repository_id, json.loads(row.detail)) for row in found]


def test_each_kind_of_event_has_a_name_of_its_own() -> None:
    for module in pkgutil.iter_modules(events.__path__):
        importlib.import_module(f"{events.__name__}.{module.name}")
    named = [kind.action for kind in kinds() if kind.action]
    assert len(named) == len(set(named)) > 40
    assert all(len(action) <= table.c.action.type.length for action in named)  # type: ignore[attr-defined]


def test_a_row_is_what_the_event_says_and_nothing_that_it_leaves_open(site: Site) -> None:
    known = len(rows(site))
    with site.store.write() as db:
        journal.record(db, the_system(), RepositoryDeleted(subject="x" * 300, repository_id=7, kind="git"))
        journal.record(db, the_system(), RepositoryDeleted(subject="y", repository_id=8, kind="hg", was_missing=True))
        restored = RepositoryRestored(
            subject="z", kind="svn", private=False, owner="ada", fork_of=None, imported=True, entry="z.1", formerly=7
        )
        journal.record(db, the_system(), restored)
    assert rows(site)[known:] == [
        ("repository.delete", "x" * 255, 7, {"kind": "git"}),
        ("repository.delete", "y", 8, {"kind": "hg", "was_missing": True}),
        (
            "repository.restore",
            "z",
            None,
            {
                "kind": "svn",
                "private": False,
                "owner": "ada",
                "fork_of": None,
                "imported": True,
                "entry": "z.1",
                "formerly": 7,
            },
        ),
    ]


def test_an_event_goes_with_its_transaction(site: Site) -> None:
    known = rows(site)

    def fail() -> None:
        with site.store.write() as db:
            journal.record(db, the_system(), UserDeleted(subject="ada", user_id=7))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert rows(site) == known


def test_values_before_are_those_of_the_row_and_of_the_columns_that_are_named(site: Site) -> None:
    with site.store.write() as db:
        (root_id,) = db.execute(select(users.c.id).where(users.c.username == "root")).one()
        assert values_before(db, users, root_id, ["email", "admin"]) == {"email": "root@example.org", "admin": True}
        db.execute(update(users).where(users.c.id == root_id).values(email="new@example.org"))
        assert values_before(db, users, root_id, ["email"]) == {"email": "new@example.org"}
        assert values_before(db, users, root_id, []) == values_before(db, users, 0, ["email"]) == {}
