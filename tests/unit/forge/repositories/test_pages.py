# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists by the page: the same rows by whatever way they are looked for, none twice, none left out, none hidden."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert

from tests.support import postgresql, rows
from tests.support.rows import EMPTY
from trivium.access.caller import Caller, anonymous
from trivium.access.levels import Level
from trivium.assembly import open_site
from trivium.forge.groups import repo_groups
from trivium.forge.repositories import finding, pages
from trivium.forge.repositories.pages import RepositoryPage, Sort
from trivium.forge.site import Site
from trivium.settings import Settings
from trivium.store import tables

WAYS = {"few": (10**6, 10**6), "names": (0, 10**6), "rights": (10**6, -1), "walk": (0, -1)}


@pytest.fixture(scope="module")
def shared_site(
    tmp_path_factory: pytest.TempPathFactory, prepared_data: Path, prepared_database: str | None
) -> Iterator[Site]:
    """One for all tests that only ask."""
    data = tmp_path_factory.mktemp("pages") / "data"
    shutil.copytree(prepared_data, data)
    database = prepared_database and postgresql.new_database(prepared_database)
    url = postgresql.address_of(database) if database else ""
    opened = open_site(Settings(data=data, min_free_bytes=0, database_url=url))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def people(shared_site: Site) -> dict[str, Caller]:
    made = {name: rows.user(shared_site, name) for name in ("ada", "ben", "cy")}
    made["root"] = rows.user(shared_site, "super", admin=True)
    made["visitor"] = anonymous("192.0.2.1")
    return made


@pytest.fixture(scope="module")
def full(shared_site: Site, people: dict[str, Caller]) -> Site:
    """Ninety repositories, many of which changed at the same moment, with rights of every sort."""
    chance = random.Random(7)
    ada, ben, cy = (people[name] for name in ("ada", "ben", "cy"))
    with shared_site.store.write() as db:
        top = rows.group(db, "Top_x", ada)
        deep = rows.group(db, "Top_x/deep", ada, parent=top)
        hidden = rows.group(db, "shut", ada, default=Level.NONE)
        staff = rows.insert_id(
            db, tables.user_groups, name="staff", name_key="staff", description="", active=True,
            owner_id=ada.user_id, created_on=rows.WHEN,
        )  # fmt: skip
        db.execute(insert(tables.user_group_members).values(user_group_id=staff, user_id=cy.user_id))
        for number in range(90):
            inside, path = chance.choice([(None, ""), (top, "Top_x/"), (deep, "Top_x/deep/"), (hidden, "shut/")])
            repository_id = rows.repository(
                db,
                f"{path}{chance.choice(['Service', 'lib rary', '100%_x', 'Äpfel', 'x'])}-{number}",
                chance.choice([ada, ada, ben]),
                inside=inside,
                default=chance.choice([Level.NONE, Level.READ]),
                kind=chance.choice(["git", "hg", "svn"]),
                private=chance.random() < 0.2,
                updated_on=f"2024-01-0{chance.randrange(1, 4)}T00:00:00.000",
                fork_of_id=1 if number and chance.random() < 0.2 else None,
            )
            for who in (ben, cy):
                if chance.random() < 0.2:
                    level = chance.choice([Level.NONE, Level.WRITE])
                    rows.grant(db, tables.repository_grants, repository_id, who.user_id, level)
            if chance.random() < 0.2:
                values = {"object_id": repository_id, "group_id": staff, "level": int(Level.ADMIN)}
                db.execute(insert(tables.repository_grants).values(**values))
    return shared_site


def through(turn: Callable[..., RepositoryPage]) -> list[finding.Any]:
    """All rows of a list, page by page, and back again."""
    found, there = [], [turn()]
    while there[-1].older is not None:
        there.append(turn(after=there[-1].older))
        assert len(there) < 200
    for one in there:
        found += one.rows
    back = there[-1]
    again = list(back.rows)
    while back.newer is not None:
        back = turn(before=back.newer)
        again = [*back.rows, *again]
    assert there[0].newer is None and again == found
    return found


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    few, names = WAYS[request.param]
    monkeypatch.setattr(pages, "_FEW", few)
    monkeypatch.setattr(pages, "FEW_NAMES", names)
    return str(request.param)


@pytest.mark.parametrize("who", ["ada", "ben", "cy", "root", "visitor"])
def test_everybody_sees_what_they_may_read_and_each_once(
    full: Site, people: dict[str, Caller], who: str, way: str
) -> None:
    caller = people[who]
    with full.store.read() as db:
        readable = {one.id: one for one in finding.readable(db, caller)}
        for sort in Sort:
            listed = through(partial(pages.page, db, caller, sort=sort, limit=7))
            assert sorted(one.id for one in listed) == sorted(readable)
            assert all(one.level == readable[one.id].level for one in listed)
            if sort is Sort.NAME:
                assert [one.name for one in listed] == sorted((one.name for one in listed), key=rows.key_of)
            else:
                assert [(one.updated_on, one.id) for one in listed] == sorted(
                    ((one.updated_on, one.id) for one in listed), reverse=True
                )
        for kind in ("git", "svn", "nothing"):
            listed = through(partial(pages.page, db, caller, kind=kind, limit=7))
            assert {one.id for one in listed} == {one.id for one in readable.values() if one.kind == kind}
        forks = through(partial(pages.forks, db, caller, 1))
        assert {one.id for one in forks} == {one.id for one in readable.values() if one.fork_of_id == 1}
        owned = pages.page(db, caller, owner_id=people["ben"].user_id, limit=1000).rows
        assert {one.id for one in owned} == {
            one.id for one in readable.values() if one.owner_id == people["ben"].user_id
        }


@pytest.mark.parametrize("who", ["ben", "root"])
@pytest.mark.parametrize(
    "query", ["serv", "SERVICE", "e-1", "1", "12", "%", "_", "\\", "äpf", "ÄPFEL -3", "lib rary", "-1 serv", "nothing"]
)
def test_a_part_of_a_name_finds_what_has_it(
    full: Site, people: dict[str, Caller], who: str, query: str, way: str
) -> None:
    caller = people[who]
    words = rows.key_of(query).split()
    with full.store.read() as db:
        readable = finding.readable(db, caller)
        wanted = {one.id for one in readable if all(word in rows.key_of(one.name) for word in words)}
        found = through(partial(pages.page, db, caller, query=query, limit=5))
        assert sorted(one.id for one in found) == sorted(wanted)
        top = repo_groups.find(db, people["root"], "Top_x", Level.READ)
        below = through(partial(pages.page, db, caller, group=top, query=query, limit=5))
        assert {one.id for one in below} == {
            one.id for one in readable if one.id in wanted and one.name.startswith("Top_x/")
        }
        inside = through(partial(pages.page, db, caller, group=top, limit=5))
        assert {one.id for one in inside} == {
            one.id for one in readable if one.name.startswith("Top_x/") and one.name.count("/") == 1
        }


NO_KEYS = ["", "x", "~", "2024-01-01T00:00:00.000~" + "9" * 40, "\0", "\udcff", "x" * 10_000]
BEYOND_ALL = "2025-01-01T00:00:00.000~" + "9" * 10


@pytest.mark.parametrize("key", [*NO_KEYS, BEYOND_ALL])
def test_what_is_no_key_begins_at_the_beginning(full: Site, people: dict[str, Caller], key: str) -> None:
    with full.store.read() as db:
        first = pages.page(db, people["root"], limit=3)
        assert pages.page(db, people["root"], limit=3, after=key).rows == first.rows
        if key != BEYOND_ALL:
            assert pages.page(db, people["root"], limit=3, before=key) == first
        if not key.isprintable() or len(key) > 255:
            by_name = pages.page(db, people["root"], sort=Sort.NAME, limit=3)
            assert pages.page(db, people["root"], sort=Sort.NAME, limit=3, after=key) == by_name


@pytest.mark.parametrize("query", ["\0", "a\0b", "\udcff", "x" * 256, "x" * 10**6])
def test_what_no_name_can_have_is_not_looked_for(full: Site, people: dict[str, Caller], query: str) -> None:
    with full.store.read() as db:
        assert pages.page(db, people["root"], query=query) == RepositoryPage((), None, None)


def said(db: Connection, ask: Callable[[], object]) -> list[str]:
    statements: list[str] = []
    driver: Any = db.connection.dbapi_connection
    driver.set_trace_callback(statements.append)
    try:
        ask()
    finally:
        driver.set_trace_callback(None)
    return statements


@pytest.mark.sqlite_only  # the driver tells what it is asked
def test_a_page_takes_so_many_statements_however_much_there_is(full: Site, people: dict[str, Caller]) -> None:
    with full.store.glance() as db:
        top = repo_groups.find(db, people["ada"], "Top_x", Level.READ)
        asked: list[tuple[int, dict[str, Any]]] = [
            (2, {}),
            (2, {"group": top}),
            (2, {"kind": "hg", "sort": Sort.NAME}),
            (2, {"query": "service"}),
            (1, {"owner_id": 1}),
            (1, {"query": "x" * 300}),
        ]
        for most, given in asked:
            assert len(said(db, lambda given=given: pages.page(db, people["ada"], **given))) <= most  # type: ignore[misc]
        assert len(said(db, lambda: pages.page(db, people["root"]))) == 1
        # A number that is known, and stale, changes what is looked at and not what is found.
        for readable in (0, 10**6):
            assert len(said(db, lambda total=readable: pages.page(db, people["ada"], readable=total))) == 1  # type: ignore[misc]
            assert pages.page(db, people["ada"], readable=readable) == pages.page(db, people["ada"])


@pytest.mark.sqlite_only  # the plans are those of SQLite
@pytest.mark.parametrize(
    ("given", "index"),
    [
        ({}, "ix_repositories_updated_on"),
        ({"after": "2024-01-02T00:00:00.000~40"}, "ix_repositories_updated_on"),
        ({"before": "2024-01-02T00:00:00.000~40"}, "ix_repositories_updated_on"),
        ({"sort": Sort.NAME, "after": "m"}, "sqlite_autoindex_repositories"),
        ({"kind": "hg"}, "ix_repositories_kind_updated_on"),
        ({"group": True}, "ix_repositories_group_id_updated_on"),
        ({"group": True, "sort": Sort.NAME}, "ix_repositories_group_id_name_key"),
        ({"query": "service"}, "ix_repositories_updated_on"),
    ],
)
def test_a_list_is_walked_and_not_sorted(
    full: Site, people: dict[str, Caller], monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], index: str
) -> None:
    monkeypatch.setattr(pages, "_FEW", 0)
    monkeypatch.setattr(pages, "FEW_NAMES", -1)
    with full.store.read() as db:
        if "group" in given:
            given = given | {"group": repo_groups.find(db, people["ada"], "Top_x", Level.READ)}
        statement = said(db, lambda: pages.page(db, people["ada"], **given))[-1]
        driver: Any = db.connection.dbapi_connection
        plan = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}")]
    assert any(index in step for step in plan), plan
    assert not [step for step in plan if "TEMP B-TREE" in step], plan


def test_a_row_says_what_lists_show(site: Site) -> None:
    ada = rows.user(site, "ada")
    with site.store.write() as db:
        one = rows.repository(db, "one", ada, description="ü" * 600, private=True, archived=True)
        rows.repository(db, "two", ada, last_changeset=json.dumps(EMPTY), updated_on="2025-01-01T00:00:00.000")
        lock = {"repository_id": one, "user_id": ada.user_id, "locked_on": 1, "reason": "lock_api"}
        db.execute(insert(tables.repository_locks).values(**lock))
    with site.store.read() as db:
        two, first = pages.page(db, ada).rows
    assert two.last is None and not two.locked and not two.private and two.level == Level.ADMIN
    assert first.locked and first.private and first.archived and first.description == "ü" * 500 and first.owner == "ada"
    assert first.last is not None and (first.last.subject, first.last.author) == ("Mend it", "Ada <ada@example.org>")
