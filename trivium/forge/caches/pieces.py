# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about one commit or one file that never change, kept for all workers: `<data>/cache/<id>/pieces.db`.

Whole answers are kept under the state of the history that they show (`forge/caches/files.py`), and each push changes
that state. The diffs of a commit, and the lines of a file's content, never change. So after a push only its own commits
and files have to be read.

Nobody waits for the database: while another process writes, nothing is found and nothing is kept. SQLite rolls back the
journal of a killed process. A crash of the machine may damage anything, so each piece has its checksum, and a broken
database is removed.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from trivium import __version__
from trivium.forge.site import Site

LARGEST: Final = 256 << 10
"""Bytes of one piece; larger ones are read anew."""
MOST: Final = 96 << 20
"""Bytes of all pieces of a repository, with what SQLite needs."""
_PAGE: Final = 4096
_AT_A_TIME: Final = 100
_ASKED_AT_ONCE: Final = 500
_KEY_BYTES: Final = 20
_TOGETHER: Final = 2 << 20
"""About how many bytes one transaction keeps."""

_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS pieces (key BLOB PRIMARY KEY, checksum INTEGER NOT NULL, content BLOB NOT NULL)"
)

T = TypeVar("T")


class Pieces:
    """The pieces of one repository. Losing them costs time, nothing else."""

    def __init__(self, site: Site, repository_id: int) -> None:
        self._path = site.cache_of(repository_id) / "pieces.db"

    def read(self, digests: Sequence[bytes]) -> Reading:
        """The pieces kept under these digests of keys, to be taken in about this order."""
        known: set[bytes] = set()

        def look(db: sqlite3.Connection) -> None:
            for at in range(0, len(digests), _ASKED_AT_ONCE):
                some = digests[at : at + _ASKED_AT_ONCE]
                known.update(row[0] for row in db.execute(_known(len(some)), some).fetchall())

        if self._path.exists():
            self._asked(look)
        return Reading(self, [digest for digest in digests if digest in known])

    def get(self, digests: Sequence[bytes]) -> dict[bytes, bytes]:
        """The pieces kept under a few digests of keys."""

        def look(db: sqlite3.Connection) -> dict[bytes, bytes]:
            rows = db.execute(_content(len(digests)), digests).fetchall()
            return {digest: content for digest, checksum, content in rows if zlib.crc32(content) == checksum}

        return self._asked(look) or {}

    def put(self, pieces: Mapping[bytes, bytes]) -> None:
        """Keep pieces; nothing is kept while somebody else is writing."""
        rows = [(digest, zlib.crc32(content), content) for digest, content in pieces.items()]
        if rows:
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._asked(lambda db: _write(db, rows))

    def _asked(self, act: Callable[[sqlite3.Connection], T]) -> T | None:
        """Open the database and return what `act` finds; None when that is impossible or has to wait.

        It is opened for each question, so nobody holds a cleared database open.
        """
        try:
            with contextlib.closing(sqlite3.connect(self._path, timeout=0, isolation_level=None)) as db:
                db.execute("PRAGMA synchronous=OFF")
                db.execute(f"PRAGMA max_page_count={MOST // _PAGE}")
                return act(db)
        except (OSError, sqlite3.OperationalError):
            return None  # somebody is writing, or nothing has been written, or the disk is full
        except sqlite3.DatabaseError:
            self._remove()
            return None

    def _remove(self) -> None:
        """Remove a broken database, its journal first: that must not be applied to a new database."""
        for path in (self._path.with_name(f"{self._path.name}-journal"), self._path):
            with contextlib.suppress(OSError):
                path.unlink()


def _write(db: sqlite3.Connection, rows: list[tuple[bytes, int, bytes]]) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute(_TABLE)
        db.executemany("INSERT OR REPLACE INTO pieces VALUES (?, ?, ?)", rows)
        db.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if db.in_transaction:
            db.execute("ROLLBACK")
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        # The older half makes room for the next ones.
        db.execute("DELETE FROM pieces WHERE rowid <= (SELECT (min(rowid) + max(rowid)) / 2 FROM pieces)")


def digest_of(*key: str | int | None) -> bytes:
    """The digest that a piece is kept under."""
    # Another version may have kept pieces of another shape.
    return hashlib.blake2b(msgspec.json.encode((__version__, key)), digest_size=_KEY_BYTES).digest()


# These get only question marks inserted.


def _known(count: int) -> str:
    return f"SELECT key FROM pieces WHERE key IN ({','.join('?' * count)})"  # noqa: S608


def _content(count: int) -> str:
    return f"SELECT key, checksum, content FROM pieces WHERE key IN ({','.join('?' * count)})"  # noqa: S608


class Reading:
    """Pieces that are there, a few at a time in memory."""

    def __init__(self, pieces: Pieces | None, known: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._known = frozenset(known)
        self._next = iter(dict.fromkeys(known))
        self._at_hand: dict[bytes, bytes] = {}

    def has(self, digest: bytes) -> bool:
        """Whether a piece was there when the reading began."""
        return digest in self._known

    def take(self, digest: bytes, decoder: msgspec.json.Decoder[T]) -> T | None:
        """A piece that was there; None when it is gone by now, or is damaged."""
        if digest not in self._at_hand and self._pieces is not None:
            some = list(itertools.islice(self._next, _AT_A_TIME))
            self._at_hand = self._pieces.get(some if digest in some else [digest])
        content = self._at_hand.get(digest)
        try:
            return None if content is None else decoder.decode(content)
        except msgspec.DecodeError:
            return None


NOTHING: Final = Reading(None, ())
"""Nothing is there."""


class Made:
    """Pieces that were made, to be kept together."""

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._made: dict[bytes, bytes] = {}
        self._size = 0

    def add(self, digest: bytes, value: object) -> None:
        """Keep a value soon, unless it is too large."""
        content = msgspec.json.encode(value)
        if len(content) > LARGEST:
            return
        self._made[digest] = content
        self._size += len(content)
        if self._size > _TOGETHER:
            self.keep()

    def keep(self) -> None:
        """Keep what has been added."""
        self._pieces.put(self._made)
        self._made.clear()
        self._size = 0
