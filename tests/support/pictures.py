# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database keeps: how it was, and whether anything has been committed to it since.

To read all its rows takes much longer than to ask whether they may have changed, and what is refused changes nothing.
So they are read, those of before as well, only when something was committed.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.support import postgresql

Query = Callable[..., list[tuple[Any, ...]]]


@contextlib.contextmanager
def looking(data: Path, database: str | None, *, as_it_is: bool = False) -> Iterator[Query]:
    """Look into a database several times: to open it takes longer than to ask it.

    It is one of PostgreSQL, or the file of SQLite in `data`. A statement has `?` for each value. `as_it_is`: it is seen
    as it is now, whatever is committed later.
    """
    if database is not None:
        with postgresql.connected(database) as db:
            if as_it_is:
                db.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                db.execute("SELECT 1")
            yield lambda statement, *values: db.execute(*for_postgresql(statement, values)).fetchall()
        return
    file = f"file:{data / 'trivium.db'}?mode=ro"
    with contextlib.closing(sqlite3.connect(file, uri=True, isolation_level=None)) as connection:
        if as_it_is:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # what it sees first is what is kept
        yield lambda statement, *values: connection.execute(statement, values).fetchall()


def commits(query: Query, database: str | None) -> object:
    """What is another thing as soon as somebody has committed something; ask always with the same `query`."""
    if database is None:
        return query("PRAGMA data_version")
    return query("SELECT pg_current_snapshot()::TEXT")


def for_postgresql(statement: str, values: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...] | None]:
    """A statement with its values, as its driver wants them: without values, nothing in it stands for one."""
    return (statement.replace("%", "%%").replace("?", "%s"), values) if values else (statement, None)
