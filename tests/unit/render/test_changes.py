# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of a diff: they are the two files, whichever way they are written."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tests.support.growth import assert_linear
from trivium.render import changes, lexing
from trivium.render.changes import Gap, Line, Rest, Row
from trivium.render.highlight import highlight
from trivium.render.pairs import Effort, Words, marks, pairs
from trivium.vcs.pages import PropertyChange

WORDS = st.sampled_from(
    ["a", "def f(x):", "    return x", "", "<b>", "list[int]", "tuple[int, ...]", "\tü", "-", "+", "@@"]
)
FILES = st.lists(WORDS, max_size=25)


def diff(old: list[str], new: list[str], context: int = 3) -> bytes:
    """The hunks between two files whose lines all have ends."""
    lines = list(unified_diff([f"{one}\n" for one in old], [f"{one}\n" for one in new], n=context))[2:]
    return "".join(lines).encode()


def table(rows: str) -> LexborHTMLParser:
    return LexborHTMLParser(f"<!doctype html><table><tbody>{rows}</tbody></table>")


def cells(rows: str) -> list[list[tuple[str, str, str]]]:
    """Of each row the classes and texts of its cells of code, with their numbers."""
    found = []
    for row in table(rows).css("tr:not(.gap):not(.talk)"):
        codes = row.css("td.lc")
        numbers = [cell.text() for cell in row.css("td.no")]
        if len(codes) == 1:
            found.append([(codes[0].attributes["class"] or "", codes[0].text(), " ".join(numbers))])
        else:
            found.append(
                [(code.attributes["class"] or "", code.text(), no) for code, no in zip(codes, numbers, strict=True)]
            )
    return found


def sides_of(rows: list[Row]) -> tuple[list[str], list[str]]:
    lines = [row for row in rows if isinstance(row, Line)]
    return [row.text for row in lines if row.op != "+"], [row.text for row in lines if row.op != "-"]


@given(FILES, FILES)
def test_rows_are_both_files(old: list[str], new: list[str]) -> None:
    rows = changes.rows(diff(old, new, context=100))
    if old != new:
        assert sides_of(rows) == (old, new)
        for number, line in enumerate([row for row in rows if isinstance(row, Line) and row.op != "+"], 1):
            assert line.old == number
        for number, line in enumerate([row for row in rows if isinstance(row, Line) and row.op != "-"], 1):
            assert line.new == number
    for place, row in enumerate(rows):
        if isinstance(row, Line) and row.pair >= 0:
            other = rows[row.pair]
            assert isinstance(other, Line)
            assert other.pair == place
            assert {row.op, other.op} == {"-", "+"}
        if isinstance(row, Line):
            for start, end in row.marks:
                assert row.text[start:end].strip() == row.text[start:end] != ""


@given(FILES, FILES, st.integers(0, 4), st.booleans())
def test_both_writers_show_the_same_lines(old: list[str], new: list[str], context: int, coloured: bool) -> None:
    rows = changes.rows(diff(old, new, context))
    drawing = changes.Drawing(*changes.coloured(rows, "python")) if coloured else changes.PLAIN
    one = cells(changes.unified(rows, "f1", drawing))
    two = cells(changes.two_columns(rows, "f1", drawing))
    lines = [row for row in rows if isinstance(row, Line)]
    look = {" ": "lc", "-": "lc del", "+": "lc add"}
    assert [cell for [cell] in one] == [
        (look[line.op], f"{line.text}\n", f"{line.old or ''} {line.new or ''}") for line in lines
    ]
    left = [(cell[1], cell[2]) for cell, _ in two if "void" not in cell[0]]
    right = [(cell[1], cell[2]) for _, cell in two if "void" not in cell[0]]
    assert left == [(f"{line.text}\n", str(line.old)) for line in lines if line.op != "+"]
    assert right == [(f"{line.text}\n", str(line.new)) for line in lines if line.op != "-"]


@given(FILES, FILES)
def test_every_line_has_its_address_once(old: list[str], new: list[str]) -> None:
    rows = changes.rows(diff(old, new))
    for write in (changes.unified, changes.two_columns):
        ids = [node.attributes["id"] for node in table(write(rows, "f7")).css("[id]")]
        assert len(ids) == len(set(ids))
        lines = [row for row in rows if isinstance(row, Line)]
        assert set(ids) == {f"f7n{row.new}" if row.new else f"f7o{row.old}" for row in lines}


SIMILAR = b"""\
@@ -1,2 +1,3 @@ class Tide:
-@dataclass(frozen=True)
-    def __init__(self, name: str, constituents: list[Constituent]) -> None:
+
+@dataclass(frozen=True, slots=True)
+    def __init__(self, name: str, constituents: tuple[Constituent, ...]) -> None:
"""


def marked(html: str) -> list[str]:
    return [node.text() for node in table(html).css("ins, del")]


def test_words_that_changed_are_marked() -> None:
    rows = changes.rows(SIMILAR)
    assert [row.pair for row in rows if isinstance(row, Line)] == [3, 4, -1, 0, 1]
    plain = changes.unified(rows, "f1")
    assert marked(plain) == ["list", ", slots=True", "tuple", ", ..."]
    old, new = changes.coloured(rows, "python")
    assert '<ins>, slots=<span class="kc">True</span></ins>)' in changes.unified(rows, "f1", changes.Drawing(old, new))
    two = cells(changes.two_columns(rows, "f1"))
    assert [("void" in left[0], "void" in right[0]) for left, right in two] == [
        (True, False),
        (False, False),
        (False, False),
    ]


def test_lines_written_anew_have_no_marks() -> None:
    rows = changes.rows(b"@@ -1 +1 @@\n-total = 0.0\n+return sum(each)\n")
    assert [(row.pair, row.marks) for row in rows if isinstance(row, Line)] == [(-1, ()), (-1, ())]


def test_blanks_are_not_marked() -> None:
    rows = changes.rows(b"@@ -1 +1 @@\n-  return the value now \n+        return   the value now\n")
    assert [(row.pair, row.marks) for row in rows if isinstance(row, Line)] == [(1, ()), (0, ())]


@given(st.lists(WORDS, max_size=8), st.lists(WORDS, max_size=8))
def test_pairs_are_in_order(old: list[str], new: list[str]) -> None:
    found = pairs([Words(one) for one in old], [Words(one) for one in new], Effort())
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(found))
    found = pairs([Words(one) for one in old], [Words(one) for one in new], Effort(0))
    assert not old or not new or found == [(at, at) for at in range(min(len(old), len(new)))]


@given(st.text('ab .(<&"\t', max_size=30), st.text('ab .(<&"\t', max_size=30))
def test_what_is_not_marked_is_the_same(old: str, new: str) -> None:
    out, into = marks(Words(old), Words(new), Effort())

    def rest(text: str, spans: Any) -> str:
        for start, end in reversed(spans):
            text = text[:start] + text[end:]
        return "".join(text.split())

    if out or into:
        assert rest(old, out) == rest(new, into)


def test_end_without_line_feed() -> None:
    rows = changes.rows(b"@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n")
    assert [row.ended for row in rows if isinstance(row, Line)] == [True, False, True]
    for write, notes in ((changes.unified, [1]), (changes.two_columns, [2])):
        gaps = table(write(rows, "f1")).css("tr.gap")
        assert [len(gap.css("td.lc")) for gap in gaps] == notes
        assert "No newline at end of file" in gaps[0].text()
    both = changes.rows(b"@@ -1 +1 @@\n a\n\\ No newline at end of file\n")
    assert "No newline" in changes.unified(both, "f1")
    assert changes.rows(b"\\ No newline\n@@ -1 +1 @@\n\\ x\n a\n")


def test_gaps_say_what_is_left_out() -> None:
    rows = changes.rows(b"@@ -3 +3,2 @@\n a\n+b\n@@ -9,0 +11 @@ class <Tide>:\n+c\n")
    assert [row for row in rows if isinstance(row, Gap)] == [Gap(3, 3, 2), Gap(10, 11, 6, "class <Tide>:")]
    shown = changes.unified(rows, "f1", changes.Drawing(more=lambda gap: f'/x?context="{gap.hidden}"'))
    assert [gap.css("td")[1].text() for gap in table(shown).css("tr.gap")] == ["2 lines", "class <Tide>:"]
    assert [link.attributes["href"] for link in table(shown).css("tr.gap a")] == ['/x?context="2"', '/x?context="6"']
    assert [link.attributes["aria-label"] for link in table(shown).css(".gap a")] == [
        "Show 2 lines above",
        "Show 6 lines above",
    ]
    assert not table(changes.two_columns(rows, "f1")).css("tr.gap a")


def test_ends_of_lines_are_seen_where_they_differ() -> None:
    mixed = changes.unified(changes.rows(b"@@ -1 +1 @@\n-a\r\n+a\n"), "f1")
    assert mixed.count("U+000D") == 1
    assert "U+000D" not in changes.unified(changes.rows(b"@@ -1 +1 @@\n-a\r\n+b\r\n"), "f1")


def test_charsets_may_change_within_a_diff() -> None:
    rows = changes.rows(b"@@ -1 +1 @@\n-caf\xe9\n+caf\xc3\xa9\n \n")
    assert [row.text for row in rows if isinstance(row, Line)] == ["café", "café", ""]


@pytest.mark.parametrize(
    "hostile", [b"</td><script>alert(1)</script>", b'" onx="', b"\xe2\x80\xae", b"\0\x1b[31m", b"\r"]
)
def test_hostile_lines_and_heads(hostile: bytes) -> None:
    hunks = b"@@ -1 +1 @@ %b\n-a %b b\n+a %b c\n" % (hostile, hostile, hostile)
    rows = changes.rows(hunks)
    old, new = changes.coloured(rows, "python")
    for write in (changes.unified, changes.two_columns):
        for html in (write(rows, "f1"), write(rows, "f1", changes.Drawing(old, new))):
            parsed = table(html)
            assert not parsed.css("script, [onx]")
            assert len(parsed.css("tr")) == (2 if write is changes.unified else 1)


@given(st.binary(max_size=200))
def test_nonsense_is_no_error(hunks: bytes) -> None:
    rows = changes.rows(b"@@ -1 +1 @@\n" + hunks)
    changes.unified(rows, "f1").encode()
    changes.two_columns(rows, "f1").encode()


def test_long_diffs_end() -> None:
    rows = changes.rows(b"@@ -0,0 +1,99 @@\n" + b"+a\n" * 99, most=50)
    assert isinstance(rows[-1], Rest)
    assert len(rows) == 50
    assert "are not shown" in changes.unified(rows, "f1")
    assert "are not shown" in changes.two_columns(rows, "f1")


def test_properties() -> None:
    found = [
        PropertyChange("svn:ignore", b"a\nb\n", b"a\nc\n"),
        PropertyChange("svn:<b>", None, b"x"),
        PropertyChange("gone", b"\xff\0", None),
    ]
    for two in (False, True):
        parsed = table(changes.properties(found, "f3", two=two))
        assert [node.text() for node in parsed.css("strong")] == ["svn:ignore", "svn:<b>", "gone"]
        assert [node.text() for node in parsed.css(".lc.add")] == ["c\n", "x\n"]
        assert [node.text() for node in parsed.css(".lc.del")] == ["b\n", "ÿ\u2400\n"]
        assert parsed.css("#f3p1n1")


@given(FILES, FILES)
def test_compared_texts(old: list[str], new: list[str]) -> None:
    first, second = ("".join(f"{line}\n" for line in side).encode() for side in (old, new))
    out, into = sides_of(changes.compared(first, second))
    begin = next((at for at in range(len(old) + 1) if old[at : at + len(out)] == out), None)
    assert begin is not None
    assert old[:begin] + into + old[begin + len(out) :] == new


def test_bars() -> None:
    assert '<rect class="a" width="50" height="8"/><rect class="d" x="50" width="50" height="8"/>' in changes.stat(2, 2)
    assert 'class="z"' in changes.stat(0, 0)


def test_the_table_is_a_named_region() -> None:
    parsed = LexborHTMLParser(changes.diff_table(changes.unified([], "f1"), 'a"\u202e.py', two=False))
    region = parsed.css_first("div.scroll[role=region][tabindex='0']")
    assert region is not None
    assert region.attributes["aria-label"] == 'Changed lines of a"[U+202E].py'
    assert len(parsed.css("table.diff.one col")) == 3


ROWS = {
    "words in a line": lambda size: b"@@ -1 +1 @@\n-" + b"a b " * size + b"\n+" + b"b a " * size + b"\n",
    "blocks": lambda size: b"@@ -1 +1 @@\n" + (b"-a b c d e f\n" * 20 + b"+b a d c f e\n" * 20) * (size // 500 + 1),
    "one block": lambda size: b"@@ -1 +1 @@\n" + b"-a b\n" * (size // 10) + b"+b a\n" * (size // 10),
    "letters": lambda size: b"@@ -1 +1 @@\n" + b"-aab\n+aac\n" * (size // 10),
    "heads": lambda size: b"@@ -1 +1 @@\n" * (size // 12),
    "no ends": lambda size: b"@@ -1 +1 @@\n" + b"\\\n" * (size // 2),
    "marks": lambda size: b"@@ -1 +1 @@\n" + (b"-" + b"a b " * 100 + b"\n+" + b"a c " * 100 + b"\n") * (size // 800),
    "latin": lambda size: b"@@ -1 +1 @@\n" + b"+\xff\n" * (size // 3),
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("what", ROWS)
def test_time_by_the_length(what: str) -> None:
    def work(hunks: bytes) -> None:
        rows = changes.rows(hunks)
        changes.unified(rows, "f1")
        changes.two_columns(rows, "f1")

    assert_linear(work, ROWS[what], most=60_000, what=what)


ONE_BY_ONE: dict[str, tuple[str, bytes]] = {
    "a text begins": ("python", b' a = 1\n-b = """\n+b = 2\n c = 3\n'),
    "a text ends": ("python", b' a = """\n-the end"""\n+goes on\n c = 3\n'),
    "a comment of several lines": ("c", b" int a;\n-/* b\n+int b;\n int c; /* d */\n"),
    "another language inside": ("html", b" <p>\n-<script>\n+<b>\n if (x) y = 2;\n"),
}
AT_ONCE: dict[str, tuple[str, bytes]] = {
    "python": ("python", b"     def a(self):\n-        return 1\n-\n+        return [\n+            2]\n     # end\n"),
    "javascript": ("javascript", b" function a() {\n-    return 1;\n+    return 2;\n   }\n-// gone\n"),
    "all new": ("python", b"+import os\n+\n"),
    "twice": ("python", b"+import os\n a = 1\n-b = 'x'\n c = 3\n-d = 4\n+d = 5"),
}


@pytest.mark.parametrize(("lexer", "lines"), (ONE_BY_ONE | AT_ONCE).values(), ids=ONE_BY_ONE | AT_ONCE)
def test_each_side_has_the_colours_that_it_has_by_itself(lexer: str, lines: bytes) -> None:
    found = changes.rows(b"@@ -1,9 +1,9 @@\n" + lines)
    old, new = changes.coloured(found, lexer)
    for side, op in ((old, "+"), (new, "-")):
        own = [row for row in found if isinstance(row, Line) and row.op != op]
        alone = highlight("".join(f"{row.text}\n" for row in own), lexer).lines
        shown = {row.old if op == "+" else row.new: line for row, line in zip(own, alone, strict=True)}
        assert {number: shown[number] for number in side} == dict(side)
    for row in found:
        if isinstance(row, Line):
            assert row.old in old if row.op == "-" else row.new in new


@pytest.mark.parametrize(("lexer", "lines"), AT_ONCE.values(), ids=AT_ONCE)
def test_lines_of_both_sides_are_read_once(lexer: str, lines: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    whole = lexing.runs
    found = changes.rows(b"@@ -1,9 +1,9 @@\n" + lines)
    changes.coloured(found, lexer)  # what is known of a lexer is read in

    def told(reader: object, text: str, *rest: object) -> Iterator[tuple[str, str]]:
        read.append(text)
        return whole(reader, text, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(lexing, "runs", told)
    changes.coloured(found, lexer)
    assert len(read) == 1


def test_of_the_old_file_only_hunks_are_coloured_from_which_something_went() -> None:
    added = b"@@ -1,2 +1,3 @@\n one = 1\n+two = 2\n three = 3\n"
    changed = b"@@ -10,2 +11,2 @@\n four = 4\n-five = 5\n+five = 6\n"
    old, new = changes.coloured(changes.rows(added + changed), "python")
    assert 11 in old and not {1, 2} & set(old)
    assert set(new) == {1, 2, 3, 11, 12}
    assert '<span class="mi">5</span>' in old[11]
