# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes about a deleted repository, so that it can come back as it was.

The note, `<label>.json` beside the deleted repository, holds its row and all that depends on it; secrets in it are
sealed as in the database. The comments and statuses of its commits, which may be many, stand in `<label>.said`, each on
a line. Both files are durable before the deletion is committed. So a crash never loses a part of a repository; at worst
it leaves notes without their repository, which a later start removes.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, func, select

from trivium.access.caller import Caller
from trivium.errors import Invalid
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.store.intents import Move
from trivium.store.tables import (
    changeset_comments,
    comment_attachments,
    comment_drafts,
    comment_texts,
    commit_checks,
    former_names,
    now,
    repositories,
    repository_fields,
    repository_followers,
    repository_grants,
    repository_settings,
    visits,
)
from trivium.tree.disk import sync_directory

_AT_A_TIME: Final = 500
_YOUNG: Final = 300.0
"""Seconds: a younger note may belong to a process that is at work, or still dying."""


class Note(msgspec.Struct, frozen=True):
    """A deleted repository as it was. Notes of earlier versions lack the fields that have a default here.

    Users, user groups and repositories are named by their ids, which are never given again.
    """

    repo_id: int
    name: str
    kind: str
    owner: str
    description: str
    private: bool
    deleted_by: str
    owner_id: int | None = None
    archived: bool = False
    landing_rev: str = "rev:tip"
    enable_downloads: bool = False
    enable_locking: bool = False
    enable_statistics: bool = False
    permissions: list[tuple[int | None, int | None, int]] | None = None
    """Its rows: (user id, user group id, level), one of the two ids in each."""
    said: int | None = None
    """How many comments and statuses stand in the file beside the note; None in a note of an earlier version, which
    lacks the fields below, too."""
    created_on: str | None = None
    clone_uri: str | None = None
    clone_secret: bytes | None = None
    """The password in it, sealed."""
    fork_of: int | None = None
    forks: list[int] = []
    """Its direct forks."""
    fields: list[tuple[str, str, str, str]] = []
    """Key, label, description and value of each extra field."""
    followers: list[int] = []
    visits: list[tuple[int, str]] = []
    """Who looked at it when, of those for whom it is one of the last few."""
    drafts: list[tuple[int, str, str, str | None, str | None, str]] = []
    """Of comments that were not sent: whose, on which changeset, text, path, line, and when they were written."""
    todos: list[int] = []
    """Which of these are to-dos, by their places in the list."""
    former_names: list[str] = []
    """Oldest first."""
    settings: dict[str, str] = {}
    """Values of its own instead of the site's, as JSON."""
    lock: tuple[int, int, str] | None = None
    """Who held it locked, since when (seconds since the epoch), and the reason."""


class KeptComment(msgspec.Struct, frozen=True, tag="comment"):
    """A row of `changeset_comments`, with the ids of the files that it links to."""

    id: int
    revision: str
    user_id: int | None
    text: str
    status: str | None
    created_on: str
    kind: str
    path: str | None
    line: str | None
    resolves_id: int | None
    edited_on: str | None
    deleted_on: str | None
    attachments: list[int] = []
    former: list[tuple[str, str]] = []
    """What it said before, and until when; oldest first."""


class KeptCheck(msgspec.Struct, frozen=True, tag="check"):
    """A row of `commit_checks`."""

    raw_id: str
    context: str
    state: str
    url: str
    description: str
    user_id: int | None
    updated_on: str


Kept = KeptComment | KeptCheck


@dataclass(frozen=True, slots=True)
class Announced:
    """A deletion that is about to happen."""

    label: str
    note: Note


def note_of(db: Connection, caller: Caller, repository: Repository) -> Announced:
    """The note of a repository that is to be deleted, as it is now."""

    def rows(table: Any, *columns: Any, order: Any) -> list[Any]:
        of_it = table.c.object_id if table is repository_grants else table.c.repository_id
        return list(db.execute(select(*columns).where(of_it == repository.id).order_by(order)))

    grants, fields = repository_grants.c, repository_fields.c
    of_drafts = [
        comment_drafts.c[name] for name in ("user_id", "revision", "text", "path", "line", "created_on", "kind")
    ]
    drafts = rows(comment_drafts, *of_drafts, order=comment_drafts.c.id)
    secret = select(repositories.c.clone_secret).where(repositories.c.id == repository.id)
    forks = select(repositories.c.id).where(repositories.c.fork_of_id == repository.id).order_by(repositories.c.id)
    note = Note(
        repo_id=repository.id,
        name=repository.name,
        kind=repository.kind,
        owner=repository.owner,
        owner_id=repository.owner_id,
        description=repository.description,
        private=repository.private,
        deleted_by=caller.username,
        archived=repository.archived,
        landing_rev=repository.landing_rev,
        enable_downloads=repository.enable_downloads,
        enable_locking=repository.enable_locking,
        enable_statistics=repository.enable_statistics,
        permissions=[
            (user_id, group_id, level)
            for user_id, group_id, level in rows(
                repository_grants, grants.user_id, grants.group_id, grants.level, order=grants.id
            )
        ],
        said=_count(db, changeset_comments, repository.id) + _count(db, commit_checks, repository.id),
        created_on=repository.created_on,
        clone_uri=repository.clone_uri,
        clone_secret=db.execute(secret).scalar(),
        fork_of=repository.fork_of_id,
        forks=list(db.execute(forks).scalars()),
        fields=[
            (key, label, description, value)
            for key, label, description, value in rows(
                repository_fields, fields.key, fields.label, fields.description, fields.value, order=fields.id
            )
        ],
        followers=[
            user_id
            for (user_id,) in rows(
                repository_followers, repository_followers.c.user_id, order=repository_followers.c.user_id
            )
        ],
        visits=[
            (user_id, visited_on)
            for user_id, visited_on in rows(visits, visits.c.user_id, visits.c.visited_on, order=visits.c.user_id)
        ],
        drafts=[
            (user_id, revision, text, path, line, created_on)
            for user_id, revision, text, path, line, created_on, _ in drafts
        ],
        todos=[place for place, draft in enumerate(drafts) if draft.kind == "todo"],
        former_names=[name for (name,) in rows(former_names, former_names.c.name, order=former_names.c.id)],
        settings=dict(
            rows(
                *(repository_settings, repository_settings.c.key, repository_settings.c.value),
                order=repository_settings.c.key,
            )
        ),
        lock=None
        if repository.locked_by_id is None
        else (repository.locked_by_id, repository.locked_on or 0, repository.lock_reason or ""),
    )
    return Announced(f"{now().replace(':', '')}-{repository.id}", note)


def _count(db: Connection, table: Any, repository_id: int) -> int:
    return int(db.execute(select(func.count()).where(table.c.repository_id == repository_id)).scalar_one())


def announced(site: Site, deletion: Announced) -> Move:
    """Write the note of a deletion; returns the move to the trash."""
    _write(site, deletion)
    return Move(site.tree.path_of(deletion.note.name), site.tree.trash / deletion.label)


def renew(db: Connection, site: Site, before: Announced, present: Announced) -> None:
    """Write the note and the comments as they are now, in the transaction that holds the rows and then deletes them."""
    if before.note != present.note:
        _write(site, Announced(before.label, present.note))
    if present.note.said:
        lines = (msgspec.json.encode(kept) + b"\n" for kept in _said(db, present.note.repo_id))
        _put(said_path(site, before.label), lines)


def _write(site: Site, deletion: Announced) -> None:
    _put(note_path(site, deletion.label), [msgspec.json.encode(deletion.note)])


def _put(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file, closed to other accounts, and make it durable."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as stream:
        stream.writelines(pieces)
        stream.flush()
        os.fsync(stream.fileno())
    sync_directory(path.parent)


def _said(db: Connection, repository_id: int) -> Iterator[Kept]:
    """Every comment, oldest first, and every status; read while they are written down."""
    comments = changeset_comments
    of_it = comments.c.repository_id == repository_id
    linked: dict[int, list[int]] = {}
    for comment_id, attachment_id in db.execute(
        select(comment_attachments.c.comment_id, comment_attachments.c.attachment_id)
        .join(comments, comments.c.id == comment_attachments.c.comment_id)
        .where(of_it)
    ):
        linked.setdefault(comment_id, []).append(attachment_id)
    before: dict[int, list[tuple[str, str]]] = {}
    for comment_id, text, replaced_on in db.execute(
        select(comment_texts.c.comment_id, comment_texts.c.text, comment_texts.c.replaced_on)
        .join(comments, comments.c.id == comment_texts.c.comment_id)
        .where(of_it)
        .order_by(comment_texts.c.id)
    ):
        before.setdefault(comment_id, []).append((text, replaced_on))
    columns = [name for name in KeptComment.__struct_fields__ if name not in ("attachments", "former")]
    for row in db.execute(_streamed(comments, columns).where(of_it).order_by(comments.c.id)):
        fields: dict[str, Any] = dict(zip(columns, row, strict=True))
        yield KeptComment(**fields, attachments=linked.get(row.id, []), former=before.get(row.id, []))
    checks = _streamed(commit_checks, KeptCheck.__struct_fields__)
    for row in db.execute(checks.where(commit_checks.c.repository_id == repository_id)):
        yield KeptCheck(*row)


def _streamed(table: Any, columns: Iterable[str]) -> Any:
    return select(*(table.c[name] for name in columns)).execution_options(yield_per=_AT_A_TIME)


def note_path(site: Site, label: str) -> Path:
    """Where the note of an entry is."""
    return site.tree.trash / f"{label}.json"


def said_path(site: Site, label: str) -> Path:
    """Where the comments and statuses of an entry are."""
    return site.tree.trash / f"{label}.said"


def read(site: Site, label: str) -> Note | None:
    """The note of an entry; None where it is lost."""
    try:
        return msgspec.json.decode(note_path(site, label).read_bytes(), type=Note)
    except (OSError, msgspec.MsgspecError):
        return None


def read_said(site: Site, label: str, count: int) -> Iterator[Kept]:
    """The comments and statuses of an entry; raises `Invalid` when they are not all there or cannot be read."""
    found = 0
    try:
        if count:
            with said_path(site, label).open("rb") as stream:
                for line in stream:
                    yield msgspec.json.decode(line, type=Kept)
                    found += 1
    except (OSError, msgspec.MsgspecError) as error:
        raise Invalid(f"the comments of {label} cannot be read: {error}") from error
    if found != count:
        raise Invalid(f"the comments of {label} are not complete")


def forget(site: Site, label: str) -> None:
    """Remove the notes of an entry that is not in the trash any more."""
    for path in (said_path(site, label), note_path(site, label)):
        path.unlink(missing_ok=True)
    sync_directory(site.tree.trash)


def tidy(site: Site) -> None:
    """Remove notes whose repository never got to the trash, or has left it.

    Not those that are young: another process may be about to delete what they tell of.
    """
    for pattern in ("*.json", "*.said"):
        for note in site.tree.trash.glob(pattern):
            with contextlib.suppress(FileNotFoundError):
                if note.stat().st_mtime < time.time() - _YOUNG and not note.with_suffix("").exists():
                    note.unlink()
