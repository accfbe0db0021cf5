# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that change rows, and the connection that transactions take over from each other."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from sqlalchemy import Connection, bindparam, delete, insert, literal_column, select, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError, OperationalError

from trivium.errors import Busy, Invalid
from trivium.forge.site import Site
from trivium.store.query import Change, _compile
from trivium.store.tables import intents

INSERT = Change(insert(intents))
RENAME = Change(update(intents).where(intents.c.kind == bindparam("sought")).values(kind=bindparam("new"), worker="w"))
REMOVE = Change(delete(intents).where(intents.c.kind == bindparam("sought")))


def intent(name: str, kind: str = "a") -> dict[str, str]:
    return {"id": name, "worker": "x", "kind": kind, "detail": "{}", "created_on": "now"}


def kinds(db: Connection) -> list[tuple[str, ...]]:
    return [tuple(row) for row in db.exec_driver_sql("SELECT id, kind, worker FROM intents ORDER BY id")]


def test_it_is_told_how_many_rows_were_changed(site: Site) -> None:
    with site.store.write() as db:
        assert [INSERT.run(db, intent(name)) for name in "12"] == [1, 1]
        assert RENAME.run(db, {"sought": "a", "new": "b"}) == 2
        assert kinds(db) == [("1", "b", "w"), ("2", "b", "w")]
        assert REMOVE.run(db, {"sought": "a"}) == 0
        assert REMOVE.run(db, {"sought": "b"}) == 2


def test_a_change_that_fails_is_an_error_like_every_other(site: Site) -> None:
    def twice() -> None:
        with site.store.write() as db:
            INSERT.run(db, intent("1"))
            INSERT.run(db, intent("1"))

    with pytest.raises(Invalid) as refused:
        twice()
    assert isinstance(refused.value.__cause__, IntegrityError)
    with site.store.read() as db:
        assert kinds(db) == []


def test_postgresql_is_given_the_same_names() -> None:
    dialect = postgresql.psycopg.dialect()
    compiled = _compile(INSERT.statement, dialect, list(intent("1")))
    assert set(compiled.names) == set(intent("1")) and "%" not in compiled.text
    assert all(f"${number}::" in compiled.text for number in range(1, len(intent("1")) + 1))
    compiled = _compile(RENAME.statement, dialect)
    assert compiled.constants.get("worker") == "w"
    share = _compile(select(intents.c.id).where(intents.c.id.like("a%"), literal_column("1 % 2") == 1), dialect)
    assert "1 % 2" in share.text and share.constants[share.names[0]] == "a%"


@pytest.mark.sqlite_only  # one connection writes after the other
def test_a_transaction_that_fails_leaves_nothing_to_the_next(site: Site) -> None:
    store = site.store
    used: list[Connection] = []

    def fail() -> None:
        with store.write() as db:
            used.append(db)
            INSERT.run(db, intent("1"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.write() as second:
        assert second is used[0] and kinds(second) == []
        INSERT.run(second, intent("2"))
    with closing(sqlite3.connect(site.settings.data / "trivium.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other_store = type(store)(str(store.url), busy_timeout=0)
        with pytest.raises(Busy) as busy, other_store.write():
            pytest.fail("there are two writers")
        assert isinstance(busy.value.__cause__, OperationalError)
        other.execute("ROLLBACK")
        with other_store.write() as db:
            assert REMOVE.run(db, {"sought": "a"}) == 1
        other_store.close()
    with store.write() as third:
        assert third is used[0] and kinds(third) == []
    store.close()
    with store.write() as fourth:
        assert kinds(fourth) == []
