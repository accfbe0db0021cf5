# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of rights are answered at once where there are few rows, and by a thread where there are many."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import rows
from tests.support.doors import HERE, Doorway
from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.accounts import users as accounts
from trivium.forge.grants import on_objects
from trivium.forge.grants import rows as grants
from trivium.forge.groups import user_groups
from trivium.store import tables


@pytest.mark.parametrize("many", [False, True])
def test_the_rows_are_shown_wherever_they_are_read(
    doorway: Doorway, ada: Caller, ben: Caller, monkeypatch: pytest.MonkeyPatch, many: bool
) -> None:
    site, threads = doorway.site, list[bool]()
    with site.store.read() as db:
        admin = accounts.first_super_admin(db).as_caller(HERE)
    crew = user_groups.create(site, admin, name="crew")
    with site.store.write() as db:
        tools = rows.group(db, "tools", ada)
        tide = rows.repository(db, "tide", ada)
        for table, which in (
            (tables.repo_group_grants, tools),
            (tables.repository_grants, tide),
            (tables.user_group_grants, crew.id),
        ):
            rows.grant(db, table, which, ben.user_id, Level.WRITE)

    def noted(real: Any) -> Any:
        def read(*given: Any, **more: Any) -> Any:
            threads.append(site.store.hurried)
            return real(*given, **more)

        return read

    monkeypatch.setattr(grants, "_MANY", 0 if many else 200)
    for scope, query in grants._ROWS.items():
        monkeypatch.setitem(grants._ROWS, scope, type("Noted", (), {"all": staticmethod(noted(query.all))}))
    monkeypatch.setattr(on_objects, "members", noted(on_objects.members))
    root = doorway.visitor(admin)
    for page in (
        "/tide/settings/permissions",
        "/_admin/repo_groups/tools/edit/permissions",
        f"/_admin/user_groups/{crew.id}/edit/permissions",
    ):
        answer = root.get(page)
        assert answer.status == 200 and "ben" in answer.page.text and "write" in answer.page.text
    at_once = site.store.can_glance and not many
    assert threads == [at_once] * 3
