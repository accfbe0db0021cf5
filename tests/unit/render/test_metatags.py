# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks in descriptions become tags, and nothing else becomes anything (system.md 2.8)."""

from __future__ import annotations

import pytest

from trivium.render.metatags import described


def said(text: str) -> str:
    return str(described(text, lambda name: f"/at/{name}"))


def test_marks_are_tags() -> None:
    assert said("a [featured] b") == 'a <span class="tag good">featured</span> b'
    assert said("[license => MIT]") == said("[license=>MIT ]") == '<span class="tag">license MIT</span>'
    assert said("[requires => a/b]") == '<a class="tag" href="/at/a/b">requires a/b</a>'
    assert 'href="https://example.org/?a=1&amp;b"' in said("[see => https://example.org/?a=1&b]")


@pytest.mark.parametrize(
    "text",
    ["plain", "[other]", "[featured", "[license =>]", "[license => a\nb]", "[lang => " + "x" * 201 + "]", "[[]]"],
)
def test_all_else_stands_as_it_was_written(text: str) -> None:
    assert "tag" not in said(text)


@pytest.mark.parametrize(
    "text",
    [
        "<b>[stale]<script>",
        '[license => "><script>]',
        "[see => javascript:alert(1)]",
        '[see => https://x/"onx=1]',
        '[requires => "><b>]',
    ],
)
def test_nothing_of_it_is_markup(text: str) -> None:
    html = str(described(text, lambda name: f"/at/{name}"))
    assert "<b>" not in html and "<script" not in html and "javascript:" not in html.replace("see javascript:", "")
    assert 'x/"' not in html
