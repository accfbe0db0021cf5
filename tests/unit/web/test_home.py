# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page and those of groups: what is on them, for whom, and what they cost (web.md 2.2)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import rows
from tests.support.browser import Page
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.repositories.followers import toggle_following
from trivium.forge.site import Site


@pytest.fixture
def full(site: Site, ada: Caller) -> dict[str, int]:
    """Groups with repositories, some of them private."""
    made = {}
    with site.store.write() as db:
        ocean = rows.group(db, "ocean", ada)
        models = rows.group(db, "ocean/models", ada, parent=ocean)
        secret = rows.group(db, "secret", ada, default=Level.NONE)
        for name, inside, more in (
            ("ocean/tide", ocean, {"kind": "git", "updated_on": "2024-03-01T00:00:00.000"}),
            ("ocean/buoy", ocean, {"kind": "hg", "updated_on": "2024-02-01T00:00:00.000"}),
            ("ocean/hidden", ocean, {"default": Level.NONE, "private": True}),
            ("ocean/models/wave", models, {"kind": "svn"}),
            ("secret/plan", secret, {"default": Level.NONE}),
            ("anchor", None, {"description": "<script>alert(1)</script>", "archived": True}),
        ):
            made[name] = rows.repository(db, name, ada, inside=inside, **more)
    return made


def names(page: Page) -> list[str]:
    """The repositories in the list."""
    return [found["aria-label"] for found in page.all("a") if "aria-label" in found and found.get("dir") == "auto"]


def links(page: Page, text: str) -> list[str]:
    return [link for link in page.links if text in link]


def test_everybody_sees_what_they_may_read(doorway: Doorway, full: dict[str, int], ada: Caller, ben: Caller) -> None:
    of_ada, of_ben = doorway.visitor(ada).get("/").page, doorway.visitor(ben).get("/").page
    assert set(names(of_ada)) == set(full)
    assert names(of_ben)[:2] == ["ocean/tide", "ocean/buoy"]
    assert set(names(of_ben)) == {"ocean/tide", "ocean/buoy", "ocean/models/wave", "anchor"}
    for hidden in ("hidden", "plan", "secret"):
        assert hidden in of_ada.text and hidden not in of_ben.text
    assert "/secret" in of_ada.links and "/secret" not in of_ben.links
    # Counts are those of who looks: with what is below, without what is hidden.
    numbers = [words for words in of_ben.words if words.strip().isdigit()]
    assert numbers[:2] == ["4", "3"]
    chips = [words for words in of_ben.words if words.strip() in ("git", "hg", "svn") or words.strip().isdigit()]
    counted = " ".join(chips).split("git")[1].split()
    assert counted[:5] == ["2", "hg", "1", "svn", "1"]
    assert not [words for words in doorway.visitor(ben).get("/?query=tide").page.words if words.strip() == "0"]


def test_what_users_wrote_stays_text(doorway: Doorway, full: dict[str, int], ben: Caller) -> None:
    answer = doorway.visitor(ben).get("/")
    assert b"<script>alert" not in answer.body and b"&lt;script&gt;alert(1)" in answer.body


def test_a_group_shows_what_is_directly_in_it(doorway: Doorway, full: dict[str, int], ben: Caller) -> None:
    visitor = doorway.visitor(ben)
    page = visitor.get("/ocean").page
    assert names(page) == ["ocean/tide", "ocean/buoy"]
    assert "/ocean/models" in page.links and "about ocean" in page.text
    assert names(visitor.get("/ocean/models/").page) == ["ocean/models/wave"]
    assert names(visitor.get("/ocean?query=wave").page) == ["ocean/models/wave"]
    assert names(visitor.get("/ocean?query=anchor").page) == []
    assert visitor.get("/secret").status == 404 and visitor.get("/nowhere").status == 404
    assert visitor.request("POST", "/ocean").headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("query=TIDE", ["ocean/tide"]),
        ("query=ocean+b", ["ocean/buoy"]),
        ("query=hidden", []),
        ("query=%00", []),
        ("query=" + "x" * 5000, []),
        ("kind=hg", ["ocean/buoy"]),
        ("kind=nonsense&query=tide", ["ocean/tide"]),
        ("sort=name", ["anchor", "ocean/buoy", "ocean/models/wave", "ocean/tide"]),
        ("show=followed", ["ocean/models/wave"]),
        ("show=owned", []),
        ("show=nonsense&kind=svn", ["ocean/models/wave"]),
    ],
)
def test_lists_are_narrowed(
    doorway: Doorway, site: Site, full: dict[str, int], ben: Caller, asked: str, found: list[str]
) -> None:
    toggle_following(site, ben, repository_id=full["ocean/models/wave"])
    assert names(doorway.visitor(ben).get(f"/?{asked}").page) == found


def test_nothing_is_found_and_the_page_says_what_for(doorway: Doorway, ben: Caller) -> None:
    visitor = doorway.visitor(ben)
    assert "There are no repositories yet" in visitor.get("/").page.text
    page = visitor.get("/?query=%3Cb%3Ewhale").page
    assert "Nothing found" in page.text and "<b>whale" in page.text and page.all("input", id="f", value="<b>whale")
    assert "You own no repository" in visitor.get("/?show=owned").page.text
    assert "You follow nothing yet" in visitor.get("/?show=followed").page.text


def test_long_lists_page_by_key(doorway: Doorway, site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        for number in range(120):
            rows.repository(db, f"n{number:03}", ada, updated_on=f"2024-01-01T00:00:00.{number:03}")
    visitor = doorway.visitor(ben)
    page, seen = visitor.get("/").page, []
    while True:
        seen.append(names(page))
        older = [found["href"] for found in page.all("a", rel="next")]
        if not older:
            break
        before = page
        page = visitor.get(older[0]).page
    assert [len(one) for one in seen] == [50, 50, 20]
    assert [name for one in seen for name in one] == [f"n{number:03}" for number in reversed(range(120))]
    (newer,) = (found["href"] for found in page.all("a", rel="prev"))
    assert names(visitor.get(newer).page) == names(before)
    # Filters stay while somebody turns pages.
    (older,) = (found["href"] for found in visitor.get("/?query=n&sort=name").page.all("a", rel="next"))
    assert "query=n" in older and "sort=name" in older
    assert names(visitor.get(older).page)[0] == "n050"


def test_what_somebody_visited_last_comes_first(
    doorway: Doorway, site: Site, full: dict[str, int], ada: Caller, ben: Caller
) -> None:
    bens = doorway.visitor(ben)
    for name in ("ocean/tide", "ocean/buoy"):
        bens.get(f"/{name}/followers")
    doorway.visitor(ada).get("/anchor/followers")
    doorway.visitor().get("/anchor/followers")
    bens.get("/ocean/hidden/followers")
    doorway.activity.write(site, {}, set())
    page = bens.get("/").page
    cards = [found["href"] for found in page.all("a", class_="card")]
    assert set(cards) == {"/ocean/tide", "/ocean/buoy"}
    assert not bens.get("/?query=tide").page.all("a", class_="card")


def test_the_cost_is_the_same_however_much_there_is(
    doorway: Doorway, site: Site, full: dict[str, int], ada: Caller, ben: Caller
) -> None:
    def asked(visitor: Visitor, path: str) -> int:
        for _ in range(2):
            visitor.get(path)  # what is remembered is made
        with doorway.statements() as said:
            assert visitor.get(path).status == 200
        return len(said)

    paths = ("/", "/?query=tide", "/?kind=git&sort=name", "/?show=owned")
    visitor = doorway.visitor(ben)
    few = [asked(visitor, path) for path in paths]
    assert max(few) <= 4
    with site.store.write() as db:
        for number in range(300):
            rows.repository(db, f"ocean/r{number}", ada, updated_on=f"2025-01-01T00:00:00.{number:03}")
    assert [asked(visitor, path) for path in paths] == few


def test_a_large_tree_shows_the_way(doorway: Doorway, site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        for number in range(200):
            inside = rows.group(db, f"g{number:03}", ada)
            rows.group(db, f"g{number:03}/below", ada, parent=inside)
    visitor = doorway.visitor(ben)
    page = visitor.get("/").page
    assert "/g000" in page.links and "/g000/below" not in page.links and "/g199" not in page.links
    page = visitor.get("/g199").page
    assert {"/g000", "/g199", "/g199/below"} <= set(page.links)
    (more,) = {link for link in visitor.get("/").page.links if "groups=all" in link}
    assert "/g198" in visitor.get(more).page.links


def test_the_same_page_is_not_sent_twice(doorway: Doorway, full: dict[str, int], ben: Caller) -> None:
    visitor: Any = doorway.visitor(ben)
    tag = visitor.get("/").headers["etag"]
    assert visitor.get("/", If_None_Match=tag).status == 304
    assert doorway.visitor().get("/", If_None_Match=tag).status == 302
