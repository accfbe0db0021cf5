# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that PostgreSQL's library carries out: values come back as they went, and errors are psycopg's."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from enum import IntEnum, StrEnum
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from sqlalchemy import bindparam, insert, select, update

from tests.support import postgresql
from tests.support.waiting import until
from trivium.errors import Busy, Invalid
from trivium.forge.site import Site
from trivium.store.prepared import Prepared
from trivium.store.query import Change, Query
from trivium.store.tables import jobs, site_values

pytestmark = pytest.mark.skipif(not postgresql.wanted(), reason="about PostgreSQL (make test DB=postgresql)")


class _Number(IntEnum):
    TWO = 2


class _Word(StrEnum):
    A = "a"


@pytest.fixture
def driver(site: Site) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(site.settings.database_url, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    ("cast", "value"),
    [
        *((cast, None) for cast in ("TEXT", "BIGINT", "BOOLEAN", "BYTEA", "FLOAT8")),
        *(("TEXT", text) for text in ("", "a", "ä\n\t'\\$1%s%%", "😀" * 1000, "\\x00", _Word.A)),
        *(("BIGINT", number) for number in (0, -1, 2**63 - 1, -(2**63), _Number.TWO)),
        *(("BOOLEAN", truth) for truth in (True, False)),
        *(("BYTEA", content) for content in (b"", b"\0\xff\\x'", bytes(range(256)))),
        *(("FLOAT8", number) for number in (0.1, -1e300, float("inf"))),
    ],
)
def test_a_value_comes_back(driver: psycopg.Connection[tuple[object, ...]], cast: str, value: object) -> None:
    again = Prepared(f"SELECT $1::{cast}, 1 UNION ALL SELECT $1::{cast}, 2 ORDER BY 2")
    assert again.first(driver, [value]) == (value, 1)
    assert again.all(driver, [value]) == [(value, 1), (value, 2)]
    assert Prepared("SELECT 1 WHERE $1").all(driver, [False]) == []
    assert Prepared("SELECT 1 WHERE $1").first(driver, [False]) is None


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("SELECT $1::TEXT", "a\0b", psycopg.DataError),
        ("SELECT $1::BIGINT", 2**63, psycopg.DataError),
        ("SELECT 1 / $1::BIGINT", 0, psycopg.errors.DivisionByZero),
        ("SELECT $1::BIGINT FROM nowhere", 0, psycopg.errors.UndefinedTable),
        ("SELECT $1::TEXT", object(), TypeError),
    ],
)
def test_what_goes_wrong_is_told_as_psycopg_tells_it(
    driver: psycopg.Connection[tuple[object, ...]], text: str, value: object, kind: type[Exception]
) -> None:
    for _ in range(2):
        with pytest.raises(kind):
            Prepared(text).all(driver, [value])
    assert Prepared("SELECT 1").first(driver, []) == (1,)


def test_each_connection_prepares_for_itself_and_a_lost_one_is_known(
    driver: psycopg.Connection[tuple[object, ...]], site: Site
) -> None:
    mine = Prepared("SELECT pg_backend_pid() + $1::BIGINT")
    with psycopg.connect(site.settings.database_url, autocommit=True) as other:
        ours, theirs = (mine.first(one, [0]) for one in (driver, other))
        assert ours is not None and theirs is not None and ours != theirs
        driver.execute("SELECT pg_terminate_backend(%s)", [theirs[0]])
        for _ in range(2):
            with pytest.raises(psycopg.OperationalError):
                mine.first(other, [0])
        assert other.closed
    assert mine.first(driver, [0]) == ours


def test_a_statement_that_waits_keeps_no_other_thread_waiting(
    driver: psycopg.Connection[tuple[object, ...]], site: Site
) -> None:
    asleep = "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event = 'PgSleep'"
    url = site.settings.database_url
    with psycopg.connect(url, autocommit=True) as other, ThreadPoolExecutor(1) as pool:
        number = other.info.backend_pid
        waits = pool.submit(Prepared("SELECT pg_sleep($1::FLOAT8)").first, other, [20.0])
        until(lambda: driver.execute(asleep, [number]).fetchone())
        driver.execute("SELECT pg_terminate_backend(%s)", [number])
        with pytest.raises(psycopg.OperationalError):
            waits.result(60)


def test_a_transaction_begins_with_the_first_statement(site: Site) -> None:
    change = Change(insert(site_values))
    rename = Change(update(site_values).where(site_values.c.key == bindparam("old")).values(key=bindparam("new")))
    names = Query(select(site_values.c.key).where(site_values.c.key.like("test%")).order_by(site_values.c.key))

    def seen() -> list[Any]:
        with ThreadPoolExecutor(1) as another:  # a thread that is in no transaction
            return another.submit(looked_at).result()

    def looked_at() -> list[Any]:
        with site.store.read() as db:
            return names.all(db, {})

    def begin_and_fail() -> None:
        with site.store.write(access_unchanged=True) as db:
            assert change.run(db, {"key": "test 1", "value": "1"}) == 1
            driver: Any = db.connection.dbapi_connection
            assert driver.pgconn.transaction_status == TransactionStatus.INTRANS
            assert names.all(db, {}) == [("test 1",)] and seen() == []
            raise Busy("no")

    with pytest.raises(Busy, match="no"):
        begin_and_fail()
    assert seen() == []
    with site.store.write(access_unchanged=True) as db:
        change.run(db, {"key": "test 2", "value": "1"})
        assert rename.run(db, {"old": "test 2", "new": "test 3"}) == 1
        assert rename.run(db, {"old": "test 2", "new": "test 3"}) == 0
    assert seen() == [("test 3",)]
    with pytest.raises(Invalid), site.store.write(access_unchanged=True) as db:
        change.run(db, {"key": "test 3", "value": "1"})


def test_what_is_rolled_back_takes_no_statement_with_it(site: Site) -> None:
    change = Change(insert(site_values))
    by_sqlalchemy = select(site_values.c.key).where(site_values.c.key == "nothing")

    def write(key: str, *, fails: bool = False, in_part: bool = False) -> None:
        with site.store.write(access_unchanged=True) as db:
            for _ in range(8):  # psycopg prepares what it is given again and again, and takes back all in the end
                db.execute(by_sqlalchemy).all()
            with contextlib.suppress(ZeroDivisionError), db.begin_nested():
                change.run(db, {"key": f"{key}, a part", "value": ""})
                if in_part:
                    raise ZeroDivisionError
            change.run(db, {"key": key, "value": ""})
            if fails:
                raise Busy("no")

    for number in range(3):
        write(f"test {number}")
        write(f"test {number} in part", in_part=True)
        with pytest.raises(Busy, match="no"):
            write("never", fails=True)
    keys = Query(select(site_values.c.key).where(site_values.c.key.like("test%")))
    with site.store.read() as db:
        assert len(keys.all(db, {})) == 9


def test_what_is_not_durable_is_written_all_the_same(site: Site) -> None:
    waits = Query(select(jobs.c.id))
    with site.store.write(access_unchanged=True, durable=False) as db:
        assert db.exec_driver_sql("SHOW synchronous_commit").scalar() == "off"
        assert waits.all(db, {}) == []
