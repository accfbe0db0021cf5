# SPDX-License-Identifier: GPL-3.0-or-later
"""Who hears of a comment that somebody sent, or of several at once: on their pages, and by mail (system.md 6.3)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from msgspec import convert
from sqlalchemy import Connection, bindparam

from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.errors import NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.users import User
from trivium.forge.events.outbox import Recorded
from trivium.forge.events.reviews import Commented
from trivium.forge.history.reading import History
from trivium.forge.repositories import finding as repositories
from trivium.forge.reviews.comments import STATEMENT, Comment, comment_of
from trivium.forge.reviews.mentions import keys, kind_of_comments, mentions
from trivium.forge.reviews.participants import participants
from trivium.forge.site import Site
from trivium.names import account_key_of
from trivium.store.tables import changeset_comments
from trivium.vcs.errors import VcsError

_THESE: Final = STATEMENT.where(changeset_comments.c.id.in_(bindparam("ids", expanding=True))).order_by(
    changeset_comments.c.id
)


@dataclass(frozen=True, slots=True)
class Hearer:
    """Somebody who hears of comments."""

    user: User
    mentioned: bool
    """Whether one of them names this user."""


def commented(event: Recorded) -> Commented:
    """What was noted of comments."""
    return convert({"subject": event.subject, **event.detail}, Commented, strict=False)


def sent(db: Connection, said: Commented) -> list[Comment]:
    """The comments that were sent together, oldest first: those that are still there."""
    if not isinstance(said.comment, int):
        return []  # an earlier version noted no ids
    further = said.further if isinstance(said.further, list | tuple) else ()
    found = [comment_of(row) for row in db.execute(_THESE, {"ids": [said.comment, *further]})]
    return [one for one in found if not one.deleted]


def hearers(site: Site, event: Recorded) -> list[Hearer]:
    """Who hears of an event that is a `Commented`: only who may read the repository now, and did not write it."""
    said = commented(event)
    if event.repository_id is None:
        return []
    with site.store.read() as db:
        found = sent(db, said)
        if not found:
            return []
        try:
            repository = repositories.find(db, the_system(), event.repository_id, Level.READ)
        except NotFound:
            return []
    try:
        (changeset,) = History(site).read(repository, lambda snapshot: snapshot.changesets([said.revision]))
        author = changeset.author
    except VcsError:
        author = ""  # it was stripped meanwhile; the others still hear of it
    kind = kind_of_comments(site)
    mentioned = list(dict.fromkeys(name for one in found for name in mentions(one.text, kind)))
    further = said.recipients if isinstance(said.recipients, list | tuple) else ()
    with site.store.read() as db:
        wrote = [] if event.user_id is None else [event.user_id]
        with suppress(NotFound):
            wrote.append(accounts.find(db, said.author).id)
        told = participants(
            db,
            repository_id=event.repository_id,
            revision=said.revision,
            comment_id=found[-1].id,
            author=author,
            named=(*mentioned, *further),
            but=wrote,
        )
    named = set(keys(mentioned))
    return [Hearer(user, account_key_of(user.username) in named) for user in told]
