# SPDX-License-Identifier: GPL-3.0-or-later
"""A search finds what a filter over all names would: whatever is sought, in every order, by pages of any size."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from tests.support import postgresql, rows
from trivium.access.caller import the_system
from trivium.access.levels import Level
from trivium.assembly import open_site
from trivium.forge.accounts import listing
from trivium.forge.accounts import users as accounts
from trivium.forge.accounts.listing import Sort, Which
from trivium.forge.groups import user_group_listing, user_groups
from trivium.forge.naming import searching
from trivium.forge.repositories import administered, pickers
from trivium.forge.site import Site
from trivium.names import account_key_of, key_of
from trivium.settings import Settings
from trivium.store import tables
from trivium.store.engine import insert_id

_PARTS = ("an", "na", "Ann", "ß", "Ä", "b_b", "1", "22", "-", ".", "Straße", "İ", "x", "日本")
_WORDS = (*_PARTS, "a", "n", "@", "%", "_", "\\", "ANN", "strasse", "example", "ä", "é", "no such", "\U0010ffff", "\0")
_SYSTEM = the_system()


@pytest.fixture(scope="module")
def people(
    tmp_path_factory: pytest.TempPathFactory, prepared_data: Path, prepared_database: str | None
) -> Iterator[Site]:
    """A site with some hundred names that are alike, of users, their groups and repositories."""
    data = tmp_path_factory.mktemp("searching") / "data"
    shutil.copytree(prepared_data, data)
    database = prepared_database and postgresql.new_database(prepared_database)
    site = open_site(
        Settings(data=data, min_free_bytes=0, database_url=postgresql.address_of(database) if database else "")
    )
    chance = random.Random(3)

    def names(count: int) -> list[str]:
        found = {}
        while len(found) < count:
            name = "n" + "".join(chance.choices(_PARTS, k=chance.randrange(1, 6))) + "a"
            found[account_key_of(name)] = name
        return list(found.values())

    with site.store.write() as db:
        own = db.execute(select(tables.users.c.id).where(tables.users.c.username == "root")).scalar_one()
        for number, name in enumerate(names(70)):
            user_id = accounts.add(
                db,
                site.ring,
                username=name,
                email=chance.choice([None, f"{number}.{chance.choice(_PARTS)}@example.org"]),
                active=chance.random() < 0.7,
                admin=chance.random() < 0.1,
                password_hash=None,
                firstname=chance.choice(["", "Ännchen 50%", "Bb", "A_n"]),
                lastname=chance.choice(["", "Groß", "ann"]),
                extern_name="",
                extern_type="",
            )
            assert user_id
        caller = accounts.by_id(db, own).as_caller("192.0.2.1")
        for name in names(40):
            group_id = insert_id(
                db, tables.user_groups, name=name, name_key=key_of(name), description="", active=True,
                owner_id=own, created_on=rows.WHEN,
            )  # fmt: skip
            searching.called(db, searching.USER_GROUPS, [searching.Named(group_id, key_of(name), key_of(name))])
        for name in names(40):
            rows.repository(db, name, caller, default=chance.choice([Level.NONE, Level.READ]))
    yield site
    site.close()


@pytest.fixture(params=[1, 100], ids=["short", "long"], autouse=True)
def stretches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a page takes many stretches, or one; and what is few, or begins with short words, is more, or less."""
    monkeypatch.setattr(searching, "_FIRST_STRETCH", request.param)
    monkeypatch.setattr(searching, "_LONGEST_STRETCH", 2 * request.param)
    if request.param == 1:
        monkeypatch.setattr(searching, "_MOST_BEGINNING", 3)
        monkeypatch.setattr(searching, "_FEW", 10)
        monkeypatch.setattr(listing, "_FEW", 0)


queries = st.lists(st.sampled_from(_WORDS) | st.text("anNßb_1.%- ", max_size=5), min_size=1, max_size=3).map(" ".join)
every_query = examples(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def is_sought(query: str, text: str, key: Callable[[str], str]) -> bool:
    """What a search means, said another way."""
    return "\0" not in query and all(word in text for word in key(query).split()[:5])


def through(turn: Callable[..., Any]) -> list[Any]:
    """All rows of a list, page by page, and back again."""
    pages = [turn()]
    while pages[-1].older:
        pages.append(turn(after=pages[-1].older))
        assert len(pages) < 200
    found = [one for page in pages for one in page.rows]
    back, again = pages[-1], list(pages[-1].rows)
    while back.newer:
        back = turn(before=back.newer)
        again = [*back.rows, *again]
    assert again == found
    return found


def users_of(db: Connection) -> list[Any]:
    table = tables.users.c
    return list(db.execute(select(tables.users).where(table.username != "default").order_by(table.username_key)))


@every_query
@given(query=queries, which=st.sampled_from(Which), sort=st.sampled_from(Sort), limit=st.sampled_from([1, 3, 50]))
@example(query="an n", which=Which.ALL, sort=Sort.NAME, limit=3)
@example(query="example nann", which=Which.ALL, sort=Sort.NEWEST, limit=3)
def test_users_are_found(people: Site, query: str, which: Which, sort: Sort, limit: int) -> None:
    among = {
        Which.ALL: lambda one: True,
        Which.ACTIVE: lambda one: one.active,
        Which.INACTIVE: lambda one: not one.active,
        Which.ADMINS: lambda one: one.admin,
    }[which]
    with people.store.read() as db:
        expected = [
            one
            for one in users_of(db)
            if among(one)
            and is_sought(
                query,
                " ".join(
                    account_key_of(text) for text in (one.username, one.email, one.firstname, one.lastname) if text
                ),
                account_key_of,
            )
        ]
        if sort is Sort.NEWEST:
            expected.sort(key=lambda one: -one.id)
        found = through(partial(listing.page, db, _SYSTEM, query=query, which=which, sort=sort, limit=limit))
    assert [one.username for one in found] == [one.username for one in expected]


@every_query
@given(query=queries, limit=st.sampled_from([1, 3, 50]))
def test_user_groups_and_repositories_are_found(people: Site, query: str, limit: int) -> None:
    with people.store.read() as db:
        groups = [one.name for one in user_groups.readable(db, _SYSTEM)]
        named = db.execute(select(tables.repositories.c.name)).scalars().all()
        for every, turn in ((groups, user_group_listing.page), (named, administered.page)):
            expected = sorted((one for one in every if is_sought(query, key_of(one), key_of)), key=key_of)
            assert [one.name for one in through(partial(turn, db, _SYSTEM, query=query, limit=limit))] == expected


@every_query
@given(query=queries.filter(str.strip))
@example(query="ÄNN")
@example(query="example")
def test_users_are_offered_by_their_names_alone(people: Site, query: str) -> None:
    sought = account_key_of(query.strip())
    with people.store.read() as db:
        active = [one for one in users_of(db) if one.active and "\0" not in query]
        beginning = [one for one in active if one.username_key.startswith(sought)]
        names = {
            one: " ".join(account_key_of(text) for text in (one.username, one.firstname, one.lastname) if text)
            for one in active
        }
        others = [one for one in active if one not in beginning and sought in names[one]]
        found = pickers.find_users(db, _SYSTEM, query)
        expected = [one.username for one in [*beginning, *others]][: pickers.OFFERED]
    # Of very many not all are looked at.
    if searching._FIRST_STRETCH > 1:
        assert [one.username for one in found] == expected
    else:
        assert [one.username for one in found] == expected[: len(found)]
