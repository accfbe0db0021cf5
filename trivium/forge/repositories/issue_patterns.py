# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of issues: what in messages leads to a tracker (system.md 2.7, web.md 2.4).

They are a setting: a repository without its own has those of the site (api-reviews.md 6). Both are kept as JSON under
the name `issue_patterns`, a list of `Pattern`.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Sequence
from typing import Final, NamedTuple
from urllib.parse import quote

import msgspec
from sqlalchemy import Connection, bindparam, delete, insert, literal, select, union_all

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Forbidden, Invalid
from trivium.forge.events import journal
from trivium.forge.events.repositories import SettingsChanged
from trivium.forge.events.site import SiteSettingsChanged
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.issue_expressions import BadExpression, expression
from trivium.forge.seen import Seen, whatever
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.query import Query
from trivium.store.tables import repository_settings, site_values

KEY: Final = "issue_patterns"
MOST: Final = 20
"""Patterns of a site, and of a repository."""
LONGEST_ADDRESS: Final = 500
LONGEST_DESCRIPTION: Final = 200
_MOST_TEXT: Final = 20_000
"""Characters of a message in which issues are looked for."""
_MOST_LINE: Final = 1_000
"""Characters of one line of it."""
_MOST_LINKS: Final = 500
_PATIENCE: Final = 0.1
"""Seconds of the processor for one text: what is behind that stays text."""

_VALUE: Final = re.compile(r"\$\{([a-z_][a-z0-9_]{0,30})\}")
_ADDRESS: Final = re.compile(r"(?:https?://[A-Za-z0-9.:\[\]-]{1,255})?/(?!/)[^\s\\]{0,500}")
_OF_REPOSITORY: Final = frozenset({"repo", "repo_name", "repo_id", "group_name"})
_SEPARATORS: Final = "\n"


class Pattern(msgspec.Struct, frozen=True):
    """What an issue looks like, and where it is."""

    pattern: str
    """An expression (`issue_expressions`)."""
    url: str
    """Where a match leads: an address of the web, or a path of this site. `${id}` stands for what the first group
    matched, or for all where there is none; `${name}` for the group of that name; `${repo}`, `${repo_name}`,
    `${group_name}` and `${repo_id}` for the repository.
    """
    description: str = ""


class BadPattern(Invalid):
    """A pattern that cannot be kept."""

    def __init__(self, message: str, *, about: str, row: int, at: int | None = None, **values: object) -> None:
        super().__init__(message, about=about, **values)
        self.row = row
        """Which of them, from 0; what it is about is `pattern`, `url` or `description`."""
        self.at = at
        """The character of an expression, from 0, where it goes wrong."""


class Found(NamedTuple):
    """An issue in a text."""

    start: int
    end: int
    href: str


class Patterns(msgspec.Struct, frozen=True):
    """The patterns that count in a repository."""

    patterns: tuple[Pattern, ...] = ()
    own: bool = False
    """Whether they are the repository's, not the site's."""
    digest: str = ""
    """Another text whenever they are others; empty: there are none."""


_BOTH: Final = Query(
    union_all(
        select(literal(1).label("own"), repository_settings.c.value).where(
            repository_settings.c.repository_id == bindparam("repository_id"), repository_settings.c.key == KEY
        ),
        select(literal(0), site_values.c.value).where(site_values.c.key == KEY),
    )
)


def patterns_of(db: Connection, _caller: Caller, repository_id: int) -> Patterns:
    """The patterns of a repository that the caller was found to read: one statement."""
    rows = sorted(_BOTH.all(db, {"repository_id": repository_id}), reverse=True)
    if not rows:
        return Patterns()
    own, value = rows[0]
    found = _read(value)
    digest = hashlib.sha256(value.encode()).hexdigest()[:16] if found else ""
    return Patterns(found, bool(own), digest)


def site_patterns(db: Connection, _caller: Caller) -> tuple[Pattern, ...]:
    """The patterns of the site."""
    value = db.execute(select(site_values.c.value).where(site_values.c.key == KEY)).scalar()
    return _read(value) if value is not None else ()


def save(
    site: Site, caller: Caller, repository: Repository, patterns: Sequence[Pattern] | None, seen: Seen = whatever
) -> None:
    """Give a repository its own patterns, perhaps none; None: it has those of the site again.

    Needs repository.admin. Raises `BadPattern`.
    """
    kept = None if patterns is None else checked(patterns)
    with site.store.write(told_apart=True) as db:
        repositories.find(db, caller, repository.id, Level.ADMIN)
        seen(db, caller)
        table = repository_settings
        is_it = (table.c.repository_id == repository.id, table.c.key == KEY)
        was = db.execute(select(table.c.value).where(*is_it).with_for_update()).scalar()
        db.execute(delete(table).where(*is_it))
        if kept is not None:
            db.execute(insert(table).values(repository_id=repository.id, key=KEY, value=_written(kept)))
        changes, before = {KEY: _told(kept)}, {KEY: None if was is None else msgspec.json.decode(was)}
        event = SettingsChanged(subject=repository.name, repository_id=repository.id, changes=changes, was=before)
        journal.record(db, caller, event)


def save_for_site(site: Site, caller: Caller, patterns: Sequence[Pattern], seen: Seen = whatever) -> None:
    """Change the patterns of the site, which count wherever a repository has none of its own. Needs super-admin."""
    if not caller.super_admin:
        raise Forbidden
    kept = checked(patterns)
    with site.store.write(told_apart=True) as db:
        seen(db, caller)
        is_it = site_values.c.key == KEY
        was = db.execute(select(site_values.c.value).where(is_it).with_for_update()).scalar()
        db.execute(delete(site_values).where(is_it))
        db.execute(insert(site_values).values(key=KEY, value=_written(kept)))
        before = {KEY: None if was is None else msgspec.json.decode(was)}
        journal.record(db, caller, SiteSettingsChanged(subject=KEY, changes={KEY: _told(kept)}, was=before))


def checked(patterns: Sequence[Pattern]) -> tuple[Pattern, ...]:
    """The patterns, if all of them can be kept. Raises `BadPattern` for the first that cannot."""
    if len(patterns) > MOST:
        raise BadPattern("There can be %(count)s patterns.", about="pattern", row=MOST, count=MOST)
    for row, one in enumerate(patterns):
        try:
            compiled = expression(one.pattern)
        except BadExpression as error:
            raise BadPattern(error.message, about="pattern", row=row, at=error.at, **error.values) from error
        if not is_clean_text(one.pattern):
            raise BadPattern("This has a character that cannot be stored.", about="pattern", row=row)
        if len(one.url) > LONGEST_ADDRESS or not one.url.isprintable() or not _ADDRESS.fullmatch(one.url):
            raise BadPattern("An address that begins with https://, http:// or / is expected.", about="url", row=row)
        unknown = set(_VALUE.findall(one.url)) - _OF_REPOSITORY - {"id"} - set(compiled.groupindex)
        if unknown:
            raise BadPattern("No group is called %(name)s.", about="url", row=row, name=min(unknown))
        if len(one.description) > LONGEST_DESCRIPTION or not is_clean_text(one.description):
            raise BadPattern("This is too long.", about="description", row=row)
    return tuple(patterns)


def issues_in(text: str, patterns: Sequence[Pattern], repository: Repository) -> list[Found]:
    """The issues that a text names, in its order; none overlaps another, and the first pattern wins.

    Never raises, and takes time by the length of the text.
    """
    found: list[Found] = []
    end = time.thread_time() + _PATIENCE
    lines = text[:_MOST_TEXT].split(_SEPARATORS)
    for one in patterns:
        try:
            compiled = expression(one.pattern)
        except BadExpression:
            continue  # kept by another release
        at = 0
        for line in lines:
            if time.thread_time() > end or len(found) >= _MOST_LINKS:
                break
            for match in compiled.finditer(line[:_MOST_LINE]):
                if match.end() > match.start():
                    found.append(Found(at + match.start(), at + match.end(), _address(one.url, match, repository)))
            at += len(line) + 1
    return _apart(found)


def _apart(found: Sequence[Found]) -> list[Found]:
    """Those that do not overlap one that was found before them, in the order of the text."""
    taken: list[Found] = []
    for one in sorted(enumerate(found), key=lambda numbered: (numbered[1].start, numbered[0])):
        if not taken or one[1].start >= taken[-1].end:
            taken.append(one[1])
    return taken


def _address(url: str, match: re.Match[str], repository: Repository) -> str:
    group, _, name = repository.name.rpartition("/")

    def value(wanted: re.Match[str]) -> str:
        match wanted[1]:
            case given if given in match.re.groupindex:
                return quote(match[given] or "", safe="", errors="surrogateescape")
            case "id":
                return quote((match[1] if match.re.groups else match[0]) or "", safe="", errors="surrogateescape")
            case "repo":
                return quote(repository.name)
            case "repo_name":
                return quote(name)
            case "group_name":
                return quote(group)
            case "repo_id":
                return str(repository.id)
            case _:
                return ""

    return _VALUE.sub(value, url)


def _read(value: str) -> tuple[Pattern, ...]:
    try:
        return msgspec.json.decode(value, type=tuple[Pattern, ...])
    except msgspec.DecodeError:
        return ()


def _written(patterns: Sequence[Pattern]) -> str:
    return msgspec.json.encode(patterns).decode()


def _told(patterns: Sequence[Pattern] | None) -> list[dict[str, str]] | None:
    """Patterns as the journal keeps them."""
    return None if patterns is None else [msgspec.structs.asdict(one) for one in patterns]
