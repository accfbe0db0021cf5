# SPDX-License-Identifier: GPL-3.0-or-later
"""Eight callers at the same moment: one of them wins, the others are told so (security.md R-14, R-15)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.support.clients import Api, unique
from tests.support.crowd import at_once
from tests.support.kinds import Kind, every_kind
from tests.support.servers import Server
from tests.support.waiting import until


def outcomes(api: Api, method: str, **args: Any) -> Counter[str]:
    """What eight equal calls at once answer: how often success, how often which error."""
    return Counter(at_once(lambda _: api.envelope(method, **args)["error"] or "success"))


def test_one_repository_of_a_name(server: Server, root: Api) -> None:
    for name in (unique("core"), f"{unique('team')}/tools/core"):
        said = outcomes(root, "create_repo", repo_name=name, repo_type="git")
        assert said == {"success": 1, f"repo `{name}` already exist": 7}
        assert (server.root / name / "HEAD").exists()
        assert server.query("SELECT count(*) FROM repositories WHERE name = ?", name) == [(1,)]
    until(lambda: list((server.root / ".staging").iterdir()) == [])


def test_one_repository_of_a_name_whatever_its_case(root: Api) -> None:
    names = [unique("core")] * 4
    names += [name.upper() for name in names]
    said = at_once(lambda number: root.envelope("create_repo", repo_name=names[number], repo_type="git")["error"])
    assert said.count(None) == 1
    assert {error for error in said if error} <= {f"repo `{name}` already exist" for name in names}


def test_eight_repositories_in_groups_that_none_of_them_found(root: Api) -> None:
    top = unique("team")
    said = at_once(
        lambda number: root.envelope("create_repo", repo_name=f"{top}/tools/core-{number}", repo_type="git")["error"]
    )
    assert said == [None] * 8
    assert root("get_repo_group", repogroupid=f"{top}/tools")["repositories"] == [
        f"{top}/tools/core-{number}" for number in range(8)
    ]
    assert len([group for group in root("get_repo_groups") if group["group_name"].startswith(top)]) == 2


def test_one_repository_group_of_a_name(server: Server, root: Api) -> None:
    parent = root.new_repo_group()
    for name in (unique("team"), f"{parent.name}/tools"):
        said = outcomes(root, "create_repo_group", group_name=name)
        assert said == {"success": 1, f"repo group `{name}` already exist": 7}
        assert (server.root / name).is_dir()


def test_a_repository_or_a_group_of_a_name_but_never_both(root: Api) -> None:
    name = unique("either")

    def one(number: int) -> str | None:
        if number % 2:
            said = root.envelope("create_repo", repo_name=name, repo_type="git")["error"]
        else:
            said = root.envelope("create_repo_group", group_name=name)["error"]
        return None if said is None else str(said)

    said = at_once(one)
    assert said.count(None) == 1
    found = [
        root.envelope("get_repo", repoid=name)["error"],
        root.envelope("get_repo_group", repogroupid=name)["error"],
    ]
    assert found.count(None) == 1


def test_one_user_of_a_name_and_of_an_email(root: Api) -> None:
    name = unique("ada")
    said = at_once(
        lambda number: root.envelope("create_user", username=name, email=f"{number}-{name}")["error"] or "success"
    )
    assert Counter(said) == {"success": 1, f"user `{name}` already exist": 7}
    email = unique("mail")
    said = at_once(
        lambda number: root.envelope("create_user", username=f"{number}-{email}", email=email)["error"] or "success"
    )
    assert Counter(said) == {"success": 1, f"email `{email}` already exist": 7}


def test_one_user_group_of_a_name(root: Api) -> None:
    name = unique("people")
    assert outcomes(root, "create_user_group", group_name=name) == {
        "success": 1,
        f"user group `{name}` already exist": 7,
    }


def test_one_membership(root: Api) -> None:
    ada, group = root.new_user(), root.new_user_group()
    args = {"usergroupid": group.id, "userid": ada.id}
    added = Counter(at_once(lambda _: root("add_user_to_user_group", **args)["success"]))
    assert added == {True: 1, False: 7}
    removed = Counter(at_once(lambda _: root("remove_user_from_user_group", **args)["success"]))
    assert removed == {True: 1, False: 7}


def test_one_field_of_a_key(root: Api) -> None:
    repository = root.new_repo()
    said = outcomes(root, "add_field_to_repo", repoid=repository.name, key="ticket")
    assert said == {"success": 1, f"Field with key `ticket` exists for repo `{repository.name}`": 7}


@every_kind
def test_every_grant_succeeds_and_one_row_is_left(root: Api, kind: Kind) -> None:
    ada, thing = root.new_user(), kind.new(root)
    levels = ("none", "read", "write", "admin") * 2
    granted = at_once(lambda number: kind.give(root, thing, ada.id, levels[number])["success"])
    assert granted == [True] * 8
    mine = [row for row in root(kind.getter, **{kind.argument: thing.id})["members"] if row["name"] == ada.name]
    assert len(mine) == 1
    revoked = at_once(lambda _: kind.take(root, thing, ada.id)["success"])
    assert revoked == [True] * 8
    assert ada.name not in root.rows_of(thing, kind.getter, kind.argument)


def test_one_deletion(root: Api) -> None:
    ada, people, repository = root.new_user(), root.new_user_group(), root.new_repo()
    for method, args, gone, failed in (
        ("delete_user", {"userid": ada.id}, f"user `{ada.id}`", f"user ID:{ada.id} {ada.name}"),
        ("delete_user_group", {"usergroupid": people.id}, f"user group `{people.id}`", f"{people.id} {people.name}"),
        ("delete_repo", {"repoid": repository.id}, f"repository `{repository.id}`", f"repository `{repository.name}`"),
    ):
        said = outcomes(root, method, **args)
        assert said.pop("success") == 1
        for error in said:
            assert error == f"{gone} does not exist" or (error.startswith("failed to delete ") and failed in error)
        assert root.error(method, **args) == f"{gone} does not exist"


def test_one_new_name_for_many_repositories(server: Server, root: Api) -> None:
    top = unique("team")
    repositories = [root.new_repo(f"{top}/core-{number}") for number in range(8)]
    said = at_once(lambda number: root.envelope("update_repo", repoid=repositories[number].id, name="kernel")["error"])
    assert said.count(None) == 1
    winner = said.index(None)
    for number, repository in enumerate(repositories):
        now = "kernel" if number == winner else f"core-{number}"
        assert root("get_repo", repoid=repository.id)["repo_name"] == f"{top}/{now}"
        assert (server.root / top / now / "HEAD").exists()
        assert number == winner or said[number] == f"failed to update repo `{repository.id}`"


@pytest.mark.parametrize("rounds", range(2))
def test_groups_that_would_move_into_each_other(root: Api, rounds: int) -> None:
    first, second = root.new_repo_group(), root.new_repo_group()

    def move(number: int) -> Any:
        group, parent = (first, second) if number % 2 else (second, first)
        return root.envelope("update_repo_group", repogroupid=group.id, parent=parent.id)["error"]

    said = at_once(move)
    assert None in said
    names = {root("get_repo_group", repogroupid=group.id)["group_name"] for group in (first, second)}
    assert names in ({first.name, f"{first.name}/{second.name}"}, {second.name, f"{second.name}/{first.name}"})


def test_a_repository_is_never_lost_between_a_move_and_the_renaming_of_the_groups(server: Server, root: Api) -> None:
    source, target = root.new_repo_group(), root.new_repo_group()
    repository = root.new_repo(f"{source.name}/core")

    def change(number: int) -> Any:
        if number % 2:
            return root.envelope("update_repo", repoid=repository.id, group=target.id)["error"]
        group = source if number % 4 else target
        return root.envelope("update_repo_group", repogroupid=group.id, group_name=f"{group.name}-{number}")["error"]

    said = at_once(change)
    assert None in said
    name = root("get_repo", repoid=repository.id)["repo_name"]
    assert (server.root / name / "HEAD").exists()
    parent = root("get_repo_group", repogroupid=name.rpartition("/")[0])
    assert parent["repositories"] == [name]


def test_a_group_in_use_by_nobody_is_deleted_or_assigned_but_never_both(root: Api) -> None:
    repository, people = root.new_repo(), root.new_user_group()

    def change(number: int) -> Any:
        if number % 2:
            return root.envelope("delete_user_group", usergroupid=people.id)["error"]
        args = {"repoid": repository.id, "usergroupid": people.id, "perm": "repository.read"}
        return root.envelope("grant_user_group_permission", **args)["error"]

    said = at_once(change)
    assert None in said
    exists = root.envelope("get_user_group", usergroupid=people.id)["error"] is None
    assert (people.name in root.repo_rows(repository)) is exists
    assert said[1::2].count(None) == (0 if exists else 1)
