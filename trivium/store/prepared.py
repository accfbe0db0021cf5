# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements that PostgreSQL's library itself carries out, prepared once on each connection.

psycopg makes a cursor, several generators and a look at its cache for each execution, which costs three times what the
library needs to ask and we to read the answer. Its rules stay: a connection without transactions of its own is in none,
and on any other one a transaction begins with its first statement.

PostgreSQL finds out the types of parameters from the statement. So they are sent as texts, as PostgreSQL writes them.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, Final

from psycopg import DataError, OperationalError, errors
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, ExecStatus, TransactionStatus

Values = tuple[Any, ...]

_ENCODING: Final = "utf-8"
_KEPT: Final = "trivium_kept"
"""The attribute of a connection under which its `_Kept` stands."""
_BEGIN: Final = b"BEGIN ISOLATION LEVEL READ COMMITTED"
_DONE: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_numbers = itertools.count(1)


class _Kept:
    """What is known of one connection."""

    def __init__(self, driver: Any) -> None:
        self.names: dict[Prepared, bytes] = {}
        """Of the statements that are prepared on it."""
        self.reader = Transformer(driver)


class Prepared:
    """One statement in PostgreSQL's own words, with `$1` for the first parameter.

    A psycopg connection is given with each execution. Raises what psycopg raises.
    """

    def __init__(self, text: str) -> None:
        self._text = text.encode()

    def first(self, driver: Any, values: list[Any]) -> Values | None:
        """The first row, if there is one."""
        kept = _kept(driver)
        result = self._executed(driver, kept, values)
        if not result.ntuples:
            return None
        kept.reader.set_pgresult(result)
        return kept.reader.load_row(0, tuple)

    def all(self, driver: Any, values: list[Any]) -> list[Values]:
        """All rows."""
        kept = _kept(driver)
        result = self._executed(driver, kept, values)
        kept.reader.set_pgresult(result)
        rows = kept.reader.load_rows(0, result.ntuples, tuple)
        kept.reader.set_pgresult(None)  # it may be large
        return rows

    def run(self, driver: Any, values: list[Any]) -> int:
        """How many rows were changed."""
        return self._executed(driver, _kept(driver), values).command_tuples or 0

    def _executed(self, driver: Any, kept: _Kept, values: list[Any]) -> Any:
        library = driver.pgconn
        sent = [_sent(value) for value in values]
        driver.asked_at = time.monotonic()  # for who watches (`store/silence.py`): the library waits as long as it may
        try:
            if not driver.autocommit and library.transaction_status == TransactionStatus.IDLE:
                _checked(library, library.exec_(_BEGIN))
            name = kept.names.get(self)
            if name is None:
                name = b"trivium_%d" % next(_numbers)
                _checked(library, library.prepare(name, self._text))
                kept.names[self] = name
            return _checked(library, library.exec_prepared(name, sent))
        finally:
            driver.asked_at = 0.0


def forget(driver: Any) -> None:
    """Prepare everything anew on a connection: psycopg may take back what is prepared there, as it does when a
    transaction or a part of it is rolled back, and when something is dropped.
    """
    kept: _Kept | None = getattr(driver, _KEPT, None)
    if kept is not None:
        kept.names.clear()


def _kept(driver: Any) -> _Kept:
    found: _Kept | None = getattr(driver, _KEPT, None)
    if found is None:
        found = _Kept(driver)
        setattr(driver, _KEPT, found)
    return found


def _checked(library: Any, result: Any) -> Any:
    """The result of a statement that went well; otherwise raises."""
    if result.status in _DONE:
        return result
    if library.status == ConnStatus.BAD:
        raise OperationalError(library.get_error_message(_ENCODING))
    raise errors.error_from_result(result, _ENCODING)


def _text(value: str) -> bytes:
    if "\0" in value:  # the library would take it for the end
        raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    return value.encode()


_WRITERS: Final[dict[type, Callable[[Any], bytes | None]]] = {
    str: _text,
    int: lambda value: b"%d" % value,
    bool: lambda value: b"t" if value else b"f",
    type(None): lambda _: None,
    bytes: lambda value: b"\\x" + value.hex().encode(),
    float: lambda value: repr(value).encode(),
}
"""Type of a value → how PostgreSQL writes it."""


def _sent(value: Any) -> bytes | None:
    """A value as PostgreSQL writes it."""
    writer = _WRITERS.get(type(value))
    if writer is None:  # an enumeration, for example
        writer = next((how for kind, how in _WRITERS.items() if isinstance(value, kind)), None)
        if writer is None:
            raise TypeError(f"{type(value).__name__} is no type of a parameter")
    return writer(value)
