# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a file will be is known before it is made, in whatever pieces its difference comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.wire.admission import Refused
from trivium.wire.svn.svndiff import Scale


def number(value: int) -> bytes:
    found = [value & 0x7F]
    while value := value >> 7:
        found.append(value & 0x7F | 0x80)
    return bytes(reversed(found))


def window(result: int, instructions: bytes = b"i", new: bytes = b"") -> bytes:
    lengths = (0, 0, result, len(instructions), len(new))
    return b"".join(map(number, lengths)) + instructions + new


@given(
    st.lists(st.tuples(st.integers(600, 102400), st.binary(max_size=40), st.binary(max_size=300)), max_size=8),
    st.lists(st.integers(0, 3000), max_size=8),
)
def test_the_sum_of_the_windows_is_known(windows: list[tuple[int, bytes, bytes]], places: list[int]) -> None:
    text = b"SVN\1" + b"".join(window(*one) for one in windows)
    ends = sorted(place % (len(text) + 1) for place in places)
    scale, size = Scale(), 0
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        size = scale.weigh(text[start:end])
    assert size == sum(result for result, _, _ in windows)


def test_a_few_bytes_that_stand_for_many_are_known_at_once() -> None:
    assert Scale().weigh(b"SVN\0" + window(1 << 40)) == 1 << 40


@pytest.mark.parametrize("text", [b"abcd", b"SVN\7", b"SVN\0" + b"\xff" * 20, b"SVN\0" + window(1) * 1000])
def test_what_is_no_difference_is_refused(text: bytes) -> None:
    with pytest.raises(Refused):
        Scale().weigh(text)
