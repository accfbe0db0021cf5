# SPDX-License-Identifier: GPL-3.0-or-later
"""Issues in messages are links wherever pages show messages, from the next request on (web.md 2.4)."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support import gits, rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.forge.repositories import finding, issue_patterns
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.issue_patterns import Pattern
from trivium.forge.site import Site

NAMED = {
    "changelog": (1, 0),
    "changelog?q=commit": (1, 0),
    "changeset/{1}": (1,),
    "changeset/{0}...{1}": (1, 0),
    "compare/rev@{0}...rev@{1}": (1,),
    "": (1, 1, 0),
}
"""Pages, and the numbers in the messages that they show."""


@pytest.fixture
def tool(site: Site, ada: Caller) -> tuple[Repository, list[str]]:
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada)
    made = gits.history(site.tree.path_of("tool"), {"a": "1"}, {"a": "2"})
    with site.store.read() as db:
        found = finding.by_id(db, ada, number)
    assert found is not None
    return found, made


def test_issues_of_messages_lead_to_the_tracker(
    site: Site, ada: Caller, doorway: Doorway, tool: tuple[Repository, list[str]]
) -> None:
    repository, made = tool
    visitor = doorway.visitor(ada)

    def links(page: str) -> list[str | None]:
        answer = visitor.get(f"/tool/{page.format(*made)}")
        assert answer.status == 200
        return [one.attributes["href"] for one in LexborHTMLParser(answer.body).css("a.issue")]

    for _ in range(2):  # made, and at hand
        assert not any(links(page) for page in NAMED)
    issue_patterns.save(site, ada, repository, [Pattern(r"(\d+)", "https://one.example/${id}?<\"'>")])
    for _ in range(2):
        for page, numbers in NAMED.items():
            assert links(page) == [f"https://one.example/{number}?<\"'>" for number in numbers], page
    for name in ("changelog", f"changeset/{made[0]}...{made[1]}"):
        row = LexborHTMLParser(visitor.get(f"/tool/{name}").body).css_first("ol.log li .cut")
        assert row.text() == "Commit 1" and "noopener" in str(row.css_first("a.issue").attributes["rel"])
        assert row.css_first("a").attributes["href"] == f"/tool/changeset/{made[-1]}", "no issue leads where it did"
    assert LexborHTMLParser(visitor.get(f"/tool/changeset/{made[-1]}").body).css_first("h1").text() == "Commit 1"
    issue_patterns.save(site, ada, repository, [Pattern(r"Commit", "https://two.example/")])
    for page, numbers in NAMED.items():
        assert links(page) == ["https://two.example/"] * len(numbers), page
