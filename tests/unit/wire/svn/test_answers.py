# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of Apache: nothing of the private server's names, port or places gets out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.vcs.svn.apache import LINKS
from trivium.wire.admission import Refused
from trivium.wire.svn.answers import Outwards, error_body
from trivium.wire.svn.paths import Translation

LINK = "7-0123456789abcdef"
OUTWARDS = Outwards(Translation(("my group", "a&b"), LINK, b"http://apache", ("scm",)), "https://host:8")
ALLOW = (b"allow", b"GET")


def passed(pieces: list[bytes]) -> bytes:
    """What comes out when a body arrives in these pieces."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def all_of_it() -> bytes:
        return b"".join([piece async for piece in OUTWARDS.body(body())])

    return asyncio.run(all_of_it())


@given(st.lists(st.integers(0, 10_000), max_size=12))
def test_bodies_are_translated_in_whatever_pieces(places: list[int]) -> None:
    inside, outside = f"/{LINK}", "/scm/my%20group/a&amp;b"
    answer = (
        f'<D:href>{inside}/trunk/</D:href><S:add-directory bc-url="{inside}/!svn/bc/1"/><D:href>{inside}</D:href>'
        f"<title>{LINK} - Revision 3</title>{LINKS}/{LINK}/db /{LINK[:-1]} {LINK[:5]} {LINKS[:-1]}/{LINK[:9]}"
    )
    expected = (
        answer.replace(f"{LINKS}/{LINK}/db", f"{outside}/db").replace(inside, outside).replace(LINK, "a&amp;b").encode()
    )
    text = answer.encode()
    ends = sorted(place % (len(text) + 1) for place in places)
    pieces = [text[start:end] for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    assert passed(pieces) == expected


def test_headers_tell_where_things_are_for_the_client() -> None:
    def out(name: bytes, value: bytes) -> list[tuple[bytes, bytes]]:
        return OUTWARDS.headers([(name, value)], allow=ALLOW)

    link = LINK.encode()
    for place in (b"http://apache:33445/" + link, b"http://127.0.0.1:33445/" + link, b"/" + link):
        assert out(b"location", place + b"/!svn/act/1") == [
            (b"location", b"https://host:8/scm/my%20group/a&b/!svn/act/1")
        ]
    assert out(b"location", b"http://apache:33445/other") == []
    assert out(b"svn-me-resource", b"/" + link + b"/!svn/me") == [(b"svn-me-resource", b"/scm/my%20group/a&b/!svn/me")]
    assert out(b"x-file", b"/proc/self/fd/10") == []
    assert out(b"allow", b"GET,TRACE") == [ALLOW]
    assert out(b"server", b"Apache") == out(b"vary", b"X-Trivium-Secret") == []


def test_errors_keep_subversions_number_and_words() -> None:
    status, _, body = OUTWARDS.error(409, error_body(409, f"path /{LINK}/a is out of date", 160028))
    assert status == 409 and b'errcode="160028"' in body and b"/scm/my%20group/a&amp;b/a is out of date" in body
    status, _, body = OUTWARDS.error(500, error_body(500, "No such transaction", 160007))
    assert status == 404
    status, _, body = OUTWARDS.error(404, b"<html><p>/x was not found on apache at 127.0.0.1 Port 33445</p></html>")
    assert status == 404 and b"apache" not in body and b"errcode" not in body
    _, _, body = OUTWARDS.error(403, error_body(403, f"cannot open {LINKS[:-1]}/x", 160006))
    assert b"/proc" not in body


@pytest.mark.parametrize("code", [5, 13, 160004])
def test_what_is_our_fault_is_no_news_about_our_insides(code: int) -> None:
    with pytest.raises(Refused) as refused:
        OUTWARDS.error(500, error_body(500, f"{LINKS}/{LINK}/db/current: input or output error", code))
    assert refused.value.status == 503 and "/" not in refused.value.text
