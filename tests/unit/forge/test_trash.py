# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is killed while something comes back from the trash, or leaves it for good, leaves it there or has done it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.store.test_leftovers import create, delete, killed_before_commit, registered, standing
from trivium.access.caller import the_system
from trivium.errors import Invalid, TriviumError
from trivium.forge import recovery, trash
from trivium.forge.site import Site
from trivium.settings import Settings


def restore(site: Site, name: str) -> None:
    (entry,) = trash.entries(site)
    trash.restore(site, the_system(), entry, name)


def empty(site: Site, _: str) -> None:
    (entry,) = trash.entries(site)
    trash.remove(site, the_system(), entry)


@pytest.mark.parametrize("name", ["old", "other", "new/name"])
@pytest.mark.parametrize("action", [restore, empty])
def test_a_death_before_the_commit_leaves_it_in_the_trash(
    settings: Settings, site: Site, action: Callable[[Site, str], None], name: str
) -> None:
    create(site, "old")
    delete(site, "old")
    before = [entry.label for entry in trash.entries(site)]
    killed_before_commit(settings, lambda dying: action(dying, name))
    recovery.recover(site, alone=True)
    assert [entry.label for entry in trash.entries(site)] == before
    assert trash.entries(site)[0].name == "old"
    assert registered(site) == standing(site) == set()
    assert list(site.tree.staging.iterdir()) == []
    restore(site, name)
    assert registered(site) == standing(site) == {name}
    assert list(site.tree.trash.iterdir()) == []


def test_two_who_want_the_same_do_not_both_get_it(site: Site) -> None:
    create(site, "old")
    delete(site, "old")
    (entry,) = trash.entries(site)
    trash.restore(site, the_system(), entry, "first")
    with pytest.raises(TriviumError):
        trash.restore(site, the_system(), entry, "second")
    with pytest.raises(Invalid, match="any more"):
        trash.remove(site, the_system(), entry)
    assert registered(site) == standing(site) == {"first"}
    assert list(site.tree.staging.iterdir()) == []


def test_a_note_tells_how_things_were_when_the_repository_went(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody closes it between the note and the deletion."""
    create(site, "old")
    written = trash.announced

    def meanwhile(site: Site, deletion: trash.Announced) -> object:
        move = written(site, deletion)
        with site.store.write() as db:
            db.exec_driver_sql("UPDATE repository_grants SET level = 0")
        return move

    monkeypatch.setattr(trash, "announced", meanwhile)
    delete(site, "old")
    (entry,) = trash.entries(site)
    assert entry.note is not None
    assert entry.note.permissions == [(1, None, 0)]
