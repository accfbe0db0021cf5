# SPDX-License-Identifier: GPL-3.0-or-later
"""How SQLite is opened."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

_BEGIN: Final = "BEGIN IMMEDIATE"


def engine_for(url: URL, busy_timeout: float, pool_size: int) -> Engine:
    """An engine whose writers (`trivium_writes`) take their turn at once, and whose readers are in no transaction."""
    arguments = {"timeout": busy_timeout, "check_same_thread": False, "isolation_level": None}
    # A connection is an open file: who needs one more opens it.
    engine = create_engine(url, connect_args=arguments, pool_size=pool_size, max_overflow=-1)
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


class Readers:
    """Connections for reading. Those at rest, at most so many, stay open: a pool takes longer than a look-up."""

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine = engine
        self._most = most
        self._at_rest: list[Connection] = []

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One of them, or a new one, for this thread alone."""
        try:
            connection = self._at_rest.pop()
        except IndexError:
            connection = self._engine.connect()
        try:
            yield connection
        finally:
            self._put_back(connection)

    def close(self) -> None:
        """Close those at rest."""
        at_rest, self._at_rest = self._at_rest, []
        for one in at_rest:
            one.close()

    def _put_back(self, connection: Connection) -> None:
        if connection.in_transaction():
            connection.rollback()  # of SQLAlchemy alone: there is none
        if connection.closed or connection.invalidated or len(self._at_rest) >= self._most:
            connection.close()
        else:
            self._at_rest.append(connection)


def close_to_others(url: URL) -> None:
    """Let no other account read the file of a database, and what stands beside it; nothing for other databases."""
    if url.get_backend_name() == "sqlite" and url.database:
        for path in Path(url.database).parent.glob(Path(url.database).name + "*"):
            path.chmod(0o600)


@contextmanager
def waiting_for_no_disk(connection: Connection) -> Iterator[None]:
    """Transactions inside are written, in their order, but not waited for; the next one outside waits for them too."""
    driver: Any = connection.connection.dbapi_connection
    driver.execute("PRAGMA synchronous=NORMAL")
    try:
        yield
    finally:
        if not connection.invalidated:
            driver.execute("PRAGMA synchronous=FULL")


def _set_up(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    # Reads stay in the driver's autocommit: a transaction of their own would only cost statements.
    if connection.get_execution_options().get("trivium_writes"):
        driver: Any = connection.connection.dbapi_connection
        try:
            driver.execute(_BEGIN)
        except sqlite3.OperationalError as error:
            raise OperationalError(_BEGIN, None, error) from error
