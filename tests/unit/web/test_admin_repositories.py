# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories that one administers (system.md 2.8)."""

from __future__ import annotations

from tests.support import rows
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.site import Site
from trivium.store import tables


def test_repositories_that_one_administers(
    doorway: Doorway, root: Visitor, site: Site, ada: Caller, ben: Caller
) -> None:
    with site.store.write() as db:
        rows.repository(db, "mine", ada)
        theirs = rows.repository(db, "theirs", ben)
        rows.repository(db, "others", ben)
        rows.grant(db, tables.repository_grants, theirs, ada.user_id, Level.ADMIN)
    text = doorway.visitor(ada).get("/_admin/repos").page.text
    assert "mine" in text and "theirs" in text and "others" not in text
    assert "theirs" not in doorway.visitor(ada).get("/_admin/repos?query=mine").page.text
    assert "others" in root.get("/_admin/repos?query=oth").page.text
