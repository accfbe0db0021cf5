# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of every request: compiled once, and given to the driver without a detour.

SQLAlchemy builds and adapts a result for each execution, which costs ten times what SQLite needs for an indexed
look-up. A `Query` is an ordinary SQLAlchemy statement that keeps its compiled form; it runs
on the connection, and in the transaction, that it is given. Everything that is not run per request stays with
SQLAlchemy's own execution.
"""

from __future__ import annotations

import re
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.selectable import CompoundSelect

Values = tuple[Any, ...]


class _Compiled(ABC):
    """A statement in the driver's own words."""

    def __init__(
        self,
        text: str,
        names: tuple[str, ...],
        constants: Mapping[str, Any],
        processors: tuple[tuple[int, Callable[[Any], Any]], ...],
    ) -> None:
        """`names` of the parameters, in the driver's order; `constants` are values that are part of the statement.

        `processors` say which columns to convert, and how: SQLite, for example, knows no booleans.
        """
        self.text = text
        self.processors = processors
        self.names = names
        self.constants = constants

    def values(self, given: Mapping[str, Any]) -> list[Any]:
        constants = self.constants
        return [given[name] if name in given else constants[name] for name in self.names]

    def processed(self, row: Values) -> Values:
        values = list(row)
        for column, process in self.processors:
            values[column] = process(values[column])
        return tuple(values)

    # All of these raise what SQLAlchemy raises for a failed statement.

    @abstractmethod
    def first(self, db: Connection, given: Mapping[str, Any]) -> Values | None:
        """The first row, if there is one."""

    @abstractmethod
    def all(self, db: Connection, given: Mapping[str, Any]) -> list[Values]:
        """All rows."""

    @abstractmethod
    def run(self, db: Connection, given: Mapping[str, Any]) -> int:
        """How many rows were changed."""


class _OnSqlite(_Compiled):
    def first(self, db: Connection, given: Mapping[str, Any]) -> Values | None:
        cursor = self._executed(db, given)
        row: Values | None = cursor.fetchone()
        cursor.close()
        return row

    def all(self, db: Connection, given: Mapping[str, Any]) -> list[Values]:
        return self._executed(db, given).fetchall()

    def run(self, db: Connection, given: Mapping[str, Any]) -> int:
        cursor = self._executed(db, given)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def _executed(self, db: Connection, given: Mapping[str, Any]) -> sqlite3.Cursor:
        driver: Any = db.connection.dbapi_connection
        try:
            cursor: sqlite3.Cursor = driver.execute(self.text, self.values(given))
        except sqlite3.Error as error:
            raise _failed(db, self.text, error) from error
        return cursor


class _OnPostgresql(_Compiled):
    def __init__(self, *about: Any) -> None:
        from trivium.store.prepared import Prepared

        super().__init__(*about)
        self._prepared = Prepared(self.text)

    def first(self, db: Connection, given: Mapping[str, Any]) -> Values | None:
        driver: Any = db.connection.dbapi_connection
        try:
            return self._prepared.first(driver, self.values(given))
        except db.dialect.loaded_dbapi.Error as error:
            raise _failed(db, self.text, error) from error

    def all(self, db: Connection, given: Mapping[str, Any]) -> list[Values]:
        driver: Any = db.connection.dbapi_connection
        try:
            return self._prepared.all(driver, self.values(given))
        except db.dialect.loaded_dbapi.Error as error:
            raise _failed(db, self.text, error) from error

    def run(self, db: Connection, given: Mapping[str, Any]) -> int:
        driver: Any = db.connection.dbapi_connection
        try:
            return self._prepared.run(driver, self.values(given))
        except db.dialect.loaded_dbapi.Error as error:
            raise _failed(db, self.text, error) from error


class Query:
    """One statement that returns rows, as plain tuples. Raises what SQLAlchemy raises for a failed statement."""

    def __init__(self, statement: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]) -> None:
        self.statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def first(self, db: Connection, given: Mapping[str, Any]) -> Values | None:
        """The first row, if there is one."""
        compiled = self._for(db)
        row = compiled.first(db, given)
        return row if row is None or not compiled.processors else compiled.processed(row)

    def all(self, db: Connection, given: Mapping[str, Any]) -> list[Values]:
        """All rows."""
        compiled = self._for(db)
        rows = compiled.all(db, given)
        return [compiled.processed(row) for row in rows] if compiled.processors else rows

    def _for(self, db: Connection) -> _Compiled:
        found = self._compiled.get(db.dialect.name)
        if found is None:
            found = self._compiled[db.dialect.name] = _compile(self.statement, db.dialect)
        return found


class Change:
    """One statement that inserts, updates or deletes rows, each time with values for the same names."""

    def __init__(self, statement: Insert | Update | Delete) -> None:
        self.statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def run(self, db: Connection, given: Mapping[str, Any]) -> int:
        """Carry it out; returns how many rows were changed. Raises what SQLAlchemy raises for a failed statement."""
        dialect = db.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            names = list(given) if isinstance(self.statement, Insert) else None
            compiled = self._compiled[dialect.name] = _compile(self.statement, dialect, names)
        return compiled.run(db, given)


def _failed(db: Connection, statement: str, error: Any) -> BaseException:
    """What SQLAlchemy would raise. A connection that the error has broken is used no more."""
    dialect = db.dialect
    broken = dialect.is_disconnect(error, db.connection.dbapi_connection, None)
    if broken:
        db.invalidate(error)
    base = dialect.loaded_dbapi.Error
    known: BaseException = DBAPIError.instance(
        statement, None, error, base, connection_invalidated=broken, dialect=dialect
    )
    return known


_PLACE: Final = re.compile(r"%\((\w+)\)s|%%")
"""Where a value stands in a statement for psycopg, and a percent sign that stands for itself."""


def _numbered(text: str) -> tuple[str, tuple[str, ...]]:
    """A statement with `$1`, as PostgreSQL itself reads it, and the names of its values.

    psycopg would translate it at each execution, and remember short ones only.
    """
    names: dict[str, str] = {}

    def place(found: re.Match[str]) -> str:
        return names.setdefault(found[1], f"${len(names) + 1}") if found[1] else "%"

    return _PLACE.sub(place, text), tuple(names)


def _compile(statement: Any, dialect: Dialect, columns: list[str] | None = None) -> _Compiled:
    """`columns`: those that an `Insert` gives values to."""
    compiled = statement.compile(dialect=dialect, column_keys=columns)
    processors = []
    for number, column in enumerate(getattr(statement, "selected_columns", ())):
        process = column.type.result_processor(dialect, None)
        if process is not None:
            processors.append((number, process))
    constants = {name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required}
    if compiled.positional:
        return _OnSqlite(str(compiled), tuple(compiled.positiontup or ()), constants, tuple(processors))
    return _OnPostgresql(*_numbered(str(compiled)), constants, tuple(processors))
