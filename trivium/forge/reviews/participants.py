# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hears of a comment on a commit: its author, who commented on it before, whom it names (system.md 6.3).

Only who may read the repository at that moment, is active, and did not write the comment.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, bindparam, select, union

from trivium.access.levels import Level
from trivium.errors import NotFound
from trivium.forge.accounts.users import COLUMNS, User, user_of
from trivium.forge.repositories import finding as repositories
from trivium.forge.reviews.mentions import keys
from trivium.store.tables import DEFAULT_USER_ID, changeset_comments, user_emails, users

MOST: Final = 100
"""People who hear of one comment."""
_MAIL = re.compile(r"<([^<>@\s]{1,64}@[^<>@\s]{1,190})>")
_LONGEST_AUTHOR: Final = 1024

_comments = changeset_comments.c
# Each part is looked up by itself: with conditions of several tables joined by OR every account would be looked at.
_taking_part = union(
    select(_comments.user_id).where(
        _comments.repository_id == bindparam("repository_id"),
        _comments.revision == bindparam("revision"),
        _comments.id <= bindparam("comment_id"),
        _comments.deleted_on.is_(None),
        _comments.user_id.is_not(None),
    ),
    select(users.c.id).where(users.c.username_key.in_(bindparam("names", expanding=True))),
    select(users.c.id).where(users.c.email == bindparam("email")),
    select(user_emails.c.user_id).where(user_emails.c.email == bindparam("email")),
)
_KNOWN: Final = (
    select(*COLUMNS)
    .where(
        users.c.id.in_(_taking_part),
        users.c.active,
        users.c.id != DEFAULT_USER_ID,
        users.c.id.not_in(bindparam("but", expanding=True)),
    )
    .order_by(users.c.id)
    .limit(MOST)
)


def mail_of(author: str) -> str:
    """The address in the author of a commit, such as `Mira Noll <mira@example.org>`; empty without one."""
    found = _MAIL.search(author[:_LONGEST_AUTHOR])
    return found[1].lower() if found else ""


def participants(
    db: Connection,
    *,
    repository_id: int,
    revision: str,
    comment_id: int,
    author: str,
    named: Collection[str],
    but: Collection[int],
) -> list[User]:
    """Who hears of a comment.

    `author` is that of the commit, as it is recorded; `named` are the names of people whom it mentions, and of further
    ones; `but` are the ids of those who wrote the comment.
    """
    given = {
        "repository_id": repository_id,
        "revision": revision,
        "comment_id": comment_id,
        "names": keys(named),
        "email": mail_of(author) or None,
        "but": sorted(but),
    }
    return [user for user in map(user_of, db.execute(_KNOWN, given)) if may_read(db, user, repository_id)]


def may_read(db: Connection, user: User, repository_id: int) -> bool:
    """Whether somebody may read a repository now."""
    with contextlib.suppress(NotFound):
        repositories.find(db, user.as_caller(""), repository_id, Level.READ)
        return True
    return False
