# SPDX-License-Identifier: GPL-3.0-or-later
"""Requests that would be a burden are refused before they are decoded; all others are what the parser says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.api.json import MAX_VALUES, Unusable, decode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text('ab"\\[]{},:\u00e9 '),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text('"\\[]{}', max_size=3), inner, max_size=6),
    max_leaves=60,
)


@given(st.dictionaries(st.text('a"\\[{'), VALUES, max_size=5), st.booleans())
def test_what_is_no_burden_is_decoded(request: dict[str, Any], plain: bool) -> None:
    assert decode(json.dumps(request, ensure_ascii=plain).encode(), max_depth=64) == request


@pytest.mark.parametrize("text", ['"[[[["', '"\\\\"', '"\\"[[[["', '"\\\\\\"[[[["'])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_no_text_hides_how_deep_a_request_is(text: str, pair: str) -> None:
    def nested(depth: int) -> bytes:
        opened = pair[0] if pair == "[]" else f"{{{text}:"
        inner = opened * (depth - 1) + text + pair[1] * (depth - 1)
        return f'{{"a":{inner}}}'.encode()

    assert decode(nested(64), max_depth=64)
    for depth in (65, 200, 100_000):
        with pytest.raises(Unusable, match="nested too deeply"):
            decode(nested(depth), max_depth=64)


@pytest.mark.parametrize("piece", ["1,", "[],", "{},", '"a",', '"\\"",', '"\\\\",'])
def test_a_request_has_so_many_values_at_most(piece: str) -> None:
    """Each takes fifty times as much memory as its bytes."""
    few, many = (f'{{"a":[{piece * count}1]}}'.encode() for count in (MAX_VALUES // 3, MAX_VALUES + 10))
    assert decode(few, max_depth=64)
    with pytest.raises(Unusable, match="too many parts"):
        decode(many, max_depth=64)


def test_a_long_text_is_one_value() -> None:
    text = ",:[]{}" * MAX_VALUES
    assert decode(json.dumps({"a": text}).encode(), max_depth=64) == {"a": text}
