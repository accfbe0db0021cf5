# SPDX-License-Identifier: GPL-3.0-or-later
"""A push of which nobody can tell what it did is not forgotten."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from trivium.access.caller import the_system
from trivium.forge import pushes, recovery
from trivium.forge.site import Site
from trivium.store import intents
from trivium.store.tables import now, repositories
from trivium.vcs.model import RefUpdate, VcsError


@pytest.fixture
def unreadable(site: Site, monkeypatch: pytest.MonkeyPatch) -> int:
    """A repository that cannot be read at the moment."""
    monkeypatch.setattr(pushes, "_PAUSE", 0)
    with site.store.write() as db:
        row = insert(repositories).values(
            id=77,
            name="lost",
            name_key="lost",
            kind="git",
            owner_id=1,
            description="",
            private=False,
            archived=False,
            landing_rev="rev:tip",
            enable_downloads=False,
            enable_locking=False,
            enable_statistics=False,
            created_on=now(),
            updated_on=now(),
            last_changeset="{}",
            history_state="",
        )
        db.execute(row)
    return 77


def test_an_intent_that_could_not_be_judged_stays_and_is_counted(site: Site, unreadable: int) -> None:
    update = RefUpdate("refs/heads/master", "0" * 40, "1" * 40)
    push = pushes.begin(site, the_system(), unreadable, [update])
    with pytest.raises(VcsError):
        pushes.finish(site, push, None)
    with pytest.raises(VcsError):
        pushes.recover(site, push)
    with site.store.write() as db:
        intents.clear(db, push.intent)
        intents.record(db, worker="dead", kind=pushes.PUSH, detail=_detail())
    assert recovery.recover(site, alone=True).unfinished == 1
    with site.store.read() as db:
        assert len(intents.recorded(db)) == 1


def _detail() -> dict[str, object]:
    return {
        "repository_id": 77,
        "user_id": 1,
        "username": "root",
        "super_admin": True,
        "address": "",
        "updates": [("refs/heads/master", "0" * 40, "1" * 40)],
        "action": pushes.PUSH,
    }
