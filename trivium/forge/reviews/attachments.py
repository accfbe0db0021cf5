# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that comments link to (api-reviews.md 6, file_store_add).

Each file has a row, and stands in `<data>/attachments` under its `fid`, a name that nobody guesses. The file is made
durable before the row. A kill in between leaves a file without a row: nobody can fetch it, and a start after some
minutes removes it (`forget_unfinished`). Nothing else removes a file; a deleted comment may come back with its
repository.

The uploader of a file may fetch it, and so may everybody who may read a comment that links to it, as long as they may.
A comment links only to files that its writer may fetch at the moment of writing. So repeating an address opens a file
to nobody, not even to a writer who has lost the right to it.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog
from sqlalchemy import Connection, bindparam, delete, func, insert, select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.access.permissions import REPOSITORIES, binds, effective_level
from trivium.errors import Invalid
from trivium.forge.events import journal
from trivium.forge.events.reviews import AttachmentAdded
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.engine import insert_id
from trivium.store.tables import attachments as table
from trivium.store.tables import changeset_comments, comment_attachments, now, repositories, users
from trivium.tree.disk import check_free, sync_directory

_log = structlog.get_logger(__name__)

ADDRESS: Final = "/_file_store/download/"
"""Where files are fetched, before their `fid`."""

_FID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?:\.[a-z0-9]{1,16})?", re.ASCII)
_LINK: Final = re.compile(re.escape(ADDRESS) + f"({_FID.pattern})", re.ASCII)
_ENDING: Final = re.compile(r"\.[a-z0-9]{1,16}", re.ASCII)
_MOST_LINKS: Final = 100
"""Of one comment."""
_MAX_NAME: Final = 255
"""Bytes."""
_YOUNG: Final = 300.0
"""Seconds: a younger file may belong to a process that is still dying."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file as a reader gets it."""

    name: str
    """Its name where it comes from."""
    size: int


def add(site: Site, caller: Caller, name: str, content: bytes) -> str:
    """Keep a file of the caller; returns its `fid`. Raises `Invalid` or `StorageFull`."""
    _check_name(name)
    most = site.settings.max_attachment_bytes
    if len(content) > most:
        raise Invalid(f"a file has at most {most} bytes (max_attachment_bytes)")
    with site.store.read() as db:
        _check_room(db, site, caller, len(content))
    directory = _directory(site)
    directory.mkdir(mode=0o700, exist_ok=True)
    check_free(directory, site.settings.min_free_bytes, len(content))
    ending = _ENDING.fullmatch(Path(name).suffix.lower())
    fid = f"{uuid.uuid4()}{ending[0] if ending else ''}"
    path = directory / fid
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        sync_directory(directory)
        with site.store.write(access_unchanged=True) as db:
            # Two uploads of one account follow each other, on every database.
            db.execute(select(users.c.id).where(users.c.id == caller.user_id).with_for_update())
            _check_room(db, site, caller, len(content))
            insert_id(db, table, fid=fid, user_id=caller.user_id, name=name, size=len(content), created_on=now())
            journal.record(db, caller, AttachmentAdded(subject=name, fid=fid, size=len(content)))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return fid


def _check_room(db: Connection, site: Site, caller: Caller, size: int) -> None:
    """Refuse a file that makes the caller's uploads too large together (max_user_attachments)."""
    most = site.settings.max_user_attachments
    if not most or caller.super_admin:
        return
    taken = db.execute(select(func.sum(table.c.size)).where(table.c.user_id == caller.user_id)).scalar() or 0
    if taken + size > most:
        raise Invalid(f"the files of one user have at most {most} bytes together (max_user_attachments)")


def _check_name(name: str) -> None:
    """A plain file name, as far as it can be shown and sent in a header."""
    if not name or len(name) > _MAX_NAME or not is_clean_text(name) or len(name.encode()) > _MAX_NAME:
        raise Invalid(f"the name of a file has 1 to {_MAX_NAME} bytes")
    if name in (".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise Invalid("the name of a file has no directory and no control characters")


def _directory(site: Site) -> Path:
    return site.settings.data / "attachments"


def link(db: Connection, caller: Caller, comment_id: int, text: str) -> None:
    """Note which files the text of a comment links to, instead of those noted before.

    For the transaction in which the comment is written. Files that the writer may not fetch are not among them.
    """
    fids = list(dict.fromkeys(found[1] for found in _LINK.finditer(text)))[:_MOST_LINKS]
    linked = []
    if fids:
        rows = db.execute(select(table.c.id, table.c.user_id).where(table.c.fid.in_(fids))).all()
        # Before the earlier notes go: the writer may have a file only by this very comment.
        linked = [row.id for row in rows if _may_fetch(db, caller, row.id, row.user_id)]
    db.execute(delete(comment_attachments).where(comment_attachments.c.comment_id == comment_id))
    link_to(db, comment_id, linked)


def link_to(db: Connection, comment_id: int, linked: list[int]) -> None:
    """Note the ids of files that a comment links to."""
    if linked:
        db.execute(insert(comment_attachments), [{"comment_id": comment_id, "attachment_id": one} for one in linked])


_READABLE: Final = (
    select(comment_attachments.c.comment_id)
    .join(changeset_comments, changeset_comments.c.id == comment_attachments.c.comment_id)
    .join(repositories, repositories.c.id == changeset_comments.c.repository_id)
    .where(comment_attachments.c.attachment_id == bindparam("sought"), effective_level(REPOSITORIES) >= int(Level.READ))
    .limit(1)
)


def _may_fetch(db: Connection, caller: Caller, attachment_id: int, user_id: int | None) -> bool:
    if caller.super_admin or (user_id == caller.user_id and not caller.anonymous):
        return True
    return db.execute(_READABLE, binds(caller) | {"sought": attachment_id}).first() is not None


def open_for(site: Site, caller: Caller, fid: str) -> tuple[Attachment, BinaryIO] | None:
    """A file that the caller may fetch, opened; None where there is none for them."""
    if not _FID.fullmatch(fid):
        return None
    with site.store.read() as db:
        row = db.execute(select(table.c.id, table.c.user_id, table.c.name).where(table.c.fid == fid)).first()
        if row is None or not _may_fetch(db, caller, row.id, row.user_id):
            return None
    try:
        stream = open(os.open(_directory(site) / fid, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")  # noqa: SIM115  # the caller closes it
    except OSError as error:
        _log.error("a file that comments link to cannot be read", fid=fid, why=str(error))
        return None
    return Attachment(row.name, os.fstat(stream.fileno()).st_size), stream


def forget_unfinished(site: Site) -> None:
    """Remove files whose upload was killed before they had a row. To be called while nobody else is at work."""
    directory = _directory(site)
    if not directory.is_dir():
        return
    found = [path for path in directory.iterdir() if _FID.fullmatch(path.name)]  # what else is there is not ours
    with site.store.read() as db:
        known = {fid for (fid,) in db.execute(select(table.c.fid))}
    for path in found:
        if path.name not in known:
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime < time.time() - _YOUNG:
                    path.unlink()
