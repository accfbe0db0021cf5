# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made after a push is what the first visitor's pages are made of."""

from __future__ import annotations

import pytest

from tests.support import gits, rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.forge.history import prepared
from trivium.forge.history.reading import History
from trivium.forge.repositories import finding
from trivium.forge.site import Site
from trivium.render import changes

_FILES = 25
"""More than are compared before a page is sent."""


def test_the_newest_changesets_have_their_colours(
    site: Site, ada: Caller, doorway: Doorway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.store.write() as db:
        number = rows.repository(db, "tool", ada)
    names = [f"f{count}.py" for count in range(_FILES)]
    first, raw_id = gits.history(
        site.tree.path_of("tool"),
        {name: f"if {name!r}:\n    pass\n" for name in names},
        {name: f"while {name!r}:\n    pass\n" for name in names},
    )
    with site.store.read() as db:
        repository = finding.find(db, the_system(), number, Level.READ)
    assert prepared.prepare(History(site), repository) > 0
    assert prepared.prepare(History(site), repository) == 0

    def nobody(*_: object) -> None:
        raise AssertionError("the colours are there")

    visitor = doorway.visitor(ada)
    with monkeypatch.context() as patched:
        patched.setattr(changes, "coloured", nobody)
        begun = visitor.get(f"/tool/changeset/{first}").body.decode()
        page = visitor.get(f"/tool/changeset/{raw_id}").body.decode()
    assert begun.count('<span class="k">if</span>') == _FILES
    assert page.count('<span class="k">while</span>') == _FILES
    assert page.count('<span class="k">if</span>') == _FILES
    # What depends on more than the lines, such as how many of them are shown, is made for whoever asks.
    other = visitor.get(f"/tool/changeset/{raw_id}?context=1").body.decode()
    assert other.count('<span class="k">while</span>') == _FILES
