# SPDX-License-Identifier: GPL-3.0-or-later
"""What was deleted can be brought back as it was, and not more open than it was."""

from __future__ import annotations

import json

from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.systems import Filled, System


def test_a_deleted_repository_comes_back_with_all_that_it_was(
    server: Server, root: Api, system: System, filled: Filled, ada: Person
) -> None:
    reader, writer = root.new_user(), root.new_user()
    group = root("create_user_group", group_name=unique("people"))["user_group"]
    root("update_repo", repoid=filled.name, description="the old one", private=True, enable_downloads=True)
    root("grant_user_permission", repoid=filled.name, userid=writer.name, perm="repository.write")
    root("grant_user_group_permission", repoid=filled.name, usergroupid=group["group_name"], perm="repository.read")
    before = root("get_repo", repoid=filled.name)
    root("delete_repo", repoid=filled.name)
    assert server.administer("trash", "restore", filled.name) == f"Restored {filled.name}.\n"
    after = root("get_repo", repoid=filled.name)
    assert after.pop("repo_id") != before.pop("repo_id")
    for moment in ("created_on", "followers"):  # whoever followed it is asked to do so again
        before.pop(moment), after.pop(moment)
    assert after == before
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
