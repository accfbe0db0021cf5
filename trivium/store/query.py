# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of every request: compiled once, and given to the driver without a detour.

SQLAlchemy builds and adapts a result for each execution, which costs ten times what SQLite needs for an indexed
look-up. A `Query` is an ordinary SQLAlchemy statement that keeps its compiled form; it runs
on the connection, and in the transaction, that it is given. Everything that is not run per request stays with
SQLAlchemy's own execution.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Delete, Dialect, Insert, Select, Update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.selectable import CompoundSelect

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement in the driver's own words."""

    text: str
    names: tuple[str, ...]
    """The parameters, in the driver's order."""
    constants: Mapping[str, Any]
    """Values that are part of the statement."""
    positional: bool
    processors: tuple[tuple[int, Callable[[Any], Any]], ...]
    """Which columns to convert, and how: SQLite, for example, knows no booleans."""

    def arguments(self, given: Mapping[str, Any]) -> Any:
        if self.positional:
            constants = self.constants
            return [given[name] if name in given else constants[name] for name in self.names]
        return {**self.constants, **given}

    def processed(self, row: Values) -> Values:
        values = list(row)
        for column, process in self.processors:
            values[column] = process(values[column])
        return tuple(values)


class Query:
    """One statement that returns rows, as plain tuples. Raises what SQLAlchemy raises for a failed statement."""

    def __init__(self, statement: Select[*tuple[Any, ...]] | CompoundSelect[*tuple[Any, ...]]) -> None:
        self.statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def first(self, db: Connection, given: Mapping[str, Any]) -> Values | None:
        """The first row, if there is one."""
        compiled = self._for(db)
        try:
            cursor = _driver(db).execute(compiled.text, compiled.arguments(given))
            row: Values | None = cursor.fetchone()
        except db.dialect.loaded_dbapi.Error as error:
            raise _failed(db, compiled, error) from error
        cursor.close()
        return row if row is None or not compiled.processors else compiled.processed(row)

    def all(self, db: Connection, given: Mapping[str, Any]) -> list[Values]:
        """All rows."""
        compiled = self._for(db)
        try:
            rows: list[Values] = _driver(db).execute(compiled.text, compiled.arguments(given)).fetchall()
        except db.dialect.loaded_dbapi.Error as error:
            raise _failed(db, compiled, error) from error
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
        try:
            cursor = _driver(db).execute(compiled.text, compiled.arguments(given))
        except dialect.loaded_dbapi.Error as error:
            raise _failed(db, compiled, error) from error
        changed: int = cursor.rowcount
        cursor.close()
        return changed


def _failed(db: Connection, compiled: _Compiled, error: Any) -> BaseException:
    """What SQLAlchemy would raise. A connection that the error has broken is used no more."""
    dialect = db.dialect
    broken = dialect.is_disconnect(error, db.connection.dbapi_connection, None)
    if broken:
        db.invalidate(error)
    base = dialect.loaded_dbapi.Error
    known: BaseException = DBAPIError.instance(
        compiled.text, None, error, base, connection_invalidated=broken, dialect=dialect
    )
    return known


def _driver(db: Connection) -> Any:
    """The driver's connection under an SQLAlchemy one; both drivers that we use have `execute` on it."""
    return db.connection.dbapi_connection


def _compile(statement: Any, dialect: Dialect, names: list[str] | None = None) -> _Compiled:
    """`names`: of the columns that an `Insert` gives values to."""
    compiled = statement.compile(dialect=dialect, column_keys=names)
    processors = []
    for number, column in enumerate(getattr(statement, "selected_columns", ())):
        process = column.type.result_processor(dialect, None)
        if process is not None:
            processors.append((number, process))
    return _Compiled(
        text=str(compiled),
        names=tuple(compiled.positiontup or ()),
        constants={name: bind.effective_value for name, bind in compiled.binds.items() if not bind.required},
        positional=bool(compiled.positional),
        processors=tuple(processors),
    )
