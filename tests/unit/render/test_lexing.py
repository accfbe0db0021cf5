# SPDX-License-Identifier: GPL-3.0-or-later
"""Lexers that leave out rules tell the very tokens that they tell by themselves."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pygments.lexer import RegexLexer
from pygments.lexers import get_lexer_by_name

from trivium.render import lexing
from trivium.render.token_classes import class_of

LEXERS = (
    *("python", "c", "cpp", "java", "javascript", "typescript", "css", "html", "json", "yaml", "bash", "make", "sql"),
    *("go", "rust", "ruby", "php", "perl", "rst", "markdown", "diff", "ini", "toml", "xml", "ldif", "haskell", "tex"),
)
SAMPLE = '''#!/bin/sh
def f(x: int = 0x1F) -> str:  # "three" \u017f \u212a
    """One

    <b>two"""
    return rb'\\x00' + f"{x!r:>10}" if x else `y` @ z
class A<T> extends B { private static final int K = 1e-3; /* k \u00e9 */ } // end
<a href="x">&amp;</a><style>p { color: #fff }</style><script>let a = /re[/]x/g;</script>
key: [1, 2.5, true] ; [section] key = value
SELECT * FROM t WHERE a = 'it''s';
- item\r
+added
\tall: $(OBJ)\n\t@echo $$HOME
'''


@cache
def own() -> Callable[[Any, str], Iterator[Any]]:
    """How Pygments tells tokens: from a copy of its own, for `use_everywhere` may have been called before."""
    spec = importlib.util.find_spec("pygments.lexer")
    assert spec is not None
    assert spec.loader is not None
    copy = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copy)
    told: Callable[[Any, str], Iterator[Any]] = copy.RegexLexer.get_tokens_unprocessed
    return told


def both(lexer: str, text: str) -> tuple[list[Any], list[Any]]:
    made = get_lexer_by_name(lexer)
    found = []
    for told in (own(), lexing.tokens):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RegexLexer, "get_tokens_unprocessed", told)  # for lexers within lexers, too
            found.append(list(made.get_tokens_unprocessed(text)))
    return found[0], found[1]


def looks(lexer: str, text: str) -> tuple[list[str], list[str]]:
    """How each character looks: by the tokens one after the other, and by the runs of them."""
    made = get_lexer_by_name(lexer)
    expected: list[str] = []
    if type(made).get_tokens_unprocessed is not RegexLexer.get_tokens_unprocessed:
        return [], []  # it knows more than rules, and is asked for tokens
    for where, kind, piece in lexing.tokens(made, text):
        if where != len(expected):
            break
        expected += [class_of(kind)] * len(piece)
    runs = list(lexing.runs(made, text, math.inf))
    assert "".join(run for _, run in runs) == text[: len(expected)]
    return expected, [look for look, run in runs for _ in run]


@pytest.mark.parametrize("lexer", LEXERS)
def test_the_tokens_are_the_same(lexer: str) -> None:
    expected, found = both(lexer, SAMPLE)
    assert found == expected
    expected, found = looks(lexer, SAMPLE)
    assert found == expected


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(LEXERS),
    st.text(
        st.one_of(
            st.sampled_from("\n\t {}()[]<>\"'#/\\:;=.,-+*%$@&|!?`~^_aAkKsSxX01"),
            st.characters(exclude_categories=["Cs"]),
        ),
        max_size=60,
    ),
)
def test_the_tokens_of_any_text_are_the_same(lexer: str, text: str) -> None:
    expected, found = both(lexer, text)
    assert found == expected
    expected, found = looks(lexer, text)
    assert found == expected


def test_neighbours_that_look_alike_are_one_run() -> None:
    python = get_lexer_by_name("python")
    assert list(lexing.runs(python, "a.b = None\n", math.inf)) == [("", "a.b = "), ("kc", "None"), ("", "\n")]


def test_few_rules_are_tried() -> None:
    """What this is for: a name is looked for among a handful of rules."""
    rules = get_lexer_by_name("python")._tokens["root"]  # type: ignore[attr-defined]
    tables = lexing._Tables({"root": rules})
    assert len(rules) > 40
    assert len(tables.found("root", "x")) < 4
    assert len(tables.found("root", f"{lexing._LINE}x")) < 7
    assert len(tables.found("root", " ")) == 1
    assert [rule[:3] for rule in tables.found("root", f"{lexing._LINE}\x80")] == list(rules)
