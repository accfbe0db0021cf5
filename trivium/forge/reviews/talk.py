# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said on one changeset: its comments, and who thinks what of it (system.md 6.3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import msgspec
from sqlalchemy import Connection, bindparam, exists, func, literal, or_, select

from trivium.access.caller import Caller
from trivium.forge.accounts.users import MAX_ID
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews.comments import STATEMENT, Comment, comment_of, comments
from trivium.forge.reviews.commit_checks import Check, checks
from trivium.forge.reviews.drafts import Draft, drafts
from trivium.store.query import Query
from trivium.store.tables import changeset_comments, comment_drafts, commit_checks

_MOST: Final = 200
"""Comments that one page shows."""
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Vote:
    """What somebody thinks of a changeset: of several votes the newest."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class Talk:
    """All that is said on a changeset."""

    comments: tuple[Comment, ...]
    """Oldest first: of very many the newest."""
    earlier: int
    """The id before which there are others; 0 where there are none."""
    votes: tuple[Vote, ...]
    checks: tuple[Check, ...]
    drafts: tuple[Draft, ...]
    """What the caller has written and not sent."""
    todos: tuple[Comment, ...]
    """The open ones among the comments."""
    stamp: str
    """Another one whenever anything is another; empty when nothing is said."""


_comments, _checks, _drafts = changeset_comments.c, commit_checks.c, comment_drafts.c
_ANYTHING: Final = Query(
    select(literal(1)).where(
        or_(
            exists().where(
                _comments.repository_id == bindparam("repository_id"), _comments.revision == bindparam("raw_id")
            ),
            exists().where(_checks.repository_id == bindparam("repository_id"), _checks.raw_id == bindparam("raw_id")),
            exists().where(
                _drafts.user_id == bindparam("me"),
                _drafts.repository_id == bindparam("repository_id"),
                _drafts.revision == bindparam("raw_id"),
            ),
        )
    )
)
_SIZES: Final = Query(
    select(_comments.id, func.length(_comments.text))
    .where(
        _comments.repository_id == bindparam("repository_id"),
        _comments.revision == bindparam("raw_id"),
        _comments.id < bindparam("before"),
    )
    .order_by(_comments.id.desc())
    .limit(_MOST + 1)
)
_VOTES: Final = (
    STATEMENT.where(
        _comments.repository_id == bindparam("repository_id"),
        _comments.revision == bindparam("raw_id"),
        _comments.status.is_not(None),
    )
    .order_by(_comments.id.desc())
    .limit(_MOST)
)
_NOTHING: Final = Talk((), earlier=0, votes=(), checks=(), drafts=(), todos=(), stamp="")


def talk_on(db: Connection, caller: Caller, repository: Repository, raw_id: str, before: int = MAX_ID) -> Talk:
    """What is said on a changeset by its full id; whoever may read the repository may read this.

    Of very many comments those that came last before the comment `before`.
    """
    if _ANYTHING.first(db, {"repository_id": repository.id, "raw_id": raw_id, "me": caller.user_id}) is None:
        return _NOTHING  # as it is of most changesets
    of_it = {"repository_id": repository.id, "raw_id": raw_id}
    sizes = _SIZES.all(db, {**of_it, "before": before})
    count = total = 0
    for _, size in sizes[:_MOST]:
        total += size
        if total > _MOST_BYTES and count:
            break
        count += 1
    start = sizes[count][0] if count < len(sizes) else 0
    found = (
        comments(db, repository, limit=count, most_bytes=2 * _MOST_BYTES, raw_id=raw_id, after=start) if count else []
    )
    told = checks(db, repository, raw_id)
    kept = drafts(db, caller, repository, raw_id)
    voting = found if not start and before == MAX_ID else [comment_of(row) for row in db.execute(_VOTES, of_it)][::-1]
    newest = {one.author or one.author_name: one for one in voting if one.status is not None and not one.deleted}
    votes = tuple(Vote(one.author_name, one.status) for one in newest.values() if one.status)
    said = (found, told, kept, votes)
    stamp = hashlib.sha256(msgspec.json.encode(said)).hexdigest()[:16] if any(said) else ""
    todos = tuple(one for one in found if one.is_open_todo)
    return Talk(tuple(found), found[0].id if start and found else 0, votes, tuple(told), tuple(kept), todos, stamp)
