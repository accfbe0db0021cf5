# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the audit log in words, with old and new values; and as files."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from trivium.forge.events.searching import Row
from trivium.language import Language

_LONGEST_VALUE: Final = 200
_MOST_VALUES: Final = 20
_HIDDEN: Final = frozenset({"changes", "was", "refs", "user_id", "token_id", "session_id", "transaction"})
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
    detail = row.detail
    changes, was = detail.get("changes"), detail.get("was")
    before = was if isinstance(was, dict) else {}
    if isinstance(changes, dict):
        for name, value in changes.items():
            if name in before and before[name] == value:
                continue  # it was said, and changed nothing
            yield Value(_name(name), _shown(language, value), _before(language, before, name))
    for name, value in detail.items():
        if name not in _HIDDEN and value not in (None, "", [], {}):
            yield Value(_name(name), _shown(language, value), _before(language, before, name))


def _before(language: Language, before: dict[str, Any], name: str) -> str | None:
    return _shown(language, before[name]) if name in before else None


def _name(name: str) -> str:
    return name.replace("_", " ")


def _shown(language: Language, value: Any) -> str:
    match value:
        case None | "":
            return language.text("nothing")
        case True:
            return language.text("yes")
        case False:
            return language.text("no")
        case str():
            text = value
        case int() | float():
            text = str(value)
        case list():
            text = ", ".join(str(one) for one in value[:_MOST_VALUES])
        case dict():
            text = ", ".join(f"{name}: {one}" for name, one in list(value.items())[:_MOST_VALUES])
        case _:
            text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"


def sentence(language: Language, action: str) -> str:
    """What happened, in words; of acts without words here the journal's own name."""
    text = language.text
    words = {
        "address.allow": text("allowed a range of addresses"),
        "address.forget": text("took a range of addresses back"),
        "changeset.comment": text("commented on a changeset"),
        "email.add": text("added a mail address"),
        "email.ask": text("asked to confirm a mail address"),
        "email.remove": text("removed a mail address"),
        "permission.global": text("set what somebody may create"),
        "permission.grant": text("gave a right"),
        "permission.overwrite": text("set everybody's rights on all objects"),
        "permission.revoke": text("took a right back"),
        "pull": text("fetched"),
        "push": text("pushed"),
        "repository.archive": text("archived or opened a repository"),
        "repository.create": text("created a repository"),
        "repository.delete": text("deleted a repository"),
        "repository.lock": text("locked a repository"),
        "repository.restore": text("restored a repository"),
        "repository.unlock": text("unlocked a repository"),
        "repository.update": text("changed a repository"),
        "repo_group.create": text("created a repository group"),
        "repo_group.delete": text("deleted a repository group"),
        "repo_group.update": text("changed a repository group"),
        "sessions.end": text("ended sessions"),
        "sign_in": text("signed in"),
        "sign_in.failed": text("failed to sign in"),
        "sign_out": text("signed out"),
        "site.anonymous_access": text("opened the site to visitors, or closed it"),
        "site.settings": text("changed settings of the site"),
        "strip": text("removed changesets"),
        "token.create": text("made a key"),
        "token.reset": text("replaced the built-in key"),
        "token.revoke": text("deleted a key"),
        "user.create": text("made an account"),
        "user.delete": text("deleted an account"),
        "user.hand_over": text("gave everything that an account owned to another"),
        "user.password": text("chose another password"),
        "user.register": text("registered"),
        "user.update": text("changed an account"),
        "user_group.add_member": text("put somebody into a user group"),
        "user_group.create": text("created a user group"),
        "user_group.delete": text("deleted a user group"),
        "user_group.remove_member": text("took somebody out of a user group"),
        "user_group.update": text("changed a user group"),
    }
    return words.get(action, action)


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
