# SPDX-License-Identifier: GPL-3.0-or-later
"""Who looks into a new repository has not changed it."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from tests.support import rows
from trivium.forge.pushes import settling
from trivium.forge.repositories import creation
from trivium.forge.repositories.creation import CreationRequest
from trivium.forge.site import Site
from trivium.store.tables import repositories

LONG_AGO = "2020-02-02T00:00:00.000"


@pytest.mark.parametrize("kind", ["git", "hg", "svn"])
def test_an_empty_repository_that_is_read_does_not_come_first_among_the_changed(site: Site, kind: str) -> None:
    creation.create(site, rows.user(site, "ada"), CreationRequest(name="new", kind=kind))
    with site.store.write() as db:
        number = db.execute(select(repositories.c.id).where(repositories.c.name == "new")).scalar_one()
        db.execute(update(repositories).where(repositories.c.id == number).values(updated_on=LONG_AGO))
    settling.refresh(site, number)
    with site.store.read() as db:
        seen = select(repositories.c.history_state, repositories.c.updated_on).where(repositories.c.id == number)
        state, moment = db.execute(seen).one()
    assert state
    assert moment == LONG_AGO
