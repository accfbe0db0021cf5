# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody looked at last is remembered, for themselves alone, and shown as long as they may read it."""

from __future__ import annotations

import pytest
from sqlalchemy import delete, func, select

from tests.support import rows
from trivium.access.caller import Caller, anonymous
from trivium.access.levels import Level
from trivium.forge.repositories import listed
from trivium.forge.site import Site
from trivium.forge.upkeep import activity
from trivium.forge.upkeep.activity import Activity
from trivium.store import tables


def test_the_last_few_visits_are_shown(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, ben, visitor = rows.user(site, "ada"), rows.user(site, "ben"), anonymous("192.0.2.1")
    with site.store.write() as db:
        made = [rows.repository(db, f"r{number:02}", ada) for number in range(12)]
    clock = iter(range(10, 60))
    monkeypatch.setattr(activity, "now", lambda: f"2024-01-01T00:00:{next(clock)}.000")
    noted = Activity()

    def look(who: Caller, *which: int) -> None:
        for number in which:
            noted.visited(who, made[number])
        noted.write(site, {}, set())

    def shown(who: Caller) -> list[str]:
        with site.store.read() as db:
            return [one.name for one in listed.visited(db, who)]

    look(ada, 0, 1, 2)
    look(ben, 3)
    look(visitor, 4)
    assert shown(ada) == ["r02", "r01", "r00"] and shown(ben) == ["r03"] and shown(visitor) == []
    look(ada, 0)
    assert shown(ada) == ["r00", "r02", "r01"]
    look(ben, *range(12))
    assert shown(ben) == [f"r{number:02}" for number in range(11, 3, -1)]
    with site.store.write() as db:
        rows.grant(db, tables.repository_grants, made[11], ben.user_id, Level.NONE)
    assert shown(ben) == [f"r{number:02}" for number in range(10, 2, -1)]
    # Of each user the newest are kept; who or what is gone by now is left out, and stops nobody else's.
    with site.store.write() as db:
        db.execute(delete(tables.repositories).where(tables.repositories.c.id == made[5]))
    look(ben, 5, 6)
    assert shown(ben)[0] == "r06"
    with site.store.read() as db:
        kept = db.execute(select(func.count()).select_from(tables.visits)).scalar_one()
    assert kept == 3 + 11


def test_no_more_are_kept_than_may_be_shown(site: Site) -> None:
    ada = rows.user(site, "ada")
    with site.store.write() as db:
        made = [rows.repository(db, f"r{number}", ada) for number in range(activity._MOST_VISITS + 5)]
    noted = Activity()
    for repository_id in made:
        noted.visited(ada, repository_id)
    noted.write(site, {}, set())
    with site.store.read() as db:
        assert db.execute(select(func.count()).select_from(tables.visits)).scalar_one() == activity._MOST_VISITS
