# SPDX-License-Identifier: GPL-3.0-or-later
"""Which repository of this site an address leads to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from trivium.vcs.abilities import Links
from trivium.vcs.pages import EntryKind, TreeEntry
from trivium.web.showing.links import _path_here
from trivium.web.showing.places import within


def visit(links: Links = Links.SUBMODULES, root: str = "") -> Any:
    return SimpleNamespace(
        repository=SimpleNamespace(name="group/own"),
        asked=SimpleNamespace(root=root),
        urls=SimpleNamespace(origin="https://here.example:8080"),
        abilities=SimpleNamespace(links=links),
    )


def entry(target: str) -> TreeEntry:
    return TreeEntry("trunk/vendor", EntryKind.LINK, "1", target=target)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("https://here.example/group/x.git", "group/x.git"),
        ("http://user@here.example:8080/group/x", "group/x"),
        ("ssh://git@here.example/group/x", "group/x"),
        ("//here.example/group/x", "group/x"),
        ("/group/x%20y", "group/x y"),
        ("../x.git", "group/x.git"),
        ("./../../other", "other"),
        ("../../../other", None),
        ("https://elsewhere.example/group/x", None),
        ("https://here.example.evil/group/x", None),
        ("javascript:alert(1)", None),
        ("file:///etc/passwd", None),
        ("https://[broken", None),
        ("..\\x", None),
        ("", None),
    ],
)
def test_where_a_submodule_leads(target: str, path: str | None) -> None:
    assert _path_here(visit(), "group/own", entry(target)) == path


def test_where_an_external_leads() -> None:
    found = visit(Links.EXTERNALS)
    assert _path_here(found, "group/own", entry("^/branches/two")) == "group/own/branches/two"
    assert _path_here(found, "group/own", entry("../lib")) == "group/own/lib"
    assert _path_here(found, "group/own", entry("^/../x/lib")) == "group/x/lib"


def test_below_a_path_of_a_proxy() -> None:
    found = visit(root="/code")
    assert _path_here(found, "group/own", entry("https://here.example/code/group/x")) == "group/x"
    assert _path_here(found, "group/own", entry("https://here.example/group/x")) is None
    assert _path_here(found, "group/own", entry("/codex/group/x")) is None


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("a/b", "a/b"),
        ("/a//b/", "a/b"),
        ("a/../b", "b"),
        ("./a/.", "a"),
        ("", ""),
        ("..", None),
        ("a/../..", None),
    ],
)
def test_paths_stay_within(path: str, inside: str | None) -> None:
    assert within(path) == inside
