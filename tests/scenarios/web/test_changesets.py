# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of changesets and of ranges of them, in all three systems (system.md 2.3, web.md 2.4)."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from tests.support.browser import Browser
from tests.support.changed import MANY, Changed
from tests.support.clients import Api, unique
from tests.support.servers import Server
from trivium.render.sections import address_of


def page_of(browser: Browser, address: str, status: int = 200) -> LexborHTMLParser:
    answer = browser.get(address)
    assert answer.status == status, answer.text[:2000]
    return LexborHTMLParser(answer.body)


def section_of(page: LexborHTMLParser, path: str) -> LexborNode:
    """The changes of one file."""
    (found,) = page.css(f"section.change#{address_of(path)}")
    return found


def code(section: LexborNode, kind: str) -> list[str]:
    """The changed lines of a section, as they would be copied."""
    return [cell.text() for cell in section.css(f"td.lc.{kind}")]


@pytest.fixture
def talked(root: Api, changed: Changed) -> Changed:
    """A copy of it in which something may be said: comments unfold files, and count."""
    name = unique("talked")
    root("fork_repo", repoid=changed.name, fork_name=name, owner=changed.owner.name, private=True)
    return replace(changed, name=name)


def test_a_changeset(readers: Browser, changed: Changed) -> None:
    page = page_of(readers, f"/{changed.name}/changeset/{changed.second}")
    assert page.css_first("h1").text() == "Tides are <b>computed</b> once"
    assert page.css_first(".message").text() == "The rest of it,\nin two lines. Closes #12."
    facts = page.css_first(".commit dl").text()
    assert "Parent" in facts
    assert "Child" in facts
    ids = [link.attributes["href"] for link in page.css(".commit dl a.id:not([rel])")]
    assert ids == [f"/{changed.name}/changeset/{one}" for one in (changed.first, changed.many)]
    assert [one.attributes["aria-label"] for one in page.css("section.change")] == sorted(
        ["<img src=x>", "gone", "grüße.txt", "latin", "no-end", "rows.csv", "src/tide.py", "yarn.lock"],
        key=lambda path: path.encode(),
    )
    tide = section_of(page, "src/tide.py")
    assert code(tide, "del") == ["    return day\n", "# 30\n"]
    assert code(tide, "add") == ["    return day + 1\n", "# 30, <i>changed</i>\n"]
    assert tide.css_first("summary").text().split()[-2:] == ["+2", "−2"]
    assert tide.css_first("ins").text() == "+ 1"
    assert tide.css_first("details").attributes.keys() == {"open"}
    assert code(section_of(page, "latin"), "add") == ["grüße\n"]
    ends = section_of(page, "no-end")
    assert code(ends, "add") == ["two, and more\n"]
    assert ends.text().count("No newline at end of file") == 2
    # What is long, and what programs write, is folded; all of it is in the page.
    for path, lines in (("rows.csv", 600), ("yarn.lock", 1)):
        folded = section_of(page, path)
        assert "open" not in folded.css_first("details").attributes
        assert len(code(folded, "add")) == lines
    # Nothing of the repository is an element of ours.
    assert not page.css("td.lc i, h1 b, img")
    assert page.css_first(".toolbar .strong").text() == "8 files"


def test_numbers_names_and_phases(server: Server, readers: Browser, changed: Changed) -> None:
    """Ids are written as each system writes them; short ids, numbers and names lead to the same page."""
    page = page_of(readers, f"/{changed.name}/changeset/{changed.last}")
    shown = page.css_first(".commit .id").text()
    facts = page.css_first(".commit dl").text()
    match changed.kind:
        case "git":
            assert shown == changed.last[:12]
            assert "master" in facts
            others = [changed.last[:10], "master", "master%2F".removesuffix("%2F")]
        case "hg":
            assert shown == f"3:{changed.last[:12]}"
            assert "default" in facts
            assert "public" in facts
            others = [changed.last[:10], "3", "tip", "default"]
        case _:
            assert shown == f"r{changed.last}"
            others = ["tip"]
    for other in others:
        found = page_of(readers, f"/{changed.name}/changeset/{other}")
        assert found.css_first(".commit .id").text() == shown
    assert page_of(readers, f"/_{repo_id(server, changed)}/changeset/{changed.last}").css_first("h1").text() == "Blanks"
    for unknown in ("nowhere", "f" * 40, "%2e%2e", "-", "--help", "a" * 3000):
        assert readers.get(f"/{changed.name}/changeset/{unknown}").status == 404


def repo_id(server: Server, changed: Changed) -> int:
    return int(server.api(server.admin_key)("get_repo", repoid=changed.name)["repo_id"])


def test_the_first_changeset(readers: Browser, changed: Changed) -> None:
    page = page_of(readers, f"/{changed.name}/changeset/{changed.first}")
    assert {one.text() for one in page.css("section.change .op")} == {"A"}
    assert len(code(section_of(page, "rows.csv"), "add")) == 600


def test_side_by_side_is_remembered(server: Server, changed: Changed) -> None:
    browser = Browser(server.url)
    assert browser.sign_in(changed.owner).status == 302
    address = f"/{changed.name}/changeset/{changed.second}"
    assert page_of(browser, address).css("table.diff.one")
    two = page_of(browser, f"{address}?layout=split")
    assert not two.css("table.diff.one")
    tide = section_of(two, "src/tide.py")
    assert code(tide, "del") == ["    return day\n", "# 30\n"]
    assert code(tide, "add") == ["    return day + 1\n", "# 30, <i>changed</i>\n"]
    assert page_of(browser, address).css("table.diff.two")
    assert page_of(browser, f"{address}?layout=unified").css("table.diff.one")
    assert page_of(browser, address).css("table.diff.one")


def test_white_space_and_context(readers: Browser, changed: Changed) -> None:
    address = f"/{changed.name}/changeset/{changed.last}"
    assert code(section_of(page_of(readers, address), "no-end"), "add") == ["one  \n", "two,   and more\n"]
    ignored = page_of(readers, f"{address}?ignorews=1")
    assert not ignored.css("td.add")
    second = f"/{changed.name}/changeset/{changed.second}"
    counts = {}
    for context in ("0", "3", "25", "nonsense", "999999999999"):
        counts[context] = len(section_of(page_of(readers, f"{second}?context={context}"), "src/tide.py").css("td.lc"))
    assert counts["0"] < counts["3"] == counts["nonsense"] < counts["25"] <= counts["999999999999"]
    # A gap leads to the page that shows what it leaves out.
    gap = section_of(page_of(readers, second), "src/tide.py").css("tr.gap a")[-1].attributes["href"]
    assert gap is not None
    query, _, anchor = gap.partition("#")
    wider = page_of(readers, second + query)
    assert wider.css(f"tr#{anchor}")
    assert len(section_of(wider, "src/tide.py").css("td.lc")) > counts["3"]


def test_many_files_are_streamed(readers: Browser, changed: Changed) -> None:
    """The same page is sent while it is made, and afterwards from its parts; then its lines are counted as well."""
    address = f"/{changed.name}/changeset/{changed.many}"
    first, again = readers.get(address), readers.get(address)
    pages = [LexborHTMLParser(answer.body) for answer in (first, again)]
    for page in pages:
        assert len(page.css("section.change")) == len(page.css("nav.changed a")) == MANY
        assert {code(one, "add")[0] for one in page.css("section.change")} == {f"{number}\n" for number in range(MANY)}
        assert page.css_first(".changes.many")
        assert page.css_first("footer")
        links = [link.attributes["href"] for link in page.css("nav.changed a")]
        assert links == [f"#{one.id}" for one in page.css("section.change")]
    assert pages[1].css_first(".toolbar .plus").text() == f"+{MANY}"
    assert readers.get(address, If_None_Match=again.headers["etag"]).status == 304
    packed = readers.get(address, Accept_Encoding="gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < len(again.body) / 5


def test_a_page_that_is_known_is_not_sent_again(root: Api, readers: Browser, talked: Changed) -> None:
    address = f"/{talked.name}/changeset/{talked.first}"
    readers.get(address)
    tag = readers.get(address).headers["etag"]
    assert readers.get(address, If_None_Match=tag).status == 304
    assert readers.get(f"{address}?context=1", If_None_Match=tag).status == 200
    root("comment_commit", repoid=talked.name, commit_id=talked.first, message="Seen")
    assert readers.get(address, If_None_Match=tag).status == 200


def test_what_is_said(root: Api, readers: Browser, talked: Changed) -> None:
    call = {"repoid": talked.name, "commit_id": talked.second}
    root("comment_commit", **call, message="Fine **so**<script>hit()</script>", status="under_review")
    root("comment_commit", **call, message="Fine now", status="approved")
    root("comment_commit", **call, message="Why?", filepath="src/tide.py", lineno="n5", comment_type="todo")
    page = page_of(readers, f"/{talked.name}/changeset/{talked.second}")
    said = page.css("section.general article.remark")
    assert [one.css_first(".prose").text().strip() for one in said] == ["Fine so<script>hit()</script>", "Fine now"]
    # What is said on a line stands below it, and the list of files counts it.
    for layout in ("split", "unified"):  # the last one is remembered
        beside = page_of(readers, f"/{talked.name}/changeset/{talked.second}?layout={layout}")
        (thread,) = beside.css("tr.talk")
        assert thread.css_first(".prose").text().strip() == "Why?"
        above = thread.prev
        while above.tag != "tr":
            above = above.prev
        assert above.attributes["id"] == f"{section_of(beside, 'src/tide.py').attributes['id']}n5"
        assert thread.css_first("td").attributes["colspan"] == ("4" if layout == "split" else "3")
        assert [link.text().strip()[:8] for link in beside.css("nav.changed a:has(.sr)")] == ["Mtide.py"]
    assert page.css_first(".commit .tag.good").text() == "Approved"
    assert page.css(".remark strong") and not page.css(".remark script")


def test_what_is_said_on_lines_of_many_files(root: Api, readers: Browser, talked: Changed) -> None:
    """Below its line as on a small page, whether the lines are made meanwhile or were made before."""
    call = {"repoid": talked.name, "commit_id": talked.many}
    for path, line in (("many/07.txt", "n1"), ("many/30.txt", "n1"), ("many/30.txt", "n1"), ("many/30.txt", "n7")):
        root("comment_commit", **call, message=f"On {path}, {line}", filepath=path, lineno=line)
    root("comment_commit", **call, message="On all")
    made = [page_of(readers, f"/{talked.name}/changeset/{talked.many}?context=7") for _ in range(2)]
    for page in made:
        threads = {
            str(row.parent.parent.parent.parent.parent.attributes["aria-label"]): [
                one.text().strip() for one in row.css(".prose")
            ]
            for row in page.css("tr.talk")
        }
        assert threads == {"many/07.txt": ["On many/07.txt, n1"], "many/30.txt": ["On many/30.txt, n1"] * 2}
        assert "On many/30.txt, n7" in [one.text().strip() for one in page.css(".thread:not(.talk *) > .remark .prose")]
        assert [one.text().strip() for one in page.css("section.general .prose")][-1] == "On all"
        assert [link.text().strip()[:7] for link in page.css("nav.changed a:has(.sr)")] == ["A07.txt", "A30.txt"]
        assert page.css_first(f"#{address_of('many/30.txt')} details").attributes.keys() == {"open"}


def test_what_is_said_on_a_line_by_its_old_number(root: Api, readers: Browser, talked: Changed) -> None:
    """Also on one that is there before and after, and has its address by the new one."""
    call = {"repoid": talked.name, "commit_id": talked.second, "filepath": "rows.csv"}
    for layout in ("unified", "split"):
        root("comment_commit", **call, message=f"First, {layout}", lineno="o1")
    root("comment_commit", **(call | {"filepath": "src/tide.py"}), message="A blank", lineno="o3")
    for layout in ("split", "unified"):
        page = page_of(readers, f"/{talked.name}/changeset/{talked.second}?layout={layout}")
        (thread,) = section_of(page, "src/tide.py").css("tr.talk:has(td .prose)")[:1]
        rows = section_of(page, "src/tide.py").css("tbody > tr")
        at = next(number for number, row in enumerate(rows) if row.mem_id == thread.mem_id)
        assert rows[at - 1].css_first("td.no").text() == "3"
        assert thread.css_first(".prose").text().strip() == "A blank"
        assert len(section_of(page, "rows.csv").css("tr.talk .remark")) == 2


def test_ranges(readers: Browser, changed: Changed) -> None:
    page = page_of(readers, f"/{changed.name}/changeset/{changed.second}...{changed.last}")
    subjects = [one.text() for one in page.css("ol.log a.strong")]
    assert subjects == ["Blanks", "Many", "Tides are <b>computed</b> once"]
    assert len(page.css("section.change")) == 8 + MANY
    assert code(section_of(page, "no-end"), "add") == ["one  \n", "two,   and more\n"]
    alone = page_of(readers, f"/{changed.name}/changeset/{changed.first}...{changed.first}")
    assert [one.text() for one in alone.css("ol.log a.strong")] == ["The first of them"]
    for wrong in (f"{changed.last}...{changed.second}", f"{changed.first}...nowhere", "...", f"...{changed.last}"):
        assert readers.get(f"/{changed.name}/changeset/{wrong}").status == 404


def test_values_for_scripts(readers: Browser, changed: Changed) -> None:
    script = {"X_Requested_With": "XMLHttpRequest"}

    def asked(what: str, revision: str) -> object:
        answer = readers.get(f"/{changed.name}/{what}/{revision}", **script)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/json")
        return json.loads(answer.body)

    info = asked("changeset_info", changed.second)
    assert isinstance(info, dict)
    assert info["raw_id"] == changed.second
    assert info["message"].startswith("Tides are <b>")
    assert info["parents"] == [{"raw_id": changed.first}]
    for what, expected in (
        ("changeset_parents", {changed.first: [], changed.second: [changed.first]}),
        ("changeset_children", {changed.second: [changed.many], changed.last: []}),
    ):
        for revision, ids in expected.items():
            found = asked(what, revision)
            assert isinstance(found, dict)
            assert [one["raw_id"] for one in found["results"]] == ids
    assert readers.get(f"/{changed.name}/changeset_info/{changed.second}").status == 400
    assert readers.get(f"/{changed.name}/changeset_info/nowhere", **script).status == 404


def test_limits_of_pages(server: Server, cramped: Callable[[str], tuple[Browser, Changed]], kind: str) -> None:
    """What is too large is told with its numbers, and with a way to all of it."""
    browser, changed = cramped(kind)
    address = f"/{changed.name}/changeset/{changed.second}"
    page = page_of(browser, address)
    large = section_of(page, "rows.csv")
    assert not code(large, "add")
    assert large.css_first("summary").text().split()[-2:] == ["+600", "−600"]
    assert code(section_of(page, "gone"), "del") == ["bye\n"]
    everything, text = (link.attributes["href"] for link in large.css(".fold a"))
    assert len(code(section_of(page_of(browser, f"{address}{everything}"), "rows.csv"), "add")) == 600
    assert text is not None
    assert browser.get(text).body.count(b"\n+1") == 600
    assert browser.get(f"/{changed.name}/changeset-diff/{changed.second}").body.count(b"\n+1") == 600
