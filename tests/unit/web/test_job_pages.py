# SPDX-License-Identifier: GPL-3.0-or-later
"""The pages of jobs: every kind is called by a word that people understand."""

from __future__ import annotations

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.support import rows
from tests.support.doors import Doorway
from trivium.forge.jobs.job import JobKind
from trivium.forge.jobs.submission import submit
from trivium.forge.site import Site
from trivium.jobs import handlers, registry
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
