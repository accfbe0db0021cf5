# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database says when it cannot do something, as errors of the core: no caller knows its driver.

PostgreSQL's codes are those of its manual, appendix A. An error without a code comes from the connection.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    PendingRollbackError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from trivium.errors import Busy, DatabaseAway, DatabaseFull, Invalid, TriviumError, Undone
from trivium.store.postgresql import NONE_FREE

_log = structlog.get_logger(__name__)

_UNDONE: Final = ("40001", "40P01")
"""A serialisation failure; a deadlock."""
_WAITED_TOO_LONG: Final = ("55P03", "57014")
"""Of a lock (lock_timeout); of a statement (statement_timeout)."""
_AWAY: Final = ("08", "53", "57P", "58", "25006", "25P03", "XX")
"""No connection; no room, memory or connection left; shut down or starting; its disk fails; it is a copy that only
reads; the transaction stood still for too long; it is damaged."""
_NO_ROOM: Final = "53100"
_UNFIT: Final = ("22", "23")
"""A value that cannot be stored; a constraint that somebody else's change has broken."""
_OF_CONNECTIONS: Final = (OperationalError, InterfaceError)

_CONFLICT: Final = "the change conflicts with another one that was made at the same time"
_UNSTORABLE: Final = "a value of the request cannot be stored"
LOCKED: Final = "the database is locked"
AWAY: Final = "the database cannot be reached; please try again"
FULL: Final = "the disk of the database is full"

_PRIMARY: Final = 0xFF
"""The part of SQLite's codes that says what kind of error it is."""
_SQLITE_FULL: Final = sqlite3.SQLITE_FULL
_SQLITE_FAILS: Final = frozenset(
    {
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB),
    }
)
"""Its disk fails, or lets nobody write; it is damaged."""


_reasons_are_told: ContextVar[bool] = ContextVar("reasons_are_told", default=False)
"""Whether whoever asks tells the reason of a failure, so that the log need not."""


@contextmanager
def reasons_told() -> Iterator[None]:
    """For who tells the reason of what goes wrong inside (`reason_of`): the log does not say it as well."""
    before = _reasons_are_told.set(True)
    try:
        yield
    finally:
        _reasons_are_told.reset(before)


def reason_of(error: DatabaseAway) -> str:
    """What the database itself said, in one line."""
    cause = error.__cause__
    return " ".join(str(cause.orig if isinstance(cause, DBAPIError) else error).split())


@contextmanager
def told() -> Iterator[None]:
    """Raises errors of the core for what a database cannot do now; errors of our statements stay what they are."""
    try:
        yield
    except SQLAlchemyError as error:
        meant = meaning_of(error)
        if meant is None:
            raise
        raise meant from error


class Inside:
    """A connection inside of a block that has it already, and tells there what goes wrong as `told` does.

    Who is between both blocks may have to say it, as a page does. It costs no more than a block that does nothing.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Connection:
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if isinstance(error, SQLAlchemyError) and (meant := meaning_of(error)) is not None:
            raise meant from error


def meaning_of(error: SQLAlchemyError) -> TriviumError | None:
    """The error of the core that a database's error stands for; None for a fault of ours."""
    if isinstance(error, NoConnectionFree):
        return Busy(NONE_FREE)
    if isinstance(error, PendingRollbackError):
        # Asked on a connection that broke just before: what handles that may still be inside of its block.
        return DatabaseAway(AWAY)
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error, OperationalError) and "database is locked" in str(error.orig):
        return Busy(LOCKED)
    if isinstance(error.orig, sqlite3.Error):
        return _meaning_on_sqlite(error)
    code = _code_of(error)
    if code == _NO_ROOM:
        return _full(error)
    if code.startswith(_UNDONE):
        return Undone("the database ended the change because of another one that was made at the same time")
    if code.startswith(_WAITED_TOO_LONG):
        return Busy(LOCKED)
    if error.connection_invalidated or code.startswith(_AWAY):
        _logged("the database cannot be reached", error, code=code)
        return DatabaseAway(AWAY)
    if isinstance(error, IntegrityError):
        return Invalid(_CONFLICT)
    return Invalid(_UNSTORABLE) if code.startswith(_UNFIT) else None


def _meaning_on_sqlite(error: DBAPIError) -> TriviumError | None:
    kind = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY
    if kind == _SQLITE_FULL:
        return _full(error)
    if kind in _SQLITE_FAILS:
        _logged("the database cannot be used", error)
        return DatabaseAway(AWAY)
    return Invalid(_CONFLICT) if isinstance(error, IntegrityError) else None


def _full(error: DBAPIError) -> TriviumError:
    _logged("the disk of the database is full", error)
    return DatabaseFull(FULL)


def _logged(what: str, error: DBAPIError, **more: str) -> None:
    if not _reasons_are_told.get():
        _log.error(what, **more, why=str(error.orig)[:200])


def _code_of(error: DBAPIError) -> str:
    """PostgreSQL's code. What its driver says by itself has none: it is about a value, or about the connection."""
    orig: object = error.orig
    code: str | None = getattr(orig, "sqlstate", None)
    if code is None and type(orig).__module__.partition(".")[0] == "psycopg":
        code = "22" if isinstance(error, DataError) else "08" if isinstance(error, _OF_CONNECTIONS) else None
    return code or ""
