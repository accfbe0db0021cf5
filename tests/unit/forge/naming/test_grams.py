# SPDX-License-Identifier: GPL-3.0-or-later
"""What names are searched by follows them, whatever they are called by and by."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from tests.unit.forge.upkeep.test_recovery import create
from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.forge.accounts import users
from trivium.forge.accounts.users import UserChanges
from trivium.forge.groups import repo_groups, user_groups
from trivium.forge.groups.changes import RepoGroupChanges, update_group
from trivium.forge.naming.searching import REPOSITORIES, USER_GROUPS, USERS, Searched, grams_of
from trivium.forge.repositories import finding
from trivium.forge.repositories.changes import RepositoryChanges, delete_repository, update_repository
from trivium.forge.repositories.pages import page
from trivium.forge.site import Site
from trivium.forge.trash import trash
from trivium.names import account_key_of, key_of
from trivium.store.tables import user_groups as group_table
from trivium.store.tables import users as user_table


def stored(site: Site, kind: Searched = REPOSITORIES) -> dict[tuple[int, str], set[str]]:
    """By whose they are, and what that is sorted by."""
    found: dict[tuple[int, str], set[str]] = {}
    table: Any = kind.grams.c
    with site.store.read() as db:
        for gram, name_key, which in db.execute(select(table.gram, table.name_key, kind.which)):
            found.setdefault((which, name_key), set()).add(gram)
    return found


def named(site: Site) -> dict[tuple[int, str], set[str]]:
    with site.store.read() as db:
        every = finding.readable(db, the_system())
    return {(one.id, key_of(one.name)): grams_of(key_of(one.name)) for one in every}


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


def test_so_do_what_users_and_their_groups_are_searched_by(site: Site) -> None:
    def of_users() -> dict[tuple[int, str], set[str]]:
        columns = (user_table.c.username, user_table.c.email, user_table.c.firstname, user_table.c.lastname)
        with site.store.read() as db:
            rows = db.execute(select(user_table.c.id, *columns).where(user_table.c.username != "default")).all()
        texts = {row: " ".join(account_key_of(one) for one in row[1:] if one) for row in rows}
        return {(row.id, account_key_of(row.username)): grams_of(text) for row, text in texts.items()}

    def of_groups() -> dict[tuple[int, str], set[str]]:
        with site.store.read() as db:
            rows = db.execute(select(group_table.c.id, group_table.c.name_key)).all()
        return {(row.id, row.name_key): grams_of(row.name_key) for row in rows}

    system = the_system()
    ada = users.create(site, system, username="Ada", email="ada@example.org", firstname="Äda")
    ben = users.create(site, system, username="Ben", email="ben@example.org")
    assert stored(site, USERS) == of_users() and len(of_users()) == 3
    for changes in (UserChanges(username="\uff35no"), UserChanges(email="x@y"), UserChanges(lastname="Straße")):
        ada = users.update_account(site, system, ada, changes)
        assert stored(site, USERS) == of_users()
    with site.store.read() as db:
        row = db.execute(select(user_table.c.search_key, user_table.c.names_key).where(user_table.c.id == ada.id)).one()
    assert row == ("uno x@y äda strasse", "uno äda strasse")
    group = user_groups.create(site, system, name="Staff", owner="root")
    assert stored(site, USER_GROUPS) == of_groups() and len(of_groups()) == 1
    user_groups.update_group(site, system, group, user_groups.UserGroupChanges(name="Ätna"))
    assert stored(site, USER_GROUPS) == of_groups() and [name for _, name in of_groups()] == ["ätna"]
    with site.store.read() as db:
        group = user_groups.find(db, system, "Ätna", Level.READ)
    user_groups.delete_group(site, system, group)
    users.delete_account(site, system, ben)
    assert stored(site, USER_GROUPS) == {} and stored(site, USERS) == of_users()
