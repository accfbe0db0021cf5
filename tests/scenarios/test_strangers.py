# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody sees more of another user than his name (decisions.md A20)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.clients import Api, Git, Person, unique
from tests.support.servers import Server
from tests.support.shapes import MASK, USER

NAMES = {"user_id", "username", "firstname", "lastname"}
EMPTY = (None, "", [], MASK, [MASK])


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in an answer, at whatever depth."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from objects(inner)


@pytest.fixture
def grace(root: Api) -> Person:
    """Somebody with everything that can be told of a user."""
    name = unique("grace")
    made = root("create_user", username=name, email=f"{name}@secret.example", password="s3cret-pw", firstname="Grace",
                lastname="Hopper", admin=True, extern_name="rhodecode", extern_type="rhodecode")["user"]  # fmt: skip
    return Person(made["user_id"], name, "s3cret-pw", made["api_key"], Api(root.url, made["api_key"]))


def test_no_method_tells_a_stranger_more_than_a_name(server: Server, root: Api, git: Git, grace: Person) -> None:
    stranger = root.new_user()
    repo = grace.api.new_repo()
    work = git.new_work()
    commit = git.commit(work)
    git.run("push", "--quiet", server.clone_url(repo.name, grace), "master", cwd=work)
    group, people = grace.api.new_repo_group(), grace.api.new_user_group(grace)
    grace.api("lock", repoid=repo.id, locked=True)
    grace.api("comment_commit", repoid=repo.id, commit_id=commit, message="hello", status="approved")
    for grant, args in (
        ("grant_user_permission", {"repoid": repo.id, "perm": "repository.admin"}),
        ("grant_user_permission_to_repo_group", {"repogroupid": group.id, "perm": "group.admin"}),
        ("grant_user_permission_to_user_group", {"usergroupid": people.id, "perm": "usergroup.admin"}),
    ):
        root(grant, **args, userid=stranger.id)
    values: dict[str, Any] = {
        "repoid": repo.id,
        "repogroupid": group.id,
        "usergroupid": people.id,
        "userid": stranger.id,
        **dict.fromkeys(("commit_id", "revision", "raw_id", "start_rev"), commit),
        "limit": 5,
        "root_path": "",
        "file_path": "file.txt",
        "message": "x",
        "fork_name": unique("fork"),
        "files": {"a": {"content": "x"}},
        "group_name": unique("g"),
        **dict.fromkeys(("with_reviews", "with_comments", "with_revision_names"), True),
        "cache": False,
    }
    told: dict[str, Any] = {}
    for method in stranger.api("rpc.discover")["methods"]:
        name = method["name"]
        if name.startswith(("delete_", "strip", "revoke_", "pull", "grant_")):
            continue
        args = {param["name"]: values[param["name"]] for param in method["params"] if param["name"] in values}
        if name == "update_user_group" or name == "update_repo_group":
            args.pop("group_name", None)
        answer = stranger.api.envelope(name, **args)
        told[name] = answer["result"] or answer["error"]
        assert f"{grace.name}@secret.example" not in json.dumps(answer), name
        for shown in objects(answer["result"]):
            if shown.get("user_id") == grace.id and set(shown) >= set(USER):
                assert shown["username"] == grace.name
                assert (shown["firstname"], shown["lastname"]) == ("Grace", "Hopper")
                more = {key: value for key, value in shown.items() if key not in NAMES and value not in EMPTY}
                assert more == {}, name
    # The walk met him where he is to be met.
    for name in ("get_repo", "get_repos", "get_user_group", "get_user_groups", "update_user_group", "update_repo"):
        assert any(shown.get("user_id") == grace.id for shown in objects(told[name])), (name, told[name])
    said = stranger.api("get_repo_comments", repoid=repo.id)[0]["comment_author"]
    assert said == {"active": True, "full_name_or_username": "Grace Hopper", "username": grace.name}


def test_everybody_sees_himself_and_super_admins_see_all_but_keys(root: Api, grace: Person) -> None:
    ada, ben = root.new_user(), root.new_user()
    repo, people = root.new_repo(owner=ada.id), root.new_user_group(ada, ben)
    for api, seen, unseen in ((ada.api, ada, ben), (ben.api, ben, ada)):
        users = {user["user_id"]: user for user in api("get_user_group", usergroupid=people.id)["users"]}
        assert set(users[seen.id]) == set(users[unseen.id]) == set(USER)
        assert (users[seen.id]["email"], users[seen.id]["active"]) == (f"{seen.name}@example.org", True)
        assert (users[unseen.id]["email"], users[unseen.id]["emails"]) == (None, [])
        assert users[seen.id]["api_key"] == users[unseen.id]["api_key"] == MASK
    for _ in range(2):  # once made, once remembered
        assert [user["email"] for user in ada.api("get_repo", repoid=repo.id)["followers"]] == [
            f"{ada.name}@example.org"
        ]
        assert [user["email"] for user in ben.api("get_repo", repoid=repo.id)["followers"]] == [None]
        (shown,) = root("get_repo", repoid=repo.id)["followers"]
        assert (shown["email"], shown["admin"], shown["api_key"]) == (f"{ada.name}@example.org", False, MASK)


def test_rows_of_user_groups_name_users_twice(root: Api) -> None:
    people, others = root.new_user_group(), root.new_user_group()
    root("grant_user_group_permission_to_user_group", usergroupid=people.id, sourceusergroupid=others.id,
         perm="usergroup.read")  # fmt: skip
    rows = root("get_user_group", usergroupid=people.id)["members"]
    assert all(row["username"] == row["name"] for row in rows if row["type"] == "user")
    assert [set(row) for row in rows if row["type"] == "user_group"] == [{"name", "permission", "origin", "type"}]
