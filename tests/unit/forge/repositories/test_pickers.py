# SPDX-License-Identifier: GPL-3.0-or-later
"""What is offered while somebody types: few, and nothing that they may not know of."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from tests.support import rows
from trivium.access.caller import anonymous
from trivium.access.levels import Level
from trivium.errors import Forbidden
from trivium.forge.accounts import users as accounts
from trivium.forge.groups import user_groups
from trivium.forge.repositories import pickers
from trivium.forge.repositories.pickers import Places
from trivium.forge.site import Site
from trivium.store import tables

VISITOR = anonymous("192.0.2.1")


def test_everything_is_offered_to_whom_it_is_shown(site: Site) -> None:
    ada, ben = rows.user(site, "ada"), rows.user(site, "ben_x")
    root = rows.user(site, "super", admin=True)
    with site.store.write() as db:
        db.execute(
            update(tables.users).where(tables.users.c.id == ada.user_id).values(firstname="Ada", lastname="L 50%")
        )
        accounts.called(db, ada.user_id)
        tools = rows.group(db, "tools", ada)
        rows.group(db, "tools/shut", ada, parent=tools, default=Level.NONE)
        rows.repository(db, "tools/core", ada, inside=tools)
        rows.repository(db, "tools/secret", ada, inside=tools, default=Level.NONE)
    for name in ("Staff_A", "staffB"):
        user_groups.create(site, root, name=name)
    with site.store.read() as db:
        found = pickers.places(db, ben, "TOOLS")
        assert [one.name for one in found.repositories] == ["tools/core"]
        assert [one.name for one in found.groups] == ["tools"] and found.users == ()
        assert [one.username for one in pickers.places(db, ben, "user: AD").users] == ["ada"]
        assert pickers.places(db, VISITOR, "user:a") == Places((), (), ())
        for query, names in (
            ("a l 5", ["ada"]),
            ("%", ["ada"]),
            ("_", ["ben_x"]),
            ("", ["ada", "ben_x", "root", "super"]),
        ):
            assert [one.username for one in pickers.find_users(db, ben, query)] == names
        assert [one.name for one in pickers.find_user_groups(db, root, "f_")] == ["Staff_A"]
        assert [one.name for one in pickers.find_user_groups(db, root, "STAFF")] == ["Staff_A", "staffB"]
        for query in ("\0", "\udcff", "x" * 10**6):
            assert pickers.places(db, ben, query) == Places((), [], ())
            assert pickers.find_users(db, ben, query) == pickers.find_user_groups(db, ben, query) == []
        for find in (pickers.find_users, pickers.find_user_groups):
            with pytest.raises(Forbidden):
                find(db, VISITOR, "a")
    with site.store.write() as db:
        db.execute(update(tables.users).where(tables.users.c.id == ada.user_id).values(active=False))
        db.execute(update(tables.user_groups).where(tables.user_groups.c.name == "staffB").values(active=False))
        for number in range(30):
            rows.repository(db, f"many-{number}", ada)
    with site.store.read() as db:
        assert pickers.find_users(db, ben, "ada") == []
        assert [one.name for one in pickers.find_user_groups(db, root, "STAFF")] == ["Staff_A"]
        assert len(pickers.find_repositories(db, ben, "many")) == pickers.OFFERED


def test_who_is_called_so_from_the_beginning_comes_first_and_nobody_is_found_by_an_address(site: Site) -> None:
    me = rows.user(site, "zoe")
    for name in ("abel", "kabel", "babel"):
        rows.user(site, name)
    with site.store.write() as db:
        db.execute(update(tables.users).where(tables.users.c.id == me.user_id).values(email="hidden@example.org"))
        accounts.called(db, me.user_id)
    with site.store.read() as db:
        assert [one.username for one in pickers.find_users(db, me, "ABE")] == ["abel", "babel", "kabel"]
        assert [one.username for one in pickers.find_users(db, me, "bel")] == ["abel", "babel", "kabel"]
        assert pickers.find_users(db, me, "hidden") == []
