# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the audit log in words, with old and new values; and as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from trivium.forge.events.searching import Row
from trivium.language import Language
from trivium.web.showing.event_words import name_of_value, role, sentence

_LONGEST_VALUE: Final = 200
_MOST_VALUES: Final = 20
_SHORT: Final = 12
_LAST_YEAR: Final = 253_370_764_800
"""Seconds; what is later has no date."""
_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})
_ABSENT_IS_UNCHANGED: Final = frozenset({"repo_group.update"})
"""Kinds of events in which null stands for what was not set."""
HIDDEN: Final = frozenset({"changes", "was", "refs", "user_id", "token_id", "session_id", "transaction"})
_COLUMNS: Final = ("id", "at", "username", "address", "action", "subject", "detail")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Value:
    """What was noted."""

    name: str
    now: str
    was: str | None
    """What it replaced; None where nothing is known of that."""


@dataclass(frozen=True, slots=True)
class Told:
    """A row as it is shown."""

    row: Row
    sentence: str
    values: tuple[Value, ...]


def told(language: Language, row: Row) -> Told:
    """A row in words."""
    return Told(row, sentence(language, row.action), tuple(values(language, row))[:_MOST_VALUES])


def values(language: Language, row: Row) -> Iterator[Value]:
    """What a row says beside who, when and what: each value with the one that it replaced."""
    changes, was = row.detail.get("changes"), row.detail.get("was")
    before = was if isinstance(was, dict) else {}
    noted = (changes if isinstance(changes, dict) else {}) | {
        name: value for name, value in row.detail.items() if name not in HIDDEN
    }
    for name in (*noted, *(name for name in before if name not in noted)):
        value = noted.get(name)
        if name not in before:
            if value not in _NOTHING or (isinstance(changes, dict) and name in changes):
                yield Value(name_of_value(language, name), _shown(language, name, value), None)
        elif value != before[name] and (value is not None or row.action not in _ABSENT_IS_UNCHANGED):
            shown = _shown(language, name, value), _shown(language, name, before[name])
            yield Value(name_of_value(language, name), *shown)
    yield from _moves(language, row.detail.get("refs"))


def _moves(language: Language, refs: object) -> Iterator[Value]:
    """What each ref held before and holds now."""
    for ref in refs if isinstance(refs, list) else ():
        name, old, new = map(str, ref)
        held = [one[:_SHORT] if one.strip("0") else language.text("nothing") for one in (old, new)]
        yield Value(name.removeprefix("refs/heads/").removeprefix("refs/"), held[1], held[0])


def _shown(language: Language, name: str, value: Any) -> str:
    match value:
        case _ if value in _NOTHING:
            text = language.text("nothing")
        case True:
            text = language.text("yes")
        case False:
            text = language.text("no")
        case -1 if name == "expires":
            text = language.text("for ever")
        case int() if name == "expires" and 0 < value < _LAST_YEAR:
            text = datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M UTC")
        case str() if name == "role":
            text = role(language, value)
        case list():
            text = ", ".join(_shown(language, "", one) for one in value[:_MOST_VALUES])
        case dict():
            parts = list(value.items())[:_MOST_VALUES]
            text = ", ".join(f"{name_of_value(language, key)}: {_shown(language, key, one)}" for key, one in parts)
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def as_lines(rows: Iterable[Row]) -> Iterator[bytes]:
    """Rows as JSON, one a line."""
    for row in rows:
        yield msgspec.json.encode({name: getattr(row, name) for name in _COLUMNS}) + b"\n"


def as_csv(rows: Iterable[Row]) -> Iterator[bytes]:
    """Rows as CSV (RFC 4180), with a head; no cell is a formula to a program for tables."""
    yield _csv_line(_COLUMNS)
    for row in rows:
        detail = msgspec.json.encode(row.detail).decode()
        yield _csv_line((row.id, row.at, row.username, row.address, row.action, row.subject, detail))


def _csv_line(cells: Iterable[object]) -> bytes:
    out = io.StringIO()
    harmless = (f"'{one}" if isinstance(one, str) and one.startswith(_FORMULAS) else one for one in cells)
    csv.writer(out).writerow(list(harmless))
    return out.getvalue().encode()
