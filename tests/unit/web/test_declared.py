# SPDX-License-Identifier: GPL-3.0-or-later
"""How contents are declared: nothing that a page could run, or be styled with."""

from __future__ import annotations

import mimetypes

import pytest

from trivium.language import language
from trivium.web.declared import BINARY, picture_of, shown_type, type_by_name
from trivium.web.showing.sizes import size

NAMES = [
    "a.html",
    "a.htm",
    "a.xhtml",
    "a.svg",
    "a.svgz",
    "a.xml",
    "a.js",
    "a.mjs",
    "a.css",
    "a.pdf",
    "a.swf",
    "a.html.gz",
]


@pytest.mark.parametrize("name", NAMES)
def test_what_browsers_run_is_only_bytes(name: str) -> None:
    assert type_by_name(name) == BINARY


def test_no_known_ending_is_something_that_runs() -> None:
    kinds = {type_by_name(f"x{ending}") for ending in [*mimetypes.types_map, *mimetypes.common_types]}
    assert not [kind for kind in kinds if "script" in kind or "html" in kind or "css" in kind or "xml" in kind]


def test_types_of_names() -> None:
    assert type_by_name("a.png") == "image/png"
    assert type_by_name("a.txt") == "text/plain; charset=utf-8"
    assert type_by_name("Makefile") == type_by_name("data:text/html,x") == BINARY


def test_pictures_are_known_by_their_beginning() -> None:
    assert picture_of(b"\x89PNG\r\n\x1a\nrest") == "image/png"
    assert picture_of(b"RIFF\0\0\0\0WEBPVP8 ") == "image/webp"
    assert picture_of(b"RIFF\0\0\0\0WAVE") == picture_of(b"<svg/>") == picture_of(b"") == ""
    assert (picture_of(b"\0\0\1\0"), shown_type(b"\0\0\1\0")) == ("", "image/x-icon")


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, ""),
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (15_500, "15.5 kB"),
        (99_949, "99.9 kB"),
        (319_000, "319 kB"),
        (999_949, "1000 kB"),
        (999_950, "1.0 MB"),
        (5 << 30, "5.4 GB"),
        (10**16, "10000 TB"),
    ],
)
def test_sizes_in_words(count: int | None, text: str) -> None:
    assert size(count, language("en")) == text
