# SPDX-License-Identifier: GPL-3.0-or-later
"""The matrix of methods and callers; refusal equals absence (api-users.md 5.4, api-repos.md 1.3, security.md S-14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.clients import Api, Person, Thing, unique
from tests.support.kinds import KINDS, LEVELS, REPO_GROUP, REPOSITORY, USER_GROUP, Kind, every_kind
from tests.support.servers import Server


@dataclass(frozen=True)
class Cast:
    """Everybody who stands in some relation to an object that is closed by default."""

    thing: Thing
    people: dict[str, Person]
    levels: dict[str, str]


def cast_for(root: Api, kind: Kind) -> Cast:
    people = {
        name: root.new_user()
        for name in (
            *("owner", "admin by row", "writer by row", "reader by row", "none by row", "stranger"),
            *("admin by group", "writer by group", "admin by an inactive group", "reader by row, admin by group"),
        )
    }
    people["super-admin"] = root.new_user(admin=True)
    thing = kind.new(root, owner=people["owner"].id)
    kind.give(root, thing, "default", "none")
    for level, role in (("admin", "admin"), ("write", "writer"), ("read", "reader"), ("none", "none")):
        kind.give(root, thing, people[f"{role} by row"].id, level)
    administrators = root.new_user_group(people["admin by group"], people["reader by row, admin by group"])
    kind.give_group(root, thing, administrators, "admin")
    kind.give_group(root, thing, root.new_user_group(people["writer by group"]), "write")
    kind.give_group(root, thing, root.new_user_group(people["admin by an inactive group"], active=False), "admin")
    kind.give(root, thing, people["reader by row, admin by group"].id, "read")
    levels = {
        "super-admin": "admin",
        "owner": "admin",
        "admin by row": "admin",
        "admin by group": "admin",
        "writer by row": "write",
        "writer by group": "write",
        "reader by row": "read",
        "reader by row, admin by group": "read",
        "none by row": "none",
        "stranger": "none",
        "admin by an inactive group": "none",
    }
    assert set(levels) == set(people)
    return Cast(thing, people, levels)


METHODS: dict[Kind, dict[str, tuple[str, dict[str, Any]]]] = {
    # Method → the level it needs, and arguments that work.
    REPOSITORY: {
        "get_repo": ("read", {}),
        "why": ("read", {}),
        "update_repo": ("admin", {"description": "x"}),
        "add_field_to_repo": ("admin", {"key": "KEY"}),
        "remove_field_from_repo": ("admin", {"key": "KEY"}),
        "grant_user_permission": ("admin", {"userid": "default", "perm": "repository.none"}),
        "revoke_user_permission": ("admin", {"userid": "root"}),
        "grant_user_group_permission": ("admin", {"usergroupid": "GROUP", "perm": "repository.read"}),
        "revoke_user_group_permission": ("admin", {"usergroupid": "GROUP"}),
        "delete_repo": ("admin", {"forks": "detach"}),
    },
    REPO_GROUP: {
        "get_repo_group": ("read", {}),
        "why": ("read", {}),
        "update_repo_group": ("admin", {"description": "x"}),
        "grant_user_permission_to_repo_group": ("admin", {"userid": "default", "perm": "group.none"}),
        "revoke_user_permission_from_repo_group": ("admin", {"userid": "root"}),
        "grant_user_group_permission_to_repo_group": ("admin", {"usergroupid": "GROUP", "perm": "group.read"}),
        "revoke_user_group_permission_from_repo_group": ("admin", {"usergroupid": "GROUP"}),
    },
    USER_GROUP: {
        "get_user_group": ("read", {}),
        "why": ("read", {}),
        "update_user_group": ("admin", {"description": "x"}),
        "add_user_to_user_group": ("admin", {"userid": "root"}),
        "remove_user_from_user_group": ("admin", {"userid": "root"}),
        "grant_user_permission_to_user_group": ("admin", {"userid": "default", "perm": "usergroup.none"}),
        "revoke_user_permission_from_user_group": ("admin", {"userid": "root"}),
        "grant_user_group_permission_to_user_group": (
            "admin",
            {"sourceusergroupid": "GROUP", "perm": "usergroup.read"},
        ),
        "revoke_user_group_permission_from_user_group": ("admin", {"sourceusergroupid": "GROUP"}),
        "delete_user_group": ("admin", {}),
    },
}


@pytest.fixture(scope="module")
def casts(root: Api) -> dict[Kind, Cast]:
    """One cast for each kind of object, for all methods that leave the object as it is."""
    return {kind: cast_for(root, kind) for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "method"),
    [pytest.param(kind, method, id=method) for kind in KINDS for method in METHODS[kind]],
)
def test_who_may_call_what(root: Api, server: Server, casts: dict[Kind, Cast], kind: Kind, method: str) -> None:
    needed, args = METHODS[kind][method]
    cast = cast_for(root, kind) if method.startswith("delete_") else casts[kind]
    group, key = root.new_user_group(), unique("key")
    args = {name: {"GROUP": group.id, "KEY": key}.get(str(value), value) for name, value in args.items()}
    refused = [name for name, level in cast.levels.items() if LEVELS.index(level) < LEVELS.index(needed)]
    allowed = [name for name in cast.levels if name not in refused]
    assert "stranger" in refused
    assert "owner" in allowed

    with server.unchanged():
        for name in refused:
            for given in (cast.thing.id, str(cast.thing.id), cast.thing.name):
                said = cast.people[name].api.error(method, **{kind.argument: given}, **args)
                assert said == kind.missing(given), name
    for name in allowed:
        if method == "remove_field_from_repo":
            root("add_field_to_repo", repoid=cast.thing.id, key=key)
        answer = cast.people[name].api.envelope(method, **{kind.argument: cast.thing.id}, **args)
        assert answer["error"] is None, f"{name}: {answer['error']}"
        if method == "add_field_to_repo":
            root("remove_field_from_repo", repoid=cast.thing.id, key=key)
        if method.startswith("delete_"):
            break


@every_kind
def test_who_was_refused_learns_nothing_of_the_other_arguments(casts: dict[Kind, Cast], kind: Kind) -> None:
    cast = casts[kind]
    for method, (needed, args) in METHODS[kind].items():
        if needed != "admin":
            continue
        wrong = dict.fromkeys(args, "no-such-thing")
        for name in ("stranger", "reader by row", "writer by group"):
            said = cast.people[name].api.error(method, **{kind.argument: cast.thing.name}, **wrong)
            assert said == kind.missing(cast.thing.name), method


@every_kind
def test_refused_and_missing_are_told_in_the_same_words(root: Api, casts: dict[Kind, Cast], kind: Kind) -> None:
    thing, stranger = casts[kind].thing, casts[kind].people["stranger"].api
    for method, (_, args) in METHODS[kind].items():
        refused = stranger.error(method, **{kind.argument: thing.name}, **args)
        absent = stranger.error(method, **{kind.argument: f"{thing.name}-x"}, **args)
        assert absent == refused.replace(thing.name, f"{thing.name}-x")


@pytest.mark.parametrize("kind", [REPOSITORY, USER_GROUP], ids=lambda kind: kind.prefix)
def test_administrators_who_are_no_super_admins_delete_too(root: Api, kind: Kind) -> None:
    method = "delete_repo" if kind is REPOSITORY else "delete_user_group"
    ada, people = root.new_user(), root.new_user()
    group = root.new_user_group(people)
    mine, by_row, by_group = kind.new(root, owner=ada.id), kind.new(root), kind.new(root)
    kind.give(root, by_row, ada.id, "admin")
    kind.give_group(root, by_group, group, "admin")
    for person, thing in ((ada, mine), (ada, by_row), (people, by_group)):
        assert person.api(method, **{kind.argument: thing.name})["msg"].lower().startswith("deleted")
        assert root.error(method, **{kind.argument: thing.name}) == kind.missing(thing.name)
