# SPDX-License-Identifier: GPL-3.0-or-later
"""A restored repository gets back everything that hung on its row, as far as possible; the rest is told.

All of it happens in the transaction that brings the repository back. Users and user groups that are gone meanwhile lose
their permissions, locks and followings, and their comments are those of a deleted user. Comments keep their old ids:
ids are not given twice, so they are free, unless an administrator set the database back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES
from trivium.errors import Invalid
from trivium.forge.events.repositories import RepositoryRestored
from trivium.forge.grants.on_objects import grant_row, revoke_row
from trivium.forge.naming import former_names
from trivium.forge.pushes.from_remotes import opened_remote
from trivium.forge.repositories.trash_notes import KeptCheck, KeptComment, Note, read_said
from trivium.forge.reviews import attachments
from trivium.forge.site import Site
from trivium.store.engine import go_on_above, insert_id
from trivium.store.tables import (
    DEFAULT_USER_ID,
    changeset_comments,
    comment_drafts,
    comment_texts,
    commit_checks,
    journal,
    repository_fields,
    repository_followers,
    repository_locks,
    repository_settings,
    user_groups,
    users,
    visits,
)
from trivium.store.tables import attachments as attachments_table
from trivium.store.tables import repositories as table

_AT_A_TIME: Final = 500


def give_back(db: Connection, site: Site, label: str, note: Note | None, repository_id: int) -> list[str]:
    """Give a repository that has just got its row everything that its note tells of; returns what was left out."""
    if note is None or note.permissions is None:
        grant_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID, level=Level.NONE)
        lost = "its note is lost" if note is None else "an earlier version deleted it, which did not note them"
        return [f"its permissions: {lost}; it is closed to everybody but its owner"]
    there = {user_id for (user_id,) in db.execute(select(users.c.id))}
    left_out = _permissions(db, repository_id, note, there)
    if note.said is None:
        left_out.append(
            "its extra fields, comments, followers, former names, where it came from and what it was a fork of: an"
            " earlier version deleted it, which did not note them"
        )
        return left_out
    left_out += _origin(db, site, repository_id, note)
    left_out += _family(db, repository_id, note)
    left_out += _belongings(db, repository_id, note, there)
    left_out += _said(db, site, label, repository_id, note.said, there)
    return left_out


def _permissions(db: Connection, repository_id: int, note: Note, there: set[int]) -> list[str]:
    revoke_row(db, REPOSITORIES, repository_id, user_id=DEFAULT_USER_ID)
    groups = {group_id for (group_id,) in db.execute(select(user_groups.c.id))}
    gone = 0
    for user_id, group_id, level in note.permissions or ():
        if user_id in there or group_id in groups:
            grant_row(db, REPOSITORIES, repository_id, user_id=user_id, group_id=group_id, level=Level(level))
        else:
            gone += 1
    return [f"permissions of users or user groups that are gone: {gone}"] if gone else []


def _origin(db: Connection, site: Site, repository_id: int, note: Note) -> list[str]:
    """The rest of its own row: when it was made, and where pulls fetch from."""
    left_out = []
    secret = note.clone_secret
    if note.clone_uri and secret is not None:
        try:
            opened_remote(site, note.clone_uri, secret)
        except (ValueError, Invalid):
            secret = None
            left_out.append("the password for the address that it pulls from: another secret.key had sealed it")
    values: dict[str, Any] = {
        "clone_uri": note.clone_uri,
        "clone_secret": secret,
        "enable_locking": note.enable_locking,
    }
    if note.created_on:
        values["created_on"] = note.created_on
    db.execute(update(table).where(table.c.id == repository_id).values(**values))
    return left_out


def _family(db: Connection, repository_id: int, note: Note) -> list[str]:
    """Its parent and its forks, which may have been deleted and brought back themselves."""
    present = _present_ids(db)
    family = [present(one) for one in (*note.forks, note.fork_of or 0)]
    kinds = {row.id: row.kind for row in db.execute(select(table.c.id, table.c.kind).where(table.c.id.in_(family)))}
    left_out = []
    parent = present(note.fork_of) if note.fork_of is not None else None
    if parent is not None and kinds.get(parent) != note.kind:
        parent = None
        left_out.append("what it was a fork of: that is gone")
    if parent is not None:
        db.execute(update(table).where(table.c.id == repository_id).values(fork_of_id=parent))
    above = set(_ancestors(db, parent))
    for fork in map(present, note.forks):
        if kinds.get(fork) == note.kind and fork not in above:
            orphan = (table.c.id == fork, table.c.fork_of_id.is_(None))
            db.execute(update(table).where(*orphan).values(fork_of_id=repository_id))
    return left_out


def _present_ids(db: Connection) -> Callable[[int], int]:
    """A function from the id that a repository once had to the one that it has since it was last brought back."""
    restored = journal.c.action == RepositoryRestored.action
    rows = db.execute(select(journal.c.repository_id, journal.c.detail).where(restored).order_by(journal.c.id))
    later = {msgspec.json.decode(row.detail, type=_Restored).formerly: row.repository_id for row in rows}

    def present(repository_id: int) -> int:
        # Each id is later than the one before it, so that this ends.
        while (next_id := later.get(repository_id)) is not None and next_id > repository_id:
            repository_id = next_id
        return repository_id

    return present


class _Restored(msgspec.Struct):
    """Of the detail of a `RepositoryRestored`."""

    formerly: int | None = None


def _ancestors(db: Connection, repository_id: int | None) -> Iterator[int]:
    while repository_id is not None:
        yield repository_id
        repository_id = db.execute(select(table.c.fork_of_id).where(table.c.id == repository_id)).scalar()


def _belongings(db: Connection, repository_id: int, note: Note, there: set[int]) -> list[str]:
    """Its fields, followers, drafts of comments, former names, settings and lock."""
    left_out = []
    for key, label, description, value in note.fields:
        values = {"key": key, "label": label, "description": description, "value": value}
        db.execute(insert(repository_fields).values(repository_id=repository_id, **values))
    db.execute(delete(repository_followers).where(repository_followers.c.repository_id == repository_id))
    for user_id in note.followers:
        if user_id in there:
            db.execute(insert(repository_followers).values(repository_id=repository_id, user_id=user_id))
    for user_id, visited_on in note.visits:
        if user_id in there:
            db.execute(insert(visits).values(user_id=user_id, repository_id=repository_id, visited_on=visited_on))
    todos = set(note.todos)
    for place, (user_id, revision, text, path, line, created_on) in enumerate(note.drafts):
        if user_id in there:
            draft: dict[str, Any] = {
                "revision": revision,
                "text": text,
                "path": path,
                "line": line,
                "created_on": created_on,
                "kind": "todo" if place in todos else "note",
            }
            db.execute(insert(comment_drafts).values(user_id=user_id, repository_id=repository_id, **draft))
    for key, value in note.settings.items():
        db.execute(insert(repository_settings).values(repository_id=repository_id, key=key, value=value))
    name = db.execute(select(table.c.name).where(table.c.id == repository_id)).scalar_one()
    former_names.had(db, repository_id, [*note.former_names, *([note.name] if note.name != name else [])])
    if note.lock is not None:
        user_id, since, reason = note.lock
        if user_id in there:
            db.execute(
                insert(repository_locks).values(
                    repository_id=repository_id, user_id=user_id, locked_on=since, reason=reason
                )
            )
        else:
            left_out.append("its lock: whoever held it is gone")
    return left_out


def _said(db: Connection, site: Site, label: str, repository_id: int, count: int, there: set[int]) -> list[str]:
    """The comments on its commits, and what programs say of them; all of it or, where it cannot be read, nothing."""
    try:
        with db.begin_nested():
            ids: dict[int, int] = {}
            kept = read_said(site, label, count)
            while some := list(islice(kept, _AT_A_TIME)):
                _comments(db, repository_id, [one for one in some if isinstance(one, KeptComment)], there, ids)
                _checks(db, repository_id, [one for one in some if isinstance(one, KeptCheck)], there)
    except Invalid as error:
        return [f"its comments and statuses: {error}"]
    return []


def _comments(
    db: Connection, repository_id: int, kept: list[KeptComment], there: set[int], ids: dict[int, int]
) -> None:
    """Insert comments, oldest first; `ids` gets the new ids of those whose old id is taken."""
    if not kept:
        return
    columns = changeset_comments.c
    # If the database was set back, ids of the kept ones have yet to be given.
    go_on_above(db, changeset_comments, max((one.id for one in kept), default=0))
    taken = set(db.execute(select(columns.id).where(columns.id.in_([one.id for one in kept]))).scalars())
    rows = []
    for one in kept:
        row = msgspec.structs.asdict(one)
        del row["attachments"], row["former"]
        row |= {
            "repository_id": repository_id,
            "user_id": one.user_id if one.user_id in there else None,
            "resolves_id": None if one.resolves_id is None else ids.get(one.resolves_id, one.resolves_id),
        }
        if one.id in taken:
            row.pop("id")
            ids[one.id] = insert_id(db, changeset_comments, **row)
        else:
            rows.append(row)
    if rows:
        db.execute(insert(changeset_comments), rows)
    former = [
        {"comment_id": ids.get(one.id, one.id), "text": text, "replaced_on": moment}
        for one in kept
        for text, moment in one.former
    ]
    if former:
        db.execute(insert(comment_texts), former)
    files = set(chain.from_iterable(one.attachments for one in kept))
    known = set(
        db.execute(select(attachments_table.c.id).where(attachments_table.c.id.in_(files))).scalars() if files else ()
    )
    for one in kept:
        attachments.link_to(db, ids.get(one.id, one.id), [file for file in one.attachments if file in known])


def _checks(db: Connection, repository_id: int, kept: list[KeptCheck], there: set[int]) -> None:
    rows = [
        msgspec.structs.asdict(one)
        | {"repository_id": repository_id, "user_id": one.user_id if one.user_id in there else None}
        for one in kept
    ]
    if rows:
        db.execute(insert(commit_checks), rows)
