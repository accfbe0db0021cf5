# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
from html import unescape
from pathlib import Path
from re import sub

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from trivium.render import highlight
from trivium.render.text import lines
from trivium.render.token_classes import CLASSES

PYTHON = 'def f(x):\n    """One\n\n    <b>two"""\n    return x  # "three"\n'
LEXERS = ("python", "c", "html", "bash", "rst", "markdown", "yaml", "php", "javascript", "diff", "make", "css", "json")


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a/b.py", "", "python"),
        ("Makefile", "", "make"),
        ("x.h", "", "c"),
        ("README", "", ""),
        ("a.txt", "", ""),
        ("a.unknown", "#!/usr/bin/env python3\n", "python"),
        ("a", "#!/bin/sh -e\n", "bash"),
        ("a", "#! /usr/bin/env -S node\n", "javascript"),
        ("a", "#!/usr/bin/nothing\n", ""),
        ("a", "# -*- mode: ruby -*-\n", "ruby"),
        ("a", "x\n/* vim: set ft=c: */\n", "c"),
        ("a", "\n" * 9 + "# vim: ft=c\n", ""),
        ("", "", ""),
        ("x" * 5000 + ".py", "", ""),
        ("a\0b\n.py", "", "python"),
    ],
)
def test_lexers_are_found(path: str, text: str, expected: str) -> None:
    assert highlight.lexer_of(path, text) == expected


def test_lexers_that_are_asked_for() -> None:
    assert highlight.named("py") == highlight.named("Python") == "python"
    assert (
        highlight.named("nothing") == highlight.named("") == highlight.named("x" * 99) == highlight.named("text") == ""
    )
    assert highlight.language("python") == "Python"
    assert highlight.language("") == highlight.language("nothing") == ""


def test_pieces_that_span_lines_are_closed_on_each() -> None:
    shown = highlight.highlight(PYTHON, "python")
    assert shown.coloured
    assert shown.lines == [
        '<span class="k">def</span> <span class="nf">f</span>(x):',
        '    <span class="sd">&#34;&#34;&#34;One</span>',
        "",
        '<span class="sd">    &lt;b&gt;two&#34;&#34;&#34;</span>',
        '    <span class="k">return</span> x  <span class="c1"># &#34;three&#34;</span>',
    ]


@settings(max_examples=60)
@given(st.text("ab01 \n\r\t\"'`<>&/*#-{}()[]=:;$\\!%\u202e\0é", max_size=120), st.sampled_from(LEXERS))
def test_every_line_is_its_text(text: str, lexer: str) -> None:
    shown = highlight.highlight(text, lexer)
    assert [unescape(sub("<[^>]*>", "", line)) for line in shown.lines] == [
        line.replace("\0", "\u2400") for line in lines(text)
    ]
    for line in shown.lines:
        parsed = LexborHTMLParser(f"<!doctype html><pre>{line}</pre>")
        assert {node.tag for node in parsed.css("pre *")} <= {"span", "bdi"}
        assert {node.attributes["class"] for node in parsed.css("span")} <= CLASSES
        assert line.count("<span") == line.count("</span>")


@pytest.mark.parametrize(
    "text", ["x = 1\n" * 20_001, "x" * 20_000, "x = 1\n" * 175_000], ids=["lines", "a long line", "bytes"]
)
def test_what_is_too_large_is_plain(text: str) -> None:
    shown = highlight.highlight(text, "python")
    assert not shown.coloured
    assert not any("class=" in line and "odd" not in line for line in shown.lines)
    assert len(shown.lines) == len(lines(text))


def test_what_takes_too_long_is_plain_from_there() -> None:
    text = "x = 1\n" * 10_000
    shown = highlight.highlight(text, "python", patience=0)
    assert not shown.coloured
    assert len(shown.lines) == 10_000
    assert shown.lines[-1] == "x = 1"


def test_a_lexer_that_fails_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def get_tokens_unprocessed(self, text: str) -> object:
            raise RecursionError

    monkeypatch.setattr(highlight, "_lexer", lambda alias: Broken())
    assert highlight.highlight("<a>\n", "python") == (["&lt;a&gt;"], False)
    assert highlight.highlight("<a>\n", "nothing") == (["&lt;a&gt;"], False)


def test_a_lexer_that_loses_its_way_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    from pygments.token import Keyword

    class Lost:
        def get_tokens_unprocessed(self, text: str) -> object:
            yield 0, Keyword, "one\n"
            yield 2, Keyword, "e\ntwo\n"

    monkeypatch.setattr(highlight, "_lexer", lambda alias: Lost())
    assert highlight.highlight("one\ntwo\n", "python") == (['<span class="k">one</span>', "two"], False)


def test_nothing_is_imported_before_it_is_needed() -> None:
    """A worker that serves clones starts without what pages need."""
    code = (
        "import sys\n"
        "from trivium.render import changes, graph, highlight, markup, rows\n"
        "print([one for one in ('pygments', 'markdown_it', 'docutils', 'nh3', 'jinja2') if one in sys.modules])\n"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
