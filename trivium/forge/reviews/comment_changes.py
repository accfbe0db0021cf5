# SPDX-License-Identifier: GPL-3.0-or-later
"""Comments are changed by their authors, and deleted by their authors and the repository's administrators.

What a comment said before is kept until it is deleted. Deleting a comment that another one answers only blanks it:
readers of the answer see that there was something. It goes when its answer goes (api-reviews.md 1.2, 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Forbidden, Kind, NotFound
from trivium.forge.accounts.users import MAX_ID, id_in
from trivium.forge.events import journal
from trivium.forge.events.reviews import CommentDeleted, CommentEdited
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews import attachments
from trivium.forge.reviews.comments import STATEMENT, Comment, check_text, comment_of
from trivium.forge.site import Site
from trivium.store.tables import changeset_comments as table
from trivium.store.tables import comment_texts, notifications, now

_MOST_FORMER: Final = 100
"""Former texts of one comment that are shown."""


@dataclass(frozen=True, slots=True)
class Found:
    """A comment that somebody may read, and where it stands."""

    comment: Comment
    repository: Repository


def find(db: Connection, caller: Caller, given: object) -> Found:
    """The comment with this id (also as a text of digits), if the caller may read it; raises `NotFound`.

    Comments that were deleted, and those of repositories that are hidden, do not exist.
    """
    wanted = id_in(given) if isinstance(given, str) else given
    if not isinstance(wanted, int) or isinstance(wanted, bool) or not 0 <= wanted <= MAX_ID:
        raise NotFound(Kind.COMMENT, given)
    row = db.execute(
        STATEMENT.add_columns(table.c.repository_id).where(table.c.id == wanted, table.c.deleted_on.is_(None))
    ).first()
    if row is None:
        raise NotFound(Kind.COMMENT, given)
    try:
        repository = repositories.find(db, caller, row.repository_id, Level.READ)
    except NotFound as error:
        raise NotFound(Kind.COMMENT, given) from error
    return Found(comment_of(row), repository)


@dataclass(frozen=True, slots=True)
class Acts:
    """What somebody may do with a comment that they may read."""

    edit: bool
    """They wrote it."""
    delete: bool
    """They wrote it, or administer its repository."""


def acts_on(caller: Caller, repository: Repository, comment: Comment) -> Acts:
    """What the caller may do with a comment on a changeset of a repository, which they may read."""
    wrote = comment.author_id == caller.user_id and not caller.anonymous
    return Acts(
        edit=wrote and not comment.deleted,
        delete=(wrote or repository.level >= Level.ADMIN) and not comment.deleted,
    )


def check_may_edit(caller: Caller, found: Found) -> None:
    """Raise `Forbidden` unless the caller is the author."""
    if not acts_on(caller, found.repository, found.comment).edit:
        raise Forbidden


def check_may_delete(caller: Caller, found: Found) -> None:
    """Raise `Forbidden` unless the caller is the author or administers the repository."""
    if not acts_on(caller, found.repository, found.comment).delete:
        raise Forbidden


def edit(site: Site, caller: Caller, comment_id: int, text: str) -> Comment:
    """Give a comment another text; returns it as it is then. Raises `Invalid`, `Forbidden` or `NotFound`."""
    check_text(site, text)
    with site.store.write(told_apart=True) as db:
        found = find(db, caller, comment_id)
        check_may_edit(caller, found)
        # Locked, so that of two changes at once each keeps the text that it replaces.
        before = db.execute(
            select(table.c.text).where(table.c.id == comment_id, table.c.deleted_on.is_(None)).with_for_update()
        ).scalar()
        if before is None:
            raise NotFound(Kind.COMMENT, comment_id)  # somebody has deleted it meanwhile
        if before == text:
            return found.comment
        moment = now()
        db.execute(insert(comment_texts).values(comment_id=comment_id, text=before, replaced_on=moment))
        db.execute(update(table).where(table.c.id == comment_id).values(text=text, edited_on=moment))
        attachments.link(db, caller, comment_id, text)
        journal.record(db, caller, CommentEdited(**_named(found)))
        return find(db, caller, comment_id).comment


@dataclass(frozen=True, slots=True)
class FormerText:
    """What a comment said before."""

    text: str
    replaced_on: str


def former_texts(db: Connection, _caller: Caller, comment_id: int) -> list[FormerText]:
    """What a comment said before its author changed it, newest first, at most 100; for whoever may read the comment."""
    rows = db.execute(
        select(comment_texts.c.text, comment_texts.c.replaced_on)
        .where(comment_texts.c.comment_id == comment_id)
        .order_by(comment_texts.c.id.desc())
        .limit(_MOST_FORMER)
    )
    return [FormerText(*row) for row in rows]


def remove(site: Site, caller: Caller, comment_id: int) -> bool:
    """Delete a comment; False when it is answered, and was only blanked. Raises `Forbidden` or `NotFound`.

    A vote that came with it does not count any more, and a todo that it resolved is open again.
    """
    with site.store.write(told_apart=True) as db:
        found = find(db, caller, comment_id)
        check_may_delete(caller, found)
        db.execute(delete(notifications).where(notifications.c.comment_id == comment_id))
        answered = db.execute(select(table.c.id).where(table.c.resolves_id == comment_id)).first() is not None
        journal.record(db, caller, CommentDeleted(**_named(found), blanked=answered))
        if answered:
            db.execute(update(table).where(table.c.id == comment_id).values(text="", status=None, deleted_on=now()))
            db.execute(delete(comment_texts).where(comment_texts.c.comment_id == comment_id))
            attachments.link(db, caller, comment_id, "")
            return False
        db.execute(delete(table).where(table.c.id == comment_id))
        if found.comment.resolves is not None:
            blanked = (table.c.id == found.comment.resolves, table.c.deleted_on.is_not(None))
            db.execute(delete(table).where(*blanked))
        return True


def _named(found: Found) -> dict[str, Any]:
    """What the journal tells of a comment that is changed."""
    return {
        "subject": found.repository.name,
        "repository_id": found.repository.id,
        "comment": found.comment.id,
        "revision": found.comment.revision,
        "author": found.comment.author,
    }
