# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences of usual changesets come from a process that others ask meanwhile: whole, and without it waiting."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from tests.support.places import Place, new_place
from trivium.vcs.hg.server.request import MOST_AT_ONCE
from trivium.vcs.pages import DiffOptions

_WHOLE = DiffOptions(per_file=64 << 20, total=64 << 20)
_SOCKET = 256 << 10
"""Bytes, about, that are sent to somebody who does not read."""


@pytest.fixture
def hg_place(tmp_path: Path) -> Iterator[Place]:
    with new_place("hg", tmp_path) as made:
        yield made


def files(size: int) -> dict[str, str | bytes | None]:
    """Ten files of so many bytes together."""
    dice = random.Random(size)
    line = "".join(dice.choices("abcdefghij", k=63)) + "\n"
    return {f"file{at}": (line * (size // 640 + 1))[: size // 10] for at in range(10)}


@pytest.mark.parametrize("size", [1_000, _SOCKET + (64 << 10), MOST_AT_ONCE + (64 << 10), 4 * MOST_AT_ONCE])
def test_differences_of_any_size_are_whole(hg_place: Place, size: int) -> None:
    raw_id = hg_place.change(**files(size))
    with hg_place.open() as snapshot:
        found = list(snapshot.differences(None, raw_id, _WHOLE))
    assert [one.new_path for one in found] == [f"file{at}" for at in range(10)]
    assert [one.hunks.count(b"\n+") for one in found] == [len(text.splitlines()) for text in files(size).values()]  # type: ignore[union-attr]


def test_others_are_answered_before_all_was_read(hg_place: Place) -> None:
    raw_id = hg_place.change(**files(_SOCKET + (64 << 10)))
    with hg_place.open() as slow, hg_place.open() as other:
        reading = [slow.differences(None, raw_id, _WHOLE) for _ in range(8)]
        firsts = [next(iter(one)).new_path for one in reading]
        assert [one.raw_id for one in other.changesets([raw_id])] == [raw_id]
        assert len(list(other.differences(None, raw_id, _WHOLE))) == 10
        rests = [[one.new_path for one in islice(each, 20)] for each in reading]
    assert firsts == ["file0"] * 8
    assert rests == [[f"file{at}" for at in range(1, 10)]] * 8


def test_who_goes_away_costs_nobody_else_an_answer(hg_place: Place) -> None:
    raw_id = hg_place.change(**files(_SOCKET + (64 << 10)))
    with hg_place.open() as snapshot:
        for _ in range(40):
            left = snapshot.differences(None, raw_id, _WHOLE)
            next(left)
            left.close()  # type: ignore[attr-defined]
        assert len(list(snapshot.differences(None, raw_id, _WHOLE))) == 10
