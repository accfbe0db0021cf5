# SPDX-License-Identifier: GPL-3.0-or-later
"""What only some repositories have: links, odd names, many entries, names of revisions with slashes (web.md 2.2)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support.browser import Browser
from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, new_system


def opened(browser: Browser, address: str) -> LexborHTMLParser:
    answer = browser.get(address)
    assert answer.status == 200, answer.text
    return LexborHTMLParser(answer.body)


def said(found: LexborHTMLParser, selector: str) -> str:
    node = found.css_first(selector)
    assert node is not None, selector
    return " ".join(node.text().split())


def links(found: LexborHTMLParser) -> dict[str, str]:
    return {link.text(): link.attributes["href"] or "" for link in found.css("table.files td.name a")}


@pytest.mark.parametrize("kind", SYSTEMS)
def test_an_empty_repository_leads_to_its_first_page(
    kind: str, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    name = new_system(kind, tmp_path).new_repository(root, ada, private=True)
    for page in ("files", "files/", "files/tip", "files/tip/any"):
        answer = adas.get(f"/{name}/{page}")
        assert (answer.status, answer.location) == (302, f"/{name}")
    assert adas.get(f"/{name}/raw/tip/any").status == 404
    assert adas.get(f"/{name}/annotate/tip/any").status == 404
    assert adas.get(f"/{name}/nodelist/tip/", X_Requested_With="XMLHttpRequest").body == b'{"nodes":[]}'


@pytest.mark.parametrize("kind", SYSTEMS)
def test_a_symbolic_link_is_shown_with_its_target(
    kind: str, server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, ada, private=True)
    copy = system.checkout(server, name, ada)
    copy.write(**{"docs/real.txt": "real\n"})
    (copy.path / "docs" / "inside").symlink_to("../docs/real.txt")
    (copy.path / "outside").symlink_to("/etc/passwd")
    copy.commit("two links")
    copy.publish()
    found = opened(adas, f"/{name}/files/tip/docs/inside")
    (link,) = found.css("section.code .fold a")
    assert (link.text(), link.attributes["href"]) == ("../docs/real.txt", f"/{name}/files/tip/docs/real.txt")
    found = opened(adas, f"/{name}/files/tip/outside")
    assert "/etc/passwd" in said(found, "section.code .fold") and not found.css("section.code .fold a")
    raw = adas.get(f"/{name}/raw/tip/outside")
    assert (raw.status, raw.body, raw.headers["content-type"]) == (200, b"/etc/passwd", "text/plain; charset=utf-8")


@pytest.mark.parametrize("kind", ["git", "hg"])
def test_a_name_that_is_no_utf8(
    kind: str, server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, ada, private=True)
    copy = system.checkout(server, name, ada)
    folder = copy.path / os.fsdecode(b"d\xfc")
    folder.mkdir()
    for file in (b"gr\xfc\xdfe.txt", b"README.md"):
        (folder / os.fsdecode(file)).write_bytes(b"hello\n")
    copy.commit("odd names")
    copy.publish()
    (directory,) = opened(adas, f"/{name}/files/tip?changes=1").css("table.files td.name a")
    assert (directory.text(), directory.attributes["href"]) == ("d\\xFC", f"/{name}/files/tip/d%FC")
    found = opened(adas, f"/{name}/files/tip/d%FC?changes=1")
    assert links(found)["gr\\xFC\\xDFe.txt"] == f"/{name}/files/tip/d%FC/gr%FC%DFe.txt"
    file = opened(adas, f"/{name}/files/tip/d%FC/gr%FC%DFe.txt?changes=1")
    assert said(file, "table.text td.lc") == "hello"
    assert adas.get(f"/{name}/annotate/tip/d%FC/gr%FC%DFe.txt").status == 200
    saved = adas.get(f"/{name}/rawfile/tip/d%FC/gr%FC%DFe.txt")
    assert saved.body == b"hello\n" and "\ufffd" not in saved.headers["content-disposition"]
    listed = adas.get(f"/{name}/nodelist/tip/", X_Requested_With="XMLHttpRequest")
    assert listed.status == 200 and b"README.md" in listed.body


def test_a_submodule_leads_to_the_repository_here(
    server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    system = new_system("git", tmp_path / "home")
    hidden, shown, name = (system.new_repository(root, ada, private=True) for _ in range(3))
    inner = system.checkout(server, shown, ada).change("inner")
    reader = root.new_user()
    for one in (shown, name):
        root("grant_user_permission", repoid=one, userid=reader.name, perm="repository.read")
    copy = system.checkout(server, name, ada)
    elsewhere = "https://elsewhere.example/other.git"
    addresses = {"sub": f"../{shown}.git", "full": f"{server.url}/{shown}", "hid": f"../{hidden}", "far": elsewhere}
    text = "".join(f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, url in addresses.items())
    copy.write(**{".gitmodules": text})
    for path in addresses:
        copy.run("update-index", "--add", "--cacheinfo", f"160000,{inner},{path}")
    copy.run("add", ".gitmodules")
    copy.run("commit", "--quiet", "-m", "links")
    copy.publish()
    here = f"/{shown}/files/{inner}"
    found = links(opened(adas, f"/{name}/files/tip"))
    assert (found["sub"], found["full"], found["hid"]) == (here, here, f"/{hidden}/files/{inner}")
    assert found["far"] == f"/{name}/files/tip/far"
    page = opened(adas, f"/{name}/files/tip/far")
    assert elsewhere in page.text() and inner in page.text() and elsewhere not in str(page.css("a"))
    theirs = Browser(server.url)
    assert theirs.sign_in(reader).status == 302
    found = links(opened(theirs, f"/{name}/files/tip"))
    assert (found["sub"], found["hid"]) == (here, f"/{name}/files/tip/hid")
    assert not opened(theirs, f"/{name}/files/tip/hid").css("main a.first")
    assert adas.get(f"/{name}/raw/tip/sub").status == 404


def test_externals_and_properties(server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path) -> None:
    system = new_system("svn", tmp_path / "home")
    other, name = (system.new_repository(root, ada, private=True) for _ in range(2))
    system.checkout(server, other, ada).change("inner", **{"lib/x.txt": "x\n"})
    copy = system.checkout(server, name, ada)
    copy.change("first", **{"trunk/a.txt": "a\n", "branches/two/a.txt": "b\n"})
    copy.run("propset", "svn:externals", f"{server.url}/{other}/lib@1 lib\n^/branches/two mine", "trunk")
    copy.run("propset", "note", "<b>bold\u202e</b>", "trunk/a.txt")
    copy.commit("links")
    copy.publish()
    found = links(opened(adas, f"/{name}/files/tip/trunk"))
    assert (found["lib"], found["mine"]) == (f"/{other}/files/1/lib", f"/{name}/files/tip/branches/two")
    page = opened(adas, f"/{name}/files/tip/trunk/a.txt")
    assert (said(page, ".properties dt"), said(page, ".properties pre")) == ("note", "<b>boldU+202E</b>")
    # Branches are directories: the switcher leads to the same file in the other.
    switch = page.css_first("details.menu.start")
    assert switch is not None
    assert "branch trunk" in said(page, "details.menu.start summary")
    assert f"/{name}/files/tip/branches/two/a.txt" in [link.attributes["href"] for link in switch.css("a")]


@pytest.mark.parametrize("kind", ["git", "hg"])
def test_a_revision_may_have_slashes_in_its_name(
    kind: str, server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, ada, private=True)
    copy = system.checkout(server, name, ada)
    first = copy.change("first", **{"src/a.txt": "one\n"})
    if kind == "git":
        copy.run("checkout", "--quiet", "-b", "feature/x")
    else:
        copy.run("branch", "feature/x")
    second = copy.change("second", **{"src/a.txt": "two\n"}) if kind == "git" else None
    if second is None:
        copy.write(**{"src/a.txt": "two\n"})
        copy.commit("second")
        copy.run("push", "--new-branch")
        second = copy.published()
    for address in ("feature%2Fx/src/a.txt", "feature/x/src/a.txt"):
        found = opened(adas, f"/{name}/files/{address}")
        assert said(found, "table.text td.lc") == "two"
        assert said(found, "details.menu.start summary") == "branch feature/x"
        assert f"/{name}/files/feature%2Fx/src" in [link.attributes["href"] for link in found.css("h2.place a")]
    assert adas.get(f"/{name}/raw/feature/x/src/a.txt").body == b"two\n"
    found = opened(adas, f"/{name}/files/{second}/src/a.txt?at_rev=feature/x")
    assert said(found, "details.menu.start summary") == "branch feature/x"
    assert said(opened(adas, f"/{name}/files/{first}"), "details.menu.start summary").startswith("revision")


def test_of_many_entries_the_first_are_shown(
    server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    system = new_system("git", tmp_path / "home")
    name = system.new_repository(root, ada, private=True)
    system.checkout(server, name, ada).change("many", **{f"f{number:04}": "" for number in range(1010)})
    found = opened(adas, f"/{name}/files/tip")
    assert len(found.css("table.files tbody tr")) == 1000
    assert "1\u202f010 entries" in found.text()
    assert links(found).get("f1005") is None
    hits = opened(adas, f"/{name}/files/tip?find=f1005").css(".hits a")
    assert [link.text() for link in hits] == ["f1005"]


def test_what_one_has_had_made_another_is_given(
    server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    system = new_system("git", tmp_path / "home")
    name = system.new_repository(root, ada, private=True)
    system.checkout(server, name, ada).change("one", **{"README.md": "# Hello\n", "a.py": "x = 1\n"})
    reader = root.new_user()
    root("grant_user_permission", repoid=name, userid=reader.name, perm="repository.read")
    theirs = Browser(server.url)
    assert theirs.sign_in(reader).status == 302
    for page in ("files/tip?changes=1", "files/tip/a.py?changes=1", "annotate/tip/a.py?changes=1"):
        mine, other = (opened(one, f"/{name}/{page}").css_first("section.card") for one in (adas, theirs))
        assert mine is not None and other is not None and mine.html == other.html


@pytest.mark.parametrize("kind", SYSTEMS)
def test_what_is_said_on_a_line_stands_there_whatever_the_file_is_called(
    kind: str, server: Server, root: Api, ada: Person, adas: Browser, tmp_path: Path
) -> None:
    names = [b"a \"b\" & 'c' <d>.txt", "zero\u200bwidth\u202ename.txt".encode(), "nfd e\u0301\xa0.txt".encode()]
    names += {"git": [b"gr\xfc.txt", b"gr\xfd.txt", b"Icon\r", b"line\nfeed\ttab.txt"], "hg": [b"gr\xfc.txt"]}.get(
        kind, []
    )
    system = new_system(kind, tmp_path / "home")
    name = system.new_repository(root, ada, private=True)
    copy = system.checkout(server, name, ada)
    for file in names:
        (copy.path / os.fsdecode(file)).write_bytes(b"one\ntwo\n")
    copy.commit("odd names")
    copy.publish()
    page = f"/{name}/changeset/tip"
    shown = opened(adas, page)
    raw_id = shown.css_first("a[rel=bookmark]").attributes["title"]
    sections = shown.css("section.change")
    assert len(sections) == len(names)
    token = adas.get(page).page.token
    for number, section in enumerate(sections):
        # As the form beside a line sends it: what a browser makes of an attribute, and of a field.
        path = section.attributes.get("data-path") or section.attributes["aria-label"] or ""
        assert "\r" not in path and "\n" not in path
        said_here = {"csrf_token": token, "text": f"about {number}", "f_path": path, "line": "n2"}
        assert adas.post(f"/{name}/changeset/{raw_id}/comment", said_here).status == 302
    shown = opened(adas, page)
    for number, section in enumerate(shown.css("section.change")):
        (row,) = section.css("tr.talk")
        assert f"about {number}" in row.text(), section.attributes["aria-label"]
    assert not shown.css("section.general .remark")
