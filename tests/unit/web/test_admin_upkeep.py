# SPDX-License-Identifier: GPL-3.0-or-later
"""Rescans and maintenance, asked for by administrators (system.md 2.8)."""

from __future__ import annotations

import json

from tests.support import rows
from tests.support.administering import put, said
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller, the_system
from trivium.forge.jobs import finding, running
from trivium.forge.repositories import creation, rescans
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.forge.upkeep.queued_maintenance import MAINTENANCE
from trivium.jobs.carrying_out import carry_out


def test_a_rescan_tells_before_it_changes(root: Visitor, site: Site) -> None:
    assert root.post("/_admin/settings/mapping", destroy="1").status == 302
    with site.store.read() as db:
        (job,) = finding.of_kind(db, the_system(), rescans.RESCAN.name, 5)
    asked = {"remove_obsolete": True, "dry": True, "even_most": False, "invalidate": False}
    assert json.loads(job.arguments) == asked
    answer = root.get("/_admin/settings/mapping")
    assert "waits" in answer.page.text and answer.headers["refresh"] == "2" and answer.page.all("progress")
    (site.tree.root / "found.git").mkdir()
    assert rescans.look(site).added == ()


def test_a_rescan_forgets_what_is_kept_and_more_than_half_when_told_so(root: Visitor, site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        lost, kept = rows.repository(db, "lost", ada), rows.repository(db, "kept", ada)
        rows.repository(db, "gone", ada)
    (site.tree.root / "kept").mkdir()
    answers = [site.cache_of(one) for one in (lost, kept)]
    for one in answers:
        one.mkdir(parents=True)
        (one / "answer").write_bytes(b"kept")
    assert root.post("/_admin/settings/mapping", destroy="1", really="1").status == 302
    assert look_for_jobs(site) == ["failed"]
    assert (answers[1] / "answer").exists()
    everything = {"destroy": "1", "even_most": "1", "invalidate": "1", "really": "1"}
    assert root.post("/_admin/settings/mapping", **everything).status == 302
    assert look_for_jobs(site) == ["done", "failed"]
    assert not (answers[1] / "answer").exists()
    assert said(site, "site.invalidate_caches") == [{"count": 1}]
    assert {one["kind"] for one in said(site, "repository.delete")} == {"git"}


def do_due(site: Site) -> None:
    """Do the jobs that wait."""
    with site.store.read() as db:
        waiting = running.due(db, 10)
    for one in waiting:
        assert carry_out(site, one.id)


def look_for_jobs(site: Site) -> list[str]:
    """Do what rescans were asked for; the states of those jobs, the newest first."""
    do_due(site)
    with site.store.read() as db:
        return [job.state.value for job in finding.of_kind(db, the_system(), rescans.RESCAN.name, 5)]


def test_maintenance_of_one_and_of_all(doorway: Doorway, root: Visitor, site: Site, ada: Caller, ben: Caller) -> None:
    creation.create(site, ada, CreationRequest(name="tide", kind="git"))
    page = "/_admin/settings/maintenance"
    assert root.post(page, repository="nothing").status == 422
    assert root.post(page, repository="tide").status == root.post(page).status == 302
    assert "tide" in root.get(page).page.text and len(root.get(page).page.all("progress")) == 2
    assert put(doorway.visitor(ben), "/tide/settings/maintenance").status == 403
    assert put(doorway.visitor(ada), "/tide/settings/maintenance").status == 302
    do_due(site)
    with site.store.read() as db:
        done = finding.of_kind(db, the_system(), MAINTENANCE.name, 5)
    assert [job.state.value for job in done] == ["done", "done"] and "all are in good order" in done[0].log
    assert len(said(site, "repository.maintenance")) == 2
