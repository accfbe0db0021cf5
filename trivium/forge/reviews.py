# SPDX-License-Identifier: GPL-3.0-or-later
"""Comments on changesets, and the review status that may come with one (api-repos.md 5, system.md 6.3)."""

from __future__ import annotations

from typing import Final

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge import journal
from trivium.forge.accounts import User
from trivium.forge.repositories import Repository
from trivium.forge.site import Site
from trivium.store.engine import insert_id
from trivium.store.tables import changeset_comments, now

STATUSES: Final = ("not_reviewed", "approved", "rejected", "under_review")


def comment(
    site: Site,
    caller: Caller,
    repository: Repository,
    raw_id: str,
    author: User,
    text: str,
    status: str | None = None,
) -> int:
    """Comment on a commit by its full id, and with a status vote on it; returns the comment's id.

    Of a user's votes on a commit the newest counts. Comments survive renames and go with the repository.
    """
    if not text.strip():
        raise Invalid("a comment says something")
    if status is not None and status not in STATUSES:
        raise Invalid(f"{status!r} is not a review status")
    with site.store.write() as db:
        comment_id = insert_id(
            db,
            changeset_comments,
            repository_id=repository.id,
            revision=raw_id,
            user_id=author.id,
            text=text,
            status=status,
            created_on=now(),
        )
        journal.record(
            db,
            caller,
            "changeset.comment",
            repository.name,
            repository_id=repository.id,
            revision=raw_id,
            author=author.username,
            status=status,
        )
    return comment_id
