# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine: how a database is opened, read and written."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Column, Connection, Engine, Row, Table, func, insert, select, update
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from trivium.errors import StartRefused, Undone, WouldWait
from trivium.store import postgresql, sqlite
from trivium.store.failures import Inside, told
from trivium.store.locks import number_of
from trivium.store.postgresql import Readers
from trivium.store.query import Change
from trivium.store.tables import access_stamp
from trivium.store.turns import Turns

T = TypeVar("T")

Record = Row[*tuple[Any, ...]]
"""One row of a result, of whatever columns."""

EVENTS: Final = "events"
"""Where a connection notes the actions of the events that its transaction records."""


def _growing(*counters: Column[Any]) -> Change:
    return Change(update(access_stamp).values({counter: counter + 1 for counter in counters}))


_OF_SOME = _growing(access_stamp.c.version, access_stamp.c.standing)
_OF_NEW = _growing(access_stamp.c.version, access_stamp.c.everybody)
_OF_ALL = _growing(access_stamp.c.version, access_stamp.c.everybody, access_stamp.c.standing)

_ATTEMPTS: Final = 5
"""How often a change is begun that the database ends each time because of another one."""


class Store:
    """One database. Reads never wait for writers.

    On SQLite a writer takes its turn from the first statement on. It begins with `BEGIN IMMEDIATE`: a transaction that
    starts reading and then wants to write could not wait for its turn. Before that it waits in a queue
    (`store/turns.py`). Commits are synchronous: what has been acknowledged survives a power loss (security.md R-11).

    On PostgreSQL writers run at the same time, each statement sees what was committed before it began, and what must
    not run at the same time takes a lock (`store/locks.py`). There are `pool_size` connections for all threads.

    Everything here raises `Busy` when the database stays locked for longer than `db_busy_timeout`, `DatabaseAway` when
    it cannot be asked, and `Undone` when it ended a transaction because of another one (`again` repeats those).
    """

    def __init__(self, url: str, *, busy_timeout: float = 15.0, pool_size: int = 8) -> None:
        """Raises `StartRefused` for the address of a database that cannot be used."""
        self.url = _address(url)
        self.busy_timeout = busy_timeout
        self._in_a_file = self.url.get_backend_name() == "sqlite"
        file = self.url.database if self._in_a_file else None
        self._turns = Turns(Path(f"{file}-turns")) if file and file != ":memory:" else None
        self._thread = threading.local()
        self._writing: Engine
        self._impatient: Engine | None = None
        self._readers: Readers | sqlite.Readers
        self._writer: Connection | None = None
        """The connection of the last transaction, for the next."""
        if self._in_a_file:
            self.engine = sqlite.engine_for(self.url, busy_timeout, pool_size)
            self._readers = sqlite.Readers(self.engine, pool_size)
            self._impatient = sqlite.engine_for(self.url, 0, 1)
            self._writing = self.engine.execution_options(trivium_writes=True)
        else:
            engines = postgresql.engines_for(self.url, busy_timeout, pool_size)
            self.engine, self._writing = engines.reading, engines.writing
            self._readers = engines.readers
        self.on_events: Callable[[Set[str]], None] | None = None
        """Called after the commit of events with their actions (`forge/events/journal.py`); must be quick."""

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for statements that change nothing; each sees what was committed before it began.

        Inside another `read` of the same thread it is the same connection.
        """
        open_already: Connection | None = getattr(self._thread, "reading", None)
        if open_already is None:
            return self._read()
        return nullcontext(open_already) if self.hurried else Inside(open_already)

    @contextmanager
    def _read(self) -> Iterator[Connection]:
        with told(), self._readers.connection() as connection, self._reading(connection):
            yield connection

    def read_long(self) -> AbstractContextManager[object]:
        """For work that looks up little and takes long: on SQLite as `read`, for a connection between two statements
        is in nobody's way there. Of a database with a server each `read` takes one from the pool and gives it back.
        """
        return self.read() if self._in_a_file else nullcontext()

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """Like `read`, for a thread that must not wait: raises `WouldWait` where another connection is in the way.

        Every `read` inside it is the same connection, and `write` raises `WouldWait` as well.

        On SQLite readers never wait for writers, only for a connection that repairs the database after a crash. A
        database with a server of its own can always be slow, and always raises.
        """
        if self._impatient is None:
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
    def can_glance(self) -> bool:
        """Whether it makes sense to try `glance`."""
        return self._impatient is not None

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
        with told(), self._writing.begin() as connection:
            yield connection
            if not self._in_a_file:
                postgresql.forget_prepared(connection)

    @contextmanager
    def write(
        self, *, access_unchanged: bool = False, told_apart: bool = False, adds: bool = False, durable: bool = True
    ) -> Iterator[Connection]:
        """A transaction: committed at the end of the block, rolled back by any exception.

        `access_unchanged` is for writes that cannot alter what anybody may see (a journal row, the time of the
        last use of a key); every other write ends the validity of what is cached (`access_stamp`). `told_apart` is for
        writes that alter rights only where they say so (`access.stamps.rights_change`), perhaps nowhere. `adds` is for
        writes that only add something with rights of its own: what is told of anything that was there before, and to
        whom, stays the same, unless they say otherwise (`access.stamps.standing_changes`). What is not `durable` waits
        for no disk: a power loss may take it back, unless something durable was written after it.

        Raises `Invalid` when the change breaks a constraint because of somebody else's change in the meantime.

        Of transactions without `access_unchanged` one runs at a time, on every database: the first statement takes the
        row of the stamp. The others may run beside it and each other.
        """
        self.take_time()
        with told():
            with self._turn(), self._transaction(durable=durable) as connection:
                if not access_unchanged:
                    (_OF_NEW if adds else _OF_SOME if told_apart else _OF_ALL).run(connection, {})
                yield connection
                recorded: Set[str] | None = connection.info.pop(EVENTS, None)
            self._thread.commits = self._commits + 1
        if recorded and self.on_events is not None:
            self.on_events(recorded)

    @property
    def in_use(self) -> tuple[int, int] | None:
        """How many connections read, and how many write; None of a database in a file, where nobody waits for one."""
        readers = self._readers
        return (readers.in_use, postgresql.checked_out(self._writing)) if isinstance(readers, Readers) else None

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Whether nobody else is in here with this name, in any process; nobody waits, and a crash lets go.

        For work that takes long, on PostgreSQL only: it takes a connection, and no transaction, meanwhile.
        """
        with told(), self._readers.connection() as db:
            free = bool(db.execute(select(func.pg_try_advisory_lock(number_of(name)))).scalar_one())
            try:
                yield free
            finally:
                if free:
                    db.execute(select(func.pg_advisory_unlock(number_of(name))))

    @property
    def _commits(self) -> int:
        """How many transactions of this thread were committed."""
        count: int = getattr(self._thread, "commits", 0)
        return count

    def again(self, act: Callable[[], T]) -> T:
        """Do what `act` does in one transaction, and again when the database ends that because of another one.

        Where a part of it has been committed it is not repeated: then `Undone` is raised like any other error.
        """
        for left in reversed(range(_ATTEMPTS)):
            before = self._commits
            try:
                return act()
            except Undone:
                if not left or self._commits != before:
                    raise
        raise AssertionError("unreachable")

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[Connection]:
        """A transaction; whoever has the turn is the only one of this process, and uses the connection of the last."""
        if self._turns is None:
            with self._writing.begin() as connection:
                if not durable and not self._in_a_file:
                    postgresql.wait_for_no_disk(connection)
                yield connection
            return
        connection, self._writer = self._writer or self._writing.connect(), None
        try:
            with nullcontext() if durable else sqlite.waiting_for_no_disk(connection), connection.begin():
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
        self._readers.close()
        for engine in (self.engine, self._writing, self._impatient):
            if engine is not None:
                engine.dispose()


def insert_id(db: Connection, table: Any, **values: Any) -> int:
    """Insert one row and return its id."""
    key = db.execute(insert(table).values(**values)).inserted_primary_key
    assert key is not None
    return int(key[0])


def go_on_above(db: Connection, table: Table, taken: int = 0) -> None:
    """Give new rows of a table ids above all that it has, and above `taken`, after rows with ids of their own.

    SQLite does so by itself. Nobody else may insert into the table meanwhile.
    """
    if db.dialect.name != "postgresql":
        return
    counter = func.pg_get_serial_sequence(table.name, "id")
    given = db.execute(select(func.nextval(counter))).scalar_one() - 1
    most = db.execute(select(func.max(table.c.id))).scalar() or 0
    # With False the number itself is the next.
    db.execute(select(func.setval(counter, max(given, most, taken) + 1, False)))


def _address(url: str) -> URL:
    """The address of a database, with its driver."""
    try:
        given = make_url(url)
    except ArgumentError as error:
        raise StartRefused("option sqlalchemy.db1.url: this is not the address of a database") from error
    match given.drivername:
        case "sqlite" | "sqlite+pysqlite" | postgresql.DRIVER:
            return given
        case "postgresql" | "postgres":
            return given.set(drivername=postgresql.DRIVER)
        case other:
            raise StartRefused(f"option sqlalchemy.db1.url: {other} is neither sqlite nor postgresql")
