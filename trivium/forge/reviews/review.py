# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody says about a changeset on its page: one comment, a vote, or a review of several comments (web.md 2.2).

What is sent together is one transaction and one event: a kill leaves either drafts or comments, and whoever takes part
hears of it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import UNSET
from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid
from trivium.forge.events import journal
from trivium.forge.events.reviews import Commented
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.reviews import drafts
from trivium.forge.reviews.comments import NOTE, Place, Said, add, check_kind, check_open, check_status, check_text
from trivium.forge.site import Site

MOST_AT_ONCE: Final = 20
"""Changesets of which the same is said at once."""


def say(
    site: Site,
    caller: Caller,
    repository: Repository,
    raw_id: str,
    text: str,
    status: str | None = None,
    place: Place | None = None,
    *,
    kind: str = NOTE,
    resolves: int | None = None,
) -> int:
    """Comment on a changeset by its full id, vote on it, or both; returns the comment's id. Raises `Invalid`.

    With `resolves` it resolves an open to-do; raises `NotAnOpenTodo` where that is none. Neither that nor a vote needs
    words. Raises `NotFound` when the caller may not read the repository any more.
    """
    said = _checked(site, text, status, place, kind, resolves)
    with site.store.write(told_apart=True) as db:
        return _sent(db, caller, repository, raw_id, said)


def say_of_each(
    site: Site,
    caller: Caller,
    repository: Repository,
    raw_ids: Sequence[str],
    text: str,
    status: str | None = None,
    kind: str = NOTE,
) -> list[int]:
    """The same about several changesets at once: all of it or nothing. Returns the ids in the order of these."""
    said = _checked(site, text, status, None, kind)
    if not 0 < len(raw_ids) <= MOST_AT_ONCE:
        raise Invalid("At once something is said of at most %(most)s changesets.", about="revisions", most=MOST_AT_ONCE)
    with site.store.write(told_apart=True) as db:
        return [_sent(db, caller, repository, raw_id, said) for raw_id in raw_ids]


def send(
    site: Site,
    caller: Caller,
    repository: Repository,
    raw_id: str,
    text: str = "",
    status: str | None = None,
    kind: str = NOTE,
) -> int:
    """Send the caller's drafts on a changeset, and with them a text, a vote, or both; returns the first comment's id.

    Raises `Invalid` where nothing is to be sent, as for the second of two who send the same at once.
    """
    last = _checked(site, text, status, None, kind)
    with site.store.write(told_apart=True) as db:
        kept = drafts.take(db, caller, repository, raw_id)
        return _sent(
            db, caller, repository, raw_id, [*(Said(one.text, one.place, kind=one.kind) for one in kept), *last]
        )


def _checked(
    site: Site, text: str, status: str | None, place: Place | None, kind: str, resolves: int | None = None
) -> list[Said]:
    """What is said beside drafts, if anything is."""
    check_status(status)
    check_kind(kind)
    if text.strip():
        return [Said(check_text(site, text), place, status, kind, resolves)]
    return [Said("", place, status, NOTE, resolves)] if status is not None or resolves is not None else []


def _sent(db: Connection, caller: Caller, repository: Repository, raw_id: str, said: Sequence[Said]) -> int:
    if not said:
        raise Invalid("A comment says something.", about="text")
    found = repositories.find(db, caller, repository.id, Level.READ)
    for one in said:
        if one.resolves is not None:
            check_open(db, found.id, raw_id, one.resolves)
    first, *further = [add(db, caller, found, raw_id, caller.user_id, one) for one in said]
    event = Commented(
        subject=found.name,
        repository_id=found.id,
        revision=raw_id,
        author=caller.username,
        status=said[-1].status,
        comment=first,
        further=further or UNSET,
    )
    journal.record(db, caller, event)
    return first
