# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may use and administer a user group (system.md 2.8)."""

from __future__ import annotations

import pytest

from tests.support.administering import delete, put
from tests.support.doors import HERE, Doorway, Visitor
from tests.support.filled_forms import filled_form
from trivium.access.caller import Caller
from trivium.forge.accounts import users as accounts
from trivium.forge.groups import user_groups
from trivium.forge.site import Site


@pytest.mark.parametrize("way", ["lowered", "deleted", "of a group"])
def test_nobody_takes_their_own_right_away_by_mistake(
    doorway: Doorway, root: Visitor, site: Site, ben: Caller, way: str
) -> None:
    with site.store.read() as db:
        owner = accounts.first_super_admin(db).as_caller(HERE)
        user = accounts.by_id(db, ben.user_id)
    crew, team = (user_groups.create(site, owner, name=name) for name in ("crew", "team"))
    user_groups.add_member(site, owner, team, user)
    page = f"/_admin/user_groups/{crew.id}/edit/permissions"
    whom = {"name": "team", "of_group": "1"} if way == "of a group" else {"name": "ben"}
    assert put(root, page, **whom, perm="usergroup.admin").status == 302
    bens = doorway.visitor(ben)
    asked = put(bens, page, **whom, perm="usergroup.read") if way == "lowered" else delete(bens, page, **whom)
    assert asked.status == 422 and "You cannot give it back to yourself." in asked.page.text
    assert bens.get(page).status == 200
    sure = filled_form(asked, "sure")
    assert whom.items() <= sure.items() and sure["sure"] == "1"
    done = put(bens, page, **sure) if way == "lowered" else delete(bens, page, **sure)
    assert done.status == 302 and done.location == "/_admin/user_groups"
    assert bens.get(page).status == 404


def test_others_lose_theirs_at_once_and_who_is_not_named_is_missed(root: Visitor, site: Site, ben: Caller) -> None:
    with site.store.read() as db:
        owner = accounts.first_super_admin(db).as_caller(HERE)
    crew = user_groups.create(site, owner, name="crew")
    page = f"/_admin/user_groups/{crew.id}/edit/permissions"
    assert put(root, page, name="ben", perm="usergroup.admin").status == 302
    for missing in ({"name": "ben"}, {"perm": "usergroup.read"}):
        assert put(root, page, **missing).status == 422, missing
    assert delete(root, page).status == 422
    assert delete(root, page, name="nobody").status == 404
    assert delete(root, page, name="ben").status == 302
    assert put(root, page, name="crew", perm="usergroup.read", of_group="1").status == 422
