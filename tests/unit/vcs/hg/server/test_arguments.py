# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of Mercurial's requests: one parser, of any bytes, in linear time."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import assert_linear
from trivium.vcs.hg.frames import NotUnderstood
from trivium.vcs.hg.server.arguments import parse

NAMES = st.binary(max_size=20).filter(lambda name: name != b"cmd")


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=20), st.booleans())
def test_what_clients_encode_arrives(arguments: dict[bytes, bytes], in_two: bool) -> None:
    items = list(arguments.items())
    cut = len(items) // 2 if in_two else 0
    texts = [urlencode(part).encode() for part in (items[:cut], items[cut:])]
    assert parse(b"cmd=x&" + texts[0], texts[1]) == arguments


def test_what_can_be_understood_in_two_ways_is_refused() -> None:
    many = b"&".join([b"a%d=" % number for number in range(2000)])
    for sources in ((b"a=1&a=2",), (b"a=1", b"%61=1"), (b"cmd=x", b"cmd=y"), (many,)):
        with pytest.raises(NotUnderstood):
            parse(*sources)


@pytest.mark.parametrize("piece", [b"%", b"%4", b"%41", b"+", b"=", b"a", b"%%%", b"\xff"])
def test_no_text_takes_longer_than_its_length(piece: bytes) -> None:
    assert_linear(parse, lambda size: b"a=" + piece * (size // len(piece)), most=1 << 20, what=piece)
