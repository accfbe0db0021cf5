# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of issues: what can be kept, what they find, and whose count (web.md 2.4)."""

from __future__ import annotations

import re

import pytest

from tests.support import expressions, rows
from tests.support.growth import assert_linear
from trivium.access.caller import Caller
from trivium.errors import Forbidden, NotFound
from trivium.forge.repositories import finding, issue_patterns
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.issue_expressions import LONGEST, BadExpression, expression
from trivium.forge.repositories.issue_patterns import BadPattern, Pattern, checked, issues_in
from trivium.forge.site import Site

TRACKER = "https://tracker.example/${repo}/${id}"

USUAL = [
    r"#(\d+)",
    r"(?:\s|^)#(?P<issue_id>\d+)",
    r"\b([A-Z][A-Z0-9]+-\d+)\b",
    r"(?i)(?:issue|bug|fix(?:es|ed)?)[ :#]*(\d+)",
    r"(?<!\w)#(\d+)(?!\w)",
    r"(\w+)\s*#\s*(\d+)",
    r"\[(\w[\w-]+)\]",
    r"(?:a|b){0,10}c",
    r"x.*y",
    r"(?i)[k-s]+ſ",
]


@pytest.mark.parametrize("text", USUAL)
def test_what_is_taken_takes_time_by_the_length(text: str) -> None:
    found = expression(text)
    for what, make in expressions.attacks(re.compile(text)):
        assert_linear(lambda given: list(found.finditer(given)), make, most=8_000, what=f"{text!r} on {what}")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        *((one, None) for one in (r"(a*)*b", r"(a|aa)+b", r"\w+\w+\w+!", r"a*a*b", r"(?:(?:a?){10}){10}b")),
        *((one, None) for one in (r"(x)\1", r"(?P<a>x)(?P=a)", r"(x)?(?(1)a|b)", r"(?>a+)b", "[\0-\U0010ffff]")),
        *((one, None) for one in (r"\d+(?=\d+(?=\d+x))", "", "x*", r"\b", "(?:)", "a{65}", f"{'(' * 90}x{')' * 90}+")),
        *(("(", 0), ("ab[", 2), ("a**", 2), (r"(?P<a>x)(?P<a>y)", 12), ("x" * (LONGEST + 1), LONGEST)),
    ],
)
def test_what_might_take_long_is_not_taken(text: str, at: int | None) -> None:
    with pytest.raises(BadExpression) as refused:
        expression(text)
    assert refused.value.at == at and str(refused.value).endswith(".")


@pytest.fixture
def tool(site: Site, ada: Caller) -> Repository:
    with site.store.write() as db:
        number = rows.repository(db, "group/tool", ada)
    with site.store.read() as db:
        found = finding.by_id(db, ada, number)
    assert found is not None
    return found


def test_issues_of_a_text(tool: Repository) -> None:
    patterns = checked(
        [
            Pattern(r"(?P<project>[A-Z]+)-(?P<number>\d+)", "https://one.example/browse/${project}/${number}?r=${repo_name}"),
            Pattern(r"#(\d+)", TRACKER),
            Pattern(r"\[[^\]]+\]", "/${group_name}/wiki/${id}"),
            Pattern(r"OPS", "https://no.example/never"),
        ]
    )  # fmt: skip
    text = "OPS-7: see #12, #13\nand [a/b ü]; nothing-1"
    found = [(text[one.start : one.end], one.href) for one in issues_in(text, patterns, tool)]
    assert found == [
        ("OPS-7", "https://one.example/browse/OPS/7?r=tool"),
        ("#12", "https://tracker.example/group/tool/12"),
        ("#13", "https://tracker.example/group/tool/13"),
        ("[a/b ü]", "/group/wiki/%5Ba%2Fb%20%C3%BC%5D"),
    ]
    assert issues_in("#1 " * 100_000, patterns, tool)[-1].end < 20_001, "of a long text its beginning"
    assert issues_in("\udcff #1 \0", patterns, tool)[0].href.endswith("/1")


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "https://${id}.example/",
            "https://user@example/",
            "//example/",
            "ftp://example/x",
            "x",
        ),
        *("https:///x", "https://example/ x", "/x\ny", "/\\example/", "https://example/${nothing}", "/" + "x" * 500),
    ],
)
def test_where_a_pattern_may_lead(url: str) -> None:
    with pytest.raises(BadPattern) as refused:
        checked([Pattern(r"#(\d+)", TRACKER), Pattern("x", url)])
    assert (refused.value.row, refused.value.about) == (1, "url")


def test_a_repository_has_its_own_or_those_of_the_site(site: Site, ada: Caller, ben: Caller, tool: Repository) -> None:
    root = rows.user(site, "grace", admin=True)
    own, common = [Pattern(r"#(\d+)", TRACKER)], [Pattern(r"T(\d+)", "https://tasks.example/T${id}", "Tasks")]

    def counts() -> tuple[list[Pattern], bool]:
        with site.store.read() as db:
            found = issue_patterns.patterns_of(db, ben, tool.id)
        assert bool(found.digest) == bool(found.patterns)
        return list(found.patterns), found.own

    assert counts() == ([], False)
    issue_patterns.save_for_site(site, root, common)
    assert counts() == (common, False)
    issue_patterns.save(site, ada, tool, own)
    assert counts() == (own, True)
    issue_patterns.save(site, ada, tool, [])
    assert counts() == ([], True)
    issue_patterns.save(site, ada, tool, None)
    assert counts() == (common, False)
    with pytest.raises(Forbidden):
        issue_patterns.save_for_site(site, ada, own)
    with pytest.raises(NotFound):
        issue_patterns.save(site, ben, tool, own)
    with pytest.raises(BadPattern):
        issue_patterns.save(site, ada, tool, own * 21)
    assert counts() == (common, False)
