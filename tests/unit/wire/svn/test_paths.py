# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of Subversion requests: decoded once, taken apart, translated, and never out of their repository."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import assert_linear
from trivium.wire.admission import Refused
from trivium.wire.svn.paths import Translation, base_segments, parse_path

HERE = Translation(("my group", "a&b"), "7-abc", b"http://apache")
BELOW = Translation(("core",), "7-abc", b"http://apache", ("scm", "é"))


def test_a_path_is_taken_apart() -> None:
    path = parse_path(b"//g%2Fcore/a%20b//c%252fd%2f/")
    assert path.segments == ("g", "core", "a b", "c%2fd")
    assert [path.after(count) for count in range(5)] == [
        b"//g%2Fcore/a%20b//c%252fd%2f/",
        b"%2Fcore/a%20b//c%252fd%2f/",
        b"/a%20b//c%252fd%2f/",
        b"//c%252fd%2f/",
        b"%2f/",
    ]
    assert parse_path(b"/").segments == parse_path(b"").segments == ()


@given(st.text(alphabet="./\\%2eEfF50a", max_size=30))
def test_no_path_has_a_dot_segment_or_a_name_with_a_slash(text: str) -> None:
    try:
        path = parse_path(text.encode())
    except Refused:
        return
    once = unquote(text)
    assert not {".", ".."} & set(once.split("/"))
    assert path.segments == tuple(part for part in once.split("/") if part)
    for count, end in enumerate(path.ends, 1):
        assert tuple(part for part in unquote(text[:end]).split("/") if part) == path.segments[:count]


@pytest.mark.parametrize("path", [b"/a/..", b"/%2e%2E/b", b"/a%2f..%2fb", b"/.", b"/a%00", b"/a/\0", b"/%ff", b"/\xff"])
def test_what_leads_elsewhere_or_is_no_text_is_refused(path: bytes) -> None:
    with pytest.raises(Refused):
        parse_path(path)


@pytest.mark.parametrize(
    "name", ["%2e", "%2e%2e", "a%00b", "..%2f..", "%25252525x", "...", "..\\..", "a\\b", "#1", "?"]
)
def test_what_looks_like_an_escape_after_decoding_is_a_name(name: str) -> None:
    from urllib.parse import quote

    assert parse_path(f"/r/{quote(name, safe='')}/x".encode()).segments == ("r", name, "x")


def test_a_reference_is_translated_and_may_have_any_server() -> None:
    for reference in (
        b"http://host:8/my%20group/a&b/t%20k",
        b"HTTPS://h/my%20group//a%26b/t%20k",
        b"/my%20group/a&b/t%20k",
    ):
        assert HERE.inwards(reference)[0] == b"/7-abc/t%20k"
        assert HERE.inwards(reference)[1] == ("t k",)


@pytest.mark.parametrize("reference", [
    b"/other/x", b"/my%20group/a", b"/my%20group/a&b/../c", b"/7-abc/x", b"http://h/", b"http://h", b"", b"x",
    b"ftp://h/my%20group/a&b", b"/my%20group/a&b/x?y", b"/my%20group/a&b/x#y", b"/my%20group/a&b/x y",
    b"http:///my%20group/../a&b", b"/my%20group/a&b\n/x", b"javascript:/my%20group/a&b", b"/my%2520group/a&b",
])  # fmt: skip
def test_a_reference_to_something_else_is_refused(reference: bytes) -> None:
    with pytest.raises(Refused):
        HERE.inwards(reference)
    with pytest.raises(Refused):
        HERE.destination(reference)
    with pytest.raises(Refused):
        HERE.condition(b"<" + reference + b"> (<opaquelocktoken:1>)")


def test_headers_are_translated() -> None:
    assert HERE.destination(b"https://host:8/my%20group/a&b/!svn/txr/1-1/x") == (
        b"http://apache/7-abc/!svn/txr/1-1/x",
        ("!svn", "txr", "1-1", "x"),
    )
    assert HERE.condition(b'<http://h/my%20group/a&b/f> (<opaquelocktoken:1> [W/"x)"]) (Not <DAV:no>)') == (
        b'<http://apache/7-abc/f> (<opaquelocktoken:1> [W/"x)"]) (Not <DAV:no>)'
    )


@pytest.mark.parametrize("condition", [b"<", b"(", b"(<", b"([", b"x", b"</my%20group/a&b", b"() x", b"(<a)"])
def test_a_condition_that_cannot_be_read_is_refused(condition: bytes) -> None:
    with pytest.raises(Refused):
        HERE.condition(condition)


def test_the_path_of_the_base_address_is_part_of_every_reference() -> None:
    assert base_segments("/scm/%C3%A9") == ("scm", "é")
    assert base_segments("") == ()
    assert BELOW.prefix == "/scm/%C3%A9/core"
    assert BELOW.destination(b"https://host/scm/%c3%a9/core/x")[0] == b"http://apache/7-abc/x"
    assert BELOW.inwards(b"/core/x")[0] == b"/7-abc/x"  # who reaches the server without the proxy
    with pytest.raises(Refused):
        BELOW.inwards(b"/scm/core/x")


@pytest.mark.parametrize("worst", [
    lambda n: b"/a" + b"/" * n,
    lambda n: b"/" + b"a" * n,
    lambda n: b"%2f" * n,
    lambda n: b"%" * n,
    lambda n: b"a" * n + b"://",
    lambda n: b"a" * n + b":",
    lambda n: b"<" * n,
    lambda n: b"(" * n,
    lambda n: b"()" * n,
    lambda n: b"(<>" * n,
    lambda n: b"[" * n,
])  # fmt: skip
def test_the_time_grows_with_the_length_and_not_with_its_square(worst: Callable[[int], bytes]) -> None:
    for what in (parse_path, HERE.inwards, HERE.destination, HERE.condition):

        def work(text: bytes, what: Callable[[bytes], object] = what) -> None:
            with contextlib.suppress(Refused):
                what(text)

        assert_linear(work, worst, most=1 << 18, what=what)
