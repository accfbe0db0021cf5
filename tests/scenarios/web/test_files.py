# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories and files of a revision: what is on their pages, of each system (system.md 2.3, web.md 2.2)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from selectolax.lexbor import LexborHTMLParser as HTMLParser
from selectolax.lexbor import LexborNode as Node

from tests.support.browser import Answer
from tests.support.shelves import Shelf

BY_SCRIPT = {"X_Requested_With": "XMLHttpRequest"}


def tree(answer: Answer) -> HTMLParser:
    assert answer.status == 200, answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return HTMLParser(answer.body)


def page(shelf: Shelf, address: str) -> HTMLParser:
    return tree(shelf.browser.get(shelf.at(address)))


def rows(found: HTMLParser) -> list[list[str]]:
    """The texts of the cells of a table of files: name, what, size, when."""
    return [[cell.text(strip=True) for cell in row.css("td")] for row in found.css("table.files tbody tr")]


def names(found: HTMLParser) -> list[str]:
    return [link.text() for link in found.css("table.files td.name a")]


def text_of(node: Node | None) -> str:
    assert node is not None
    return " ".join(node.text().split())


def code(found: HTMLParser) -> str:
    """The lines of a file as somebody would copy them."""
    return "".join(cell.text() for cell in found.css("table.text td.lc"))


def test_a_directory_has_its_entries_with_sizes(shelf: Shelf) -> None:
    found = page(shelf, "files/tip")
    assert names(found)[:4] == ["docs", "grüße & co", "only", "src"]
    assert names(found)[4:] == sorted(name for name in shelf.files if "/" not in name)
    links = {link.text(): link.attributes["href"] for link in found.css("table.files td.name a")}
    assert links["src"] == f"/{shelf.name}/files/tip/src"
    assert links["grüße & co"] == f"/{shelf.name}/files/tip/{quote('grüße & co')}"
    sizes = {row[0].removeprefix("File").removeprefix("Directory"): row[2] for row in rows(found)}
    assert (sizes["empty.txt"], sizes["data.bin"], sizes["src"]) == ("0 B", "2.0 kB", "")
    assert text_of(found.css_first("nav.tabs a[aria-current]")) == "Files"


def test_a_chain_of_directories_is_one_step(shelf: Shelf) -> None:
    found = page(shelf, "files/tip/only")
    (link,) = found.css("table.files td.name a")
    assert (link.text(), link.attributes["href"]) == ("a/b", f"/{shelf.name}/files/tip/only/a/b")
    assert names(page(shelf, "files/tip/only/a/b")) == ["c.txt"]


def test_last_changes_come_later_or_when_asked_for(shelf: Shelf) -> None:
    address = shelf.at(f"files/{shelf.ids[1]}/")
    without = tree(shelf.browser.get(address))
    body = without.css_first("table.files tbody")
    assert body is not None
    fill = body.attributes.get("data-fill")
    if fill:  # nobody has asked before
        assert without.css(".waiting") and not without.css("td.what a")
        assert shelf.browser.get(fill).status == 400
        filled = shelf.browser.get(fill, **BY_SCRIPT)
        assert filled.status == 200 and "<time" in filled.text and "waiting" not in filled.text
        assert filled.text.count("<tr>") == len(body.css("tr"))
    asked = tree(shelf.browser.get(address + "?changes=1"))
    subjects = {row[0].removeprefix("File").removeprefix("Directory"): row[1] for row in rows(asked)}
    assert subjects["src"] == "Area is in square metres"
    assert subjects["README.md"] == "First & <b>foremost</b>"
    (link,) = {one.attributes["href"] for one in asked.css("td.what a") if one.text() == "Area is in square metres"}
    assert link == f"/{shelf.name}/changeset/{shelf.ids[1]}"
    # From now on they are known.
    assert rows(tree(shelf.browser.get(address))) == rows(asked)


def test_a_readme_is_rendered_with_its_links(shelf: Shelf) -> None:
    found = page(shelf, "files/tip").css_first(".prose")
    assert found is not None
    links = {link.text(): link.attributes["href"] for link in found.css("a")}
    assert links == {
        "the guide": f"/{shelf.name}/files/tip/docs/guide.md#user-content-start",
        "a line": f"/{shelf.name}/files/tip/src/area.py#L6",
        "home": f"/{shelf.name}/files/tip/docs",
    }
    assert [image.attributes["src"] for image in found.css("img")] == [f"/{shelf.name}/raw/tip/mark.png"]
    assert not found.css("script")
    plain = page(shelf, "files/tip?no-render=1").css_first(".prose pre")
    assert plain is not None and "# Tide" in plain.text()


def test_a_file_has_its_lines_with_addresses(shelf: Shelf) -> None:
    found = page(shelf, "files/tip/src/area.py")
    assert code(found).encode() == shelf.files["src/area.py"]
    assert [row.id for row in found.css("table.text tr")] == [f"L{number}" for number in range(1, 8)]
    assert [link.attributes["href"] for link in found.css("table.text td.no a")][:2] == ["#L1", "#L2"]
    assert found.css("table.text span.nf")  # it is in colours
    assert text_of(found.css_first("section.code .line .num")) == "7 lines · 69 B · Python"
    crumbs = [(link.text(), link.attributes["href"]) for link in found.css("h2.place a")]
    start = f"/{shelf.name}/files/tip"
    assert crumbs == [(shelf.name, start), ("src", f"{start}/src")]
    lasting = found.css_first('a[rel="bookmark"]')
    assert lasting is not None and lasting.attributes["href"] == shelf.at(f"files/{shelf.ids[-1]}/src/area.py")
    links = [link.attributes["href"] for link in found.css("section.code .group a")]
    assert [f"/{shelf.name}/{one}/tip/src/area.py" for one in ("files", "annotate", "raw", "rawfile")] == links


def test_markup_is_rendered_and_its_source_a_click_away(shelf: Shelf) -> None:
    for address in ("files/tip/README.md", "render/tip/README.md"):
        found = page(shelf, address)
        assert found.css_first(".prose h1") is not None and not found.css("table.text")
        source = found.css_first("a[data-source]")
        assert source is not None and source.attributes["href"] == f"/{shelf.name}/files/tip/README.md?no-render=1"
    assert code(page(shelf, "files/tip/README.md?no-render=1")).encode() == shelf.files["README.md"]
    assert page(shelf, "render/tip/src/area.py").css("table.text")


def test_what_is_no_text_is_told_for_what_it_is(shelf: Shelf) -> None:
    said = {
        path: page(shelf, f"files/tip/{path}").css_first("section.code")
        for path in ("mark.png", "data.bin", "empty.txt", "pointer.psd", "fake.png", "page.html")
    }
    picture = said["mark.png"] and said["mark.png"].css_first("img")
    assert picture is not None and picture.attributes["src"] == f"/{shelf.name}/raw/tip/mark.png"
    assert "not text" in text_of(said["data.bin"]) and "empty" in text_of(said["empty.txt"])
    assert "Git LFS" in text_of(said["pointer.psd"]) and "12.3 MB" in text_of(said["pointer.psd"])
    for path in ("fake.png", "page.html"):
        node = said[path]
        assert node is not None and not node.css("img, script") and "<script>alert(1)</script>" in node.text()


def test_a_text_in_another_charset_is_guessed_or_read_as_asked(shelf: Shelf) -> None:
    found = page(shelf, "files/tip/latin.txt")
    assert code(found) == "Grüße\n"
    assert "ISO-8859-1" in text_of(found.css_first("section.code .num"))
    assert code(page(shelf, "files/tip/latin.txt?default_encoding=windows-1251")) == "GrьЯe\n"
    assert code(page(shelf, "files/tip/latin.txt?default_encoding=zip")) == "Grüße\n"
    assert code(page(shelf, "files/tip/crlf.txt")) == "one\ntwo\n"


def test_of_a_large_file_the_beginning_is_shown(shelf: Shelf) -> None:
    found = page(shelf, "files/tip/large.txt")
    assert len(found.css("table.text tr")) == 20_000
    assert "only its beginning" in text_of(found.css_first("section.code .fold"))


def test_lines_with_their_changesets(shelf: Shelf) -> None:
    found = page(shelf, "annotate/tip/src/area.py")
    assert code(found).encode() == shelf.files["src/area.py"]
    starts = [(row.id, row.css_first("td.who")) for row in found.css("table.text tr.start")]
    assert [id_ for id_, _ in starts] == ["L1", "L3", "L4"]
    blocks = [[link.attributes["href"] for link in cell.css("a")] for _, cell in starts if cell is not None]
    first, second = (f"/{shelf.name}/changeset/{raw_id}" for raw_id in shelf.ids[:2])
    before = f"/{shelf.name}/annotate/{shelf.ids[0]}/src/area.py"
    assert blocks == [[first], [second, before], [first]]
    assert "import os" in code(page(shelf, before.split("/", 2)[2]))


def test_an_annotation_leads_nowhere_where_the_file_was_not(shelf: Shelf) -> None:
    for path, ways in (("later.txt", 0), ("src/area.py", 1)):
        links = {str(link.attributes["href"]) for link in page(shelf, f"annotate/tip/{path}").css("td.who a")}
        earlier = {one for one in links if "/annotate/" in one}
        assert len(earlier) == ways and all(shelf.browser.get(one).status == 200 for one in earlier), path


def test_what_has_no_lines_is_not_annotated(shelf: Shelf) -> None:
    found = page(shelf, "annotate/tip/data.bin")
    assert "not text" in text_of(found.css_first('main [role="status"]'))
    assert shelf.browser.get(shelf.at("annotate/tip/src")).status == 404


def test_nothing_there(shelf: Shelf) -> None:
    for path in (
        "nothing",
        "README.md/x",
        "a/../README.md",
        "%2e%2e/%2e%2e/etc",
        ".git/config",
        "src/.hg",
        "x%00y",
        "%ff",
    ):
        assert shelf.browser.get(shelf.at(f"files/tip/{path}")).status == 404, path
    assert shelf.browser.get(shelf.at("files/nowhere")).status == 404
    then = shelf.browser.get(shelf.at(f"files/{shelf.ids[0]}/later.txt"))
    assert then.status == 404
    assert shelf.at("files/tip/later.txt") in then.page.links
    assert shelf.at("files/tip/gone.txt") not in shelf.browser.get(shelf.at("files/tip/gone.txt")).page.links
    assert shelf.browser.get(shelf.at(f"files/{shelf.ids[0]}/gone.txt")).status == 200


def test_addresses_in_other_spellings(shelf: Shelf) -> None:
    same = page(shelf, "files/tip/src").css_first("table.files").html  # type: ignore[union-attr]
    for address in ("files/tip/src/", "files/tip//src", "files/tip/%73rc"):
        assert page(shelf, address).css_first("table.files").html == same  # type: ignore[union-attr]
    assert names(page(shelf, "files")) == names(page(shelf, "files/tip")) == names(page(shelf, "files/tip/"))
    assert page(shelf, "files/tip/src%2Farea.py").css("table.text")
    moved = shelf.browser.get(shelf.at("files/tip/src/area.py/?no-render=1&api_key="))
    assert (moved.status, moved.location) == (302, shelf.at("files/tip/src/area.py?no-render=1"))


def test_other_revisions(shelf: Shelf) -> None:
    for name in (shelf.ids[0], shelf.ids[0][:12] if shelf.kind != "svn" else "1"):
        assert "import os" in code(page(shelf, f"files/{name}/src/area.py"))


def test_a_page_that_has_not_changed_is_not_sent_again(shelf: Shelf) -> None:
    for address in ("files/tip/src?changes=1", "files/tip/src/area.py?changes=1", "annotate/tip/src/area.py?changes=1"):
        shelf.browser.get(shelf.at(address))
        tag = shelf.browser.get(shelf.at(address)).headers["etag"]
        again = shelf.browser.get(shelf.at(address), If_None_Match=tag)
        assert (again.status, again.body) == (304, b""), address


def test_files_are_found_by_words(shelf: Shelf) -> None:
    found = page(shelf, "files/tip?find=AREA%20src")
    assert [(link.text(), link.attributes["href"]) for link in found.css(".hits a")] == [
        ("src/area.py", f"/{shelf.name}/files/tip/src/area.py")
    ]
    assert not page(shelf, "files/tip?find=nowhere").css(".hits a")


def data(shelf: Shelf, address: str) -> Any:
    answer = shelf.browser.get(shelf.at(address), **BY_SCRIPT)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    return json.loads(answer.body)


def test_scripts_learn_all_paths(shelf: Shelf) -> None:
    nodes = data(shelf, "nodelist/tip/")["nodes"]
    assert {node["name"] for node in nodes if node["type"] == "file"} == set(shelf.files)
    assert {"name": "only/a", "type": "dir"} in nodes
    assert {node["name"] for node in data(shelf, "nodelist/tip/src")["nodes"]} == {"src/area.py"}
    refused = shelf.browser.get(shelf.at("nodelist/tip/"))
    assert refused.status == 400
    assert "This is not a valid XMLHttpRequest (XHR) request" in refused.text


def test_the_history_and_authors_of_a_file(shelf: Shelf) -> None:
    found = data(shelf, "history/tip/src/area.py")
    assert found["more"] is False
    groups = {group["text"]: [child["id"] for child in group["children"]] for group in found["results"]}
    assert groups["Changesets"] == [shelf.ids[1], shelf.ids[0]]
    assert all(raw_id == shelf.ids[-1] for raw_id in groups.get("Branches", []))
    authors = tree(shelf.browser.get(shelf.at("authors/tip/src/area.py")))
    (item,) = authors.css("ul.authors li")
    assert item.css_first(".num").text() == "2"  # type: ignore[union-attr]


def test_the_last_change_of_a_file(shelf: Shelf) -> None:
    found = page(shelf, "files/tip/later.txt?changes=1")
    line = found.css_first("section.code .line")
    assert "Later" in text_of(line)
    came = shelf.browser.get(shelf.at("nodetree_full/tip/README.md"), **BY_SCRIPT)
    assert came.status == 200 and "First &amp; &lt;b&gt;foremost&lt;/b&gt;" in came.text


def test_archives_are_offered_where_they_may_be_had(shelf: Shelf) -> None:
    links = [link.attributes["href"] for link in page(shelf, "files/tip").css("a")]
    assert shelf.at(f"archive/{shelf.ids[-1]}.tar.gz") in links
