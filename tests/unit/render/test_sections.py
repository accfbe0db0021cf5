# SPDX-License-Identifier: GPL-3.0-or-later
"""Sections of changed files: what stands in them for changes of every sort."""

from __future__ import annotations

from dataclasses import replace

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from trivium.render.sections import MOST_SHOWN_LINES, Addresses, address_of, is_generated, sections
from trivium.vcs.pages import EntryKind, FileDifference, Op, PropertyChange

ADDRESSES = Addresses(
    new=lambda path: f"/new/{len(path)}",
    old=lambda path: f"/old/{len(path)}",
    raw=lambda path: f"/raw/{len(path)}",
    more=lambda gap, address: f"?context={gap.hidden}#{address}n{gap.new}",
    everything="?fulldiff=1",
    old_raw=lambda path: f"/content/old/{len(path)}",
    new_raw=lambda path: f"/content/new/{len(path)}",
)
FILE = EntryKind.FILE
CHANGED = FileDifference(
    Op.MODIFIED, "a.txt", "a.txt", FILE, FILE, "1", "2", added=1, deleted=1, hunks=b"@@ -3,2 +3,2 @@\n x\n-y\n+z\n"
)


def section(one: FileDifference, **more: object) -> LexborNode:
    (made,) = sections([one], ADDRESSES, **more)  # type: ignore[arg-type]
    page = LexborHTMLParser(str(made))
    (found,) = page.css("section.change")
    return found


def said(one: FileDifference, **more: object) -> str:
    """What stands in place of lines."""
    found = section(one, **more).css_first(".fold")
    return "" if found is None else found.text()


def test_changed_lines() -> None:
    found = section(CHANGED)
    assert found.id == address_of("a.txt")
    assert [cell.text() for cell in found.css("td.lc")][1:] == ["x\n", "y\n", "z\n"]
    assert found.css_first("tr.gap a").attributes["href"] == f"?context=2#{address_of('a.txt')}n3"
    assert found.css_first(".file-acts a").attributes["href"] == "/new/5"
    assert section(CHANGED, two=True).css("table.two")
    assert found.css_first("details").attributes.keys() == {"open"}
    assert "Changed" in found.css_first("summary").text()


@pytest.mark.parametrize(
    ("one", "text"),
    [
        (replace(CHANGED, hunks=b"", binary=True, added=None, deleted=None), "This is a binary file"),
        (replace(CHANGED, hunks=b"", cut=True), "too large"),
        (replace(CHANGED, op=Op.RENAMED, old_path="b.txt", hunks=b"", new_id="1"), "The content is the same"),
        (replace(CHANGED, new_kind=EntryKind.EXECUTABLE, hunks=b""), "The content is the same"),
        (replace(CHANGED, op=Op.ADDED, old_path=None, old_kind=None, old_id="", hunks=b""), "The file is empty"),
        (replace(CHANGED, op=Op.DELETED, new_path=None, new_kind=None, new_id="", hunks=b""), "The file is empty"),
    ],
)
def test_what_has_no_lines(one: FileDifference, text: str) -> None:
    assert text in said(one)
    assert not section(one).css("table")


def test_white_space_alone() -> None:
    assert "Only white space" in said(replace(CHANGED, hunks=b"", added=0, deleted=0), ignore_space=True)


def test_ways_to_what_is_left_out() -> None:
    large = section(replace(CHANGED, hunks=b"", cut=True))
    assert [link.attributes["href"] for link in large.css(".fold a")] == ["?fulldiff=1", "/raw/5"]
    assert large.css_first(".plus").text() == "+1"
    binary = section(replace(CHANGED, hunks=b"", binary=True, added=None, deleted=None))
    assert [link.attributes["href"] for link in binary.css(".fold a")] == ["/old/5", "/new/5"]
    assert not binary.css(".plus")


def test_pictures_stand_beside_each_other() -> None:
    painted = replace(CHANGED, old_path="a.PNG", new_path="dir/a.PNG", hunks=b"", binary=True, added=None, deleted=None)
    found = section(painted)
    assert [image.attributes["src"] for image in found.css(".pictures img")] == ["/content/old/5", "/content/new/9"]
    assert [image.attributes["alt"] for image in found.css(".pictures img")] == ["Before: a.PNG", "After: a.PNG"]
    assert [link.attributes["href"] for link in found.css("figcaption a")] == ["/old/5", "/new/9"]
    assert not found.css(".fold")
    added = section(replace(painted, op=Op.ADDED, old_path=None, old_kind=None, old_id=""))
    assert [link.text() for link in added.css("figcaption a")] == ["After"]


def test_names_and_kinds() -> None:
    renamed = section(replace(CHANGED, op=Op.RENAMED, old_path="dir/<b>"))
    assert renamed.css_first(".name").text() == "dir/<b> → a.txt"
    assert section(replace(CHANGED, new_kind=EntryKind.EXECUTABLE)).css_first(".tag").text() == "now executable"
    assert section(replace(CHANGED, old_kind=EntryKind.SYMLINK)).css_first(".tag").text() == "Link became File"
    link = replace(CHANGED, old_kind=EntryKind.LINK, new_kind=EntryKind.LINK)
    assert section(link).css_first(".tag").text() == "Linked repository"
    odd = section(replace(CHANGED, old_path="a\u202eb\udcff", new_path="a\u202eb\udcff"))
    assert odd.css_first(".name").text() == "aU+202Eb\\xFF"


def test_properties() -> None:
    changes = (PropertyChange("svn:<ignore>", b"a\n", b"a\nb\n"), PropertyChange("new", None, b"1"))
    found = section(replace(CHANGED, old_path="", new_path="", hunks=b"", properties=changes))
    assert found.css_first(".name").text() == "."
    assert [one.text() for one in found.css("strong")] == ["svn:<ignore>", "new"]
    assert [cell.text() for cell in found.css("td.lc.add")] == ["b\n", "1\n"]
    assert not found.css(".fold")


def test_what_is_folded() -> None:
    many = replace(CHANGED, added=MOST_SHOWN_LINES, deleted=1)
    assert "open" not in section(many).css_first("details").attributes
    assert f"{MOST_SHOWN_LINES + 1} changed lines" in section(many).css_first("summary").text()
    assert "open" in section(many, open_all=True).css_first("details").attributes
    lock = replace(CHANGED, old_path="x/yarn.lock", new_path="x/yarn.lock")
    assert "made by a program" in section(lock).css_first("summary").text()
    assert section(lock).css("td.add")


def test_names_of_generated_files() -> None:
    for path in ("go.sum", "a/package-lock.json", "vendor/x.c", "a/node_modules/b/c.js", "x.min.js", "x_pb2.py"):
        assert is_generated(path)
    for path in ("src/vendor.c", "package.json", "lock", "min.js", "go.sums", ""):
        assert not is_generated(path)


def test_one_file_has_one_address_everywhere() -> None:
    assert address_of("a") == address_of("a") != address_of("b")
    assert address_of("a\udcff").isascii()
