# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports on commits by programs that build or test them (api-reviews.md 3, set_commit_status).

Each program reports on a commit under its own name, the context; a new report replaces the one before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid
from trivium.forge.bounds import MAX_CHECKS, check_check_description, check_label
from trivium.forge.events import journal
from trivium.forge.events.reviews import CommitChecked
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.store.locks import checks_of, lock
from trivium.store.tables import commit_checks as table
from trivium.store.tables import now, users

STATES: Final = ("pending", "success", "failure", "error")
_MAX_URL: Final = 2048


@dataclass(frozen=True, slots=True)
class Check:
    """One program's report on a commit."""

    context: str
    state: str
    """One of `STATES`."""
    url: str
    description: str
    author: str | None
    """Whose key it used; None when that account is gone."""
    updated_on: str


def set_check(
    site: Site,
    caller: Caller,
    repository: Repository,
    raw_id: str,
    context: str,
    state: str,
    *,
    url: str = "",
    description: str = "",
) -> None:
    """Report on a commit by its full id, instead of an earlier report under this context.

    Raises `Invalid`, and `NotFound` when the caller may not write to the repository any more.
    """
    if state not in STATES:
        raise Invalid(f"{state!r} is not a state of a commit")
    if not context.strip() or not check_label(context).isprintable():
        raise Invalid("a context is a name of one line")
    values = {
        "state": state,
        "url": _check_url(url),
        "description": check_check_description(description),
        "user_id": caller.user_id,
        "updated_on": now(),
    }
    this_one = (table.c.repository_id == repository.id, table.c.raw_id == raw_id, table.c.context == context)
    with site.store.write(access_unchanged=True) as db:
        repositories.find(db, caller, repository.id, Level.WRITE)
        change = update(table).where(*this_one).values(**values)
        if not db.execute(change).rowcount:
            lock(db, checks_of(repository.id))
            of_commit = select(func.count()).where(*this_one[:2])
            if db.execute(of_commit).scalar_one() >= MAX_CHECKS:
                raise Invalid(f"of a commit at most {MAX_CHECKS} programs say something")
            try:
                with db.begin_nested():
                    db.execute(
                        insert(table).values(repository_id=repository.id, raw_id=raw_id, context=context, **values)
                    )
            except IntegrityError:
                # Another report under this context was quicker; or the repository is gone.
                if not db.execute(change).rowcount:
                    raise
        event = CommitChecked(
            subject=repository.name, repository_id=repository.id, revision=raw_id, context=context, state=state
        )
        journal.record(db, caller, event)


def _check_url(url: str) -> str:
    """An address that pages may link to: nothing but http and https."""
    if not url:
        return url
    if len(url) > _MAX_URL or not url.isprintable() or any(character.isspace() for character in url):
        raise Invalid(f"an address has at most {_MAX_URL} characters and no blanks")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise Invalid("this is no address") from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Invalid("an address begins with http:// or https://")
    return url


def checks(db: Connection, repository: Repository, raw_id: str) -> list[Check]:
    """The reports on a commit, named by its full id; in the order of their contexts."""
    rows = db.execute(
        select(table.c.context, table.c.state, table.c.url, table.c.description, users.c.username, table.c.updated_on)
        .select_from(table.outerjoin(users, users.c.id == table.c.user_id))
        .where(table.c.repository_id == repository.id, table.c.raw_id == raw_id)
    )
    return sorted((Check(*row) for row in rows), key=lambda check: check.context)
