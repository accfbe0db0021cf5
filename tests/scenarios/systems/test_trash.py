# SPDX-License-Identifier: GPL-3.0-or-later
"""What was deleted can be brought back as it was, and not more open than it was."""

from __future__ import annotations

import json
from typing import Any

from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.systems import Filled, System


def _without_sign_ins(shown: dict[str, Any]) -> dict[str, Any]:
    """A repository without the times of sign-ins: those are noted a while later."""
    for person in (*shown["followers"], shown["locked_by"]):
        del person["last_login"]
    return shown


def test_a_deleted_repository_comes_back_with_all_that_it_was(
    server: Server, root: Api, system: System, filled: Filled, ada: Person
) -> None:
    reader, writer = root.new_user(), root.new_user()
    group = root("create_user_group", group_name=unique("people"))["user_group"]
    root("update_repo", repoid=filled.name, description="the old one", private=True, enable_downloads=True)
    root("grant_user_permission", repoid=filled.name, userid=writer.name, perm="repository.write")
    root("grant_user_group_permission", repoid=filled.name, usergroupid=group["group_name"], perm="repository.read")
    root("add_field_to_repo", repoid=filled.name, key="ticket", label="Ticket")
    root("update_repo", repoid=filled.name, fields="ticket=T-1")
    root("set_repo_settings", repoid=filled.name, settings={"rhodecode_use_outdated_comments": False})
    root("lock", repoid=filled.name, locked=True, userid=ada.id)
    commit = {"repoid": filled.name, "commit_id": filled.ids[0]}
    todo = writer.api("comment_commit", **commit, message="mend", comment_type="todo")["comment_id"]
    root("comment_commit", **commit, message="mended", resolves_comment_id=todo, status="approved")
    root("set_commit_status", **commit, context="ci", state="success")
    asked = {
        "get_repo_comments": {},
        "get_commit_status": {"commit_id": filled.ids[0]},
        "get_repo_settings": {},
    }
    told = {method: root(method, repoid=filled.name, **args) for method, args in asked.items()}
    before = _without_sign_ins(root("get_repo", repoid=filled.name))
    root("delete_repo", repoid=filled.name)
    assert server.administer("trash", "restore", filled.name) == f"Restored {filled.name}.\n"
    after = _without_sign_ins(root("get_repo", repoid=filled.name))
    assert after.pop("repo_id") != before.pop("repo_id")
    assert after == before
    assert {method: root(method, repoid=filled.name, **args) for method, args in asked.items()} == told
    root("lock", repoid=filled.name, locked=False)
    assert [row["raw_id"] for row in root("get_repo_changesets", repoid=filled.name, start_rev="0", limit=-1)] == (
        filled.ids
    )
    assert reader.api.error("get_repo", repoid=filled.name) == f"repository `{filled.name}` does not exist"
    filled.ids.append(filled.copy.change("after"))
    system.verify(server.root / filled.name)
    told = server.journal("repository.restore", filled.name)
    assert [(row[0], json.loads(row[2])["owner"]) for row in told] == [("trivium", ada.name)]
    assert filled.name not in server.administer("trash", "list")


def test_a_deleted_repository_comes_back_under_another_name_into_groups_that_are_made(
    server: Server, root: Api, filled: Filled
) -> None:
    root("delete_repo", repoid=filled.name)
    taken = root.new_repo(filled.name).name
    new = f"{unique('group')}/deep/back"
    server.administer("trash", "restore", filled.name, "--name", new)
    assert root("get_repo", repoid=new)["last_changeset"]["raw_id"] == filled.ids[-1]
    assert root("get_repo_group", repogroupid=new.rpartition("/")[0])["repositories"] == [new]
    assert root("get_repo", repoid=taken)["last_changeset"]["revision"] == -1


def test_who_is_gone_meanwhile_is_told(server: Server, root: Api, filled: Filled, ada: Person) -> None:
    gone = root.new_user()
    root("grant_user_permission", repoid=filled.name, userid=gone.id, perm="repository.admin")
    gone.api("comment_commit", repoid=filled.name, commit_id=filled.ids[0], message="bye")
    gone.api("lock", repoid=filled.name, locked=True)
    root("delete_repo", repoid=filled.name)
    for person in (gone, ada):
        root("delete_user", userid=person.id)
    done = server.trivium("trash", "restore", filled.name, "--data", str(server.data))
    assert done.stdout.decode() == f"Restored {filled.name}.\n"
    assert done.stderr.decode().splitlines() == [
        f"left out the account of its owner {ada.name} is gone; it belongs to the first administrator now",
        "left out permissions of users or user groups that are gone: 1",
        "left out its lock: whoever held it is gone",
    ]
    (comment,) = root("get_repo_comments", repoid=filled.name)
    assert (comment["comment_text"], comment["comment_author"]["username"]) == ("bye", None)


def test_an_old_name_leads_to_what_came_back_until_somebody_takes_it(
    server: Server, root: Api, system: System, filled: Filled, ada: Person
) -> None:
    first = unique("first")
    root("update_repo", repoid=filled.name, name=first)
    root("delete_repo", repoid=first)
    new = unique("new")
    server.administer("trash", "restore", first, "--name", new)
    if system.kind == "svn":
        return  # its clients are told the new name, in words
    assert system.checkout(server, filled.name, ada).files() == filled.copy.files()
    assert system.checkout(server, first, ada).files() == filled.copy.files()
