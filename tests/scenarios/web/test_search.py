# SPDX-License-Identifier: GPL-3.0-or-later
"""Search: names of repositories, paths and changesets, in one repository and in all (web.md 2.2)."""

from __future__ import annotations

from urllib.parse import quote

from selectolax.lexbor import LexborHTMLParser

from tests.support.browser import Browser
from tests.support.changed import MANY, Changed
from tests.support.clients import Api, unique
from tests.support.servers import Server


def page_of(browser: Browser, address: str, status: int = 200) -> LexborHTMLParser:
    answer = browser.get(address)
    assert answer.status == status, answer.text[:2000]
    return LexborHTMLParser(answer.body)


def paths(page: LexborHTMLParser) -> list[str]:
    return [link.text() for link in page.css("ul.hits a")]


def subjects(page: LexborHTMLParser) -> list[str]:
    return [one.text() for one in page.css("ol.log a.strong")]


def said(page: LexborHTMLParser) -> str:
    return " ".join(page.css_first("main").text().split())


def test_paths_of_a_repository(readers: Browser, changed: Changed) -> None:
    name = changed.name
    page = page_of(readers, f"/{name}/search?q=TIDE+src")
    assert paths(page) == ["src/tide.py"]
    (address,) = (link.attributes["href"] or "" for link in page.css("ul.hits a"))
    assert "tide.py" in page_of(readers, address).css_first("title").text()
    # Those with the word in their names come first, and the shortest of them.
    assert paths(page_of(readers, f"/{name}/search?q=o"))[:2] == ["no-end", "rows.csv"]
    assert paths(page_of(readers, f"/{name}/search?type=path&q={quote('GRÜSSE')}")) == ["grüße.txt"]
    assert paths(page_of(readers, f"/{name}/search?type=path&q={quote('<img')}")) == ["<img src=x>"]
    assert paths(page_of(readers, f"/{name}/search?q=gone")) == [], "it is not there any more"
    nothing = page_of(readers, f"/{name}/search?q=gone")
    assert "No file here has this in its path: gone" in said(nothing)
    (elsewhere,) = (link.attributes["href"] or "" for link in nothing.css(".empty a"))
    assert elsewhere == f"/{name}/search?q=gone&type=commit", "what one may do next"


def test_paths_in_pages(readers: Browser, changed: Changed) -> None:
    page = page_of(readers, f"/{changed.name}/search?q=.txt")
    assert f"{MANY + 1} paths" in said(page)
    assert len(paths(page)) == MANY + 1 and page.css_first("nav.pager") is None
    beyond = page_of(readers, f"/{changed.name}/search?q=.txt&page=2")
    assert paths(beyond) == [] and "There are no more paths" in said(beyond)


def test_changesets_of_a_repository(readers: Browser, changed: Changed) -> None:
    name = changed.name
    assert subjects(page_of(readers, f"/{name}/search?type=commit&q=CLOSES+tides")) == [
        "Tides are <b>computed</b> once"
    ]
    assert subjects(page_of(readers, f"/{name}/search?type=commit&q=nothing-like-it")) == []
    page = page_of(readers, f"/{name}/search?type=commit&q=blanks")
    (address,) = (link.attributes["href"] or "" for link in page.css("ol.log a.strong"))
    assert address.endswith(f"/changeset/{changed.last}")
    # With `path:` those that touched such a file.
    assert subjects(page_of(readers, f"/{name}/search?type=commit&q=path:LATIN+path:tide.py")) == [
        "Tides are <b>computed</b> once",
        "The first of them",
    ]
    assert subjects(page_of(readers, f"/{name}/search?type=commit&q=path:latin+once")) == [
        "Tides are <b>computed</b> once"
    ]
    assert subjects(page_of(readers, f"/{name}/search?type=commit&q=path:nothing-like-it")) == []
    assert paths(page_of(readers, f"/{name}/search?q=path:src+tide")) == ["src/tide.py"]
    # On from behind a changeset there are only older ones.
    assert subjects(page_of(readers, f"/{name}/search?type=commit&q=blanks&after={changed.last}")) == []
    author = changed.owner.name if changed.kind == "svn" else "lovelace"
    every = {"Blanks", "Many", "Tides are <b>computed</b> once", "The first of them"}
    assert every <= set(subjects(page_of(readers, f"/{name}/search?type=commit&q={author}")))
    page_of(readers, f"/{name}/search?type=commit&q=x&after=no-such", 404)


def test_what_makes_no_sense_finds_nothing(readers: Browser, changed: Changed) -> None:
    for query in (
        "",
        "q=",
        "q=%20",
        "q=repo:",
        "q=%00",
        "q=%ff",
        "type=nonsense&q=%00x",
        "q=" + "x" * 3000,
    ):
        for kind in ("", "&type=commit", "&type=content"):
            page = page_of(readers, f"/{changed.name}/search?{query}{kind}")
            assert not paths(page) and not subjects(page), query
    assert "Contents of files cannot be searched yet" in said(
        page_of(readers, f"/{changed.name}/search?q=tide&type=content")
    )


def test_an_empty_repository(adas: Browser, project: str) -> None:
    assert "No file here has this in its path" in said(page_of(adas, f"/{project}/search?q=x"))
    assert "No changeset has this" in said(page_of(adas, f"/{project}/search?q=x&type=commit"))


def test_everywhere_is_what_one_may_read(
    server: Server, root: Api, changed: Changed, readers: Browser, adas: Browser
) -> None:
    """Others find neither the private repository, nor a path or a message in it."""
    name = changed.name
    for address, found in (
        (f"/_admin/search?q={name}", "ul.repos"),
        (f"/_admin/search?type=path&q=tide.py+repo:{name}", "ul.hits"),
        (f"/_admin/search?type=commit&q=computed+repo:{name}+kind:{changed.kind}", "ol.log"),
    ):
        owners, others = page_of(readers, address), page_of(adas, address)
        assert len(owners.css(f"{found} li")) == 1, address
        assert name in owners.css_first("section.card").text()
        assert not others.css(found) and "Nothing found" in said(others), address
    other_kind = "hg" if changed.kind != "hg" else "git"
    assert not page_of(readers, f"/_admin/search?type=path&q=tide.py+repo:{name}+kind:{other_kind}").css("ul.hits")
    more = page_of(readers, f"/_admin/search?type=path&q=txt+repo:{name}")
    (link,) = (one.attributes["href"] or "" for one in more.css("section.card header a.button"))
    assert len(paths(more)) < len(paths(page_of(readers, link))) == MANY + 1


def test_everywhere_says_how_far_it_looked(root: Api, adas: Browser) -> None:
    word = unique("searched")
    for _ in range(22):
        root.new_repo(unique(word))
    page = page_of(adas, f"/_admin/search?type=path&q=x+repo:{word}")
    assert "20 repositories were searched." in said(page) and "there are others that you may read" in said(page)
    listed = page_of(adas, f"/_admin/search?q={word}")
    assert len(listed.css("ul.repos li")) == 22


def test_visitors(browser: Browser, changed: Changed) -> None:
    """They have to sign in, whether there is such a repository or not."""
    for address in ("/_admin/search?q=x", f"/{changed.name}/search?q=x", "/no-such/search?q=x"):
        assert browser.get(address).location.startswith("/_admin/login?came_from=")


def test_the_way_from_the_first_page(adas: Browser) -> None:
    page = page_of(adas, "/?query=no-such-name-anywhere")
    links = [link.attributes["href"] for link in page.css("main a")]
    assert "/_admin/search?q=no-such-name-anywhere&type=path" in links
