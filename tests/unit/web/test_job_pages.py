# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of jobs: every kind is called by a word that people understand."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support import rows
from tests.support.doors import Doorway
from trivium.forge.jobs import finding, running
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.reasons import because, because_of
from trivium.forge.jobs.submission import submit
from trivium.forge.repositories import rescans
from trivium.forge.site import Site
from trivium.jobs import handlers, registry
from trivium.jobs.carrying_out import carry_out
from trivium.jobs.schedules import TRASH, Nothing


@pytest.mark.parametrize("name", sorted(registry._handlers))
def test_no_kind_is_called_by_its_name(site: Site, doorway: Doorway, name: str) -> None:
    assert handlers
    root = rows.user(site, "grace", admin=True)
    submit(site, root, JobKind(name, Nothing), Nothing(), subject="")
    submit(site, root, TRASH, Nothing(), subject="of something")
    page = LexborHTMLParser(doorway.visitor(root).get("/_admin/jobs").body)
    listed = [" ".join(one.text().split()) for one in page.css("ul.log li")]
    by_itself, known = sorted(listed, key=lambda text: "of something" in text)
    assert known.startswith("of something") and "Removal from the trash, grace" in known
    assert name not in by_itself
    word, waits, rest = by_itself.partition("waits ")
    assert word and waits and word not in rest, "it is not named twice"


def test_a_reason_with_values_is_told_in_the_language_of_its_reader(site: Site, doorway: Doorway) -> None:
    root = rows.user(site, "grace", admin=True)
    submit(site, root, rescans.RESCAN, rescans.RescanArguments(remove_obsolete=False, dry=True), subject="")
    site.tree.root.rename(site.tree.root.with_name("away"))
    with site.store.read() as db:
        (due,) = running.due(db, 10)
    assert carry_out(site, due.id)
    with site.store.read() as db:
        (job,) = finding.of_kind(db, root, rescans.RESCAN.name, 5)
    assert job.reason is not None and job.reason.english == f"the repository root {site.tree.root} is missing"
    visitor = doorway.visitor(root)
    for address in ("/_admin/jobs", "/_admin/my_account/jobs", "/_admin/settings/mapping"):
        told = f"das Verzeichnis der Repositories {site.tree.root} fehlt"
        assert told in visitor.get(address, Accept_Language="de").page.text
        assert job.reason.english in visitor.get(address).page.text


def test_what_stands_in_a_value_stays_a_value() -> None:
    told = because("%(name)s is missing", {"name": '100 %(x)s ["<b>'})
    assert because_of(told.stored) == told and told.english == '100 %(x)s ["<b> is missing'
    assert because_of(because('["a"]').stored).english == '["a"]'
    for said in ("100 % of it", "[odd", '["a", 1]'):
        assert because_of(because(said).stored) == because(said) and because_of(said).english == said
    long = because("%(name)s is missing", {"name": "x" * 5000})
    assert len(because_of(long.stored).english) < 300
