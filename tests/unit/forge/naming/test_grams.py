# SPDX-License-Identifier: GPL-3.0-or-later
"""What names are searched by follows them, whatever they are called by and by."""

from __future__ import annotations

from sqlalchemy import select

from tests.unit.forge.upkeep.test_recovery import create
from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.forge.groups import repo_groups
from trivium.forge.groups.changes import RepoGroupChanges, update_group
from trivium.forge.naming.searching import grams_of
from trivium.forge.repositories import finding
from trivium.forge.repositories.changes import RepositoryChanges, delete_repository, update_repository
from trivium.forge.repositories.pages import page
from trivium.forge.site import Site
from trivium.forge.trash import trash
from trivium.names import key_of
from trivium.store.tables import repository_grams as table


def stored(site: Site) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    with site.store.read() as db:
        for gram, repository_id in db.execute(select(table.c.gram, table.c.repository_id)):
            found.setdefault(repository_id, set()).add(gram)
    return found


def named(site: Site) -> dict[int, set[str]]:
    with site.store.read() as db:
        return {one.id: grams_of(key_of(one.name)) for one in finding.readable(db, the_system())}


def found(site: Site, query: str) -> list[str]:
    with site.store.read() as db:
        return [one.name for one in page(db, the_system(), query=query).rows]


def test_a_name_is_found_by_what_it_is_now(site: Site) -> None:
    assert grams_of("abcd") == {"abc", "bcd", "cd", "d"} and grams_of("a") == {"a"}
    create(site, "Äpfel/one")
    create(site, "Äpfel/deep/two")
    create(site, "three")
    assert stored(site) == named(site) and len(stored(site)) == 3
    with site.store.read() as db:
        one = finding.find(db, the_system(), "Äpfel/one", Level.READ)
    update_repository(site, the_system(), one, RepositoryChanges(name="uno"))
    assert stored(site) == named(site) and found(site, "uno") == ["Äpfel/uno"] and found(site, "one") == []
    with site.store.read() as db:
        group = repo_groups.find(db, the_system(), "Äpfel", Level.READ)
    update_group(site, the_system(), group, RepoGroupChanges(name="Pears"))
    assert stored(site) == named(site) and found(site, "äpfel") == []
    assert sorted(found(site, "PEARS")) == ["Pears/deep/two", "Pears/uno"]
    with site.store.read() as db:
        three = finding.find(db, the_system(), "three", Level.READ)
    delete_repository(site, the_system(), three)
    assert stored(site) == named(site) and found(site, "three") == []
    (entry,) = trash.entries(site)
    trash.restore(site, the_system(), entry, "again")
    assert stored(site) == named(site) and found(site, "gai") == ["again"]
