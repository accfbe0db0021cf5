# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of contents, as RFC 9110 has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.forge.history.files import _part
from trivium.web.ranges import NotSatisfiable, wanted


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-499", (0, 500)),
        ("bytes=500-999", (500, 1000)),
        ("bytes=-500", (500, 1000)),
        ("bytes=999-", (999, 1000)),
        ("bytes=990-99999999999999999999", (990, 1000)),
        ("bytes=-99999999999999999999", (0, 1000)),
        ("Bytes = 3 - 4 ", (3, 5)),
        ("bytes=0-0,-1", None),
        ("bytes=4-3", None),
        ("bytes=-", None),
        ("bytes 0-1", None),
        ("items=0-1", None),
        ("bytes=0-1 x", None),
        ("bytes=\u0661-2", None),
        ("", None),
    ],
)
def test_what_a_header_asks_for(header: str, part: tuple[int, int] | None) -> None:
    assert wanted(header, 1000) == part


@pytest.mark.parametrize(
    ("header", "length"),
    [("bytes=1000-", 1000), ("bytes=99999999999999999999-", 1000), ("bytes=-0", 10), ("bytes=0-", 0), ("bytes=-5", 0)],
)
def test_what_there_is_not(header: str, length: int) -> None:
    with pytest.raises(NotSatisfiable):
        wanted(header, length)


@given(st.lists(st.binary(max_size=20)), st.integers(0, 100), st.integers(0, 100))
def test_a_part_of_pieces_is_the_part_of_the_whole(pieces: list[bytes], start: int, count: int) -> None:
    whole = b"".join(pieces)
    assert b"".join(_part(iter(pieces), start, start + count)) == whole[start : start + count]
    assert b"".join(_part(iter(pieces), start, None)) == whole[start:]
