# SPDX-License-Identifier: GPL-3.0-or-later
"""Large answers are files: written in pieces, read in pieces, and whole or not there at all."""

from __future__ import annotations

import errno
import json
import os
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from trivium.forge.caches import answers
from trivium.forge.caches.answers import SMALL, Draft, Kept, open_kept


def _draft(place: Path) -> Draft:
    return Draft(place / "cache" / "answer", place / "cache" / ".answer")


def _names(place: Path) -> list[str]:
    return [path.name for path in (place / "cache").iterdir()]


def _bytes(found: Kept | bytes | None) -> bytes:
    assert found is not None
    return found.whole() if isinstance(found, Kept) else found


def test_small_answers_are_texts_and_large_ones_files(tmp_path: Path) -> None:
    for size, kind in ((0, bytes), (SMALL, bytes), (SMALL + 1, Kept), (5 * SMALL, Kept)):
        content = os.urandom(size)
        with _draft(tmp_path) as draft:
            draft.write(content[: size // 2])
            draft.write(content[size // 2 :])
            made, kept = draft.finish(keep=True)
        found = open_kept(tmp_path / "cache" / "answer")
        assert isinstance(found, kind)
        assert isinstance(made, kind)
        assert _bytes(made) == _bytes(found) == content
        assert kept == size
        assert _names(tmp_path) == ["answer"]


def test_what_is_not_to_be_kept_is_sent_and_leaves_nothing(tmp_path: Path) -> None:
    content = os.urandom(3 * SMALL)
    with _draft(tmp_path) as draft:
        draft.write(content)
        made, kept = draft.finish(keep=False)
    assert isinstance(made, Kept)
    assert (made.whole(), kept) == (content, 0)
    assert _names(tmp_path) == []
    made.close()
    made.close()


def test_whoever_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails() -> Iterator[str]:
        yield "x" * 3 * SMALL
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), _draft(tmp_path) as draft:
        draft.write_value(fails())
    assert _names(tmp_path) == []


def test_items_are_written_one_by_one(tmp_path: Path) -> None:
    def items(count: int) -> Iterator[dict[str, str]]:
        for _ in range(count):
            yield {"text": "x" * 100_000}

    with _draft(tmp_path) as draft:
        draft.write_value(items(3))  # and then somebody looks again
        tracemalloc.start()
        draft.write_value(items(100))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        made, _ = draft.finish(keep=True)
    assert peak < 2_000_000
    assert json.loads(_bytes(made)) == list(items(100))
    for value in ([], [1, "two"], {"a": None}, "text", None):
        with _draft(tmp_path) as draft:
            draft.write_value(value)
            assert json.loads(_bytes(draft.finish(keep=True)[0])) == value
    with _draft(tmp_path) as draft:
        draft.write_value(iter(()))
        assert _bytes(draft.finish(keep=True)[0]) == b"[]"


@pytest.mark.parametrize("writes", [0, 1, 3])
def test_a_full_disk_costs_memory_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    plain, left = os.pwrite, [writes]

    def refused(descriptor: int, data: bytes, offset: int) -> int:
        if not left[0]:
            raise OSError(errno.ENOSPC, "no room")
        left[0] -= 1
        return plain(descriptor, data[:50_000], offset)

    monkeypatch.setattr(answers.os, "pwrite", refused)
    content = os.urandom(3 * SMALL)
    with _draft(tmp_path) as draft:
        for at in range(0, len(content), 10_000):
            draft.write(content[at : at + 10_000])
        made, kept = draft.finish(keep=True)
    assert (made, kept) == (content, 0)
    assert open_kept(tmp_path / "cache" / "answer") is None
    assert _names(tmp_path) == []


def test_what_a_crash_has_cut_off_is_not_there(tmp_path: Path) -> None:
    with _draft(tmp_path) as draft:
        draft.write(os.urandom(3 * SMALL))
        draft.finish(keep=True)
    path = tmp_path / "cache" / "answer"
    whole = path.read_bytes()
    for left in (0, 5, 8, 9, len(whole) - 1):
        path.write_bytes(whole[:left])
        assert open_kept(path) is None
    path.write_bytes(bytes(len(whole)))
    assert open_kept(path) is None
    path.write_bytes(whole)
    assert open_kept(path) is not None


def test_pieces_are_the_whole(tmp_path: Path) -> None:
    content = os.urandom(3 * SMALL + 7)
    with _draft(tmp_path) as draft:
        draft.write(content)
        made, _ = draft.finish(keep=True)
    assert isinstance(made, Kept)
    (tmp_path / "cache" / "answer").unlink()  # forgotten, while somebody still reads it
    for read in (made.piece, lambda at, most: made.piece_at_hand(at, most) or made.piece(at, most)):
        seen = b""
        while len(seen) < made.size:
            seen += read(len(seen), 50_000)
        assert seen == content
