# SPDX-License-Identifier: GPL-3.0-or-later
"""Branches, bookmarks and tags, and who builds on a repository (system.md 2.3)."""

from __future__ import annotations

import json
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser as HTMLParser

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Git, Person
from tests.support.servers import Server
from tests.support.stories import Story


def tree(answer: Answer) -> HTMLParser:
    assert answer.status == 200, answer.text
    return HTMLParser(answer.body)


def names(found: HTMLParser, kind: str = "") -> list[str]:
    start = f"section[aria-labelledby={kind}-list] " if kind else ""
    return [link.text() for link in found.css(f"{start}table.names td.name a")]


def test_all_names_on_one_page(story: Story) -> None:
    found = tree(story.browser.get(story.at("branches")))
    assert names(found, "branch") == sorted([story.main, story.side])
    assert names(found, "tag") == [story.tag]
    assert names(found, "bookmark") == (["wip"] if story.kind == "hg" else [])
    closed = [link.text() for link in found.css("details table.names td.name a")]
    assert closed == (["old"] if story.kind == "hg" else [])
    assert names(tree(story.browser.get(story.at("tags")))) == [story.tag]
    bookmarks = tree(story.browser.get(story.at("bookmarks")))
    assert names(bookmarks) == (["wip"] if story.kind == "hg" else [])


def test_what_a_name_leads_to(story: Story) -> None:
    found = tree(story.browser.get(story.at("branches")))
    row = next(row for row in found.css("table.names tbody tr") if row.css_first("td.name a").text() == story.side)
    assert "Beside" in row.css_first("td.what").text()
    links = [str(link.attributes["href"]) for link in row.css("a")]
    assert all(story.browser.get(link).status == 200 for link in links)
    pages = {link.split("/")[2].partition("?")[0] for link in links}
    assert pages == {"files", "changeset", "changelog", "archive", "compare"}


def test_how_far_branches_are_from_the_main_one(story: Story) -> None:
    """A script asks for it, and without one a link shows it."""
    table = tree(story.browser.get(story.at("branches"))).css_first("table[data-distances]")
    address = str(table.attributes["data-distances"])
    script = story.browser.get(address, X_Requested_With="XMLHttpRequest")
    assert script.status == 200
    # Beside it stand the changesets of the main line since then; of a branch that was merged it has all.
    ahead = 1 if story.kind == "svn" else 0
    found = json.loads(script.text)
    assert found.keys() == {story.side}
    assert found[story.side].startswith(f"{ahead} ahead, ") and not found[story.side].endswith(" 0 behind")
    assert story.browser.get(address).status == 400
    whole = tree(story.browser.get(story.at("branches?ahead=1")))
    cells = {cell.attributes.get("data-name", story.main): cell.text() for cell in whole.css("td.far")}
    # Where the pages begin at a branch, that one is called the main one.
    assert cells[story.side] == found[story.side] and cells[story.main] == (
        "Main branch" if story.kind == "svn" else ""
    )
    assert not whole.css("table[data-distances]")


def test_names_are_sought(story: Story) -> None:
    found = tree(story.browser.get(story.at("branches?q=SIDE")))
    assert names(found) == [story.side]
    none = story.browser.get(story.at("branches?q=no-such-name"))
    assert none.status == 200 and "No name here has that in it" in none.page.text


def test_many_names_in_pages(server: Server, root: Api, ada: Person, git: Git, tmp_path: Path) -> None:
    name = root.new_repo(owner=ada.name).name
    place = tmp_path / "many"
    git.run("init", "--quiet", "-b", "main", str(place))
    git.run("commit", "--quiet", "--allow-empty", "-m", "one", cwd=place)
    wanted = [f"b{number:03}" for number in range(120)]
    head = git.out("rev-parse", "HEAD", cwd=place)
    git.run(
        "update-ref",
        "--stdin",
        cwd=place,
        stdin="".join(f"create refs/heads/{one} {head}\n" for one in wanted).encode(),
    )
    git.run("push", "--quiet", server.clone_url(name, ada), "--all", cwd=place)
    adas = Browser(server.url)
    adas.sign_in(ada)
    front = tree(adas.get(f"/{name}/branches"))
    assert names(front) == wanted[:50]
    seen, address = [], f"/{name}/branches?all=1"
    while address:
        found = tree(adas.get(address))
        seen += names(found)
        older = found.css_first("nav.pager a[rel=next]")
        address = str(older.attributes["href"]) if older is not None else ""
    assert seen == [*wanted, "main"]
    assert names(tree(adas.get(f"/{name}/branches?q=B11"))) == [f"b11{digit}" for digit in range(10)]


def test_names_for_switchers(story: Story) -> None:
    told = json.loads(story.browser.get(story.at("refs-data")).body)
    groups = {group["text"]: {child["text"]: child for child in group["children"]} for group in told["results"]}
    assert not told["more"]
    assert sorted(groups["Branches"]) == sorted([story.main, story.side])
    assert sorted(groups["Tags"]) == [story.tag]
    child = groups["Branches"][story.side]
    assert child["type"] == "branch" and child["raw_id"] in story.ids
    assert story.browser.get(child["files_url"]).status == 200
    history = json.loads(story.browser.get(story.at("refs-data-changelog")).body)
    titles = [group["text"] for group in history["results"]]
    assert titles == (["Branches", "Bookmarks", "Closed Branches"] if story.kind == "hg" else ["Branches"])


def test_nothing_is_named_in_an_empty_repository(server: Server, root: Api, ada: Person) -> None:
    adas = Browser(server.url)
    adas.sign_in(ada)
    for kind in ("git", "hg", "svn"):
        name = root.new_repo(kind=kind, owner=ada.name).name
        assert "There are no branches" in adas.get(f"/{name}/branches").page.text
        assert "There are no tags" in adas.get(f"/{name}/tags").page.text
        assert "There are no bookmarks" in adas.get(f"/{name}/bookmarks").page.text
        assert json.loads(adas.get(f"/{name}/refs-data").body) == {"more": False, "results": []}


def test_forks_that_one_may_read(server: Server, root: Api, ada: Person) -> None:
    thing = root.new_repo(owner=ada.name, private=True)
    adas = Browser(server.url)
    adas.sign_in(ada)
    assert "Nobody has forked this repository" in adas.get(f"/{thing.name}/forks").page.text
    for number in range(2):
        root("fork_repo", repoid=thing.name, fork_name=f"{thing.name}-f{number}", owner=ada.name, private=True)
    root("fork_repo", repoid=thing.name, fork_name=f"{thing.name}-hidden", private=True)
    found = tree(adas.get(f"/{thing.name}/forks"))
    shown = [link.text() for link in found.css("ul.log a.strong")]
    assert sorted(shown) == [f"{thing.name}-f0", f"{thing.name}-f1"]
    fork = tree(adas.get(f"/{thing.name}-f0"))
    assert f"Forked from {thing.name}" in " ".join(fork.css_first("aside.side").text().split())
    assert "1 follower · 2 forks" in " ".join(tree(adas.get(f"/{thing.name}")).css_first("aside.side").text().split())


def test_followers(story: Story) -> None:
    found = tree(story.browser.get(story.at("followers")))
    assert [link.text() for link in found.css("ul.people a.strong")] == [story.owner.name]
