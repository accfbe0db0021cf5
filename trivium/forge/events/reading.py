# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as pages and feeds tell it: what happens where, to those who may read that (system.md 2.6).

Every list is filtered by what its reader may read now. Of what was noted only that is told which everybody who reads
the repository may know: the names of other repositories, of users and of addresses are not. Pulls are not told either.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, bindparam, literal_column, select, text, union_all

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, binds, effective_level
from trivium.forge.events.moves import PulledFromRemote, Pushed, Ref, Stripped
from trivium.forge.events.repositories import (
    RepositoryArchived,
    RepositoryChanged,
    RepositoryCreated,
    RepositoryLocked,
    RepositoryRestored,
    RepositoryUnlocked,
)
from trivium.forge.events.reviews import Commented
from trivium.store.query import Query, Values
from trivium.store.tables import (
    LARGEST_ID,
    TOLD_IN_PAGES,
    journal,
    repositories,
    repository_followers,
    user_followers,
    users,
)

PAGE: Final = 50
FEED: Final = 20
"""Entries of a feed (system.md 2.6)."""
_MOST_REFS: Final = 20

_MOVES: Final = (Pushed.action, Stripped.action, PulledFromRemote.action)
_CREATIONS: Final = (RepositoryCreated.action, RepositoryRestored.action)
TOLD: Final = (
    *_MOVES,
    *_CREATIONS,
    RepositoryChanged.action,
    RepositoryArchived.action,
    RepositoryLocked.action,
    RepositoryUnlocked.action,
    Commented.action,
)
"""The actions that are told."""
_TOLD_ACTIONS: Final[list[Any]] = [literal_column(f"'{action}'") for action in TOLD]


@dataclass(frozen=True, slots=True)
class Moved:
    """What a push, a strip or a pull from another server moved."""

    refs: Sequence[Ref]
    """The first 20 of them."""
    more: int
    """How many there were besides."""


@dataclass(frozen=True, slots=True)
class Made:
    """How a repository began."""

    fork: bool
    imported: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """What was set of a repository."""

    fields: Sequence[str]
    """The names of it, without the values."""


@dataclass(frozen=True, slots=True)
class Archived:
    """Whether a repository was closed for pushes, or opened again."""

    archived: bool


@dataclass(frozen=True, slots=True)
class Said:
    """What was said about a changeset."""

    revision: str
    status: str | None


Details = Moved | Made | Changed | Archived | Said | None


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened in a repository which the reader may read."""

    id: int
    at: str
    """ISO 8601, UTC, milliseconds, without zone."""
    action: str
    """One of `TOLD`."""
    user_id: int | None
    """None where the account is gone."""
    username: str
    """As the account is called now, or was then."""
    repository_id: int
    repository: str
    """As it is called now."""
    kind: str
    details: Details


@dataclass(frozen=True, slots=True)
class JournalPage:
    """A part of the journal, newest first."""

    entries: Sequence[Entry]
    older: str | None
    """The `after` of the next page; None for the last."""


class _Detail(msgspec.Struct):
    """Of the detail of all kinds of events, what may be told."""

    refs: list[Ref] = []
    fork_of: str | None = None
    imported: bool = False
    changes: dict[str, msgspec.Raw] = {}
    archived: bool = False
    revision: str = ""
    status: str | None = None


_readable = effective_level(REPOSITORIES) >= int(Level.READ)
_entries = (
    select(
        journal.c.id,
        journal.c.at,
        journal.c.action,
        users.c.id,
        users.c.username,
        journal.c.username,
        repositories.c.id,
        repositories.c.name,
        repositories.c.kind,
        journal.c.detail,
    )
    .select_from(
        journal.join(repositories, repositories.c.id == journal.c.repository_id).outerjoin(
            users, users.c.id == journal.c.user_id
        )
    )
    .where(_readable)
    .order_by(journal.c.id.desc())
    .limit(bindparam("most"))
)


def _told(rows: Any) -> Any:
    """Rows of the journal that may be told, from a key on: what is walked by a partial index."""
    before: Any = bindparam("before")
    # The index is found by these very words; what is compared with parameters would not do.
    here = TOLD_IN_PAGES.replace("action", f"{rows.name}.action").replace("repository_id", f"{rows.name}.repository_id")
    return (text(here), rows.c.action.in_(_TOLD_ACTIONS), rows.c.id < before)


def _followed_statement() -> Any:
    # Of each repository and each user the newest rows alone, each by a walk of an index; then the newest of those.
    one, other = journal.alias("of_repository"), journal.alias("of_user")
    followed, people = repository_followers, user_followers
    viewer: Any = bindparam("viewer")

    of_repository = (
        select(one.c.id)
        .where(one.c.repository_id == followed.c.repository_id, *_told(one))
        .order_by(one.c.id.desc())
        .limit(bindparam("most"))
        .correlate(followed)
    )
    in_repositories = (
        select(journal.c.id)
        .select_from(followed.join(repositories, repositories.c.id == followed.c.repository_id))
        .join(journal, journal.c.id.in_(of_repository))
        .where(followed.c.user_id == viewer, _readable)
    )
    of_user = (
        select(other.c.id)
        .select_from(other.join(repositories, repositories.c.id == other.c.repository_id))
        .where(other.c.user_id == people.c.user_id, *_told(other), _readable)
        .order_by(other.c.id.desc())
        .limit(bindparam("most"))
        .correlate(people)
    )
    of_people = (
        select(journal.c.id)
        .select_from(people)
        .join(journal, journal.c.id.in_(of_user))
        .where(people.c.follower_id == viewer)
    )
    return _entries.where(journal.c.id.in_(union_all(in_repositories, of_people)))


_FOLLOWED: Final = Query(_followed_statement())
_OF_REPOSITORY: Final = Query(_entries.where(journal.c.repository_id == bindparam("repository"), *_told(journal)))
_OF_USER: Final = Query(_entries.where(journal.c.user_id == bindparam("whose"), *_told(journal)))


def followed(db: Connection, caller: Caller, *, after: str = "", limit: int = PAGE) -> JournalPage:
    """What happens in the repositories that the caller follows, and what the users do whom they follow.

    The own journal of a user and the public one; for visitors, what the user `default` follows. One statement.
    """
    return _page(db, caller, _FOLLOWED, {"viewer": caller.user_id}, after, limit)


def of_repository(
    db: Connection, caller: Caller, repository_id: int, *, after: str = "", limit: int = PAGE
) -> JournalPage:
    """What happens in one repository, if the caller may read it."""
    return _page(db, caller, _OF_REPOSITORY, {"repository": repository_id}, after, limit)


def of_user(db: Connection, caller: Caller, user_id: int, *, after: str = "", limit: int = PAGE) -> JournalPage:
    """What a user does in repositories that the caller may read; `audit.of_user` is for whoever may know all of it."""
    return _page(db, caller, _OF_USER, {"whose": user_id}, after, limit)


def _page(db: Connection, caller: Caller, query: Query, given: dict[str, Any], after: str, limit: int) -> JournalPage:
    usable = after.isascii() and after.isdigit() and len(after) <= len(str(LARGEST_ID))
    where = {"before": min(int(after), LARGEST_ID) if usable else LARGEST_ID, "most": limit + 1}
    rows = query.all(db, binds(caller) | given | where)
    entries = [_entry(row) for row in rows[:limit]]
    return JournalPage(entries, str(entries[-1].id) if len(rows) > limit else None)


def _entry(row: Values) -> Entry:
    number, at, action, user_id, present_name, name, repository_id, repository, kind, detail = row
    return Entry(
        number, at, action, user_id, present_name or name, repository_id, repository, kind, _details(action, detail)
    )


def _details(action: str, stored: str) -> Details:
    try:
        detail = msgspec.json.decode(stored, type=_Detail)
    except msgspec.MsgspecError:  # an earlier version wrote it
        return None
    if action in _MOVES:
        return Moved(tuple(detail.refs[:_MOST_REFS]), max(0, len(detail.refs) - _MOST_REFS))
    if action in _CREATIONS:
        return Made(detail.fork_of is not None, detail.imported)
    if action == RepositoryChanged.action:
        return Changed(tuple(sorted(detail.changes)))
    if action == RepositoryArchived.action:
        return Archived(detail.archived)
    return Said(detail.revision, detail.status) if action == Commented.action else None
