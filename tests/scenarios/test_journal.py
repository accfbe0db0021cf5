# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal tells of a change what was set and what that replaced (security.md S-31)."""

from __future__ import annotations

import json
from typing import Any

from tests.support.clients import Api, Person, unique
from tests.support.servers import Server


def told(server: Server, action: str, subject: str) -> dict[str, Any]:
    """The detail of the newest row."""
    found: dict[str, Any] = json.loads(server.journal(action, subject)[-1][2])
    return found


def test_accounts(server: Server, root: Api, ada: Person) -> None:
    before = root("get_user", userid=ada.name)
    root("update_user", userid=ada.name, firstname="Ada", active=False, password="another-pw")
    assert told(server, "user.update", ada.name)["changes"] == {
        "firstname": "Ada",
        "active": False,
        "force_password_change": False,
        "password": "changed",
    }
    was = {"firstname": before["firstname"], "active": True, "force_password_change": False}
    assert told(server, "user.update", ada.name)["was"] == was
    new = unique("renamed")
    root("update_user", userid=ada.name, username=new)
    assert told(server, "user.update", ada.name) | {"user_id": 0} == {
        "user_id": 0,
        "changes": {"username": new},
        "was": {"username": ada.name},
    }


def test_repositories(server: Server, root: Api, ada: Person) -> None:
    repository = ada.api.new_repo()
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    for value, before in (("T-1", ""), ("T-2", "T-1")):
        ada.api("update_repo", repoid=repository.id, description=value, private=True, fields=f"ticket={value},x=y")
        row = told(server, "repository.update", repository.name)
        assert row["changes"] == {"description": value, "private": True, "fields": {"ticket": value}}
        assert row["was"]["fields"] == {"ticket": before}
    assert row["was"] == {"description": "T-1", "private": True, "fields": {"ticket": "T-1"}}
    new = unique("renamed")
    ada.api("update_repo", repoid=repository.id, name=new)
    row = told(server, "repository.update", repository.name)
    assert (row["changes"], row["was"]) == (
        {"name": new, "group_id": None},
        {"name": repository.name, "group_id": None},
    )
    root("update_repo", repoid=new, clone_uri="https://me:s3cret@127.0.0.1.example/x")
    root("update_repo", repoid=new, clone_uri="")
    was = told(server, "repository.update", new)["was"]["clone_uri"]
    assert was == "https://me:*****@127.0.0.1.example/x"
    settings = {"rhodecode_use_outdated_comments": False}
    for before_it in (None, False):
        root("set_repo_settings", repoid=new, settings=settings)
        row = told(server, "repository.settings", new)
        assert (row["changes"], row["was"]) == (settings, {"rhodecode_use_outdated_comments": before_it})


def test_groups(server: Server, root: Api, ada: Person) -> None:
    group, people = root.new_repo_group(), root.new_user_group()
    new = unique("renamed")
    root("update_repo_group", repogroupid=group.id, group_name=new, description="new", owner=ada.name)
    row = told(server, "repo_group.update", group.name)
    assert (row["name"], row["description"], row["owner"]) == (new, "new", ada.name)
    assert (row["was"]["name"], row["was"]["owner"]) == (group.name, "root")
    assert row["was"]["description"] != "new"
    root("update_user_group", usergroupid=people.id, active=False)
    row = told(server, "user_group.update", people.name)
    assert (row["changes"], row["was"]) == ({"active": False}, {"active": True})


def test_permissions(server: Server, root: Api, ada: Person) -> None:
    repository = root.new_repo()
    for level, before in (("read", None), ("admin", "repository.read")):
        root("grant_user_permission", repoid=repository.id, userid=ada.name, perm=f"repository.{level}")
        row = told(server, "permission.grant", repository.name)
        assert (row["level"], row["was"]) == (f"repository.{level}", {"level": before})
    root("revoke_user_permission", repoid=repository.id, userid=ada.name)
    row = told(server, "permission.revoke", repository.name)
    assert (row["level"], row["was"]) == (None, {"level": "repository.admin"})


def test_gists(server: Server, root: Api) -> None:
    gist = root("create_gist", files={"a.txt": {"content": "x"}}, description="old")["gist"]
    root("update_gist", gistid=gist["access_id"], description="new")
    row = told(server, "gist.update", gist["access_id"])
    assert (row["changes"], row["was"]) == ({"description": "new"}, {"description": "old"})
