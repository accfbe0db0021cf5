# SPDX-License-Identifier: GPL-3.0-or-later
"""What is large is not read for an answer, in whatever system it is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import Place, new_place
from trivium.vcs.budget import Budget, Exhausted, spending


@pytest.fixture(params=["git", "hg", "svn"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with new_place(request.param, tmp_path) as made:
        yield made


def test_of_a_large_file_the_size_is_told_and_no_content(place: Place) -> None:
    raw_id = place.change(large=b"x" * 5000, small=b"x\n")
    with place.open() as snapshot:
        nodes = snapshot.nodes(raw_id, "")
        large, small = snapshot.contents(nodes, 1000)
    assert (large.size, large.data) == (5000, None)
    assert (small.size, small.data) == (2, b"x\n")


def test_walking_ends_when_there_are_too_many_files(place: Place) -> None:
    raw_id = place.change(**{f"d/f{number}": b"x" for number in range(20)})
    with place.open() as snapshot:
        with spending(lambda: Budget(nodes=21)):
            assert len(snapshot.nodes(raw_id, "")) == 21
        with spending(lambda: Budget(nodes=20)), pytest.raises(Exhausted):
            snapshot.nodes(raw_id, "")
        with spending(lambda: Budget(nodes=19)), pytest.raises(Exhausted):
            list(snapshot.changes([raw_id], None))
