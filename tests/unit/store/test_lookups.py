# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking one thing up costs the same however many there are: no statement reads a table from one end to the other."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import NotFound
from trivium.forge.accounts import users as accounts
from trivium.forge.groups import repo_groups, user_groups, viewing
from trivium.forge.groups.repo_groups import RepoGroup
from trivium.forge.repositories import finding as repositories
from trivium.forge.site import Site

ADA = Caller(7, "ada", False, True, "127.0.0.1")
GROUP = RepoGroup(17, "team", "", None, 7, "ada", False, Level.READ)


@pytest.mark.sqlite_only  # the plans are those of SQLite
@pytest.mark.parametrize(
    "look",
    [
        lambda db: accounts.find(db, "nobody"),
        lambda db: accounts.find(db, 17),
        lambda db: repositories.find(db, ADA, "team/nobody", Level.READ),
        lambda db: repositories.find(db, ADA, 17, Level.READ),
        lambda db: repositories.by_former_name(db, ADA, "team/nobody"),
        lambda db: repositories.locked_by(db, ADA, 17),
        lambda db: user_groups.find(db, ADA, "nobody", Level.READ),
        lambda db: user_groups.find(db, ADA, 17, Level.READ),
        lambda db: repo_groups.find(db, ADA, "team/nobody", Level.READ),
        lambda db: repo_groups.find(db, ADA, 17, Level.READ),
        lambda db: repo_groups.ancestry(db, ADA, "team/tools/core"),
        lambda db: repo_groups.check_name_free(db, "team/core"),
        lambda db: viewing.repositories_in(db, ADA, GROUP),
    ],
)
def test_nothing_is_searched_for_row_by_row(site: Site, look: Callable[[Connection], object]) -> None:
    said: list[str] = []
    with site.store.read() as db:
        driver = db.connection.dbapi_connection
        assert driver is not None
        driver.set_trace_callback(said.append)
        try:
            look(db)
        except NotFound:
            pass
        finally:
            driver.set_trace_callback(None)
        assert said
        for statement in said:
            plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
            assert not [
                step
                for step in plan
                if re.match(r"SCAN (users|repositories|parents|holders|repo_groups|user_groups)\b", step)
            ]
