# SPDX-License-Identifier: GPL-3.0-or-later
"""A database is copied whole, into one of either kind, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import insert, inspect, select, update

from tests.support import postgresql, rows
from trivium.assembly import open_site
from trivium.cli.main import main
from trivium.errors import Busy, StartRefused
from trivium.forge.site import Site
from trivium.settings import Settings
from trivium.store import copying, schema, tables
from trivium.store.copying import Copied, copy
from trivium.store.engine import Store, insert_id


@pytest.fixture
def target(empty_database: str) -> str:
    """An empty database of the kind that the tests run on; `site` has one of the same kind."""
    return empty_database.replace("trivium.db", "copy.db")


@pytest.fixture
def full(site: Site) -> str:
    """The address of a database with rows of many kinds; nobody uses it."""
    ada, ben = rows.user(site, "ada"), rows.user(site, "Änne")
    with site.store.write() as db:
        group = rows.group(db, "team", ada)
        later = rows.repository(db, "team/later", ben, inside=group)
        first = rows.repository(db, "first", ada, private=True)
        # A row that refers to one which comes after it.
        db.execute(update(tables.repositories).where(tables.repositories.c.id == later).values(fork_of_id=first))
        for number in range(2500):
            row = {"at": rows.WHEN, "username": "ada", "address": "", "action": "x", "subject": str(number)}
            db.execute(insert(tables.journal).values(**row, detail="{}", repository_id=2**40))
        gone = rows.repository(db, "gone", ada)
        db.execute(tables.repositories.delete().where(tables.repositories.c.id == gone))
    site.store.close()
    return site.settings.url


def everything(url: str) -> dict[str, list[Any]]:
    store = Store(url)
    with store.read() as db:
        seen = {
            table.name: [tuple(row) for row in db.execute(select(table).order_by(*table.primary_key.columns))]
            for table in tables.metadata.sorted_tables
            if table.name not in ("journal", "event_positions")
        }
        columns = [column for column in tables.journal.c if column.name != "transaction_id"]
        seen["journal"] = [tuple(row) for row in db.execute(select(*columns).order_by(tables.journal.c.id))]
    store.close()
    return seen


def copied(source: str, target: str) -> list[Copied]:
    done: list[Copied] = []
    from_, to = Store(source, busy_timeout=0.1), Store(target)
    try:
        copy(from_, to, done.append)
    finally:
        from_.close()
        to.close()
    return done


def test_everything_arrives_and_ids_go_on(full: str, target: str, settings: Settings, tmp_path: Path) -> None:
    done = copied(full, target)
    assert everything(target) == everything(full)
    assert {one.table: one.rows for one in done} == {name: len(found) for name, found in everything(full).items()} | {
        one.table: one.rows for one in done if one.table == "event_positions"
    }
    # Back again, through the other kind of database if there is one.
    back = f"sqlite:///{tmp_path / 'back.db'}"
    copied(target, back)
    assert everything(back) == everything(full)
    assert (tmp_path / "back.db").stat().st_mode & 0o077 == 0
    for url in (target, back):
        moved = open_site(Settings(data=settings.data, min_free_bytes=0, database_url=url))
        schema.check(moved.store)
        with moved.store.write() as db:
            known = max(db.execute(select(tables.repositories.c.id)).scalars())
            assert rows.repository(db, "next", rows.Caller(1, "x", False, True, "")) > known + 1
        moved.close()


def test_the_program_says_what_it_did(full: str, target: str) -> None:
    done = CliRunner().invoke(main, ["copy-db", full, target], catch_exceptions=False)
    assert done.exit_code == 0 and "rows were copied and compared" in done.output and "journal" in done.output
    again = CliRunner().invoke(main, ["copy-db", full, target], catch_exceptions=False)
    assert again.exit_code == 2 and "the target is not empty" in again.output
    for wrong in ("mysql://x/y", "nonsense"):
        refused = CliRunner().invoke(main, ["copy-db", full, wrong], catch_exceptions=False)
        assert refused.exit_code == 2 and "sqlalchemy.db1.url" in refused.output


def test_a_database_in_use_is_not_copied(site: Site, target: str) -> None:
    with site.store.read() as db:
        db.execute(select(tables.users)).all()
        with pytest.raises(StartRefused, match="in use"):
            copied(site.settings.url, target)


@pytest.mark.skipif(not postgresql.wanted(), reason="a file of SQLite is locked meanwhile (make test DB=postgresql)")
def test_a_server_that_begins_in_the_middle_ends_the_copy(full: str, target: str) -> None:
    from_, to, beginning = Store(full), Store(target), Store(full)

    def tell(_: Copied) -> None:
        with beginning.read() as db:
            db.execute(select(tables.users.c.id)).all()

    try:
        with pytest.raises(StartRefused, match="in use"):
            copy(from_, to, tell)
    finally:
        for store in (from_, to, beginning):
            store.close()
    empty = Store(target)
    with empty.read() as db:
        assert inspect(db).get_table_names() == []
    empty.close()


def test_what_a_command_would_change_in_the_middle_waits_and_is_not_lost(full: str, target: str) -> None:
    tried: list[bool] = []

    def tell(_: Copied) -> None:
        # It comes and goes while rows pass by, so that no look at who uses the source would find it.
        if not tried:
            tried.append(True)
            command = Store(full, busy_timeout=0.1)
            with pytest.raises(Busy), command.write() as db:
                db.execute(update(tables.users).values(lastname="changed"))
            command.close()

    from_, to = Store(full), Store(target)
    try:
        copy(from_, to, tell)
    finally:
        from_.close()
        to.close()
    assert tried and everything(target) == everything(full)


def test_what_is_no_site_is_not_copied_and_nothing_is_made_there(target: str, tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    with pytest.raises(StartRefused, match="the source does not exist"):
        copied(f"sqlite:///{missing}", target)
    assert list(tmp_path.glob("missing*")) == []
    missing.touch()
    with pytest.raises(StartRefused, match="the source is no database of Trivium"):
        copied(f"sqlite:///{missing}", target)
    with pytest.raises(StartRefused, match="the target cannot be used: unable to open database file"):
        copied(a_site(tmp_path), f"sqlite:///{tmp_path / 'nowhere' / 'x.db'}")


def a_site(directory: Path) -> str:
    """The address of a new database in a file."""
    url = f"sqlite:///{directory / 'site.db'}"
    store = Store(url)
    schema.upgrade(store, directory)
    store.close()
    return url


def test_rows_that_are_large_arrive(full: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_LARGE", 1000)
    store = Store(full)
    with store.write() as db:
        for length in (10, 2000, 10, 100_000, 10):
            row = {"at": rows.WHEN, "username": "ada", "address": "", "action": "x", "subject": "large"}
            db.execute(insert(tables.journal).values(**row, detail="\u00e4" * length))
    store.close()
    copied(full, target)
    assert everything(target) == everything(full)


def test_what_arrives_otherwise_is_not_kept(full: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    real = copying._plain
    seen = iter(range(10**6))
    monkeypatch.setattr(copying, "_plain", lambda values: [*real(values), next(seen)])
    with pytest.raises(StartRefused, match="is not the same"):
        copied(full, target)
    monkeypatch.undo()
    store = Store(target)
    with store.read() as db:
        assert inspect(db).get_table_names() == []
    store.close()
    copied(full, target)


def test_a_subscriber_hears_of_what_it_has_not_heard_of(site: Site, target: str) -> None:
    with site.store.write() as db:
        row = {"at": rows.WHEN, "username": "", "address": "", "action": "x", "subject": "", "detail": "{}"}
        heard, new, _newer = (insert_id(db, tables.journal, **row) for _ in range(3))
        place = db.execute(select(tables.journal.c.transaction_id).where(tables.journal.c.id == heard)).scalar_one()
        position = {"subscriber": "s", "transaction_id": place, "event_id": heard}
        db.execute(insert(tables.event_positions).values(**position))
    url = site.settings.url
    site.store.close()
    copied(url, target)
    store = Store(target)
    with store.read() as db:
        mine = tables.event_positions.c.subscriber == "s"
        assert tuple(db.execute(select(tables.event_positions).where(mine)).one()) == ("s", 0, new - 1)
    store.close()


@pytest.mark.skipif(not postgresql.wanted(), reason="PostgreSQL alone cannot store it (make test DB=postgresql)")
def test_a_nul_is_replaced(target: str, tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'nul.db'}")
    schema.upgrade(store, tmp_path)
    with store.write() as db:
        db.execute(update(tables.users).values(firstname="a\0b"))
    store.close()
    done = copied(f"sqlite:///{tmp_path / 'nul.db'}", target)
    assert {one.table: one.mended for one in done if one.mended} == {"users": 1}
    store = Store(target)
    with store.read() as db:
        assert db.execute(select(tables.users.c.firstname)).scalar_one() == "a\ufffdb"
    store.close()
