# SPDX-License-Identifier: GPL-3.0-or-later
"""Permissions of a repository group applied to what is inside (api-repos.md 6)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.clients import Api, Thing
from tests.support.kinds import REPO_GROUP, REPOSITORY
from tests.support.servers import Server


def nest(root: Api, **args: Any) -> dict[str, Thing]:
    """A group with groups and repositories at two depths, and things beside it that must never change."""
    top = root.new_repo_group(**args)
    inner = root.new_repo_group(f"{top.name}/inner", **args)
    return {
        "top": top,
        "group": inner,
        "deep group": root.new_repo_group(f"{inner.name}/deep", **args),
        "repository": root.new_repo(f"{top.name}/core", **args),
        "deep repository": root.new_repo(f"{inner.name}/core", **args),
        "private repository": root.new_repo(f"{inner.name}/private", private=True, **args),
        "group beside": root.new_repo_group(f"{top.name}-2"),
        "repository beside": root.new_repo(f"{top.name}-2/core"),
    }


def rows(root: Api, things: dict[str, Thing], name: str) -> dict[str, str | None]:
    """The row of a user or user group on each of the things."""
    return {
        place: (root.repo_rows(thing) if "repository" in place else root.repo_group_rows(thing)).get(name)
        for place, thing in things.items()
    }


def expected(word: str, level: str | None, untouched: dict[str, str | None]) -> dict[str, str | None]:
    """What `apply_to_children` must have set, and what it must have left."""
    reached = {"top"}
    if word in ("groups", "all"):
        reached |= {"group", "deep group"}
    if word in ("repos", "all"):
        reached |= {"repository", "deep repository", "private repository"}
    return {
        place: (level and f"{'repository' if 'repository' in place else 'group'}.{level}") if place in reached else row
        for place, row in untouched.items()
    }


@pytest.mark.parametrize("word", ["none", "repos", "groups", "all"])
def test_a_grant_and_its_revocation_reach_what_they_say(root: Api, word: str) -> None:
    ada, people = root.new_user(), root.new_user_group()
    things = nest(root)
    top = things["top"]
    nothing: dict[str, str | None] = dict.fromkeys(things)
    subjects = (
        (ada, "user", {"userid": ada.name}, REPO_GROUP.grant_user, REPO_GROUP.revoke_user),
        (people, "user group", {"usergroupid": people.name}, REPO_GROUP.grant_group, REPO_GROUP.revoke_group),
    )
    for subject, whom, args, grant, revoke in subjects:
        granted = root(grant, repogroupid=top.name, **args, perm="group.write", apply_to_children=word)
        ending = f"(recursive:{word}) for {whom}: `{subject.name}` in repo group: `{top.name}`"
        assert granted == {"msg": f"Granted perm: `group.write` {ending}", "success": True}
        assert rows(root, things, subject.name) == expected(word, "write", nothing)
        root(grant, repogroupid=top.id, **args, perm="group.admin", apply_to_children="all")
        everywhere = expected("all", "admin", nothing)
        assert rows(root, things, subject.name) == everywhere
        revoked = root(revoke, repogroupid=top.id, **args, apply_to_children=word)
        assert revoked == {"msg": f"Revoked perm {ending}", "success": True}
        assert rows(root, things, subject.name) == expected(word, None, everywhere)


def test_private_repositories_stay_closed_to_everybody(root: Api) -> None:
    things = nest(root)
    root(
        REPO_GROUP.grant_user,
        repogroupid=things["top"].id,
        userid="default",
        perm="group.write",
        apply_to_children="all",
    )
    assert rows(root, things, "default") == {
        "top": "group.write",
        "group": "group.write",
        "deep group": "group.write",
        "repository": "repository.write",
        "deep repository": "repository.write",
        "private repository": "repository.none",
        "group beside": "group.read",
        "repository beside": "repository.read",
    }


def test_a_group_administrator_reaches_only_what_he_administers(root: Api) -> None:
    ada, ben = root.new_user(), root.new_user()
    things = nest(root)
    for place in ("top", "deep group"):
        REPO_GROUP.give(root, things[place], ada.id, "admin")
    REPO_GROUP.give(root, things["group"], ada.id, "write")
    REPOSITORY.give(root, things["deep repository"], ada.id, "admin")
    ada.api(
        REPO_GROUP.grant_user, repogroupid=things["top"].id, userid=ben.id, perm="group.read", apply_to_children="all"
    )
    assert rows(root, things, ben.name) == dict.fromkeys(things) | {
        "top": "group.read",
        "deep group": "group.read",
        "deep repository": "repository.read",
    }


def test_nothing_is_inherited_later(root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    root(REPO_GROUP.grant_user, repogroupid=group.id, userid=ada.id, perm="group.admin", apply_to_children="all")
    assert root.repo_rows(root.new_repo(f"{group.name}/core")) == {"default": "repository.read"}
    assert root.repo_group_rows(root.new_repo_group(f"{group.name}/tools")) == {"default": "group.read"}


@pytest.mark.parametrize(
    "word", ["", "None", "ALL", "all ", "children", True, False, 0, 1.5, [], ["all"], {}], ids=repr
)
def test_other_words_for_children_are_refused(server: Server, root: Api, word: Any) -> None:
    ada, people, group = root.new_user(), root.new_user_group(), root.new_repo_group()
    with server.unchanged():
        for given in (group.id, group.name):
            for userid in (ada.id, ada.name):
                args = {"repogroupid": given, "userid": userid, "apply_to_children": word}
                said = f"failed to edit permission for user: `{userid}` in repo group: `{group.name}`"
                assert root.error(REPO_GROUP.grant_user, **args, perm="group.read") == said
                assert root.error(REPO_GROUP.revoke_user, **args) == said
            args = {"repogroupid": given, "usergroupid": people.name, "apply_to_children": word}
            said = f"failed to edit permission for user group: `{people.name}` in repo group: `{group.name}`"
            assert root.error(REPO_GROUP.grant_group, **args, perm="group.read") == said
            assert root.error(REPO_GROUP.revoke_group, **args) == said


def test_null_for_children_means_not_given(root: Api) -> None:
    ada, group = root.new_user(), root.new_repo_group()
    granted = root(
        REPO_GROUP.grant_user, repogroupid=group.id, userid=ada.id, perm="group.read", apply_to_children=None
    )
    assert "(recursive:none)" in granted["msg"]
