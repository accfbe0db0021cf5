# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of the site that lead to its issue tracker (system.md 2.8)."""

from __future__ import annotations

from tests.support.administering import said
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller
from trivium.forge.site import Site


def test_patterns_of_the_site_lead_to_its_tracker(doorway: Doorway, site: Site, root: Visitor, ben: Caller) -> None:
    page = "/_admin/settings/issue-tracker"
    assert doorway.visitor(ben).get(page).status == 403
    assert 'name="pattern_0" value=""' in root.get(page).text
    answer = root.post(page, pattern_0=r"#(\d+", url_0="https://tracker.example.org/${id}", description_0="as typed")
    assert answer.status == 422 and 'aria-invalid="true" aria-describedby="pattern_0-e"' in answer.text
    assert 'value="as typed"' in answer.text
    assert root.post(page, pattern_0=r"#(\d+)", url_0="https://tracker.example.org/${id}").status == 302
    assert r'name="pattern_0" value="#(\d+)"' in root.get(page).text
    assert len(said(site, "site.settings")) == 1
