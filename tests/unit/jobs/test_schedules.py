# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done regularly is done once each time, whoever asks."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from trivium.access.caller import Caller
from trivium.access.keys import Role
from trivium.access.levels import Level
from trivium.assembly import open_site
from trivium.forge.accounts import tokens
from trivium.forge.accounts import users as accounts
from trivium.forge.gists import gists
from trivium.forge.repositories import changes, creation
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.forge.trash import trash
from trivium.jobs.carrying_out import carry_out
from trivium.jobs.handlers import upkeep
from trivium.jobs.schedules import SCHEDULES, begin_due
from trivium.settings import Settings
from trivium.store.tables import gists as gists_table
from trivium.store.tables import jobs, schedules
from trivium.store.tables import tokens as tokens_table

LONG_AGO = "2000-01-01T00:00:00.000"


def _due(site: Site) -> list[tuple[str, str]]:
    with site.store.read() as db:
        return [(row.id, row.kind) for row in db.execute(select(jobs.c.id, jobs.c.kind).order_by(jobs.c.id))]


def _all_due(site: Site) -> None:
    with site.store.write() as db:
        db.execute(update(schedules).values(next_run=LONG_AGO))


def _carry_out(site: Site, kind: str) -> None:
    begin_due(site)
    _all_due(site)
    begin_due(site)
    (job,) = [one for one, name in _due(site) if name == kind]
    assert carry_out(site, job)
    assert job not in dict(_due(site))  # nothing is left of what was done


def test_a_new_installation_has_nothing_to_do(site: Site) -> None:
    begin_due(site)
    begin_due(site)
    assert _due(site) == []
    with site.store.read() as db:
        assert set(db.execute(select(schedules.c.name)).scalars()) == {one.kind.name for one in SCHEDULES}


def test_of_many_who_ask_one_begins_it(site: Site, settings: Settings) -> None:
    begin_due(site)
    _all_due(site)
    sites = [site, *(open_site(settings) for _ in range(3))]
    barrier = threading.Barrier(len(sites))

    def ask(one: Site) -> None:
        barrier.wait()
        begin_due(one)

    threads = [threading.Thread(target=ask, args=(one,)) for one in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kind for _, kind in _due(site)) == sorted(one.kind.name for one in SCHEDULES)
    _all_due(site)
    begin_due(site)
    assert len(_due(site)) == len(SCHEDULES)  # those of before still wait
    for one in sites[1:]:
        one.close()


def test_what_expired_long_ago_is_removed(site: Site, ada: Caller) -> None:
    with site.store.read() as db:
        owner = accounts.by_id(db, ada.user_id)
    day = 86_400
    moments = {"long ago": int(time.time()) - 91 * day, "lately": int(time.time()) - 89 * day, "never": -1}
    for word, moment in moments.items():
        gist = gists.create(site, ada, owner=owner, files={"a": word}, description=word)
        with site.store.write() as db:
            db.execute(update(gists_table).where(gists_table.c.id == gist.id).values(expires=moment))
        tokens.create_token(site, ada, ada.user_id, "ada", role=Role.API, description=word, expires=moment)
    _carry_out(site, "remove_expired")
    with site.store.read() as db:
        left = set(db.execute(select(gists_table.c.description)).scalars())
        assert left == {"lately", "never"}
        kept = select(tokens_table.c.description).where(
            tokens_table.c.user_id == ada.user_id, tokens_table.c.builtin.is_(False)
        )
        assert set(db.execute(kept).scalars()) == left
    assert len(list(site.tree.gists.iterdir())) == 2


def test_what_cannot_be_removed_from_the_trash_does_not_keep_the_rest_there(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.store.read() as db:
        root = accounts.find(db, "root").as_caller("127.0.0.1")
    for number in range(3):
        creation.create(site, root, CreationRequest(name=f"old-{number}", kind="git"))
        with site.store.read() as db:
            changes.delete_repository(site, root, repositories.find(db, root, f"old-{number}", Level.ADMIN), "")
    monkeypatch.setattr(upkeep, "_DAY", 0.0)  # all of it is old enough
    eager = open_site(replace(settings, trash_keep_days=30))
    restored, broken, _ = found = trash.entries(site)
    monkeypatch.setattr(trash, "entries", lambda _: found)
    trash.restore(site, root, restored)
    real = trash.remove

    def remove(site: Site, caller: Caller, entry: trash.Entry) -> None:
        if entry == broken:
            raise PermissionError(13, "no")
        real(site, caller, entry)

    monkeypatch.setattr(trash, "remove", remove)
    _carry_out(eager, "empty_trash")
    monkeypatch.undo()
    assert [one.name for one in trash.entries(site)] == [broken.name]
    eager.close()


def test_the_trash_is_emptied_where_that_is_wanted(site: Site, settings: Settings) -> None:
    with site.store.read() as db:
        root = accounts.find(db, "root").as_caller("127.0.0.1")
    creation.create(site, root, CreationRequest(name="old", kind="git"))
    with site.store.read() as db:
        changes.delete_repository(site, root, repositories.find(db, root, "old", Level.ADMIN), "")
    (entry,) = trash.entries(site)
    for suffix in ("", ".json"):
        path = site.tree.trash / f"{entry.label}{suffix}"
        if path.exists():
            path.rename(site.tree.trash / f"2020-01-01T000000.000-{entry.label.rpartition('-')[2]}{suffix}")
    _carry_out(site, "empty_trash")
    assert len(trash.entries(site)) == 1  # by default it stays
    eager = open_site(replace(settings, trash_keep_days=30))
    _carry_out(eager, "empty_trash")
    assert trash.entries(site) == []
    eager.close()
