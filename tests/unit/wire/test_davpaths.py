# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths of Subversion requests: taken apart, and translated in whatever pieces they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.wire.admission import Refused
from trivium.wire.davpaths import Translation, parse_path

HERE = Translation(("my group", "a&b"), "7-abc", "http://apache")
OUTSIDE = "/my%20group/a&amp;b"


def passed(how: str, pieces: list[bytes]) -> bytes:
    """What comes out when a body arrives in these pieces."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def all_of_it() -> bytes:
        return b"".join([piece async for piece in getattr(HERE, how)(body())])

    return asyncio.run(all_of_it())


def cut(text: bytes, places: list[int]) -> list[bytes]:
    ends = sorted(place % (len(text) + 1) for place in places)
    return [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]


def test_a_path_is_taken_apart() -> None:
    path = parse_path("//g%2Fcore/a%20b//c%252fd/")
    assert path.segments == ("g", "core", "a b", "c%2fd")
    assert [path.after(count) for count in range(5)] == [
        "//g%2Fcore/a%20b//c%252fd/",
        "%2Fcore/a%20b//c%252fd/",
        "/a%20b//c%252fd/",
        "//c%252fd/",
        "/",
    ]
    assert parse_path("/").segments == parse_path("").segments == ()


@given(st.text(alphabet="./\\%2eE5cCfF0a", max_size=30))
def test_no_path_has_a_dot_segment_however_often_it_is_decoded(text: str) -> None:
    from urllib.parse import unquote

    try:
        parse_path(text)
    except Refused:
        return
    for _ in range(8):
        assert not {".", ".."} & set(text.replace("\\", "/").split("/"))
        text = unquote(text)


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_references_go_in_translated_in_whatever_pieces(places: list[int]) -> None:
    given_ = (
        f'<?xml version="1.0"?><S:update-report xmlns:S="svn:"><S:src-path>http://host{OUTSIDE}/trunk</S:src-path>'
        f'<D:href>{OUTSIDE}/!svn/txn/1-1</D:href><S:entry rev="3">a &lt;D:href&gt;{OUTSIDE}</S:entry>'
        f'<x:href a="b">{OUTSIDE}</x:href></S:update-report>'
    ).encode()
    expected = (
        '<?xml version="1.0"?><S:update-report xmlns:S="svn:"><S:src-path>/7-abc/trunk</S:src-path>'
        f'<D:href>/7-abc/!svn/txn/1-1</D:href><S:entry rev="3">a &lt;D:href&gt;{OUTSIDE}</S:entry>'
        '<x:href a="b">/7-abc</x:href></S:update-report>'
    ).encode()
    assert passed("body_inwards", cut(given_, places)) == expected


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_references_come_out_translated_in_whatever_pieces(places: list[int]) -> None:
    answer = (
        b"<D:response><D:href>/7-abc/trunk/</D:href><lp1:x><D:href>/7-abc</D:href></lp1:x><D:href"
        b"<D:href><D:href>/7-ab</D:href>&lt;D:href&gt;/7-abc/ <D"
    )
    expected = answer.replace(b"<D:href>/7-abc", b"<D:href>" + OUTSIDE.encode())
    assert passed("body_outwards", cut(answer, places)) == expected


@pytest.mark.parametrize(
    "reference", ["/other/x", "/my%20group/a", "/my%20group/a&b/../c", "/7-abc/x", "http://h/", ""]
)
def test_a_reference_to_something_else_is_refused(reference: str) -> None:
    body = f"<D:href>{reference.replace('&', '&amp;')}</D:href>".encode()
    with pytest.raises(Refused):
        passed("body_inwards", [body])
    with pytest.raises(Refused):
        HERE.destination(reference)


def test_headers_are_translated() -> None:
    assert HERE.destination("https://host:8/my%20group/a&b/!svn/txr/1-1/x") == "http://apache/7-abc/!svn/txr/1-1/x"
    assert HERE.condition("<http://h/my%20group/a&b/f> (<opaquelocktoken:1> [x]) (Not <DAV:no>)") == (
        "<http://apache/7-abc/f> (<opaquelocktoken:1> [x]) (Not <DAV:no>)"
    )
    assert HERE.outwards("/7-abc/!svn/me") == "/my%20group/a&b/!svn/me"
    assert HERE.outwards("/7-abcd") == "/7-abcd"
