# SPDX-License-Identifier: GPL-3.0-or-later
"""Pieces are found again by everybody, never wrong, never waited for, and never grow without end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from trivium.forge.caches import pieces as module
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.caches.pieces import LARGEST, Made, Pieces, digest_of
from trivium.forge.site import Site

_texts = msgspec.json.Decoder(str)


def _keep(pieces: Pieces, **values: str) -> None:
    made = Made(pieces)
    for key, value in values.items():
        made.add(digest_of(key), value)
    made.keep()


def _read(pieces: Pieces, *keys: str) -> list[str | None]:
    reading = pieces.read([digest_of(key) for key in keys])
    return [reading.take(digest_of(key), _texts) if reading.has(digest_of(key)) else None for key in keys]


def _file(site: Site) -> Path:
    return site.cache_of(1) / "pieces.db"


def test_what_was_made_is_found_until_it_is_cleared(site: Site) -> None:
    pieces = Pieces(site, 1)
    assert _read(pieces, "a") == [None]
    assert not _file(site).exists()
    many = {f"key{number}": f"value{number}" for number in range(350)}
    _keep(pieces, **many)
    other = Pieces(site, 1)
    assert _read(other, *many, "missing", "key3") == [*many.values(), None, "value3"]
    assert _read(other, *reversed(many)) == list(reversed(many.values()))
    assert _read(Pieces(site, 2), "key1") == [None]
    RepositoryCache(site, 1).clear()
    assert _read(pieces, "key1") == [None]
    _keep(pieces, key1="again")
    assert _read(other, "key1") == ["again"]


def test_what_went_while_it_was_read_is_not_there(site: Site) -> None:
    pieces = Pieces(site, 1)
    _keep(pieces, a="1")
    reading = pieces.read([digest_of("a")])
    RepositoryCache(site, 1).clear()
    assert reading.has(digest_of("a"))
    assert reading.take(digest_of("a"), _texts) is None


def test_large_pieces_are_not_kept(site: Site) -> None:
    pieces = Pieces(site, 1)
    _keep(pieces, large="x" * LARGEST, small="y")
    assert _read(pieces, "large", "small") == [None, "y"]


def test_a_damaged_piece_is_not_believed(site: Site) -> None:
    pieces = Pieces(site, 1)
    _keep(pieces, a="right", b="right")
    with closing(sqlite3.connect(_file(site))) as db, db:
        db.execute("UPDATE pieces SET content = ? WHERE key = ?", (b'"wrong"', digest_of("a")))
    assert _read(pieces, "a", "b") == [None, "right"]


@pytest.mark.parametrize("damage", [b"no database at all" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_file_is_begun_anew(site: Site, damage: bytes) -> None:
    pieces = Pieces(site, 1)
    _keep(pieces, a="1")
    _file(site).write_bytes(damage)
    assert _read(pieces, "a") == [None]
    _keep(pieces, a="2")
    _keep(pieces, a="2")
    assert _read(pieces, "a") == ["2"]


def test_nobody_waits_for_who_is_writing(site: Site) -> None:
    pieces = Pieces(site, 1)
    _keep(pieces, a="1")
    with closing(sqlite3.connect(_file(site), isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert _read(pieces, "a") == [None]
        _keep(pieces, a="2")
        db.execute("ROLLBACK")
    assert _read(pieces, "a") == ["1"]


def test_the_older_half_makes_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 1 << 20)
    pieces = Pieces(site, 1)
    for number in range(100):
        _keep(pieces, **{f"key{number}": str(number) * 20_000})
        assert _file(site).stat().st_size <= 1 << 20
    kept = [value for value in _read(pieces, *(f"key{number}" for number in range(100))) if value]
    assert kept
    assert kept[-1].startswith(("98", "99"))
