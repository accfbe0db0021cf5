# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from trivium.render import rows
from trivium.render.rows import WAITING, Block, FileRow, LogRow, Ref
from trivium.render.text import Markup
from trivium.render.words import ENGLISH, Words
from trivium.vcs.pages import EntryKind

WHEN = Markup('<time datetime="2026-11-27T14:02Z">3 days ago</time>')
HOSTILE = "\"'><script>alert(1)</script>\u202e\udce9\n</td></tr></li>&amp;"
SHOWN = "\"'><script>alert(1)</script>U+202E\\xE9U+000A</td></tr></li>&amp;"


def table(html: str) -> LexborHTMLParser:
    return LexborHTMLParser(f"<!doctype html><table><tbody>{html}</tbody></table>")


def test_a_row_of_files_is_that_of_the_stylesheet() -> None:
    row = FileRow(EntryKind.DIRECTORY, "bench", "/x/files/bench", "Measure <replay>", "/x/changeset/1", WHEN)
    assert rows.files([row]) == (
        '<tr><td class="name dir"><div><svg class="i" aria-hidden="true"><use href="icons.svg#folder"/></svg>'
        '<span class="sr">Directory</span><a href="/x/files/bench">bench</a></div></td><td class="what">'
        '<a href="/x/changeset/1">Measure &lt;replay&gt;</a></td><td class="when">'
        '<time datetime="2026-11-27T14:02Z">3 days ago</time></td></tr>\n'
    )


@pytest.mark.parametrize("kind", EntryKind)
def test_every_kind_of_entry_has_a_word(kind: EntryKind) -> None:
    shown = table(rows.files([FileRow(kind, "a", "/a", None, target="b", size="1 kB")], sizes=True, icons="/s/i.svg"))
    words = shown.css_first(".sr")
    assert words is not None
    assert words.text() == ENGLISH.of_kind(kind)
    assert WAITING in shown.html
    assert "/s/i.svg#" in shown.html
    assert [cell.text() for cell in shown.css("td.when")] == ["1 kB", ""]
    assert ("@ b" in shown.html) == (kind is EntryKind.LINK)


def test_words_are_those_of_the_page() -> None:
    german = Words(directory="Verzeichnis <")
    assert "Verzeichnis &lt;</span>" in rows.files([FileRow(EntryKind.DIRECTORY, "a", "/a")], words=german)


def test_hostile_names() -> None:
    for kind in EntryKind:
        shown = table(rows.files([FileRow(kind, HOSTILE, "/x", HOSTILE, "/y", WHEN, "1", HOSTILE)], sizes=True))
        assert len(shown.css("tr")) == 1
        assert not shown.css("script")
        assert [link.text() for link in shown.css("a")] == [SHOWN, SHOWN]
    row = LogRow("1", "/x", HOSTILE, HOSTILE, WHEN, refs=[Ref("tag", HOSTILE, "/t")], files_href="/f")
    log = LexborHTMLParser(f"<ol>{rows.log([row])}</ol>")
    assert not log.css("script")
    assert len(log.css("li")) == 1
    assert [link.text() for link in log.css("li a")] == [SHOWN, SHOWN, "1", ""]
    who = table(rows.annotated(["a"], [Block(1, 9, "1", "/x", HOSTILE, HOSTILE, WHEN, "/b")]))
    assert not who.css("script")
    assert len(who.css("tr td.who.age4")) == 1
    changed = LexborHTMLParser(rows.changed_files([(HOSTILE, "M", "#f1", 0)]))
    assert not changed.css("script")


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), min_size=1, max_size=20))
def test_addresses_are_read_back(address: str) -> None:
    shown = table(rows.files([FileRow(EntryKind.FILE, "a", address, "b", address)]))
    assert [link.attributes["href"] or "" for link in shown.css("a")] == [address, address]


def test_lines() -> None:
    shown = rows.lines(["<b>x</b>", ""], first=9, chosen=range(10, 12))
    assert shown == (
        '<tr id="L9"><td class="no"><a href="#L9" tabindex="-1">9</a></td><td class="lc"><b>x</b>\n</td></tr>\n'
        '<tr id="L10" class="chosen"><td class="no"><a href="#L10" tabindex="-1">10</a></td>'
        '<td class="lc">\n</td></tr>\n'
    )
    region = LexborHTMLParser(rows.text_table(shown, 'a".py')).css_first("[role=region]")
    assert region is not None
    assert region.attributes["aria-label"] == 'Lines of a".py'
    assert "whocol" in rows.text_table(shown, "a", authors=True)


def test_authors_stand_once_a_block() -> None:
    blocks = [
        Block(2, 0, "91be", "/c/91be", "First", "Mira", WHEN),
        Block(1, 4, "3f9c", "/c/3f9c", "Second", "Jo", WHEN),
    ]
    shown = table(rows.annotated(["a", "b", "c"], blocks))
    assert [cell.text() for cell in shown.css(".who")] == ["91be 3 days ago, Mira", "", "3f9c 3 days ago, Jo"]
    assert [row.attributes["id"] for row in shown.css("tr.start")] == ["L1", "L3"]
    assert [cell.text() for cell in shown.css(".lc")] == ["a\n", "b\n", "c\n"]


def test_log() -> None:
    refs = [Ref("branch", "main", "/b", current=True), Ref("tag", "v1")]
    shown = LexborHTMLParser(rows.log([LogRow("3f9c", "/c", "Tides", "Jonas", WHEN, refs=refs, files_href="/f")]))
    assert [node.tag for node in shown.css(".ref")] == ["a", "span"]
    assert [node.text() for node in shown.css(".ref")] == ["main", "v1"]
    assert shown.css_first("a[aria-label='Files at this changeset'][href='/f']")
    assert not LexborHTMLParser(rows.log([LogRow("3f9c", "/c", "Tides", "Jonas", WHEN)])).css("[aria-label]")


def test_changed_files_stand_by_directory() -> None:
    shown = LexborHTMLParser(
        rows.changed_files([("a/b.py", "M", "#f1", 2), ("a/c.py", "A", "#f2", 0), ("d", "D", "#f3", 0)])
    )
    assert [node.text() for node in shown.css("p.folder")] == ["a", "/"]
    assert [node.text() for node in shown.css("a")] == ["Mb.py2", "Ac.py", "Dd"]
