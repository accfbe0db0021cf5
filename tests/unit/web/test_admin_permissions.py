# SPDX-License-Identifier: GPL-3.0-or-later
"""What everybody may do, in pages of administrators (system.md 2.8, 6.1)."""

from __future__ import annotations

from sqlalchemy import func, select

from tests.support import rows
from tests.support.administering import said
from tests.support.doors import Visitor
from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.site import Site
from trivium.store import tables


def test_everybodys_rights_on_all_that_there_is(root: Visitor, site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        for number in range(3):
            rows.repository(db, f"open{number}", ada)
        rows.repository(db, "closed", ada, private=True, default=Level.NONE)
        rows.repository(db, "written", ada, default=Level.WRITE)
        unsaid = rows.repository(db, "unsaid", ada)
        grants = tables.repository_grants
        db.execute(grants.delete().where(grants.c.object_id == unsaid))
    page = "/_admin/permissions/object"
    assert "overwriting changes 2 of 5" in root.get(page).page.text
    levels = {"default_group_perm": "group.read", "default_user_group_perm": "usergroup.none"}
    answer = root.post(page, **levels, default_repo_perm="repository.write", overwrite_default_repo="1")
    assert answer.status == 302
    assert said(site, "permission.overwrite") == [{"scope": "repository", "level": "repository.write", "count": 4}]
    with site.store.read() as db:
        counted = select(grants.c.level, func.count()).where(grants.c.user_id == 1).group_by(grants.c.level)
        assert dict(tuple(row) for row in db.execute(counted)) == {int(Level.WRITE): 5, int(Level.NONE): 1}
    assert "overwriting changes 0 of 5" in root.get(page).page.text
    with site.store.write() as db:
        rows.repository(db, "another", ada)
    assert "overwriting changes 1 of 6" in root.get(page).page.text
    assert root.post(page, **levels, default_repo_perm="group.read").status == 422


def test_who_may_come_in(root: Visitor, site: Site) -> None:
    page = "/_admin/permissions/application"
    assert root.post(page, anonymous="1", default_register="hg.register.auto_activate").status == 302
    assert said(site, "site.anonymous_access")[-1:] == [{"allowed": True, "was": {"allowed": False}}]
    assert root.post(page, default_register="hg.create.none").status == 422
    assert root.post(page, default_register="hg.register.none").status == 302
    assert root.get("/_admin/permissions").status == root.get("/_admin/permissions/overview").status == 200
    fields = {
        "default_repo_create": "hg.create.none",
        "default_repo_create_on_write": "hg.create.write_on_repogroup.false",
        "default_repo_group_create": "hg.repogroup.create.true",
        "default_user_group_create": "hg.usergroup.create.true",
        "default_fork_create": "hg.fork.none",
    }
    assert root.post("/_admin/permissions/global", **fields).status == 302
    assert root.post("/_admin/permissions/global", **(fields | {"default_fork_create": ""})).status == 422
