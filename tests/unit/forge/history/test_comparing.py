# SPDX-License-Identifier: GPL-3.0-or-later
"""The sides of a comparison, as addresses name them."""

from __future__ import annotations

import pytest

from trivium.forge.history.comparing import Ref, RefType, parsed

REV, BRANCH = RefType.REV, RefType.BRANCH


@pytest.mark.parametrize(
    ("text", "left", "right"),
    [
        ("rev@1...rev@2", Ref(REV, "1"), Ref(REV, "2")),
        ("branch@a/b...tag@v1.0", Ref(BRANCH, "a/b"), Ref(RefType.TAG, "v1.0")),
        ("book@x@y...rev@tip", Ref(RefType.BOOK, "x@y"), Ref(REV, "tip")),
        ("branch@a...b...branch@c", Ref(BRANCH, "a...b"), Ref(BRANCH, "c")),
        ("rev@a....rev@b", Ref(REV, "a."), Ref(REV, "b")),
        ("rev@a...rev@b...rev@c", Ref(REV, "a"), Ref(REV, "b...rev@c")),
        ("1...2", Ref(REV, "1"), Ref(REV, "2")),
        ("stable...tag@v1.0", Ref(REV, "stable"), Ref(RefType.TAG, "v1.0")),
        ("branch@a/b...v1.0", Ref(BRANCH, "a/b"), Ref(REV, "v1.0")),
        ("trunk@4...branches/side@7", Ref(REV, "trunk@4"), Ref(REV, "branches/side@7")),
        ("REV@1...rev@2", Ref(REV, "REV@1"), Ref(REV, "2")),
    ],
)
def test_two_sides(text: str, left: Ref, right: Ref) -> None:
    assert parsed(text) == (left, right)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "...",
        "rev@1",
        "rev@1...",
        "...rev@1",
        "rev@1..rev@2",
        "rev@...rev@1",
        "1...branch@",
        "tag...1",
    ],
)
def test_what_names_no_sides(text: str) -> None:
    assert parsed(text) is None


def test_many_dots_take_no_time() -> None:
    """It is bounded by the length of an address."""
    assert parsed("rev@" + "." * 8000) is None
    assert parsed("." * 8000) is None
    assert parsed("x" + "." * 8000) == (Ref(REV, "x"), Ref(REV, "." * 7997))
