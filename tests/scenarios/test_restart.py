# SPDX-License-Identifier: GPL-3.0-or-later
"""What the API answered is still true after the server was ended and started again."""

from __future__ import annotations

from typing import Any

from tests.support.clients import Api
from tests.support.servers import Server


def everything(api: Api) -> Any:
    """What a super-admin can see, without the address of the server, which another start may change."""
    seen = {
        "users": api("get_users"),
        "user groups": api("get_user_groups"),
        "repository groups": [api("get_repo_group", repogroupid=one["group_id"]) for one in api("get_repo_groups")],
        "repositories": [api("get_repo", repoid=one["repo_id"]) for one in api("get_repos")],
    }
    for repository in seen["repositories"]:
        repository["url"] = repository["url"].removeprefix(api.url)
    return seen


def test_everything_is_still_there_after_a_restart(own_server: Server) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    ada = root.new_user(firstname="Ada")
    people = root.new_user_group(ada, description="Kept")
    repository = root.new_repo("team/tools/core", description="Kept", private=True)
    root("add_field_to_repo", repoid=repository.id, key="ticket")
    root("update_repo", repoid=repository.id, fields="ticket=T-1")
    root("grant_user_permission", repoid=repository.id, userid=ada.id, perm="repository.write")
    root("grant_user_group_permission_to_repo_group", repogroupid="team", usergroupid=people.id, perm="group.write")
    root("update_repo_group", repogroupid="team", group_name="renamed", enable_locking=True)
    before = everything(root)
    own_server.stop()
    own_server.start()
    root = own_server.api(own_server.admin_key)
    assert everything(root) == before
    assert own_server.api(ada.key)("get_repo", repoid="renamed/tools/core")["repo_id"] == repository.id
    assert root("get_repo", repoid=root.new_repo("renamed/tools/new").id)["enable_locking"] is True
