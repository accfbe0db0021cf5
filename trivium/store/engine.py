# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: how a database is opened, read and written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, create_engine, event, insert, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError

from trivium.errors import Busy, Invalid, WouldWait
from trivium.store.tables import access_stamp
from trivium.store.turns import Turns

Record = Row[*tuple[Any, ...]]
"""One row of a result, of whatever columns."""

EVENTS: Final = "events"
"""Where a connection notes the actions of the events that its transaction records."""

_BEGIN = "BEGIN IMMEDIATE"
_OF_SOME = update(access_stamp).values(version=access_stamp.c.version + 1)
_OF_ALL = update(access_stamp).values(version=access_stamp.c.version + 1, everybody=access_stamp.c.everybody + 1)


class Store:
    """One database. Reads never wait; writers take their turn from the first statement on.

    On SQLite a writer begins with `BEGIN IMMEDIATE`: a transaction that starts reading and then wants to write
    could not wait for its turn. Before that it waits in a queue (`store/turns.py`). Commits are synchronous: what has
    been acknowledged survives a power loss (security.md R-11).
    """

    def __init__(self, url: str, *, busy_timeout: float = 15.0, pool_size: int = 8) -> None:
        self.url = make_url(url)
        self.busy_timeout = busy_timeout
        self._in_a_file = self.url.get_backend_name() == "sqlite"
        file = self.url.database if self._in_a_file else None
        self._turns = Turns(Path(f"{file}-turns")) if file and file != ":memory:" else None
        self.engine = self._engine(busy_timeout, pool_size)
        self._impatient = self._engine(0, 1)
        self._thread = threading.local()
        self._writing = self.engine.execution_options(trivium_writes=True)
        self._writer: Connection | None = None
        """The connection of the last transaction, for the next."""
        self.on_events: Callable[[Set[str]], None] | None = None
        """Called after the commit of events with their actions (`forge/events/journal.py`); must be quick."""

    def _engine(self, busy_timeout: float, pool_size: int) -> Engine:
        if not self._in_a_file:
            return create_engine(self.url, pool_size=pool_size, max_overflow=-1)
        arguments = {"timeout": busy_timeout, "check_same_thread": False, "isolation_level": None}
        engine = create_engine(self.url, connect_args=arguments, pool_size=pool_size, max_overflow=-1)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for statements that change nothing; each sees what was committed before it began.

        Inside another `read` of the same thread it is the same connection.
        """
        open_already: Connection | None = getattr(self._thread, "reading", None)
        return self._read() if open_already is None else nullcontext(open_already)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection, self._reading(connection):
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """Like `read`, for a thread that must not wait: raises `WouldWait` where another connection is in the way.

        Every `read` inside it is the same connection, and `write` raises `WouldWait` as well.

        On SQLite readers never wait for writers, only for a connection that repairs the database after a crash. A
        database with a server of its own can always be slow, and always raises.
        """
        if not self._in_a_file:
            raise WouldWait
        thread = self._thread
        try:
            # The thread keeps it: to take it from a pool and give it back would be a third of a look-up.
            connection = getattr(thread, "glancing", None)
            if connection is None:
                connection = thread.glancing = self._impatient.connect()
            thread.hurried = True
            thread.reading = connection
            yield connection
        except (OperationalError, sqlite3.OperationalError) as error:
            raise WouldWait from error
        finally:
            thread.hurried = False
            thread.reading = None

    @property
    def hurried(self) -> bool:
        """Whether this thread is in a `glance`."""
        return getattr(self._thread, "hurried", False)

    def take_time(self) -> None:
        """Say that what follows takes longer, or changes something: raises `WouldWait` in a `glance`."""
        if self.hurried:
            raise WouldWait

    @contextmanager
    def _reading(self, connection: Connection) -> Iterator[None]:
        self._thread.reading = connection
        try:
            yield
        finally:
            self._thread.reading = None

    @contextmanager
    def write_bare(self) -> Iterator[Connection]:
        """A transaction on a database that has no tables yet."""
        with self._writing.begin() as connection:
            yield connection

    @contextmanager
    def write(self, *, access_unchanged: bool = False, told_apart: bool = False) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back by any exception.

        `access_unchanged` is for writes that cannot alter what anybody may see (a journal row, the time of the
        last use of a key); every other write ends the validity of what is cached (`access_stamp`). `told_apart` is for
        writes that alter rights only where they say so (`access.stamps.rights_change`), perhaps nowhere. Raises `Busy`
        when the database stays locked for longer than `db_busy_timeout`, and `Invalid` when the change breaks a
        constraint because of somebody else's change in the meantime.
        """
        self.take_time()
        try:
            with self._turn(), self._transaction() as connection:
                if not access_unchanged:
                    connection.execute(_OF_SOME if told_apart else _OF_ALL)
                yield connection
                recorded: Set[str] | None = connection.info.pop(EVENTS, None)
        except OperationalError as error:
            if "database is locked" in str(error.orig):
                raise Busy("the database is locked") from error
            raise
        except IntegrityError as error:
            raise Invalid("the change conflicts with another one that was made at the same time") from error
        if recorded and self.on_events is not None:
            self.on_events(recorded)

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction; whoever has the turn is the only one of this process, and uses the connection of the last."""
        if self._turns is None:
            with self._writing.begin() as connection:
                yield connection
            return
        connection, self._writer = self._writer or self._writing.connect(), None
        try:
            with connection.begin():
                yield connection
        finally:
            # Of what went wrong another way than by an exception of the block nothing is left to the next.
            if connection.invalidated or connection.in_transaction():
                connection.close()
            else:
                self._writer = connection

    def _turn(self) -> AbstractContextManager[None]:
        return nullcontext() if self._turns is None else self._turns.turn(self.busy_timeout)

    def close(self) -> None:
        """Close all connections, and that with which this thread glances; whoever needs one again opens it."""
        glancing: Connection | None = getattr(self._thread, "glancing", None)
        writer, self._writer, self._thread.glancing = self._writer, None, None
        for kept in (glancing, writer):
            if kept is not None:
                kept.close()
        self.engine.dispose()
        self._impatient.dispose()


def insert_id(db: Connection, table: Any, **values: Any) -> int:
    """Insert one row and return its id."""
    key = db.execute(insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # Reads stay in the driver's autocommit: a transaction of their own would only cost statements.
    if connection.get_execution_options().get("trivium_writes"):
        driver: Any = connection.connection.dbapi_connection
        try:
            driver.execute(_BEGIN)
        except sqlite3.OperationalError as error:
            raise OperationalError(_BEGIN, None, error) from error
