# SPDX-License-Identifier: GPL-3.0-or-later
"""Somebody's notifications as pages show them: those about what they may see now (system.md 6.3)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, false, func, or_, select, true

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, binds, effective_level
from trivium.errors import Forbidden, Kind, NotFound
from trivium.forge.notifications.writing import REGISTRATION
from trivium.forge.reviews.comments import TODO
from trivium.store.query import Query
from trivium.store.tables import LARGEST_ID, changeset_comments, repositories
from trivium.store.tables import notifications as table

PAGE: Final = 50
ALL: Final = LARGEST_ID
"""What no notification is newer than."""
_EXCERPT: Final = 300
_AFTER: Final = re.compile(r"([ur])([0-9]{1,18})", re.ASCII)
_MOST_COUNTED: Final = 100


@dataclass(frozen=True, slots=True)
class Notification:
    """Something that somebody is told of."""

    id: int
    kind: str
    """`cs_comment`, `mention` or `registration`."""
    at: str
    username: str
    """Whose act it was, as the account was called then."""
    read: bool
    repository: str
    """Its name; empty where it is about none, as all that follows is then."""
    repository_kind: str
    revision: str
    comment_id: int
    status: str | None
    """The vote that came with the comment."""
    excerpt: str
    """How the comment begins."""
    todo: bool = False
    """Whether the comment is a to-do."""
    resolves: bool = False
    """Whether it resolves one."""


@dataclass(frozen=True, slots=True)
class NotificationPage:
    """A part of them: unread ones first, of each sort the newest first."""

    rows: Sequence[Notification]
    older: str | None
    """The `after` of the next page."""
    hidden: int
    """Unread ones about what their reader may not see any more, at most 100."""
    newest: int
    """The highest number among all of these, for `changes.mark_all_read`."""


_me: Any = bindparam("me")
_super: Any = bindparam("as_super")
_source = table.outerjoin(
    changeset_comments,
    and_(changeset_comments.c.id == table.c.comment_id, changeset_comments.c.deleted_on.is_(None)),
).outerjoin(repositories, repositories.c.id == changeset_comments.c.repository_id)
_SEEN = or_(
    and_(table.c.comment_id.is_not(None), repositories.c.id.is_not(None), effective_level(REPOSITORIES) >= Level.READ),
    and_(table.c.kind == REGISTRATION, _super == true()),
)
_ROWS = (
    select(
        table.c.id,
        table.c.kind,
        table.c.at,
        table.c.username,
        table.c.read_on,
        repositories.c.name,
        repositories.c.kind,
        changeset_comments.c.revision,
        changeset_comments.c.id,
        changeset_comments.c.status,
        func.substr(changeset_comments.c.text, 1, _EXCERPT),
        changeset_comments.c.kind.label("comment_kind"),
        changeset_comments.c.resolves_id,
    )
    .select_from(_source)
    .where(table.c.user_id == _me, _SEEN)
)
_BEFORE = table.c.id < bindparam("before")
_LIST = _ROWS.order_by(table.c.id.desc()).limit(bindparam("most"))
_UNREAD: Final = Query(_LIST.where(table.c.read_on.is_(None), _BEFORE))
_READ: Final = Query(_LIST.where(table.c.read_on.is_not(None), _BEFORE))
_ONE: Final = Query(_ROWS.where(table.c.id == bindparam("sought")))
_hidden = (
    select(table.c.id)
    .select_from(_source)
    .where(
        table.c.user_id == _me,
        table.c.read_on.is_(None),
        or_(table.c.comment_id.is_(None), changeset_comments.c.id.is_not(None)),
        func.coalesce(_SEEN, false()) == false(),
    )
    .order_by(table.c.id.desc())
    .limit(_MOST_COUNTED)
    .subquery()
)
_HIDDEN: Final = Query(select(func.count(), func.coalesce(func.max(_hidden.c.id), 0)).select_from(_hidden))


def page(db: Connection, caller: Caller, *, after: str = "", limit: int = PAGE) -> NotificationPage:
    """The caller's notifications: at most three statements. Raises `Forbidden` for visitors."""
    if caller.anonymous:
        raise Forbidden
    found = _AFTER.fullmatch(after)
    part, before = (found[1], min(int(found[2]), LARGEST_ID)) if found else ("u", LARGEST_ID)
    given = _given(caller) | {"most": limit + 1}
    rows = _UNREAD.all(db, given | {"before": before}) if part == "u" else []
    if len(rows) <= limit:
        given |= {"before": before if part == "r" else LARGEST_ID, "most": limit + 1 - len(rows)}
        rows = [*rows, *_READ.all(db, given)]
    shown = [_notification(*row) for row in rows[:limit]]
    older = f"{'r' if shown[-1].read else 'u'}{shown[-1].id}" if len(rows) > limit else None
    hidden, last = _HIDDEN.first(db, _given(caller)) or (0, 0)
    return NotificationPage(shown, older, hidden, max([last, *(one.id for one in shown)]))


def find(db: Connection, caller: Caller, given: str) -> Notification:
    """One of the caller's, by its number; raises `NotFound`, also for what it may not show them."""
    row = None
    if given.isascii() and given.isdigit() and len(given) <= len(str(LARGEST_ID)) and not caller.anonymous:
        row = _ONE.first(db, _given(caller) | {"sought": min(int(given), LARGEST_ID)})
    if row is None:
        raise NotFound(Kind.NOTIFICATION, given)
    return _notification(*row)


def _given(caller: Caller) -> dict[str, Any]:
    return binds(caller) | {"me": caller.user_id, "as_super": caller.super_admin}


def _notification(
    number: int,
    kind: str,
    at: str,
    username: str,
    read_on: str | None,
    repository: str | None,
    repository_kind: str | None,
    revision: str | None,
    comment_id: int | None,
    status: str | None,
    excerpt: str | None,
    comment_kind: str | None,
    resolves: int | None,
) -> Notification:
    return Notification(
        number,
        kind,
        at,
        username,
        read_on is not None,
        repository or "",
        repository_kind or "",
        revision or "",
        comment_id or 0,
        status,
        " ".join((excerpt or "").split()),
        comment_kind == TODO,
        resolves is not None,
    )
