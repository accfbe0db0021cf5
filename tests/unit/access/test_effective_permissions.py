# SPDX-License-Identifier: GPL-3.0-or-later
"""Effective permissions, as the queries compute them, are those of the rule in api-users.md 5.3.

The rule is written down here a second time, in plain Python and as close to its words as possible; random
installations are asked both ways.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, delete, insert, select

from trivium.access.caller import Caller, anonymous
from trivium.access.levels import GLOBAL_FAMILIES, Level, Scope
from trivium.access.permissions import (
    OBJECT_TABLES,
    REPOSITORIES,
    ObjectTables,
    binds,
    effective_level,
    global_names,
    global_permissions,
    levels_by_name,
)
from trivium.access.why import global_whys, whys
from trivium.store import schema
from trivium.store.engine import Store
from trivium.store.tables import (
    DEFAULT_USER_ID,
    global_grants,
    repo_groups,
    repositories,
    user_group_members,
    user_groups,
    users,
)

PEOPLE = (11, 12, 13)
GROUPS = (21, 22, 23)
OBJECTS = (31, 32)
NOW = "2024-01-01T00:00:00.000"


@dataclass
class Person:
    admin: bool = False
    inherits: bool = True


@dataclass
class Group:
    active: bool = True
    members: set[int] = field(default_factory=set)


@dataclass
class Thing:
    owner: int = DEFAULT_USER_ID
    private: bool = False
    user_rows: dict[int, Level] = field(default_factory=dict)
    """Also the row of `default`."""
    group_rows: dict[int, Level] = field(default_factory=dict)


@dataclass
class World:
    people: dict[int, Person]
    groups: dict[int, Group]
    things: dict[Scope, dict[int, Thing]]
    user_globals: dict[int, dict[str, str]]
    group_globals: dict[int, dict[str, str]]

    def callers(self) -> list[Caller]:
        known = [
            Caller(number, f"user-{number}", super_admin=person.admin, inherits=person.inherits, address="")
            for number, person in self.people.items()
        ]
        return [anonymous(""), *known]

    def groups_of(self, who: int) -> list[int]:
        return [number for number, group in self.groups.items() if group.active and who in group.members]

    def level(self, caller: Caller, scope: Scope, number: int) -> Level:
        """The rule of api-users.md 5.3."""
        thing = self.things[scope][number]
        who = caller.user_id
        if caller.super_admin:
            return Level.ADMIN
        if thing.owner == who and not caller.anonymous:
            return Level.ADMIN
        answer = Level.NONE
        if DEFAULT_USER_ID in thing.user_rows:
            answer = thing.user_rows[DEFAULT_USER_ID]
        if scope is Scope.REPOSITORY and thing.private:
            answer = Level.NONE
        if not caller.inherits:
            answer = Level.NONE
        if caller.anonymous:
            return answer
        of_groups = [thing.group_rows[group] for group in self.groups_of(who) if group in thing.group_rows]
        if of_groups:
            answer = max(of_groups)
        if who in thing.user_rows:
            answer = thing.user_rows[who]
        return answer

    def global_value(self, caller: Caller, family: str) -> str:
        """The same layers, for what is not about one object."""
        values = GLOBAL_FAMILIES[family]
        if caller.super_admin:
            return values[-1]
        answer = values[0]
        if caller.inherits:
            answer = self.user_globals.get(DEFAULT_USER_ID, {}).get(family, answer)
        if caller.anonymous:
            return answer
        rows = [self.group_globals.get(group, {}) for group in self.groups_of(caller.user_id)]
        of_groups = [row[family] for row in rows if family in row]
        if of_groups:
            answer = max(of_groups, key=values.index)
        return self.user_globals.get(caller.user_id, {}).get(family, answer)

    def write(self, db: Connection) -> None:
        db.execute(delete(global_grants))
        for number, person in self.people.items():
            _user(db, number, person)
        for number, group in self.groups.items():
            # User groups are objects and holders of rows at once; these two kinds are kept apart only by number.
            _object(db, Scope.USER_GROUP, number, Thing(owner=PEOPLE[0]), active=group.active)
            _all(db, user_group_members, [{"user_group_id": number, "user_id": member} for member in group.members])
        for scope, things in self.things.items():
            for number, thing in things.items():
                if number not in self.groups or scope is not Scope.USER_GROUP:
                    _object(db, scope, number, thing)
            for number, thing in things.items():
                _rows(db, OBJECT_TABLES[scope], number, thing)
        for column, holders in (("user_id", self.user_globals), ("group_id", self.group_globals)):
            given = [(holder, one) for holder, values in holders.items() for one in values.values()]
            _all(db, global_grants, [{column: holder, "permission": one} for holder, one in given])


def _user(db: Connection, number: int, person: Person) -> None:
    db.execute(
        insert(users).values(
            id=number,
            username=f"user-{number}",
            username_key=f"user-{number}",
            firstname="",
            lastname="",
            active=True,
            admin=person.admin,
            extern_name="",
            extern_type="",
            inherit_default_permissions=person.inherits,
            force_password_change=False,
            created_on=NOW,
        )
    )


def _object(db: Connection, scope: Scope, number: int, thing: Thing, *, active: bool = True) -> None:
    values: dict[str, Any] = {
        "id": number,
        "name": f"object-{number}",
        "name_key": f"object-{number}",
        "owner_id": thing.owner,
        "description": "",
        "created_on": NOW,
    }
    if scope is Scope.USER_GROUP:
        db.execute(insert(user_groups).values(**values, active=active))
    elif scope is Scope.REPO_GROUP:
        db.execute(insert(repo_groups).values(**values, enable_locking=False))
    else:
        flags = dict.fromkeys(("archived", "enable_downloads", "enable_locking", "enable_statistics"), False)
        texts = {"kind": "git", "landing_rev": "", "updated_on": NOW, "last_changeset": "", "history_state": ""}
        db.execute(insert(repositories).values(**values, **flags, **texts, private=thing.private))


def _rows(db: Connection, tables: ObjectTables, number: int, thing: Thing) -> None:
    for column, rows in (("user_id", thing.user_rows), ("group_id", thing.group_rows)):
        given = [{"object_id": number, column: holder, "level": int(level)} for holder, level in rows.items()]
        _all(db, tables.grants, given)


def _all(db: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Write rows with one statement: a world has a hundred of them."""
    if rows:
        db.execute(insert(table), rows)


@contextmanager
def _written(store: Store, world: World) -> Iterator[Connection]:
    """A database with this world in it, which vanishes again at the end."""
    with store.engine.connect().execution_options(trivium_writes=True) as db, db.begin() as transaction:
        world.write(db)
        yield db
        transaction.rollback()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    directory = tmp_path_factory.mktemp("permissions")
    made = Store(f"sqlite:///{directory / 'trivium.db'}")
    schema.upgrade(made, directory / "backups")
    yield made
    made.close()


levels = st.sampled_from(Level)
people = st.builds(Person, admin=st.sampled_from([False, False, False, True]), inherits=st.booleans())
groups = st.builds(Group, active=st.booleans(), members=st.sets(st.sampled_from(PEOPLE)))
things = st.builds(
    Thing,
    owner=st.sampled_from((DEFAULT_USER_ID, *PEOPLE)),
    private=st.booleans(),
    user_rows=st.dictionaries(st.sampled_from((DEFAULT_USER_ID, *PEOPLE)), levels),
    group_rows=st.dictionaries(st.sampled_from(GROUPS), levels),
)
values = st.fixed_dictionaries({}, optional={name: st.sampled_from(known) for name, known in GLOBAL_FAMILIES.items()})
worlds = st.builds(
    World,
    people=st.fixed_dictionaries(dict.fromkeys(PEOPLE, people)),
    groups=st.fixed_dictionaries(dict.fromkeys(GROUPS, groups)),
    things=st.fixed_dictionaries({scope: st.fixed_dictionaries(dict.fromkeys(OBJECTS, things)) for scope in Scope}),
    user_globals=st.dictionaries(st.sampled_from((DEFAULT_USER_ID, *PEOPLE)), values),
    group_globals=st.dictionaries(st.sampled_from(GROUPS), values),
)


def _one(thing: Thing, *, active: bool = True, inherits: bool = True) -> World:
    """The stories of api-users.md 5.3: user 11 is in the groups 21 and 22, and everything is like `thing`."""
    return World(
        people={11: Person(inherits=inherits), 12: Person(), 13: Person(admin=True)},
        groups={number: Group(active, {11} if number != 23 else set()) for number in GROUPS},
        things={scope: dict.fromkeys(OBJECTS, thing) for scope in Scope},
        user_globals={},
        group_globals={},
    )


@given(world=worlds)
@settings(max_examples=150)
@example(world=_one(Thing(owner=12, user_rows={11: Level.NONE}, group_rows={21: Level.ADMIN})))
@example(world=_one(Thing(owner=12, user_rows={11: Level.READ}, group_rows={21: Level.ADMIN})))
@example(world=_one(Thing(owner=12, user_rows={1: Level.READ}, group_rows={21: Level.NONE})))
@example(world=_one(Thing(owner=12, group_rows={21: Level.READ, 22: Level.WRITE})))
@example(world=_one(Thing(owner=12, user_rows={1: Level.READ}, group_rows={21: Level.NONE}), active=False))
@example(world=_one(Thing(owner=12, private=True, user_rows={1: Level.READ})))
@example(world=_one(Thing(owner=12, user_rows={1: Level.READ}), inherits=False))
@example(world=_one(Thing(owner=11, user_rows={11: Level.NONE})))
def test_every_caller_has_the_level_that_the_rule_gives(store: Store, world: World) -> None:
    with _written(store, world) as db:
        for caller in world.callers():
            for scope, tables in OBJECT_TABLES.items():
                expected = {f"object-{number}": int(world.level(caller, scope, number)) for number in OBJECTS}
                by_name = levels_by_name(db, caller, scope)
                assert {name: by_name[name] for name in expected} == expected, (caller, scope)
                statement = select(tables.objects.c.name, effective_level(tables))
                singly = {row.name: row[1] for row in db.execute(statement, binds(caller))}
                assert singly == by_name, (caller, scope)
                explained = whys(db, caller, tables, OBJECTS)
                assert {f"object-{number}": int(why.level) for number, why in explained.items()} == expected
                for why in explained.values():
                    assert [one.level for one in why.reasons if one.counts] == [why.level], why


@given(world=worlds)
def test_every_caller_has_the_global_permissions_that_the_rule_gives(store: Store, world: World) -> None:
    with _written(store, world) as db:
        for caller in world.callers():
            expected = {family: world.global_value(caller, family) for family in GLOBAL_FAMILIES}
            assert global_permissions(db, caller) == expected, caller
            assert set(expected.values()) <= set(global_names(db, caller))
            for family, reasons in global_whys(db, caller).items():
                counting = [one.permission for one in reasons if one.counts]
                # Of what nothing is said the weakest value counts.
                assert counting == [expected[family]] or (
                    not counting and expected[family] == GLOBAL_FAMILIES[family][0]
                )


@pytest.mark.parametrize(
    ("thing", "active", "expected"),
    [
        (Thing(owner=12, user_rows={11: Level.NONE}, group_rows={21: Level.ADMIN}), True, Level.NONE),
        (Thing(owner=12, user_rows={11: Level.READ}, group_rows={21: Level.ADMIN}), True, Level.READ),
        (Thing(owner=12, user_rows={1: Level.READ}, group_rows={21: Level.NONE}), True, Level.NONE),
        (Thing(owner=12, group_rows={21: Level.READ, 22: Level.WRITE}), True, Level.WRITE),
        (Thing(owner=12, user_rows={1: Level.READ}, group_rows={21: Level.NONE}), False, Level.READ),
        (Thing(owner=12, private=True, user_rows={1: Level.READ}), True, Level.NONE),
        (Thing(owner=12, private=True, user_rows={1: Level.READ, 11: Level.WRITE}), True, Level.WRITE),
        (Thing(owner=12, private=True, group_rows={22: Level.READ}), True, Level.READ),
        (Thing(owner=12, private=True, group_rows={23: Level.READ}), True, Level.NONE),
        (Thing(owner=11, private=True, user_rows={11: Level.NONE}), True, Level.ADMIN),
    ],
)
def test_the_stories_of_the_contract(store: Store, thing: Thing, active: bool, expected: Level) -> None:
    world = _one(thing, active=active)
    asking = world.callers()[1]
    assert world.level(asking, Scope.REPOSITORY, 31) == expected
    with _written(store, world) as db:
        found = db.execute(select(effective_level(REPOSITORIES)).where(repositories.c.id == 31), binds(asking))
        assert found.scalar() == expected
