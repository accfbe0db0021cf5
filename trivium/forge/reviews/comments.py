# SPDX-License-Identifier: GPL-3.0-or-later
"""Comments on commits, and the review status that may come with one (api-reviews.md 2.2, 4; system.md 6.3).

A todo is open until another comment resolves it; a unique index allows only one such comment.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET
from sqlalchemy import Connection, bindparam, select

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge.accounts.users import User
from trivium.forge.bounds import check_comment
from trivium.forge.events import journal
from trivium.forge.events.reviews import Commented
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews import attachments
from trivium.forge.site import Site
from trivium.render.text import typeable
from trivium.store.engine import insert_id
from trivium.store.tables import changeset_comments, now, users

STATUSES: Final = ("not_reviewed", "approved", "rejected", "under_review")
NOTE: Final = "note"
TODO: Final = "todo"
KINDS: Final = (NOTE, TODO)
OPEN: Final = "open"
RESOLVED: Final = "resolved"
DELETED: Final = "deleted"

_LINE = re.compile("[no]?[1-9][0-9]{0,8}")
_MAX_PATH: Final = 4096
_AT_A_TIME: Final = 200
"""Comments of one statement."""


class NotAnOpenTodo(Invalid):
    """The comment to resolve is no todo of this commit, or is resolved already."""


@dataclass(frozen=True, slots=True)
class Place:
    """The line of a commit's changes beside which a comment stands."""

    path: str
    """As it can be typed (`render.text.typeable`)."""
    line: str
    """`n12` on the new side, `o12` on the old."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a commit."""

    id: int
    revision: str
    text: str
    status: str | None
    created_on: str
    kind: str
    place: Place | None
    resolves: int | None
    """The todo that it resolves."""
    resolved_by: int | None
    """The comment that resolves it."""
    author: str | None
    """None when the account is gone."""
    author_name: str
    """First and last name, or the username without either."""
    author_active: bool
    author_id: int | None = None
    edited_on: str | None = None
    deleted: bool = False
    """Its text is gone; it stands there because somebody answered it."""
    resolver: str | None = None
    """Who resolved it: as `author_name`."""
    resolver_username: str | None = None
    """None when the account is gone."""
    resolved_on: str | None = None

    @property
    def is_open_todo(self) -> bool:
        return self.kind == TODO and self.state == OPEN

    @property
    def state(self) -> str:
        if self.deleted:
            return DELETED
        return RESOLVED if self.resolved_by is not None else OPEN


def place_of(path: object, line: object) -> Place | None:
    """The place that two arguments name, `"3"` meaning `"n3"`; None without either. Raises `Invalid`."""
    if path is None and line is None:
        return None
    wanted = str(line) if isinstance(line, int) and not isinstance(line, bool) else line
    if not isinstance(path, str) or not path.strip("/") or len(path) > _MAX_PATH or "\0" in path:
        raise Invalid("A comment beside a line needs the path of the file (filepath).", about="path")
    if not isinstance(wanted, str) or not _LINE.fullmatch(wanted):
        raise Invalid("A line is a number, with n for the new side or o for the old before it (lineno).", about="line")
    return Place(typeable(path.strip("/")), wanted if wanted[0] in "no" else f"n{wanted}")


def comment(
    site: Site,
    caller: Caller,
    repository: Repository,
    raw_id: str,
    author: User,
    text: str,
    status: str | None = None,
    *,
    kind: str = NOTE,
    place: Place | None = None,
    resolves: int | None = None,
    recipients: Sequence[str] = (),
    mail: bool = True,
) -> int:
    """Comment on a commit by its full id, with `status` also vote on it; returns the comment's id.

    Of a user's votes on a commit the newest counts. Comments survive renames and go with the repository. `recipients`
    are the names of further people who should hear of it. Without `mail` nobody hears of it by mail
    (`forge/reviews/participants.py`). Raises `NotAnOpenTodo` when `resolves` is none.
    """
    check_text(site, text)
    check_status(status)
    check_kind(kind)
    with site.store.write(told_apart=True) as db:
        if resolves is not None:
            check_open(db, repository.id, raw_id, resolves)
        said = Said(text, place, status, kind, resolves)
        comment_id = add(db, caller, repository, raw_id, author.id, said)
        event = Commented(
            subject=repository.name,
            repository_id=repository.id,
            revision=raw_id,
            author=author.username,
            status=status,
            recipients=list(recipients) or UNSET,
            comment=comment_id,
            unmailed=UNSET if mail else True,
        )
        journal.record(db, caller, event)
    return comment_id


@dataclass(frozen=True, slots=True)
class Said:
    """What a new comment says, and where."""

    text: str
    place: Place | None = None
    status: str | None = None
    kind: str = NOTE
    resolves: int | None = None


def add(db: Connection, caller: Caller, repository: Repository, raw_id: str, author_id: int, said: Said) -> int:
    """Insert a comment whose text was checked, with the files that it links to; returns its id.

    For the transaction that records that somebody commented.
    """
    comment_id = insert_id(
        db,
        changeset_comments,
        repository_id=repository.id,
        revision=raw_id,
        user_id=author_id,
        text=said.text,
        status=said.status,
        created_on=now(),
        kind=said.kind,
        path=said.place.path if said.place else None,
        line=said.place.line if said.place else None,
        resolves_id=said.resolves,
    )
    attachments.link(db, caller, comment_id, said.text)
    return comment_id


def check_status(status: str | None) -> None:
    """Raise `Invalid` for what is no vote."""
    if status is not None and status not in STATUSES:
        raise Invalid("%(status)s is not a review status.", about="status", status=repr(status))


def check_kind(kind: str) -> None:
    """Raise `Invalid` for what is no kind of comment."""
    if kind not in KINDS:
        raise Invalid("%(kind)s is not a kind of comment.", about="kind", kind=repr(kind))


def check_text(site: Site, text: str) -> str:
    """The text of a comment; raises `Invalid`."""
    check_comment(text, site.settings.max_comment_bytes)
    if not text.strip():
        raise Invalid("A comment says something.", about="text")
    return text


def check_open(db: Connection, repository_id: int, raw_id: str, comment_id: int) -> None:
    """Raise `NotAnOpenTodo` for what is no open to-do of this commit; nobody else resolves it in this transaction."""
    todo = select(changeset_comments.c.id).where(
        changeset_comments.c.id == comment_id,
        changeset_comments.c.repository_id == repository_id,
        changeset_comments.c.revision == raw_id,
        changeset_comments.c.kind == TODO,
        changeset_comments.c.deleted_on.is_(None),
    )
    answer = select(changeset_comments.c.id).where(changeset_comments.c.resolves_id == comment_id)
    # Locked first, so that of two who resolve it at once the second sees the answer of the first.
    if db.execute(todo.with_for_update()).first() is None or db.execute(answer).first() is not None:
        raise NotAnOpenTodo("This to-do is resolved already, or it is gone.", about="resolves")


_one, _answers = changeset_comments, changeset_comments.alias("answers")
_resolvers = users.alias("resolvers")
STATEMENT: Final = select(
    _one.c.id,
    _one.c.revision,
    _one.c.text,
    _one.c.status,
    _one.c.created_on,
    _one.c.kind,
    _one.c.path,
    _one.c.line,
    _one.c.resolves_id,
    _one.c.edited_on,
    _one.c.deleted_on,
    _one.c.user_id,
    _answers.c.id.label("resolved_by"),
    _answers.c.created_on.label("resolved_on"),
    _resolvers.c.username.label("resolver"),
    _resolvers.c.firstname.label("resolver_firstname"),
    _resolvers.c.lastname.label("resolver_lastname"),
    users.c.username,
    users.c.firstname,
    users.c.lastname,
    users.c.active,
).select_from(
    _one.outerjoin(_answers, _answers.c.resolves_id == _one.c.id)
    .outerjoin(users, users.c.id == _one.c.user_id)
    .outerjoin(_resolvers, _resolvers.c.id == _answers.c.user_id)
)
"""Comments with details of their authors, and with the ids of their answers; rows for `comment_of`."""


def comments(
    db: Connection,
    repository: Repository,
    *,
    limit: int,
    most_bytes: int,
    raw_id: str | None = None,
    kind: str | None = None,
    author: User | None = None,
    after: int = 0,
) -> list[Comment]:
    """Comments on the commits of a repository, oldest first: at most `limit` of those after the comment `after`.

    The list ends where all texts together would have more than `most_bytes`, but not before the first.
    """
    statement = (
        STATEMENT.where(_one.c.repository_id == repository.id, _one.c.id > bindparam("after"))
        .order_by(_one.c.id)
        .limit(_AT_A_TIME)
    )
    if raw_id is not None:
        statement = statement.where(_one.c.revision == raw_id)
    if kind is not None:
        statement = statement.where(_one.c.kind == kind)
    if author is not None:
        statement = statement.where(_one.c.user_id == author.id)
    found: list[Comment] = []
    while len(found) < limit:
        rows = db.execute(statement, {"after": found[-1].id if found else after}).all()
        for row in rows[: limit - len(found)]:
            most_bytes -= len(row.text)
            if most_bytes < 0 and found:
                return found
            found.append(comment_of(row))
        if len(rows) < _AT_A_TIME:
            break
    return found


def comment_of(row: Any) -> Comment:
    """The comment in a row of `STATEMENT`."""
    return Comment(
        id=row.id,
        revision=row.revision,
        text=row.text,
        status=row.status,
        created_on=row.created_on,
        kind=row.kind,
        place=Place(row.path, row.line) if row.path is not None else None,
        resolves=row.resolves_id,
        resolved_by=row.resolved_by,
        author=row.username,
        author_name=_name(row.username, row.firstname, row.lastname),
        author_active=bool(row.active),
        author_id=row.user_id,
        edited_on=row.edited_on,
        deleted=row.deleted_on is not None,
        resolver=None
        if row.resolved_by is None
        else _name(row.resolver, row.resolver_firstname, row.resolver_lastname),
        resolver_username=row.resolver,
        resolved_on=row.resolved_on,
    )


def _name(username: str | None, firstname: str | None, lastname: str | None) -> str:
    """How an author is called."""
    if username is None:
        return "deleted user"
    return " ".join(part for part in (firstname, lastname) if part) or username
