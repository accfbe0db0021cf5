# SPDX-License-Identifier: GPL-3.0-or-later
"""After a push the first page is there before its first visitor is (web.md 5)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.support.clients import Git
from trivium import first_visits
from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.forge.accounts import users as accounts
from trivium.forge.events import journal, outbox
from trivium.forge.events.delivery import deliver
from trivium.forge.events.moves import Pulled, Pushed
from trivium.forge.history.reading import History
from trivium.forge.pushes.settling import refresh
from trivium.forge.repositories import creation, finding
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.forge.upkeep import parts
from trivium.language import KNOWN
from trivium.store import tables
from trivium.turns import Pace
from trivium.web import first_visit
from trivium.web.showing import overview
from trivium.web.visit import TakesLong


def found(site: Site) -> Repository:
    with site.store.read() as db:
        return finding.find(db, the_system(), "team", Level.READ)


@pytest.fixture
def repository(site: Site, git: Git) -> Repository:
    """One with a README."""
    with site.store.read() as db:
        root = accounts.first_super_admin(db).as_caller("")
    creation.create(site, root, name="team", kind="git")
    work = git.new_work(branch="main")
    git.commit(work, "first", **{"README.md": "# Team\n", "src/a.txt": "a\n"})
    git.run("push", "--quiet", str(site.tree.path_of("team")), "main", cwd=work)
    refresh(site, found(site).id)
    return found(site)


def test_whoever_comes_waits_for_nothing(site: Site, repository: Repository) -> None:
    history = History(site)
    with pytest.raises(TakesLong), site.store.glance():
        overview.glance(first_visit.visit_of(site, history, repository, "en", pace=Pace.AT_ONCE))
    first_visit.prepare(site, repository.id)
    for code in KNOWN:
        with site.store.glance():
            shown = overview.glance(first_visit.visit_of(site, history, repository, code, pace=Pace.AT_ONCE))
        assert shown is not None and not shown.directory.fill
        assert shown.readme is not None and "Team" in shown.readme


def test_each_push_asks_once_while_a_job_waits(site: Site) -> None:
    outbox.begin(site, [parts.NAME])
    with site.store.write() as db:
        for event in (
            Pushed(subject="a", repository_id=7, refs=[]),
            Pushed(subject="b", repository_id=8, refs=[]),
            Pulled(subject="b", repository_id=9),
            Pushed(subject="a", repository_id=7, refs=[]),
        ):
            journal.record(db, the_system(), event)
    deliver(site, parts.subscriber(first_visits.by_job(site)))
    with site.store.read() as db:
        jobs = db.execute(select(tables.jobs.c.kind, tables.jobs.c.repository_id).order_by(tables.jobs.c.id)).all()
    assert jobs == [("prepare_pages", 7), ("prepare_pages", 8)]


def test_what_is_gone_or_empty_is_no_failure(site: Site) -> None:
    first_visit.prepare(site, 999)
    with site.store.read() as db:
        root = accounts.first_super_admin(db).as_caller("")
    creation.create(site, root, name="team", kind="git")
    first_visit.prepare(site, found(site).id)
