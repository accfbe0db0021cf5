# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows on an object come a page at a time, in the order of the rule (api-users.md 5.3)."""

from __future__ import annotations

import pytest

from tests.support import rows
from trivium.access.caller import Caller
from trivium.access.levels import Level, Scope
from trivium.forge.grants import rows as module
from trivium.forge.grants.rows import Row, are_many, rows_on
from trivium.forge.site import Site
from trivium.store import tables


def test_pages_of_rows_are_all_rows_once(site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        tide = rows.repository(db, "tide", ada)
        rows.grant(db, tables.repository_grants, tide, ben.user_id, Level.WRITE)
    for name in ("cy", "dee", "eve"):
        user = rows.user(site, name)
        with site.store.write() as db:
            rows.grant(db, tables.repository_grants, tide, user.user_id, Level.READ)
    with site.store.read() as db:
        every = rows_on(db, ada, Scope.REPOSITORY, tide)
        assert [one.name for one in every.rows] == ["root", "ada", "ben", "cy", "dee", "eve", "default"]
        assert every.older == ""
        for limit in (1, 2, 3, 7):
            found: list[Row] = []
            after = ""
            while True:
                page = rows_on(db, ada, Scope.REPOSITORY, tide, after=after, limit=limit)
                assert len(page.rows) <= limit
                found += page.rows
                after = page.older
                if not after:
                    break
            assert found == list(every.rows), limit


@pytest.mark.parametrize("after", ["x", "9.ben", "-1.a", "2", "2." + "x" * 300, "\0"])
def test_what_is_no_place_fails_nowhere(site: Site, ada: Caller, after: str) -> None:
    with site.store.write() as db:
        tide = rows.repository(db, "tide", ada)
    with site.store.read() as db:
        assert rows_on(db, ada, Scope.REPOSITORY, tide, after=after).rows[-1].name == "default"


def test_many_rows_are_counted_no_further_than_is_needed(
    site: Site, ada: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.store.write() as db:
        tide = rows.repository(db, "tide", ada)
        rows.grant(db, tables.repository_grants, tide, ben.user_id, Level.WRITE)
    with site.store.read() as db:
        for most, many in ((2, False), (1, True)):
            monkeypatch.setattr(module, "_MANY", most)
            assert are_many(db, ada, Scope.REPOSITORY, tide) is many
            assert not are_many(db, ada, Scope.REPOSITORY, tide + 1)
