# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts of strangers as HTML: what they mean is shown, and nothing of them does anything (security.md S-10)."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from tests.support.growth import assert_linear
from trivium.render import cleaning, markdown, markup, rest
from trivium.render.coding import TooSlow
from trivium.render.markup import Kind, kind_of, render

KINDS: tuple[Kind, Kind] = ("markdown", "rst")


def resolve(kind: Literal["link", "image"], url: str) -> str | None:
    return None if url.startswith("nowhere") else f"/repo/{'raw' if kind == 'image' else 'files'}/{url}"


def shown(text: str, kind: Kind, **more: Any) -> LexborHTMLParser:
    return LexborHTMLParser(f"<!doctype html><main>{render(text, kind, resolve=resolve, **more)}</main>")


def is_plain(text: str, kind: Kind, **more: Any) -> bool:
    return render(text, kind, **more) == markup.plain(text)


def test_kinds() -> None:
    assert [kind_of(path) for path in ("README.md", "a/b.MARKDOWN", "x.rst", "README", "a.txt", "md", "x.md/y")] == [
        *("markdown", "markdown", "rst", "plain", "plain", "markdown", "plain"),
    ]


MARKDOWN = """\
---
title: left out
---
# Tide *tables* `now`
<!-- left
out -->
Text <!-- left out --> and <b>raw</b>. ~~gone~~ https://example.org/a_b_(c). (http://example.org/)

- [x] done
- [ ] todo
  - [a](#tide-tables-now)

| a | b |
|:-:|--:|
| 1 | 2 |

```python
def f(): pass
```

    indented <b>

## Tide tables now
Note[^1].

[^1]: Small print.
"""


def test_markdown() -> None:
    page = shown(MARKDOWN, "markdown")
    assert "left" not in page.text()
    assert "Text  and <b>raw</b>." in page.text()
    assert [node.attributes["id"] for node in page.css("h1, h2")] == [
        *("user-content-tide-tables-now", "user-content-tide-tables-now-1"),
    ]
    assert [node.text() for node in page.css("s")] == ["gone"]
    assert [link.attributes["href"] for link in page.css("a")][:3] == [
        *("https://example.org/a_b_(c)", "http://example.org/", "#user-content-tide-tables-now"),
    ]
    assert [item.text().strip().split("\n")[0] for item in page.css("ul > li")][:2] == ["☑ done", "☐ todo"]
    assert [cell.attributes["align"] for cell in page.css("td")] == ["center", "right"]
    assert [block.text() for block in page.css("pre")] == ["def f(): pass\n", "indented <b>\n"]
    assert page.css_first("pre span.k")
    ids = {node.attributes["id"] for node in page.css("[id]")}
    for link in page.css("a[href^='#']"):
        assert (link.attributes["href"] or "")[1:] in ids


REST = """\
Tide
====

Text with *emphasis*, ``code``, `a link <docs/a.rst>`_, Tide_ and |short| [1]_.

.. |short| replace:: long words

.. code:: python

   def f(): pass

::

   literal <b>

.. parsed-literal::

   *in* parsed

.. image:: docs/x.png
   :alt: A picture
   :width: 40px

.. note:: Mind this.

+---+---+
| a | b |
+---+---+

.. [1] Small print.

.. strange:: as it is

Deeper
------
:Field: value
"""


def test_rest() -> None:
    page = shown(REST, "rst")
    assert [(node.tag, node.text()) for node in page.css("h1, h2")] == [("h1", "Tide"), ("h2", "Deeper")]
    assert "long words" in page.text()
    assert "Mind this." in page.text()
    assert [link.attributes["href"] for link in page.css("p > a")][:2] == [
        "/repo/files/docs/a.rst",
        "#user-content-tide",
    ]
    assert [block.text() for block in page.css("pre")] == [
        *("def f(): pass\n", "literal <b>\n", "in parsed", ".. strange:: as it is\n"),
    ]
    assert page.css_first("pre span.k")
    image = page.css_first("img")
    assert image is not None
    assert image.attributes == {"src": "/repo/raw/docs/x.png", "alt": "A picture", "width": "40", "loading": "lazy"}
    ids = {node.attributes["id"] for node in page.css("[id]")}
    for link in page.css("a[href^='#']"):
        assert (link.attributes["href"] or "")[1:] in ids


def test_plain_text() -> None:
    assert render("<b>\r\n\u202e", "plain") == '<pre>&lt;b&gt;\n<bdi class="odd" title="U+202E">\u202e</bdi>\n</pre>'
    assert render("", "markdown") == ""


def image(kind: Kind, url: str) -> str:
    return f"![words]({url})" if kind == "markdown" else f".. image:: {url}\n   :alt: words\n"


@pytest.mark.parametrize("kind", KINDS)
def test_images(kind: Kind) -> None:
    for url in ("https://elsewhere.example/a.png", "//elsewhere.example/a.png"):
        page = shown(image(kind, url), kind)
        assert not page.css("img")
        link = page.css_first("a")
        assert link is not None
        assert (link.attributes["href"], link.text()) == ("https://elsewhere.example/a.png", "words")
        assert link.attributes["rel"] == "nofollow noopener noreferrer"
        assert shown(image(kind, url), kind, remote_images=True).css("img[src='https://elsewhere.example/a.png']")
    assert shown(image(kind, "a/b.png"), kind).css("img[src='/repo/raw/a/b.png'][alt='words']")
    for url in ("nowhere.png", "data:image/svg+xml;base64,PHN2Zz4=", "javascript:x", "mailto:a@b.c"):
        page = shown(image(kind, url), kind, remote_images=True)
        assert not page.css("img[src]")
        assert "words" in page.text()


def test_an_image_in_a_link_stays_one_link() -> None:
    page = shown("[![words](https://a.example/x.svg)](https://b.example/) ![](https://a.example/y.svg)", "markdown")
    assert [(link.attributes["href"], link.text()) for link in page.css("a")] == [
        ("https://b.example/", "words"),
        ("https://a.example/y.svg", "y.svg"),
    ]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("/a", "/a"),
        (None, None),
        ("javascript:alert(1)", None),
        ("//elsewhere", None),
        ("/\\elsewhere", None),
        ("https://elsewhere", None),
    ],
)
def test_answers_of_the_caller_are_looked_at(answer: str | None, expected: str | None) -> None:
    html = cleaning.clean('<a href="x">y</a>', lambda kind, url: answer)
    link = LexborHTMLParser(html).css_first("a")
    assert link is not None
    assert link.attributes.get("href") == expected


RAW = [
    "<script>probe()</script>",
    "<img src=x onerror=probe()>",
    "<svg onload=probe()><script>probe()</script></svg>",
    "<svg><a xlink:href='javascript:probe()'><text>x</text></a></svg>",
    "<math><mi xlink:href='javascript:probe()'>x</mi></math>",
    "<math><mtext><table><mglyph><style><img src=x onerror=probe()>",
    "<iframe src='javascript:probe()'></iframe>",
    "<iframe srcdoc='<script>probe()</script>'></iframe>",
    "<object data='javascript:probe()'></object><embed src='javascript:probe()'>",
    "<form action='https://elsewhere'><input name=password><button>go</button></form>",
    "<a href='javascript:probe()'>x</a>",
    "<a href=' java\nscript:probe()'>x</a>",
    "<a href='jav&#x09;ascript:probe()'>x</a>",
    "<a href='\x01javascript:probe()'>x</a>",
    "<a href='JaVaScRiPt:probe()'>x</a>",
    "<a href='vbscript:probe()'>x</a>",
    "<a href='data:text/html,<script>probe()</script>'>x</a>",
    "<div style='position:fixed;inset:0'>x</div>",
    "<style>* { display: none }</style>",
    "<link rel=stylesheet href=https://elsewhere>",
    "<meta http-equiv=refresh content='0;url=https://elsewhere'>",
    "<base href=https://elsewhere>",
    "<p hx-get=/x hx-trigger=load data-hx-on:click=probe() data-keys=1>x</p>",
    "<p id=main class='top flash' role=alert aria-label=x tabindex=1 contenteditable accesskey=a>x</p>",
    "<img src=https://elsewhere/pixel.png srcset='https://elsewhere/a 2x'>",
    "<video src=https://elsewhere autoplay></video><audio src=https://elsewhere></audio>",
    "<img src='a\" onerror=\"probe()'>",
    "<img alt='\"><script>probe()</script>' src=https://elsewhere/a.png>",
    "<a title='<img src=https://elsewhere/a.png alt=x>' href=https://elsewhere>x</a>",
    "<template><script>probe()</script></template>",
    "<noscript><p title='</noscript><img src=x onerror=probe()>'>",
    "<textarea></textarea><script>probe()</script>",
    "<!--><script>probe()</script>-->",
    "<![CDATA[<script>probe()</script>]]>",
    "<?xml version='1.0'?><script>probe()</script>",
    "</main><script>probe()</script>",
    "<details open ontoggle=probe()>x</details>",
    "<a href='//elsewhere\\@x'>x</a><a href='\\\\elsewhere'>x</a><a href='/\\elsewhere'>x</a>",
    "<span class='k button first'>x</span><code class='acts'>x</code>",
    "<table background='javascript:probe()'><td width=1e9 colspan=99999999>x</table>",
]
WRITTEN = [
    "[x](javascript:probe())",
    "[x](<java\nscript:probe()>)",
    "[x](&#106;avascript:probe())",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "<javascript:probe()>",
    "![x](javascript:probe())",
    '![x](a "onerror=probe()")',
    '[x](a "\\"onclick=probe()")',
    '```"onclick=probe()\nx\n```',
    "[x]: javascript:probe()\n\n[x]",
    "# <script>probe()</script>",
    "`x <javascript:probe()>`_",
    ".. _x: javascript:probe()\n\nx_",
    ".. image:: a\n   :target: javascript:probe()\n",
    ".. image:: a\n   :class: top\n   :name: main\n",
    ".. raw:: html\n\n   <script>probe()</script>\n",
    ".. role:: r(raw)\n   :format: html\n\n:r:`<script>probe()</script>`",
    ".. container:: top hx-get\n\n   x\n",
    ".. class:: flash\n\nx\n",
    ".. meta::\n   :http-equiv=refresh: 0;url=https://elsewhere\n",
    ".. math::\n\n   \\href{javascript:probe()}{x} <script>probe()</script>\n",
    ".. figure:: https://elsewhere/a.png\n   :figclass: top\n\n   x\n",
    ".. _main:\n\nx\n",
]
HARMLESS = {
    "*": {"id", "title", "lang", "class"},
    "a": {"href", "rel"},
    "img": {"src", "alt", "width", "height", "loading"},
    "td": {"colspan", "rowspan", "align"},
    "th": {"colspan", "rowspan", "align"},
    "ol": {"start"},
    "li": {"value"},
    "details": {"open"},
}


def assert_harmless(html: str) -> None:
    page = LexborHTMLParser(f"<!doctype html><body><main>{html}</main><i>end</i>")
    inside = page.css("main *")
    assert len(inside) + 2 == len(page.css("body *")), "something left its place"
    for node in inside:
        tag = node.tag or ""
        assert tag in cleaning._TAGS
        for name, value in node.attributes.items():
            value = value or ""
            assert name in HARMLESS["*"] | HARMLESS.get(tag, set()), name
            if name == "href":
                assert value.startswith(("/repo/files/", "https://", "http://", "mailto:", "#user-content-"))
            elif name == "src":
                assert value.startswith("/repo/raw/")
            elif name == "id":
                assert value.startswith("user-content-")
            elif name == "class":
                assert {*value.split()} <= {*cleaning.CLASSES, "odd"}
            elif name in ("width", "height", "colspan", "rowspan", "start", "value"):
                assert len(value) <= 4


@pytest.mark.parametrize("hostile", [*RAW, *WRITTEN])
def test_nothing_hostile_is_left(hostile: str) -> None:
    assert_harmless(cleaning.clean(hostile, resolve))
    for kind in KINDS:
        for text in (hostile, f"a\n\n{hostile}\n\nb", f"- {hostile}", f"| {hostile} |"):
            assert_harmless(render(text, kind, resolve=resolve))
    assert_harmless(markup.plain(hostile))


@given(
    st.lists(
        st.sampled_from([*RAW, *WRITTEN, "\n\n", "*", "`", "<", ">", '"', "- ", "   ", "[", "](", "\0"]), max_size=6
    )
)
@settings(max_examples=60)
def test_no_mixture_of_them_is(pieces: list[str]) -> None:
    text = "".join(pieces)
    assert_harmless(cleaning.clean(text, resolve))
    for kind in KINDS:
        assert_harmless(render(text, kind, resolve=resolve))


@pytest.mark.parametrize(
    "text",
    [
        ".. include:: {path}\n",
        ".. raw:: html\n   :file: {path}\n",
        ".. raw:: html\n   :url: file://{path}\n",
        ".. csv-table::\n   :file: {path}\n",
        ".. csv-table::\n   :url: file://{path}\n",
        ".. literalinclude:: {path}\n",
        ".. image:: {path}\n   :loading: embed\n   :scale: 50\n",
        ".. image:: file://{path}\n   :loading: embed\n",
        ".. figure:: {path}\n   :figwidth: image\n",
        ".. math::\n   :file: {path}\n",
        ".. code:: python\n   :include: {path}\n",
        "![x]({path})\n\n[x](file://{path})",
    ],
)
def test_no_file_is_read(text: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text("<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'><text>hidden words</text></svg>")
    for kind in KINDS:
        found = render(text.format(path=secret), kind, resolve=lambda kind, url: None)
        assert "hidden words" not in found
        assert "data:" not in found


def test_no_text_changes_how_the_next_is_read() -> None:
    before = render(":strong:`x` `y` :emphasis:`z`", "rst")
    hostile = (
        ".. role:: strong(code)\n.. role:: emphasis(code)\n.. role:: mine\n.. default-role:: code\n\n`x` :mine:`z`\n"
    )
    assert "mine" not in render(hostile, "rst")
    assert render(":strong:`x` `y` :emphasis:`z`", "rst") == before
    assert ":mine:" in render(":mine:`x`", "rst")


def test_texts_are_rendered_in_many_threads() -> None:
    expected = {kind: render(text, kind) for kind, text in (("markdown", MARKDOWN), ("rst", REST))}  # type: ignore[arg-type]
    wrong: list[str] = []

    def work(kind: Kind, text: str) -> None:
        for _ in range(3):
            if render(text, kind) != expected[kind]:
                wrong.append(kind)

    threads = [threading.Thread(target=work, args=one) for one in (("markdown", MARKDOWN), ("rst", REST)) * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_what_is_too_large_is_plain() -> None:
    assert is_plain("# a\n" * 200_000, "markdown")
    assert is_plain("*a*", "markdown", most=2)
    assert not is_plain("*a*", "markdown")
    assert is_plain("x" * 20_000, "rst")


@pytest.mark.parametrize("kind", KINDS)
def test_what_takes_too_long_is_plain(kind: Kind) -> None:
    assert is_plain("a\n\n" * 50, kind, patience=-1)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("markdown", f"[a]: https://a.example/{'b' * 2000}\n\n" + "[a]\n\n" * 5_000),
        ("markdown", "|a" * 3000 + "|\n" + "|-" * 3000 + "|\n" + "|\n" * 60_000),
        ("markdown", "".join(f"```l{number}\nx\n```\n" for number in range(500)) + "> " * 10_000),
        (
            "rst",
            "".join(f".. |a{n}| replace:: |a{n + 1}| |a{n + 1}|\n" for n in range(25))
            + ".. |a25| replace:: x\n\n|a0|\n",
        ),
        ("rst", f".. |a| replace:: {'x ' * 4_900}\n\n" + f"{'|a| ' * 1_200}\n\n" * 4),
        ("rst", f".. |a| unicode:: {'U+2028 ' * 1_000}\n\n{'|a| ' * 1_000}\n"),
        ("rst", f".. _a: http://a.example/{'b' * 9_000}\n   {'c' * 9_000}\n\n" + f"{'a_ ' * 1_200}\n\n" * 3),
        ("rst", f".. role:: r\n   :class: {' '.join(f'c{n}' for n in range(1_400))}\n\n{':r:`x` ' * 700}\n"),
        ("rst", f".. class:: {'x ' * 4_900}\n\n" + "   x\n\n" * 2_000),
        ("rst", ".. contents::\n\n" * 300 + "".join(f"s{n}\n====\n\n" for n in range(1_000))),
        ("rst", f".. sectnum::\n   :prefix: {'x' * 9_000}\n\n" + "".join(f"s{n}\n====\n\n" for n in range(1_000))),
        ("rst", "- " * 4_000),
        ("rst", "".join(" " * depth + "- a\n\n" for depth in range(900))),
    ],
    ids=[
        *("addresses", "cells", "languages", "replacements", "long replacements", "replacements of many parts"),
        *("long targets", "classes of a role", "classes of paragraphs", "tables of contents", "long numbers"),
        *("lists in a line", "lists in lists"),
    ],
)
def test_no_text_becomes_much_longer(kind: Kind, text: str) -> None:
    began = time.thread_time()
    found = render(text, kind)
    assert len(found) < 20 * len(text) + 1_000_000
    assert time.thread_time() - began < 10 * markup.PATIENCE, "patience is for all of a text"


def test_what_only_other_programs_understand_is_not_lost() -> None:
    text = (
        "a\n\n.. versionadded:: 1.2\n   Some words.\n\n.. raw:: html\n\n   hidden\n\n+-+\n| |\n+-+-+\n\n:nosuch:`y` z\n"
    )
    page = shown(text, "rst")
    assert [block.text() for block in page.css("pre")] == [
        ".. versionadded:: 1.2\n   Some words.\n",
    ]
    assert "y" in page.text() and "+-+-+" in page.text() and "hidden" not in page.text()


def test_errors_of_renderers_are_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str, *, end: float) -> str:
        raise RecursionError

    monkeypatch.setattr(markup, "markdown", fail)
    assert is_plain("*a*", "markdown")
    # docutils would end the process where lists are nested deeper than Python can follow.
    assert is_plain("".join(" " * depth + "- a\n\n" for depth in range(400)), "rst")


MARKS = [
    *(
        "[",
        "![",
        "*",
        "*a",
        "_a ",
        "a**b",
        "``a",
        "~~a",
        "<",
        "&",
        "\\",
        "http://",
        "http://a.b/(",
        "://",
        "> ",
        "- ",
        "1. ",
    ),
    *(
        "|a",
        "a|b\n",
        "# a\n",
        "[a](",
        "[a](b",
        "[a][",
        "[a]: b\n",
        "[a]",
        "![a](<",
        "a**bc* ",
        "<!--",
        "<!-- a\n",
        "&#",
        "[^a]",
    ),
    *(
        "===\n",
        "```\n",
        "- [ ] a\n",
        "|a|\n|-|\n",
        "[^a]: x\n",
        "^[",
        "---\n",
        "http://é",
        "a\n\n",
        "    a\n",
        "(http://a))",
    ),
]


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("piece", MARKS)
def test_markdown_takes_time_by_the_length(piece: str) -> None:
    def work(text: str) -> None:
        markdown.markdown(text, end=time.thread_time() + 60)

    assert_linear(work, lambda size: (piece * (size // len(piece) + 1))[:size], most=12_000, what=piece)


@pytest.mark.parametrize(
    "piece",
    [
        "a\n\n",
        "`a ",
        "a_ ",
        "[#]_ ",
        "|a| ",
        ".. class:: a\n\n",
        ".. _a: b\n",
        ".. [#] a\n",
        ":a: b\n",
        "a\n=\n",
        "- a\n\n",
    ],
)
def test_rest_ends_when_time_is_over(piece: str) -> None:
    """docutils takes time by the square of nearly everything: it is watched while it reads."""
    text = (piece if "\n" in piece else f"{piece * 60}\n\n") * 20_000
    began = time.thread_time()
    with pytest.raises(TooSlow):
        rest.rest(text[:400_000], end=began + 0.2)
    assert time.thread_time() - began < 10


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize(
    "piece", ["<b>x</b>", "<p>", '<img src="https://a/b">', "&amp;", '<a href="x">a</a>', "<svg>", '<p id="a">']
)
def test_cleaning_takes_time_by_the_length(piece: str) -> None:
    assert_linear(
        lambda html: cleaning.clean(html, resolve), lambda size: piece * (size // len(piece)), most=60_000, what=piece
    )
