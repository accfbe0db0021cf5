# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines are followed backwards through versions; the same is told when they are followed forwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.vcs.annotation import lines_of, origins_of
from trivium.vcs.errors import NotText

contents = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\r\n", b"\n", b"d\x0b\x85\n"]), max_size=8).map(b"".join)
versions = st.lists(st.builds(bytes.__add__, contents, st.sampled_from([b"", b"end"])), min_size=1, max_size=6)


@given(versions)
def test_a_line_is_in_every_version_since_the_one_that_it_comes_from(history: list[bytes]) -> None:
    newest_first = [(str(number), content) for number, content in enumerate(history)][::-1]
    origins = origins_of(iter(newest_first))
    lines = lines_of(history[-1])
    assert b"".join(lines) == history[-1]
    assert len(origins) == len(lines)
    for line, origin in zip(lines, origins, strict=True):
        assert all(line in lines_of(content) for content in history[int(origin) :])
    for number, content in enumerate(history):
        if all(content == later for later in history[number:]):
            assert all(int(origin) <= number for origin in origins), "what changes nothing brings nothing"


def test_versions_are_asked_for_only_as_long_as_a_line_is_unknown() -> None:
    def told() -> Iterator[tuple[str, bytes]]:
        yield "3", b"new\n"
        yield "2", b"all\nthat was\n"
        raise AssertionError("nobody needs this")

    assert origins_of(told()) == ["3"]


def test_one_life_of_a_file() -> None:
    life = [
        ("5", b"one\nTWO\nthree\nfour"),
        ("4", b"one\r\nTWO\nthree\nfour"),
        ("3", b"zero\0\none\nTWO\nthree\n"),
        ("2", b"one\ntwo\nthree\n"),
        ("1", b""),
    ]
    assert origins_of(iter(life)) == ["5", "3", "2", "4"]


def test_a_file_with_a_nul_has_no_lines() -> None:
    with pytest.raises(NotText):
        lines_of(b"a\0\n")
    assert lines_of(b"") == []
    assert lines_of(b"a\rb\x85\r\nc") == [b"a\rb\x85\r\n", b"c"]
