# SPDX-License-Identifier: GPL-3.0-or-later
"""User groups, for whoever administers them (system.md 2.8)."""

from __future__ import annotations

from tests.support import rows
from tests.support.administering import delete, put
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.forge.grants import global_permissions
from trivium.forge.grants.on_objects import Subject
from trivium.forge.groups import user_groups
from trivium.forge.site import Site
from trivium.store import tables


def test_user_groups_belong_to_whoever_administers_them(
    doorway: Doorway, root: Visitor, site: Site, ben: Caller
) -> None:
    ada = rows.user(site, "adele")
    visitor = doorway.visitor(ada)
    assert visitor.get("/_admin/user_groups/new").status == 403
    assert visitor.post("/_admin/user_groups", users_group_name="crew").status == 403
    global_permissions.set_permission(
        site, the_system(), Subject("adele", user_id=ada.user_id), "hg.usergroup.create.true"
    )
    answer = visitor.post("/_admin/user_groups", users_group_name="crew", users_group_active="1")
    page = answer.location.removesuffix("/edit/members")
    assert answer.status == 302 and "crew" in visitor.get("/_admin/user_groups").page.text
    assert "crew" not in doorway.visitor(ben).get("/_admin/user_groups").page.text
    assert doorway.visitor(ben).get(page).status == 404
    assert visitor.post(f"{page}/edit/members", user="ben").status == 302
    assert visitor.post(f"{page}/edit/members", user="ben").status == 422
    assert visitor.post(f"{page}/edit/members", user="nobody").status == 422
    assert "ben" in visitor.get(f"{page}/edit/members").page.text
    assert put(visitor, f"{page}/edit/permissions", name="ben", perm="usergroup.admin").status == 302
    assert doorway.visitor(ben).get(page).status == 200
    assert delete(visitor, f"{page}/edit/permissions", name="ben", of_group="").status == 302
    assert delete(visitor, f"{page}/edit/members", user=str(ben.user_id)).status == 302
    assert visitor.get(f"{page}/edit/global_permissions").status == 403
    fields = {"users_group_name": "crew two", "user_group_description": "x", "users_group_active": "1"}
    assert put(visitor, page, **fields, user="nobody").status == 422
    assert put(visitor, page, **fields, user="adele").status == 302
    assert put(root, f"{page}/edit/global_permissions", default_fork_create="hg.fork.none").status == 302
    with site.store.write() as db:
        repository = rows.repository(db, "tide", ada)
        group = user_groups.find(db, ada, "crew two", Level.ADMIN)
        values = {"object_id": repository, "group_id": group.id, "level": int(Level.WRITE)}
        db.execute(tables.repository_grants.insert().values(**values))
    answer = delete(visitor, page, name="crew two")
    assert answer.status == 422 and "tide" in answer.page.text
    assert "tide" in root.get(f"{page}/edit/permissions_summary").page.text
    with site.store.write() as db:
        db.execute(tables.repository_grants.delete().where(tables.repository_grants.c.group_id == group.id))
    assert delete(visitor, page, name="crew two").status == 302
