# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: of everything, of a branch, of a path; in pages, with its graph (system.md 2.3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, urlsplit

from selectolax.lexbor import LexborHTMLParser as HTMLParser

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.stories import HOSTILE, Story
from tests.support.systems import new_system
from tests.support.waiting import until

BY_SCRIPT = {"X_Requested_With": "XMLHttpRequest"}


def tree(answer: Answer) -> HTMLParser:
    assert answer.status == 200, answer.text
    return HTMLParser(answer.body)


def log(story: Story, query: str = "", page: str = "changelog") -> HTMLParser:
    return tree(story.browser.get(story.at(page) + query))


def ids(found: HTMLParser) -> list[str]:
    """The full ids of the rows, by their links."""
    return [
        str(link.attributes["href"]).rpartition("/")[2]
        for row in found.css("ol.log > li")
        for link in row.css("a.strong")
    ]


def subjects(found: HTMLParser) -> list[str]:
    return [link.text() for link in found.css("ol.log a.strong")]


def link_of(found: HTMLParser, rel: str) -> str:
    link = found.css_first(f"nav.pager a[rel={rel}]")
    return str(link.attributes["href"]) if link is not None else ""


def test_all_changesets_newest_first(story: Story) -> None:
    found = log(story)
    assert ids(found) == story.ids
    assert HOSTILE in subjects(found)
    assert not [script for script in found.css("script") if "alert" in script.text()]
    assert found.css_first("nav.pager") is None
    shown = [link.text() for link in found.css("ol.log a.id")]
    if story.kind == "svn":
        assert shown == [f"r{raw_id}" for raw_id in story.ids]
    elif story.kind == "hg":
        assert shown[0] == f"{len(story.ids) - 1}:{story.ids[0][:12]}"
    else:
        assert shown[0] == story.ids[0][:12]


def test_lanes_where_there_is_more_than_one_line(story: Story) -> None:
    rows = log(story).css("ol.log > li")
    lanes = [row.css_first("svg.lanes") for row in rows]
    if story.kind == "svn":
        assert lanes == [None] * len(rows)
        return
    assert None not in lanes
    widths = {svg.attributes["width"] for svg in lanes if svg is not None}
    assert len(widths) == 1, "texts stand below each other"
    merge = lanes[0]
    assert merge is not None and len(merge.css("path")) > 1


def test_names_stand_at_their_changesets(story: Story) -> None:
    found = log(story)
    badges = {
        str(row.css("a.strong")[0].text()): [badge.text() for badge in row.css(".ref")]
        for row in found.css("ol.log > li")
    }
    if story.kind == "git":
        assert badges["Merged"] == ["main"]
        assert badges["Beside"] == ["feature/side"] and badges["First"] == ["v1.0"]
    elif story.kind == "hg":
        assert badges["Merged"] == ["default", "wip"]
        assert badges["Beside"] == ["side"] and badges["First"] == ["v1.0"]
        assert "Closes the branch" in [tag.text() for tag in found.css("span.tag")]
    else:
        assert not any(badges.values())


def test_pages_by_key_and_by_number(story: Story) -> None:
    size, seen, address = 3, [], f"{story.at('changelog')}?size=3"
    pages = []
    while address:
        found = tree(story.browser.get(address))
        seen += ids(found)
        pages.append(address)
        address = link_of(found, "next")
    assert seen == story.ids
    assert all("after=" in page for page in pages[1:])
    before = link_of(tree(story.browser.get(pages[1])), "prev")
    assert ids(tree(story.browser.get(before))) == story.ids[:size]
    for number, _ in enumerate(pages, 1):
        assert ids(log(story, f"?size={size}&page={number}")) == story.ids[(number - 1) * size : number * size]
    # What is no page is the last one, what is no number the first.
    assert ids(log(story, "?size=3&page=999999")) == story.ids[(len(pages) - 1) * size :]
    assert ids(log(story, "?size=zwei&page=-1")) == story.ids
    assert ids(log(story, "?size=0")) == story.ids[:1]


def test_a_branch_has_its_own_history(story: Story) -> None:
    found = log(story, f"?branch={quote(story.side, safe='')}")
    expected = {
        "git": ["Beside", HOSTILE, "First"],
        "hg": ["Beside"],
        "svn": ["Beside"],
    }[story.kind]
    assert subjects(found) == expected
    assert " ".join((found.css_first("main details.menu summary").text() or "").split()).endswith(story.side)
    pages, address = [], f"{story.at('changelog')}?branch={quote(story.main, safe='')}&size=1"
    while address:
        one = tree(story.browser.get(address))
        pages += subjects(one)
        address = link_of(one, "next")
    assert pages == subjects(log(story, f"?branch={quote(story.main, safe='')}"))
    second = log(story, f"?branch={quote(story.main, safe='')}&size=1&page=2")
    assert subjects(second) == pages[1:2]
    assert story.browser.get(story.at("changelog?branch=no-such-branch")).status == 404
    assert story.browser.get(story.at("changelog?after=no-such-id")).status == 404


def test_messages_are_searched_where_the_history_is(story: Story) -> None:
    form = log(story, f"?branch={quote(story.side, safe='')}").css_first("main form[role=search]")
    assert form is not None
    given = {str(one.attributes["name"]): one.attributes["value"] for one in form.css("input")}
    assert given == {"branch": story.side, "q": ""}
    assert form.attributes["action"] == story.at("changelog")
    on_side = f"?branch={quote(story.side, safe='')}&q="
    assert subjects(log(story, on_side + "BESIDE")) == ["Beside"]
    assert subjects(log(story, on_side + "third")) == [], "it is on another branch"
    nothing = log(story, on_side + "third")
    assert nothing.css_first(".empty strong").text() == "third"
    everywhere = str(nothing.css_first(".empty a").attributes["href"])
    found = tree(story.browser.get(everywhere))
    assert subjects(found) == ["Third"]
    assert found.css_first("#sought").attributes["value"] == "third"
    assert subjects(log(story, f"?q=third&after={ids(found)[0]}")) == []
    assert subjects(log(story, f"?q={quote(HOSTILE)}")) == [HOSTILE]
    assert ids(log(story, "?q=+&branch=")) == story.ids, "blanks are no search"
    assert story.browser.get(story.at("changelog?q=x&branch=no-such-branch")).status == 404
    assert story.browser.get(story.at("changelog?q=x&after=no-such-id")).status == 404


def test_the_history_of_a_path(story: Story) -> None:
    path = "trunk/docs/guide.md" if story.kind == "svn" else "docs/guide.md"
    found = log(story, page=f"changelog/tip/{path}")
    assert subjects(found) == ["Third", HOSTILE, "First"]
    first = log(story, "?size=2", page=f"changelog/tip/{path}")
    assert subjects(first) == ["Third", HOSTILE]
    assert subjects(tree(story.browser.get(link_of(first, "next")))) == ["First"]
    assert story.browser.get(story.at("changelog/tip/no/such/file")).status == 404
    assert story.browser.get(story.at("changelog/nothing/README.md")).status == 404
    assert ids(log(story, page=f"changelog/{story.ids[0]}"))[0] == story.ids[0]


def test_a_revision_with_a_slash(stories: Callable[[str], Story]) -> None:
    story = stories("git")
    for revision in ("feature/side", "feature%2Fside"):
        assert subjects(log(story, page=f"changelog/{revision}/docs/guide.md")) == [HOSTILE, "First"]


def test_two_rows_are_compared_without_a_script(story: Story) -> None:
    found = log(story)
    form = found.css_first("form:has(ol.log)")
    assert form is not None
    left, right = ([one.attributes["value"] for one in form.css(f"input[name={name}]")] for name in ("left", "right"))
    assert left == right == story.ids
    answer = story.browser.get(f"{form.attributes['action']}?left={story.ids[1]}&right={story.ids[0]}")
    assert answer.status == 302
    assert story.browser.get(answer.location).status == 200


def test_files_of_a_row(story: Story) -> None:
    third = story.ids[subjects(log(story)).index("Third")]
    address = story.at(f"changelog_details/{third}")
    assert story.browser.get(address).status == 400
    found = tree(story.browser.get(address, **BY_SCRIPT))
    path = "trunk/docs/guide.md" if story.kind == "svn" else "docs/guide.md"
    assert [" ".join(one.text().split()) for one in found.css("li")] == [f"M {path}"]
    assert str(found.css_first("a").attributes["href"]) == story.at(f"files/{third}/{path}")
    assert story.browser.get(story.at("changelog_details/nothing"), **BY_SCRIPT).status == 404


def test_what_people_think_stands_beside(story: Story, server: Server) -> None:
    Api(server.url, story.owner.key)(
        "comment_commit", repoid=story.name, commit_id=story.ids[1], message="fine", status="approved"
    )
    found = log(story)
    tags = [[tag.text() for tag in row.css("span.tag.good")] for row in found.css("ol.log > li")]
    assert tags == [["Approved"] if at == 1 else [] for at in range(len(tags))]


def test_an_unchanged_page_is_not_sent_again(story: Story) -> None:
    def again() -> Answer:
        first = story.browser.get(story.at("changelog"))
        return story.browser.get(story.at("changelog"), If_None_Match=first.headers["etag"])

    # What a job has just found out may stand on it for the first time.
    until(lambda: (found := again()).status == 304 and found.body == b"")


def test_an_empty_history(server: Server, root: Api, story: Story, tmp_path: Path) -> None:
    name = new_system(story.kind, tmp_path).new_repository(root, story.owner)
    answer = story.browser.get(f"/{name}/changelog")
    assert answer.status == 200 and "This repository is empty" in answer.page.text
    assert f"/{name}" in answer.page.links


def test_history_needs_the_right_to_read(story: Story, server: Server, ada: Person) -> None:
    stranger = Browser(server.url)
    assert urlsplit(stranger.get(story.at("changelog")).location).path == "/_admin/login"
    assert stranger.sign_in(ada).status == 302
    for page in ("changelog", "branches", "tags", "refs-data", "forks", "followers", "statistics", ""):
        assert stranger.get(story.at(page)).status == 404
