# SPDX-License-Identifier: GPL-3.0-or-later
"""Whom texts mention: found once, for those who are told and for the links of pages (system.md 6.3)."""

from __future__ import annotations

import pytest

from tests.support.growth import assert_linear
from trivium.render.markup import Kind, render
from trivium.render.mentions import MOST, mentioning


@pytest.mark.parametrize(
    ("kind", "text", "names"),
    [
        ("markdown", "@ada and @ben.noll. @ada; mail@x.org, @@no @é-1 (@zoe)", ["ada", "ben.noll", "é-1", "zoe"]),
        ("markdown", "`@code` ``@two`` **@bold** _@em_ <@less> &@amp", ["bold", "em", "less", "amp"]),
        ("markdown", "    @indented\n\n```py\n@fenced\n```\n> @quoted\n- @item", ["quoted", "item"]),
        ("markdown", "[@link](https://x.org/) https://x.org/@address", []),
        ("markdown", "| @cell |\n|---|\n| `@no` |\n\n<!-- @hidden -->", ["cell"]),
        (
            "rst",
            "@ada, ``@code`` and **@bold**, mail@x.org::\n\n   @literal\n\n.. code:: py\n\n   @more\n",
            ["ada", "bold"],
        ),
        ("plain", "@ada <b>@ben</b> `@cy`", ["ada", "ben", "cy"]),
    ],
)
def test_code_links_and_addresses_mention_nobody(kind: Kind, text: str, names: list[str]) -> None:
    assert list(mentioning(render(text, kind)).names) == names


def test_only_names_become_links_and_all_else_stays() -> None:
    html = render('Hi @ada. "@ben", *@ada*: <script>@cy</script>', "markdown")
    found = mentioning(html)
    assert found.linked(lambda _: "") == html
    linked = found.linked(lambda name: f'/_profiles/{name}?"' if name != "ben" else "")
    assert linked.count('<a class="mention" href="/_profiles/ada?&#34;">@ada</a>') == 2
    assert "@ben" in linked and "/ben" not in linked
    assert linked.replace('<a class="mention" href="/_profiles/ada?&#34;">', "").replace("</a>", "").count("@ada") == 2


def test_of_very_many_the_first_are_mentioned() -> None:
    found = mentioning(render(" ".join(f"@u{number}" for number in range(500)) + " @u1", "markdown"))
    assert len(found.names) == MOST and found.spots[-1] == "u1" and len(found.spots) == MOST + 1


def test_inline_literals_of_rest_are_code() -> None:
    assert "<code>a  &lt;b&gt;</code>" in render("An ``a  <b>`` here", "rst")


@pytest.mark.parametrize("piece", ["@", "@a", "@a.", "<b>@a</b>", "<code>@a", "&amp;@", "a@b ", "@" + "a" * 300])
def test_it_takes_time_by_the_length(piece: str) -> None:
    assert_linear(mentioning, lambda size: piece * (size // len(piece) + 1), most=100_000, what=piece)
