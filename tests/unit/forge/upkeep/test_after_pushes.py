# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories that were pushed to are looked after, whoever took the push and whatever became of that process."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from tests.support.delivered import deliver
from trivium.access.caller import the_system
from trivium.forge.events import journal, outbox
from trivium.forge.events.moves import Pulled, Pushed
from trivium.forge.site import Site
from trivium.forge.upkeep import after_pushes
from trivium.store import tables


def push(site: Site) -> None:
    with site.store.write() as db:
        for event in (
            Pushed(subject="a", repository_id=7, refs=[]),
            Pushed(subject="b", repository_id=8, refs=[]),
            Pulled(subject="c", repository_id=9),
            Pushed(subject="a", repository_id=7, refs=[]),
        ):
            journal.record(db, the_system(), event)


def jobs(site: Site) -> list[tuple[str, int]]:
    with site.store.read() as db:
        rows = db.execute(select(tables.jobs.c.kind, tables.jobs.c.repository_id).order_by(tables.jobs.c.id))
        return [(row.kind, row.repository_id) for row in rows]


def test_each_repository_gets_one_job_while_that_waits(site: Site) -> None:
    outbox.begin(site, ["pushes"])
    push(site)
    deliver(site, after_pushes.subscriber(site))
    push(site)
    deliver(site, after_pushes.subscriber(site))
    assert jobs(site) == [("look_after_repository", 7), ("look_after_repository", 8)]


def test_nothing_is_asked_for_where_an_administrator_does_it(site: Site) -> None:
    quiet = replace(site, settings=replace(site.settings, housekeeping_interval=0))
    outbox.begin(quiet, ["pushes"])
    push(quiet)
    deliver(quiet, after_pushes.subscriber(quiet))
    assert jobs(quiet) == []
