# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages that are kept: what stays open in them is put in each time, and nothing else changes."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime, timedelta

from trivium.language import language
from trivium.web.finished import Finished, FinishedPages, digest_of
from trivium.web.times import TOKEN_SLOT, Telling, filled, when

_ENGLISH = language("en")
_THEN = (datetime.now(UTC) - timedelta(hours=5)).isoformat()
_PAGE = f"<p>ä {when(_THEN)}</p>{TOKEN_SLOT}<i>\udcff</i>{when('2001-02-03T04:05:06')}{TOKEN_SLOT}"


def sent(page: Finished, token: str, *, absolute: bool = False) -> bytes:
    return page.content(_ENGLISH, token, Telling(absolute))[0]


def test_a_page_is_what_it_would_be_if_it_were_written_anew() -> None:
    page = Finished(_PAGE, "d")
    for absolute in (False, True):
        page = Finished(_PAGE, "d")
        anew = filled(_PAGE, _ENGLISH, Telling(absolute)).replace(TOKEN_SLOT, "secret")
        assert sent(page, "secret", absolute=absolute) == anew.encode("utf-8", "surrogateescape")
    assert b"5 hours ago" in sent(Finished(_PAGE, "d"), "")


def test_every_visitor_gets_their_own_token() -> None:
    page = Finished(_PAGE, "d")
    assert page.has_tokens
    first, second = sent(page, "first"), sent(page, "second")
    assert first.count(b"first") == second.count(b"second") == 2
    assert b"first" not in second


def test_what_looks_at_one_page_in_two_ways_gets_both() -> None:
    page = Finished(_PAGE, "d")
    assert b"5 hours ago" in sent(page, "")
    assert b"5 hours ago" not in sent(page, "", absolute=True)


def test_a_page_with_tokens_is_never_sent_with_those_of_somebody_else_compressed() -> None:
    page = Finished(_PAGE, "d")
    for token in ("first", "second"):
        content, told = page.content(_ENGLISH, token, Telling())
        assert gzip.decompress(page.packed(content, told)) == content


def test_a_page_without_tokens_is_compressed_once() -> None:
    page = Finished(f"<p>{when(_THEN)}</p>", "d")
    packed = [page.packed(*page.content(_ENGLISH, "", Telling())) for _ in range(2)]
    assert packed[0] is packed[1]
    content, told = page.content(_ENGLISH, "", Telling(True))
    assert gzip.decompress(page.packed(content, told)) == content


def test_pages_are_kept_by_all_that_they_depend_on() -> None:
    pages = FinishedPages()
    pages.keep(("state", 1), Finished("one", "1"))
    assert pages.find(("state", 2)) is None
    found = pages.find(("state", 1))
    assert found is not None
    assert sent(found, "") == b"one"


def test_large_pages_are_not_kept() -> None:
    pages = FinishedPages()
    pages.keep("large", Finished("x" * (2 << 20), "1"))
    assert pages.find("large") is None


def test_another_state_is_known_by_another_digest() -> None:
    assert digest_of(("a", 1)) == digest_of(("a", 1)) != digest_of(("a", 2))
