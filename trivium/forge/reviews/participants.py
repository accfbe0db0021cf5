# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hears of a comment on a commit: its author, who commented on it before, whom it names (system.md 6.3).

Only who may read the repository at that moment, is active, and did not write the comment.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, bindparam, or_, select

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

_earlier = (
    select(changeset_comments.c.user_id)
    .where(
        changeset_comments.c.repository_id == bindparam("repository_id"),
        changeset_comments.c.revision == bindparam("revision"),
        changeset_comments.c.id <= bindparam("comment_id"),
        changeset_comments.c.deleted_on.is_(None),
    )
    .scalar_subquery()
)
_further = select(user_emails.c.user_id).where(user_emails.c.email == bindparam("email")).scalar_subquery()
_KNOWN: Final = (
    select(*COLUMNS)
    .where(
        users.c.active,
        users.c.id != DEFAULT_USER_ID,
        users.c.id.not_in(bindparam("but", expanding=True)),
        or_(
            users.c.id.in_(_earlier),
            users.c.username_key.in_(bindparam("names", expanding=True)),
            users.c.email == bindparam("email"),
            users.c.id.in_(_further),
        ),
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
