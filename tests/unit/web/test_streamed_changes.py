# SPDX-License-Identifier: GPL-3.0-or-later
"""The changes of many files leave while they are made: what becomes of the page, and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support import gits, rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.forge.history.differences import AT_ONCE
from trivium.forge.site import Site
from trivium.web.showing import changes

_MANY = 2 * AT_ONCE + 5
_LINES = "".join(f"line {number} of so many that a file is a piece by itself\n" for number in range(200))


@pytest.fixture
def address(site: Site, ada: Caller) -> str:
    """Of a changeset that adds many files."""
    with site.store.write() as db:
        rows.repository(db, "tool", ada)
    made = gits.history(
        site.tree.path_of("tool"), {"first": "1"}, {"first": "1"} | {f"file{at:02}": _LINES for at in range(_MANY)}
    )
    return f"/tool/changeset/{made[-1]}"


def shown(body: bytes) -> list[str | None]:
    """The files whose lines a page has, and after that the last of its elements."""
    page = LexborHTMLParser(body)
    assert page.css_first("footer")
    return [one.attributes["aria-label"] for one in page.css("section.change")]


def kept(site: Site) -> list[int]:
    """Of each part that has lines, of how many files."""
    found = [path.read_bytes() for path in site.settings.data.glob("cache/*/answer-*")]
    return sorted(one.count(b'<section class="change"') for one in found if b'<section class="change"' in one)


NAMES = [f"file{at:02}" for at in range(_MANY)]


def test_the_lines_leave_from_the_first_file_on(site: Site, ada: Caller, doorway: Doorway, address: str) -> None:
    visitor = doorway.visitor(ada)
    answer = visitor.get(address)
    assert answer.status == 200
    assert shown(answer.body) == NAMES
    head, first, *others = doorway.pieces
    assert b"<section" not in head.partition(b"</nav>")[2] or b'class="change"' not in head
    assert first.count(b'<section class="change"') == 1
    assert len(others) > _MANY // 4
    assert kept(site) == [5, AT_ONCE, AT_ONCE]
    again = visitor.get(address)
    assert shown(again.body) == NAMES
    assert f"+{_MANY * 200:,}".encode() in again.body or f"+{_MANY * 200}".encode() in again.body


def test_who_goes_away_leaves_no_half_part(site: Site, ada: Caller, doorway: Doorway, address: str) -> None:
    visitor = doorway.visitor(ada)
    doorway.leaves_after = 2
    visitor.get(address)
    assert len(doorway.pieces) < AT_ONCE
    assert kept(site) == []
    doorway.leaves_after = None
    assert shown(visitor.get(address).body) == NAMES
    assert kept(site) == [5, AT_ONCE, AT_ONCE]


def test_what_goes_wrong_on_the_way_is_told_and_not_kept(
    site: Site, ada: Caller, doorway: Doorway, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = changes.sections

    def broken(*given: Any, **more: Any) -> Iterator[Any]:
        for one in whole(*given, **more):
            if "file30" in one:
                raise RuntimeError("a disk is gone")
            yield one

    monkeypatch.setattr(changes, "sections", broken)
    visitor = doorway.visitor(ada)
    answer = visitor.get(address)
    assert answer.status == 200
    assert shown(answer.body) == NAMES[:30]
    assert len(LexborHTMLParser(answer.body).css("p.note.bad")) == 1
    assert kept(site) == [AT_ONCE]
    monkeypatch.undo()
    assert shown(visitor.get(address).body) == NAMES
    assert kept(site) == [5, AT_ONCE, AT_ONCE]
