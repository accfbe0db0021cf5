# SPDX-License-Identifier: GPL-3.0-or-later
"""Long lists by pages: nothing is left out, nothing comes twice, and backwards is the same way."""

from __future__ import annotations

import functools
import operator

import pytest
from sqlalchemy import Connection, select

from trivium.access.caller import the_system
from trivium.forge.accounts import users as accounts
from trivium.forge.naming import searching
from trivium.forge.naming.walks import walk
from trivium.forge.site import Site
from trivium.names import account_key_of
from trivium.store.tables import users

NAMES = ["zoe", "Ädele", "ada", "_under", "Zoe2", "a.b", "a-b", "ßharp", "日本", "ada1", "ada10"]
ROWS = select(users.c.id, users.c.username, users.c.username_key)


@pytest.fixture
def people(site: Site) -> list[str]:
    for name in NAMES:
        accounts.create(site, the_system(), username=name, email=f"{NAMES.index(name)}@example.org")
    return sorted([*NAMES, "root", "default"], key=account_key_of)


def pages(db: Connection, *, descending: bool, limit: int) -> list[list[str]]:
    found, after = [], ""
    while True:
        page = walk(db, ROWS, users.c.username_key, descending=descending, after=after, limit=limit)
        found.append([row.username for row in page.rows])
        if not page.older:
            return found
        after = page.older


@pytest.mark.parametrize("limit", [1, 3, 13, 50])
def test_every_row_comes_once_in_the_order_of_code_points(site: Site, people: list[str], limit: int) -> None:
    with site.store.read() as db:
        assert functools.reduce(operator.iadd, pages(db, descending=False, limit=limit), []) == people
        assert functools.reduce(operator.iadd, pages(db, descending=True, limit=limit), []) == people[::-1]


def test_the_way_back_is_the_same(site: Site, people: list[str]) -> None:
    with site.store.read() as db:
        last = walk(db, ROWS, users.c.username_key, after=account_key_of(people[5]), limit=3)
        before = walk(db, ROWS, users.c.username_key, before=last.newer, limit=3)
        first = walk(db, ROWS, users.c.username_key, before=before.newer, limit=3)
        assert [row.username for row in [*first.rows, *before.rows, *last.rows]] == people[:9]
        assert not first.newer and first.older == account_key_of(people[2])
        nonsense = walk(db, ROWS, users.c.id, after="x", before="9" * 40, limit=2)
        assert [row.id for row in nonsense.rows] == [1, 2]


def test_what_is_sought_may_be_anywhere_in_a_name(site: Site, people: list[str]) -> None:
    def found(query: str) -> set[str]:
        with site.store.read() as db:
            words = searching.words_of(query, key=account_key_of)
            assert words is not None
            conditions = searching.having(db, searching.USERS, words)
            return set(db.execute(select(users.c.username).where(*conditions)).scalars()) - {"default"}

    assert found("da1") == {"ada1", "ada10"} and found("A.B") == {"a.b"} and found("本") == {"日本"}
    assert found("SSH") == {"ßharp"} and found("ada 9@") == {"ada1"} and found("%") == set()
    assert found("") == set(people) - {"default"} and found("_") == {"_under"}
    assert searching.words_of("x" * 1000, key=account_key_of) is None
