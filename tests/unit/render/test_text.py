# SPDX-License-Identifier: GPL-3.0-or-later
"""What is shown of a text, and what an HTML parser makes of that."""

from __future__ import annotations

import codecs
from functools import partial
from operator import mul

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tests.support.growth import assert_linear
from trivium.render import highlight, text
from trivium.render.sections import address_of
from trivium.render.text import Markup

ANY = st.text(max_size=60)
HOSTILE = (
    "<script>alert(1)</script>",
    '" onmouseover="x',
    "' autofocus onfocus='x",
    "&lt;",
    "</td></tr>",
    "<!--",
    "]]>",
)


def parsed(html: str) -> str:
    """The text that a browser shows of an element with this inside."""
    found = LexborHTMLParser(f"<!doctype html><div id=here>{html}</div>").css_first("#here")
    assert found is not None
    return found.text()


def of_attribute(html: str) -> str:
    found = LexborHTMLParser(f'<!doctype html><p title="{html}">').css_first("p")
    assert found is not None
    assert set(found.attributes) == {"title"}
    return found.attributes["title"] or ""


@given(ANY.filter(lambda one: not set(one) & {"\0", "\r"}))
def test_escaped_text_is_read_back(given_text: str) -> None:
    assert parsed(text.esc(given_text)) == parsed(text.escaped(given_text)) == given_text
    assert of_attribute(text.esc(given_text)) == given_text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_is_text(hostile: str) -> None:
    for shown in (text.esc(hostile), text.name(hostile), text.code(hostile)):
        assert parsed(shown) == hostile
    assert of_attribute(text.attribute(hostile)) == hostile


def test_html_is_escaped_once() -> None:
    assert text.esc(Markup("<b>")) == "<b>"
    assert isinstance(text.name("a"), Markup)


@given(st.text(st.characters(), max_size=60))
def test_code_is_copied_as_it_is(line: str) -> None:
    """Also odd characters, but for what HTML cannot hold; and whatever it is, it can be sent."""
    line = line.replace("\n", "")
    shown = text.code(line)
    shown.encode()
    if not any("\ud800" <= one <= "\udfff" for one in line):
        assert parsed(shown) == line.replace("\0", "\u2400")


@given(st.binary(max_size=60))
def test_names_of_any_bytes_can_be_sent(data: bytes) -> None:
    name = data.decode("utf-8", "surrogateescape")
    text.name(name).encode()
    text.attribute(name).encode()


def test_odd_characters_are_seen() -> None:
    assert text.name("a\u202eb") == 'a<span class="odd">U+202E</span>b'
    assert text.name("a\nb<") == 'a<span class="odd">U+000A</span>b&lt;'
    assert text.name(b"caf\xe9".decode("utf-8", "surrogateescape")) == 'caf<span class="odd">\\xE9</span>'
    assert text.attribute("a\u202eb\x00") == "a[U+202E]b[U+0000]"
    assert text.code("a\u202eb") == 'a<bdi class="odd" title="U+202E">\u202e</bdi>b'
    assert text.code("\ta\xa0ü🙂 ☺\ufe0f 한글") == "\ta\xa0ü🙂 ☺\ufe0f 한글"


@pytest.mark.parametrize("unseen", ["\u3164", "\u115f", "\ufe00", "\U000e0100", "\U000e01ef", "\u034f"])
def test_no_letter_or_mark_is_invisible(unseen: str) -> None:
    """Python calls them printable: a variable may be called so, and selectors of variants hold a byte each."""
    number = f"U+{ord(unseen):04X}"
    assert text.name(f"a{unseen}") == f'a<span class="odd">{number}</span>'
    assert text.attribute(f"a{unseen}") == f"a[{number}]"
    assert text.code(f"a{unseen}") == f'a<bdi class="odd" title="{number}">{unseen}</bdi>'
    assert number in "".join(highlight.highlight(f"const {{a,{unseen}}} = x\n", "javascript").lines)


@pytest.mark.parametrize(
    ("data", "asked", "expected"),
    [
        (b"a", "", ("a", "UTF-8")),
        (b"", "", ("", "UTF-8")),
        ("\ufeffü".encode(), "", ("ü", "UTF-8")),
        (b"\xff\xfea\0", "", ("a", "UTF-16")),
        (b"caf\xe9", "", ("café", "ISO-8859-1")),
        (b"\x93caf\xe9\x94 \x80", "", ("“café” €", "windows-1252")),
        (b"\xcf\xf0", "windows-1251", ("Пр", "windows-1251")),
        (b"\xcf\xf0", "WINDOWS-1251", ("Пр", "windows-1251")),
        (b"\xff", "utf-8", ("\ufffd", "UTF-8")),
        (b"a", "punycode", ("a", "UTF-8")),
        (b"a", "rot13", ("a", "UTF-8")),
    ],
)
def test_charsets(data: bytes, asked: str, expected: tuple[str, str]) -> None:
    assert text.decode(data, asked) == expected


@pytest.mark.parametrize(
    ("spelt", "charset"),
    [
        *(("utf8", "UTF-8"), ("latin-1", "ISO-8859-1"), ("iso8859_15", "ISO-8859-15"), ("cp1251", "windows-1251")),
        *(
            ("windows-1251", "windows-1251"),
            ("sjis", "Shift_JIS"),
            ("utf-7", ""),
            ("zip", ""),
            ("x" * 50, ""),
            ("é", ""),
        ),
    ],
)
def test_a_charset_may_be_spelt_in_any_usual_way(spelt: str, charset: str) -> None:
    assert text.charset_of(spelt) == charset


def test_every_charset_is_known_by_what_python_calls_it() -> None:
    for one in text.CHARSETS.values():
        assert text.charset_of(codecs.lookup(one).name) == one


@given(st.binary(max_size=80), st.sampled_from(sorted(text.CHARSETS)))
def test_everything_is_decoded(data: bytes, charset: str) -> None:
    text.decode(data, charset)
    text.decode(data)


def test_lines() -> None:
    assert text.lines("") == []
    assert text.lines("a") == text.lines("a\n") == ["a"]
    assert text.lines("a\r\n\nb\rc\u2028d") == ["a", "", "b\rc\u2028d"]


def test_long_lines_are_cut() -> None:
    shown = text.line_of_code("<" * 20_000_000)
    assert len(shown) < 50_000
    assert shown.endswith('<span class="odd">… +19990000</span>')
    assert text.cut("abc", 2) == ("ab", 1)


def test_binary() -> None:
    assert text.is_binary(b"a\0b")
    assert not text.is_binary(b"\xff\xfea\0")
    assert not text.is_binary(b"a" * 9000 + b"\0")


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("piece", ["<", "\u202e", "\udc80", "a", "\r", "\0"])
def test_time_by_the_length(piece: str) -> None:
    for work in (text.name, text.attribute, text.code, text.lines):
        assert_linear(work, lambda size: piece * size, most=20_000, what=(work, piece))


@pytest.mark.parametrize("charset", sorted(text.CHARSETS))
def test_charsets_take_time_by_the_length(charset: str) -> None:
    for piece in (b"a", b"\xff", b"\x1b$B!!", b"\x81"):
        made = partial(mul, piece)
        assert_linear(partial(text.decode, charset=charset), made, most=100_000, what=(charset, piece))


def test_a_path_that_nobody_can_type_is_written_out_and_is_the_same_file() -> None:
    for path, typed in (
        ("docs/über “x”&.txt", "docs/über “x”&.txt"),
        ("Icon\r", "Icon\\x0D"),
        ("a\nb\tc\x7f", "a\\x0Ab\\x09c\\x7F"),
        ("gr\udcfc.txt", "gr\\xFC.txt"),
        ("bidi\u202e\xa0.txt", "bidi\u202e\xa0.txt"),
    ):
        assert text.typeable(path) == typed == text.typeable(typed)
        assert address_of(path) == address_of(typed)
    assert address_of("gr\udcfc") != address_of("gr\udcfd") != address_of("gr")
