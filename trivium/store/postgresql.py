# SPDX-License-Identifier: GPL-3.0-or-later
"""How PostgreSQL is opened: bounded pools, limits of time, and connections that are looked at before their use."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import QueuePool

from trivium.errors import Busy

DRIVER: Final = "postgresql+psycopg"

_CONNECT_SECONDS: Final = 10
_STATEMENT: Final = 4
"""A statement may take as many times as long as a lock is waited for."""
_KEPT_ALIVE: Final = {"keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3"}
"""Of a server whose machine is gone without a word TCP hears after a minute, on a connection at rest."""
_UNHEARD: Final = "60000"
"""Milliseconds after which TCP takes a connection for broken whose other end does not confirm what it was sent."""
_SILENT: Final = 5.0
"""Seconds after which the server is asked whether it is still there (`store/silence.py`)."""
_GONE: Final = select.POLLIN | select.POLLHUP | select.POLLERR | select.POLLNVAL
"""A server says something to a connection at rest only when it ends it."""


NONE_FREE: Final = "all connections to the database are in use (database_connections)"


@dataclass(frozen=True, slots=True)
class Engines:
    """Two pools of one process. A thread that reads may wait for one of the writing; none waits the other way."""

    reading: Engine
    """In no transaction: a read is one message to the server and back."""
    readers: Readers
    """The connections of `reading`; nobody takes one another way."""
    writing: Engine


def engines_for(url: URL, busy_timeout: float, connections: int) -> Engines:
    """Engines with at most `connections` between them; a lock is waited for `busy_timeout` seconds."""
    from trivium.store.silence import Watch  # psycopg is there only where PostgreSQL is used

    writers = max(1, connections // 3)
    readers = max(1, connections - writers)
    reading = _engine(url, busy_timeout, readers, isolation_level="AUTOCOMMIT")
    writing = _engine(url, busy_timeout, writers, isolation_level="READ COMMITTED")
    watch = Watch(min(_SILENT, busy_timeout))
    for engine in (reading, writing):
        event.listen(engine, "do_connect", lambda _dialect, _record, _places, named: watch.connect(**named))
    for how in ("rollback", "rollback_savepoint"):
        event.listen(writing, how, forget_prepared)
    return Engines(reading=reading, readers=Readers(reading, readers, busy_timeout), writing=writing)


def forget_prepared(db: Connection, *_: object) -> None:
    """Nothing is prepared on a connection any more, or soon (`prepared.forget`)."""
    from trivium.store.prepared import forget

    if not db.closed and not db.invalidated:
        forget(db.connection.dbapi_connection)


def _engine(url: URL, busy_timeout: float, size: int, *, isolation_level: str) -> Engine:
    wait = max(1, int(busy_timeout * 1000))
    limits = {
        "lock_timeout": str(wait),
        "statement_timeout": str(_STATEMENT * wait),
        # What a worker leaves that is stopped, or that a network has lost, must not hold its locks for ever.
        "idle_in_transaction_session_timeout": str(max(_STATEMENT * wait, 60_000)),
        "client_connection_check_interval": "5000",
    }
    options = " ".join([str(url.query.get("options", "")), *(f"-c {name}={value}" for name, value in limits.items())])
    arguments: dict[str, Any] = {
        "connect_timeout": str(url.query.get("connect_timeout", _CONNECT_SECONDS)),
        "application_name": str(url.query.get("application_name", "trivium")),
        "options": options.strip(),
        "tcp_user_timeout": _UNHEARD,
        **_KEPT_ALIVE,
    }
    engine = create_engine(
        url,
        connect_args=arguments,
        client_encoding="utf8",
        isolation_level=isolation_level,
        skip_autocommit_rollback=True,
        pool_size=size,
        max_overflow=0,
        pool_timeout=busy_timeout,
        pool_use_lifo=True,
    )
    event.listen(engine, "checkout", _look)
    return engine


def wait_for_no_disk(db: Connection) -> None:
    """The end of this transaction is not waited for. It is on the disk before any later one that is waited for."""
    db.exec_driver_sql("SET LOCAL synchronous_commit TO off")


def _look(connection: Any, _record: Any, _proxy: Any) -> None:
    """Take no connection that the server has ended; the others of the pool are as old, and go with it."""
    if _is_gone(connection):
        raise InvalidatePoolError


def _is_gone(connection: Any) -> bool:
    """One look at the socket, where a question to the server would cost as much as the statement that follows."""
    if connection.closed:
        return True
    poll = select.poll()
    poll.register(connection.fileno(), _GONE)
    return bool(poll.poll(0))


class Readers:
    """Connections for reading, at most so many. Those at rest stay open: to take one costs a tenth of a pool's way."""

    def __init__(self, engine: Engine, connections: int, patience: float) -> None:
        self._engine = engine
        self._free = threading.Semaphore(connections)
        self._patience = patience
        self._at_rest: list[Connection] = []

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One of them, for this thread alone; raises `Busy` when none gets free in time."""
        if not self._free.acquire(timeout=self._patience):
            raise Busy(NONE_FREE)
        try:
            connection = self._taken()
            try:
                yield connection
            finally:
                self._put_back(connection)
        finally:
            self._free.release()

    @property
    def in_use(self) -> int:
        """How many threads have one now."""
        return max(0, checked_out(self._engine) - len(self._at_rest))

    def close(self) -> None:
        """Close those at rest."""
        at_rest, self._at_rest = self._at_rest, []
        for one in at_rest:
            one.close()

    def _taken(self) -> Connection:
        with suppress(IndexError):
            found = self._at_rest.pop()
            if not _is_gone(found.connection.dbapi_connection):
                return found
            found.invalidate()
            found.close()
            self.close()  # the others are as old
        return self._engine.connect()

    def _put_back(self, connection: Connection) -> None:
        if connection.closed:
            return
        if connection.invalidated:
            connection.close()
            return
        if connection.in_transaction():
            connection.rollback()  # of SQLAlchemy alone: there is none
        self._at_rest.append(connection)


def checked_out(engine: Engine) -> int:
    """How many connections of a pool are not in it."""
    return engine.pool.checkedout() if isinstance(engine.pool, QueuePool) else 0


_COLUMNS: Final = text(
    "SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.collation_name,"
    " pg_get_serial_sequence(quote_ident(c.table_name), c.column_name) AS sequence"
    " FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)"
    " WHERE c.table_schema = current_schema() AND t.table_type = 'BASE TABLE' AND c.table_name <> 'alembic_version'"
    " ORDER BY c.table_name, c.ordinal_position"
)


def make_alike(db: Connection) -> None:
    """Give all columns the types that `tables.alike` gives them; what has them already stays as it is.

    The steps of the schema are written for SQLite and PostgreSQL alike, and need not think of it.
    """
    changes: dict[str, list[str]] = {}
    for table, column, kind, length, collation, sequence in db.execute(_COLUMNS).all():
        if kind == "integer":
            changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE BIGINT')
            if sequence is not None:
                db.execute(text(f"ALTER SEQUENCE {sequence} AS BIGINT"))
        elif kind in ("character varying", "text") and collation != "C":
            wide = "TEXT" if kind == "text" else f"VARCHAR({length})"
            changes.setdefault(table, []).append(f'ALTER COLUMN "{column}" TYPE {wide} COLLATE "C"')
    for table, parts in changes.items():
        db.execute(text(f'ALTER TABLE "{table}" {", ".join(parts)}'))
