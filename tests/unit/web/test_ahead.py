# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of pages that a job makes after a push are those that a visit makes, and all that it would make."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support import gits, rows
from tests.support.doors import Doorway
from tests.support.places import new_place
from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Cancelled
from trivium.forge.history.differences import AT_ONCE
from trivium.forge.site import Site
from trivium.forge.upkeep.after_pushes import make_pages
from trivium.language import language
from trivium.store import tables
from trivium.web import ahead
from trivium.web.fragments import Fragments
from trivium.web.registering import named
from trivium.web.views import load
from trivium.web.words import words_of

_MANY = AT_ONCE + 5
"""Files of a changeset whose page leaves while it is made."""


def kept(site: Site, number: int) -> dict[str, bytes]:
    """The answers that are kept about a repository."""
    return {path.name: path.read_bytes() for path in site.cache_of(number).glob("answer-*")}


def instead(monkeypatch: pytest.MonkeyPatch, view: str, call: Callable[..., Any]) -> None:
    """Let pages be made ahead by something else than a view."""
    monkeypatch.setattr(ahead, "named", lambda name: replace(named(name), call=call) if name == view else named(name))


def code(letter: str) -> dict[str, str]:
    return {f"f{at:02}.py": f"def {letter}{at}() -> None:\n    pass\n" for at in range(_MANY)}


@pytest.mark.parametrize("kind", ["git", "hg", "svn"])
def test_a_visit_makes_the_same_parts_and_no_others(
    kind: str, site: Site, ada: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.store.write() as db:
        number = rows.repository(db, "team tool", ada, kind=kind)
    home = tmp_path / kind
    home.mkdir()
    with new_place(kind, home) as place:
        ids = [
            place.change("Begin, see #1", **{"README.md": "# Tool\n", "a.py": "x = 1\n"}),
            place.change("Änderung <b>", **{"a.py": "x = 2\n"}),
            place.change("Many", **code("a")),
            place.change("All of them", **code("b")),
        ]
        shutil.copytree(place.path, site.tree.path_of("team tool"), symlinks=True)
    make_pages(site, number)
    made_ahead = kept(site, number)
    at = "/team%20tool"
    addresses = [at, f"{at}/changelog", f"{at}/feed/atom", f"{at}/feed/rss"]
    addresses += [f"{at}/changeset/{one}" for one in ids]

    def visit() -> None:
        doorway = Doorway(site)
        try:
            visitor = doorway.visitor(ada)
            assert [visitor.get(one).status for one in addresses] == [200] * len(addresses)
        finally:
            doorway.close()

    with monkeypatch.context() as patched:

        def nobody(*_: Any) -> str:
            raise AssertionError("all parts are there")

        patched.setattr(Fragments, "made", nobody)
        visit()
    shutil.rmtree(site.cache_of(number))
    visit()
    by_visits = kept(site, number)
    assert by_visits
    assert {name: made_ahead.get(name) for name in by_visits} == by_visits


def test_only_the_newest_changesets_are_made_and_of_a_huge_one_no_lines(
    site: Site, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada)
    monkeypatch.setattr(ahead, "_MOST_FILES", _MANY - 1)
    ids = gits.history(
        site.tree.path_of("tool"),
        *({"a": str(at)} for at in range(7)),
        {"a": "7", **code("a")},
        {"a": "8", **code("a")},
    )
    looked_at = []
    load()
    whole = named("changesets.changeset").call

    def noted(visit: Any, revision: str) -> Any:
        looked_at.append(revision)
        return whole(visit, revision)

    instead(monkeypatch, "changesets.changeset", noted)
    make_pages(site, number)
    assert looked_at == ids[:-6:-1]
    sections = [one.count(b'<section class="change"') for one in kept(site, number).values()]
    assert sorted(one for one in sections if one) == [1] * 4


def test_a_page_that_fails_keeps_no_other_from_being_made(
    site: Site, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada)
    gits.history(site.tree.path_of("tool"), {"a": "1"})

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a template is gone")

    instead(monkeypatch, "summary.summary", broken)
    make_pages(site, number)
    assert any(b"Commit 0" in one for one in kept(site, number).values())


def test_pages_are_made_in_the_sites_language_and_in_english(site: Site, ada: Caller) -> None:
    german = replace(site, settings=replace(site.settings, lang="de"))
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada)
    gits.history(site.tree.path_of("tool"), {"a": "1"}, {"a": "2"})
    make_pages(german, number)
    parts = b"".join(kept(site, number).values())
    for code in ("de", "en"):
        assert words_of(language(code)).viewed.encode() in parts


def test_whoever_ends_the_job_ends_it_between_two_pages(site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada)
    gits.history(site.tree.path_of("tool"), {"a": "1"})
    asked = []

    def check() -> None:
        asked.append(True)
        if len(asked) == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        make_pages(site, number, check)


def test_nobodys_rights_are_needed_and_nothing_is_made_for_anybody(site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada, private=True, default=Level.NONE)
    gits.history(site.tree.path_of("tool"), {"a": "1"})

    def keys() -> int:
        with site.store.read() as db:
            return int(db.execute(select(func.count()).select_from(tables.tokens)).scalar_one())

    before = keys()
    make_pages(site, number)
    assert any(b'<section class="change"' in one for one in kept(site, number).values())
    assert keys() == before


def test_an_empty_repository_has_nothing_to_be_made(site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada)
    gits.history(site.tree.path_of("tool"))
    make_pages(site, number)
    assert not any(b"section" in one for one in kept(site, number).values())
