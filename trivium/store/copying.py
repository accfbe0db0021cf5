# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole database is copied into another, of the same kind or not; it is all there afterwards, or nothing is.

Rows are read in one snapshot, in the order of their primary keys, and pass by one after the other. Everything is
written in one transaction, read again in it, and compared by its number and by a digest. What differs on purpose:

- texts from SQLite may hold a NUL, which PostgreSQL cannot store: U+FFFD stands there instead;
- numbers of transactions mean something to the server that gave them only. Rows of the journal have 0 in the copy, and
  what a subscriber has not heard of begins before the first such row: it may hear of some events twice, of none never.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, func, insert, inspect, literal, select, text, tuple_
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from trivium.errors import Busy, DatabaseAway, Invalid, StartRefused
from trivium.store import schema
from trivium.store.engine import Store, go_on_above
from trivium.store.locks import SCHEMA, lock
from trivium.store.sqlite import close_to_others
from trivium.store.tables import event_positions, journal, metadata

_AT_A_TIME: Final = 1000
"""Rows that are sent together, unless they are large."""
_LARGE: Final = 4 << 20
"""Characters and bytes in rows that are sent before more are read."""
_READ_AT_ONCE: Final = 100
_IN_USE: Final = "the source is in use: stop the server first"
_USERS: Final = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend' AND application_name IN ('trivium', current_setting('application_name'))"
)

_LOCK: Final = "LOCK TABLE {} IN SHARE MODE".format(", ".join(f'"{table.name}"' for table in metadata.sorted_tables))

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of one table."""

    table: str
    rows: int
    mended: int
    """Rows with a text that cannot be stored as it was."""


class _Counted:
    """Rows that pass by: how many, and the digest of all of them."""

    def __init__(self) -> None:
        self.rows = 0
        self._digest = hashlib.sha256()

    def add(self, values: list[Any]) -> None:
        self.rows += 1
        self._digest.update(msgspec.msgpack.encode(values))

    @property
    def seen(self) -> tuple[int, str]:
        return self.rows, self._digest.hexdigest()


def copy(source: Store, target: Store, tell: Callable[[Copied], None]) -> None:
    """Copy everything; `tell` hears of each table. Raises `StartRefused` with one sentence, and then has done nothing.

    `target` must be empty: its tables are made here. Nobody else may use `source`.
    """
    if source.url == target.url:
        raise StartRefused("a database cannot be copied into itself")
    _check_is_one(source)
    with _told_of("target"):
        schema.check_encoding(target)
    with _told_of("source"), _snapshot(source) as from_, _told_of("target"), target.write_bare() as to:
        lock(to, SCHEMA)  # of two copies, or a copy and a setup, the second finds tables
        if inspect(to).get_table_names():
            raise StartRefused("the target is not empty: a copy needs a database without tables")
        schema.build(to)
        for table in reversed(metadata.sorted_tables):
            to.execute(table.delete())
        with _references_checked_later(to):
            for table in metadata.sorted_tables:
                tell(_copied(from_, to, table))
        for table in metadata.sorted_tables:
            if table.autoincrement_column is not None:
                _count_on(from_, to, table)
        with _told_of("source"):
            _refuse_users(from_)  # whoever waits to write would write there after the copy
    close_to_others(target.url)


def _check_is_one(source: Store) -> None:
    """Raise `StartRefused` unless the source is a database of ours, with the newest schema; nothing is made there."""
    file = source.url.database if source.url.get_backend_name() == "sqlite" else None
    if file is not None and not Path(file).exists():
        raise StartRefused(f"the source does not exist: there is no file {file}")
    with _told_of("source"):
        if schema.revision_of(source) is None:
            raise StartRefused("the source is no database of Trivium: it has no schema")
        schema.check(source)


@contextmanager
def _told_of(which: str) -> Iterator[None]:
    """Whatever goes wrong with one of the two databases is told in one sentence, with its own reason."""
    try:
        yield
    except (Busy, DatabaseAway, Invalid, DBAPIError) as error:
        cause = error if isinstance(error, DBAPIError) else error.__cause__
        said = str(cause.orig if isinstance(cause, DBAPIError) else error).strip()
        raise StartRefused(f"the {which} cannot be used: {said.partition(chr(10))[0]}") from error


def _copied(from_: Connection, to: Connection, table: Table) -> Copied:
    sent, mended, size = _Counted(), 0, 0
    waiting: list[Row] = []
    clean = to.dialect.name == "postgresql"
    changed = _changes(from_, table)
    names = [column.name for column in table.columns]

    def send() -> None:
        try:
            to.execute(insert(table), waiting)
        except (DataError, IntegrityError) as error:
            raise StartRefused(f"a row of {table.name} does not fit into the target: {error.orig}") from error
        waiting.clear()

    for found in _rows(from_, table, "source"):
        row = changed(dict(zip(names, found, strict=True)))
        if clean and any(isinstance(value, str) and "\0" in value for value in row.values()):
            mended += 1
            row = {
                name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in row.items()
            }
        sent.add(_plain(row.values()))
        waiting.append(row)
        size += sum(len(value) for value in row.values() if isinstance(value, str | bytes))
        if len(waiting) == _AT_A_TIME or size > _LARGE:
            send()
            size = 0
    if waiting:
        send()
    arrived = _Counted()
    for found in _rows(to, table, "target"):
        arrived.add(_plain(found))
    if sent.seen != arrived.seen:
        raise StartRefused(f"the copy of {table.name} is not the same: {sent.seen} became {arrived.seen}")
    return Copied(table.name, sent.rows, mended)


def _rows(db: Connection, table: Table, which: str) -> Iterator[Any]:
    """All rows, in the order of the primary key, without holding them all."""
    ordered = select(table).order_by(*table.primary_key.columns)
    with _told_of(which):
        yield from db.execute(ordered.execution_options(yield_per=_READ_AT_ONCE))


def _plain(values: Any) -> list[Any]:
    """Values as both databases give them."""
    return [bytes(value) if isinstance(value, memoryview) else value for value in values]


def _changes(from_: Connection, table: Table) -> Callable[[Row], Row]:
    """What differs on purpose in the rows of a table."""
    if table is journal:
        return lambda row: row | {"transaction_id": 0}
    if table is event_positions:
        return lambda row: row | {"transaction_id": 0, "event_id": _heard_of(from_, row)}
    return lambda row: row


def _heard_of(from_: Connection, row: Row) -> int:
    """The id up to which a subscriber has heard of all rows of the journal."""
    place = tuple_(journal.c.transaction_id, journal.c.id)
    position = tuple_(literal(row["transaction_id"], journal.c.transaction_id.type), literal(row["event_id"]))
    first = from_.execute(select(func.min(journal.c.id)).where(place > position)).scalar()
    return int(row["event_id"] if first is None else first - 1)


@contextmanager
def _snapshot(store: Store) -> Iterator[Connection]:
    """A connection that sees one state of a database, which nobody else uses, and nobody can change meanwhile."""
    if store.url.get_backend_name() == "sqlite":
        store.close()
        with store.engine.connect() as db:
            try:
                db.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
                db.exec_driver_sql("BEGIN EXCLUSIVE")
            except OperationalError as error:
                raise StartRefused(_IN_USE) from error
            try:
                yield db
            finally:
                db.exec_driver_sql("ROLLBACK")
                db.invalidate()  # with it goes the lock
        return
    store.close()  # what it has looked at so far
    with store.engine.connect().execution_options(isolation_level="REPEATABLE READ") as db:
        try:
            # Before anything is read: what somebody was just writing is there then, and a command that comes later
            # waits for its lock until it gives up or the copy has ended.
            db.execute(text(_LOCK))
        except OperationalError as error:
            raise StartRefused(_IN_USE) from error
        _refuse_users(db)
        db.execute(text("SET LOCAL statement_timeout = 0"))
        db.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        yield db


def _refuse_users(source: Connection) -> None:
    """Raise `StartRefused` when somebody else uses the source; a file of SQLite is locked for all of the copy."""
    if source.dialect.name == "postgresql":
        source.execute(text("SELECT pg_stat_clear_snapshot()"))  # it would show what was so at the first look
        if source.execute(_USERS).scalar_one():
            raise StartRefused(_IN_USE)


@contextmanager
def _references_checked_later(to: Connection) -> Iterator[None]:
    """Rows may refer to later ones of the same table until all are there."""
    if to.dialect.name == "sqlite":
        to.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        yield
        return
    to.execute(text("SET LOCAL statement_timeout = 0"))
    within = [
        f'ALTER TABLE "{table.name}" ALTER CONSTRAINT "{key.constraint.name}"'
        for table in metadata.sorted_tables
        for key in table.foreign_keys
        if key.column.table is table and key.constraint is not None
    ]
    for one in within:
        to.execute(text(f"{one} DEFERRABLE INITIALLY DEFERRED"))
    yield
    to.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    for one in within:
        to.execute(text(f"{one} NOT DEFERRABLE"))


def _count_on(from_: Connection, to: Connection, table: Table) -> None:
    """No id is given in the copy that was given in the original."""
    given = _given(from_, table)
    if to.dialect.name == "postgresql":
        go_on_above(to, table, given)
    elif given and table.dialect_options["sqlite"]["autoincrement"]:
        values = {"name": table.name, "seq": given}
        if not to.execute(text("UPDATE sqlite_sequence SET seq = max(seq, :seq) WHERE name = :name"), values).rowcount:
            to.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), values)


def _given(from_: Connection, table: Table) -> int:
    """The last id that was given."""
    if from_.dialect.name == "sqlite":
        asked = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        return int(from_.execute(asked, {"name": table.name}).scalar() or 0)
    sequence = from_.execute(select(func.pg_get_serial_sequence(table.name, "id"))).scalar_one()
    asked = text(f"SELECT last_value, is_called FROM {sequence}")  # noqa: S608  # a name that the database gave
    last, called = from_.execute(asked).one()
    return int(last) if called else int(last) - 1
