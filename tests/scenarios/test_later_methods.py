# SPDX-License-Identifier: GPL-3.0-or-later
"""Methods of the later line about groups, settings, people and the server; and Kallithea's arguments."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Person, unique
from tests.support.servers import Server

DENIED = "Access was denied to this resource."
LONG = "x" * (16 * 1024 + 1)
LONG_IN_BYTES = "ü" * (8 * 1024 + 1)


# Repository groups


def test_an_empty_group_is_deleted_and_its_name_is_free(server: Server, root: Api, ada: Person) -> None:
    group = root.new_repo_group(owner=ada.id)
    assert ada.api("delete_repo_group", repogroupid=group.name) == {
        "msg": f"deleted repo group ID:{group.id} {group.name}",
        "repo_group": None,
    }
    assert not (server.root / group.name).exists()
    assert root.error("get_repo_group", repogroupid=group.id) == f"repository group `{group.id}` does not exist"
    assert root.new_repo_group(group.name).id != group.id
    assert server.journal("repo_group.delete", group.name)[0][0] == ada.name


def test_a_group_that_holds_something_stays(server: Server, root: Api) -> None:
    group = root.new_repo_group()
    failed = f"failed to delete repo group ID:{group.id} {group.name}"
    inner = root.new_repo_group(f"{group.name}/inner")
    repo = root.new_repo(f"{group.name}/inner/repo")
    for held in (group, inner):
        with server.unchanged():
            said = root.error("delete_repo_group", repogroupid=held.id)
            assert said == failed.replace(f"{group.id} {group.name}", f"{held.id} {held.name}")
    root("delete_repo", repoid=repo.id)
    root("delete_repo_group", repogroupid=inner.id)
    by_hand = server.root / group.name / "by-hand"
    by_hand.mkdir()
    with server.unchanged():
        assert root.error("delete_repo_group", repogroupid=group.id) == failed
    assert by_hand.is_dir()
    shutil.rmtree(by_hand)
    root("delete_repo_group", repogroupid=group.id)


def test_who_deletes_a_group(server: Server, root: Api, ada: Person) -> None:
    group = root.new_repo_group()
    for level in ("none", "read", "write"):
        root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm=f"group.{level}")
        with server.unchanged():
            said = ada.api.error("delete_repo_group", repogroupid=group.name)
            assert said == f"repository group `{group.name}` does not exist"


def test_a_group_is_made_below_its_parent(root: Api, ada: Person) -> None:
    parent = root.new_repo_group(owner=ada.id)
    for given, name in ((parent.id, "a"), (parent.name, "b"), (str(parent.id), "c")):
        made = ada.api("create_repo_group", group_name=name, parent=given)["repo_group"]
        assert (made["group_name"], made["parent_group"]) == (f"{parent.name}/{name}", parent.name)
    assert root("create_repo_group", group_name=unique("top"), parent=None)["repo_group"]["parent_group"] is None
    said = root.error("create_repo_group", group_name="x", parent="no-such-group")
    assert said == "repository group `no-such-group` does not exist"
    hidden = root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=hidden.id, userid="default", perm="group.none")
    said = ada.api.error("create_repo_group", group_name="x", parent=hidden.name)
    assert said == f"repository group `{hidden.name}` does not exist"


# update_repo, get_repos


def test_repo_name_moves_and_renames_at_once(root: Api) -> None:
    group = root.new_repo_group()
    repo = root.new_repo()
    moved = root("update_repo", repoid=repo.id, repo_name=f"/{group.name}//moved")["repository"]
    assert (moved["repo_name"], moved["repo_id"]) == (f"{group.name}/moved", repo.id)
    assert root("update_repo", repoid=repo.id, repo_name=f"{group.name}/again")["repository"]["repo_name"].endswith(
        "/again"
    )
    top = unique("top")
    assert root("update_repo", repoid=repo.id, repo_name=top)["repository"]["repo_name"] == top
    said = root.error("update_repo", repoid=repo.id, repo_name="no-such-group/x")
    assert said == "repository group `no-such-group` does not exist"


def test_repositories_of_one_group(root: Api) -> None:
    group = root.new_repo_group().name
    names = [root.new_repo(f"{group}{end}").name for end in ("/a", "/b/c", "-x")]
    listed = lambda **given: [row["repo_name"] for row in root("get_repos", **given)]  # noqa: E731
    assert listed(root=group) == names[:2]
    assert listed(root=group, traverse="false") == names[:1]
    assert names[2] in listed(traverse=False)
    assert not any("/" in name for name in listed(root="", traverse=False))
    assert root.error("get_repos", root="nope") == "repository group `nope` does not exist"


# Settings


def test_settings_show_the_sites_values_until_they_are_set(root: Api) -> None:
    repo = root.new_repo()
    assert root("get_repo_settings", repoid=repo.id) == {
        "rhodecode_pr_merge_enabled": True,
        "rhodecode_hg_use_rebase_for_merging": False,
        "rhodecode_git_use_rebase_for_merging": False,
        "rhodecode_hg_close_branch_before_merging": False,
        "rhodecode_git_close_branch_before_merging": False,
        "rhodecode_use_outdated_comments": True,
        "phases_publish": "True",
        "extensions_evolve": False,
        "extensions_largefiles": False,
        "hooks_changegroup_push_logger": True,
        "hooks_changegroup_repo_size": False,
        "hooks_outgoing_pull_logger": True,
        "vcs_svn_branch": ["trunk", "branches/*"],
        "vcs_svn_tag": ["tags/*"],
    }
    assert root("set_repo_settings", repoid=repo.id, settings={"phases_publish": False}) is True
    assert root("set_repo_settings", repoid=repo.id, settings='{"extensions_evolve": "yes"}') is True
    shown = root("get_repo_settings", repoid=repo.id)
    assert (shown["phases_publish"], shown["extensions_evolve"]) == ("False", True)
    assert root("get_repo_settings", repoid=repo.id, key="extensions_evolve") == {"extensions_evolve": True}
    assert root("get_repo_settings", repoid=repo.id, key="nope") == {"nope": None}
    root("set_repo_settings", repoid=repo.id, settings={"phases_publish": None})
    assert root("get_repo_settings", repoid=repo.id, key="phases_publish") == {"phases_publish": "True"}


@pytest.mark.parametrize(("settings", "key"), [
    ({"extensions_evolve": True, "nope": 1}, "nope"),
    ({"extensions_evolve": "perhaps"}, "extensions_evolve"),
    ({"vcs_svn_branch": ["../x"]}, "vcs_svn_branch"),
    ({"vcs_svn_branch": ["a*"]}, "vcs_svn_branch"),
    ({"vcs_svn_tag": []}, "vcs_svn_tag"),
    ({"vcs_svn_tag": ["x" * 300]}, "vcs_svn_tag"),
    ("{", "settings"),
    ("[1]", "settings"),
    (None, "settings"),
    ([], "settings"),
])  # fmt: skip
def test_settings_are_changed_all_or_none(server: Server, root: Api, settings: Any, key: str) -> None:
    repo = root.new_repo()
    with server.unchanged():
        said = root.error("set_repo_settings", repoid=repo.id, settings=settings)
    assert said == f"failed to update settings of repository `{repo.name}`: {key}"


# People


def test_everybody_reads_what_he_did_himself(root: Api, ada: Person) -> None:
    repo = ada.api.new_repo()
    ada.api("update_repo", repoid=repo.id, description="new")
    rows = ada.api("get_user_audit_logs")
    assert [row["action"] for row in rows] == ["repository.update", "repository.create"]
    assert [set(row) for row in rows] == [{"action", "date", "ip", "repository", "data"}] * 2
    assert (rows[0]["ip"], rows[0]["repository"]) == ("127.0.0.1", repo.name)
    assert rows[0]["data"]["changes"] == {"description": "new"}
    assert root("get_user_audit_logs", userid=ada.name) == rows
    assert ada.api.error("get_user_audit_logs", userid="root") == "userid is not the same as your user"
    assert ada.api("get_user_audit_logs", after=rows[0]["date"]) == rows[1:]
    assert ada.api.error("get_user_audit_logs", after="yesterday") == "after must be the date of a row"


def test_what_somebody_did_to_a_repository_he_may_not_read_any_more_is_not_told(root: Api, ada: Person) -> None:
    repo = ada.api.new_repo()
    ada.api("update_repo", repoid=repo.id, owner="root", private=True)
    rows = ada.api("get_user_audit_logs")
    assert [(row["repository"], row["data"]) for row in rows] == [(None, {}), (None, {})]
    assert root("get_user_audit_logs", userid=ada.id)[0]["repository"] == repo.name


def test_locks_under_their_later_name(root: Api, ada: Person) -> None:
    repo = ada.api.new_repo()
    ada.api("lock", repoid=repo.id, locked=True)
    assert ada.api("get_user_locks") == ada.api("get_locks")
    assert [row["repo_id"] for row in root("get_user_locks", userid=ada.id)] == [repo.id]
    assert ada.api.error("get_user_locks", userid="root") == "userid is not the same as your user"


def test_methods_are_found_by_pattern(ada: Person) -> None:
    every = ada.api("get_method")
    assert every == ada.api("get_method", pattern="*")
    assert {"get_repo", "comment_commit", "get_method"} < set(every)
    assert ada.api("get_method", pattern="*_comment*") == [
        *("changeset_comment", "delete_comment", "edit_comment", "get_repo_comments")
    ]
    assert ada.api("get_method", pattern="comment_commit") == ["comment_commit", {
        "apiuser": "<RequiredType>", "comment_type": "<Optional:'note'>", "commit_id": "<RequiredType>",
        "extra_recipients": "<Optional:None>", "filepath": "<Optional:None>", "lineno": "<Optional:None>",
        "message": "<RequiredType>", "repoid": "<RequiredType>", "request": "<RequiredType>",
        "resolves_comment_id": "<Optional:None>", "send_email": "<Optional:True>", "status": "<Optional:None>",
        "userid": "<Optional:<OptionalAttr:apiuser>>",
    }]  # fmt: skip
    assert ada.api("get_method", pattern="nope") == []
    assert ada.api("get_method", pattern="*a" * 5000) == []


# The server


def test_what_super_admins_ask_of_the_server(server: Server, root: Api, ada: Person) -> None:
    store = root("get_repo_store")
    assert set(store) == {"path", "used", "total", "free", "percent", "inodes"}
    assert (store["path"], store["inodes"]) == (None, None)
    assert 0 < store["used"] < store["total"]
    assert root("cleanup_sessions", older_then=10**17) == {"backend": "database", "sessions_removed": 0}
    assert root.error("cleanup_sessions", older_then="soon") == "Error occurred during session cleanup"
    licence = root("get_license_info")
    assert set(licence) == {
        *("rhodecode_version", "token", "issued_to", "issued_on", "expires_on", "type", "users_limit", "key")
    }
    assert licence["type"] == "GPL-3.0-or-later"
    assert root.error("set_license_key", key="x") == "license key is not valid"
    first = root("store_exception", exc_data_json='{"exc_message": "ünï"}')
    second = root("store_exception", exc_data_json={"exc_message": "x"}, prefix="client")
    assert second["exc_id"] > first["exc_id"]
    assert first["exc_url"] == f"{root.url}/_admin/settings/exceptions/{first['exc_id']}"
    administrator = Browser(root.url)
    administrator.send("/_admin/login", username=server.admin, password=server.admin_password, came_from="/")
    assert "ünï" in administrator.get(urlsplit(first["exc_url"]).path).page.text
    for wrong in ("{", "[]", 5, {"x": "y" * 70_000}):
        assert root.error("store_exception", exc_data_json=wrong) == "failed to store exception"
    for method in ("get_repo_store", "cleanup_sessions", "get_license_info"):
        assert ada.api.error(method) == DENIED
    assert ada.api.error("store_exception", exc_data_json="{}") == DENIED
    assert ada.api.error("set_license_key", key="x") == DENIED


# Gists


def test_a_gist_is_changed_as_far_as_it_is_given(root: Api, ada: Person) -> None:
    made = ada.api("create_gist", files={"a": {"content": "1"}, "b": {"content": "2"}}, description="old")["gist"]
    gistid = made["access_id"]
    done = ada.api("update_gist", gistid=gistid, description="new")
    assert done["msg"] == f"updated gist ID:{gistid}"
    assert (done["gist"]["description"], done["gist"]["expires"]) == ("new", -1)
    assert ada.api("get_gist", gistid=gistid, content=True)["content"] == {"a": "1", "b": "2"}
    ada.api("update_gist", gistid=gistid, files={"c": {"content": "3"}}, lifetime="60")
    shown = ada.api("get_gist", gistid=gistid, content=True)
    assert (shown["content"], shown["description"]) == ({"c": "3"}, "new")
    assert shown["expires"] > 0
    assert ada.api("update_gist", gistid=gistid, lifetime=0)["gist"]["expires"] == shown["expires"]
    assert ada.api("update_gist", gistid=gistid, lifetime=-1)["gist"]["expires"] == -1
    failed = f"failed to update gist ID:{gistid}"
    for given in ({"owner": "root"}, {"files": {}}, {"files": {"../x": {"content": ""}}}, {"lifetime": -2},
                  {"description": LONG}, {"owner": "nobody-at-all"}):  # fmt: skip
        assert ada.api.error("update_gist", gistid=gistid, **given) == failed
    other = root.new_user()
    assert other.api.error("update_gist", gistid=gistid, description="x") == f"gist `{gistid}` does not exist"
    root("update_gist", gistid=gistid, owner=other.id)
    assert other.api("get_gist", gistid=gistid)["description"] == "new"
    assert ada.api.error("get_gist", gistid=gistid) == f"gist `{gistid}` does not exist"


# Texts that many answers repeat


@pytest.mark.parametrize("text", [LONG, LONG_IN_BYTES], ids=["characters", "bytes"])
def test_a_description_that_would_flood_every_list_is_refused(server: Server, root: Api, text: str) -> None:
    repo, group, people = root.new_repo(), root.new_repo_group(), root.new_user_group()
    name = unique("new")
    with server.unchanged():
        for method, args, failed in (
            ("create_repo", {"repo_name": name, "repo_type": "git"}, f"failed to create repository `{name}`"),
            ("update_repo", {"repoid": repo.id}, f"failed to update repo `{repo.id}`"),
            (
                "fork_repo",
                {"repoid": repo.name, "fork_name": name},
                f"failed to fork repository `{repo.name}` as `{name}`",
            ),
            ("create_repo_group", {"group_name": name}, f"failed to create repo group `{name}`"),
            ("update_repo_group", {"repogroupid": group.id}, f"failed to update repository group `{group.id}`"),
            ("create_user_group", {"group_name": name}, f"failed to create group `{name}`"),
            ("update_user_group", {"usergroupid": people.id}, f"failed to update user group `{people.id}`"),
            ("create_gist", {"files": {"a": {"content": "x"}}}, "failed to create gist"),
            (
                "add_field_to_repo",
                {"repoid": repo.name, "key": "k"},
                f"failed to create new field for repository `{repo.name}`",
            ),
        ):
            assert root.error(method, **args, description=text) == failed, method
    root("update_repo", repoid=repo.id, description=text[: (16 * 1024) // len(text[0].encode())])


def test_fields_cannot_flood_every_list(root: Api) -> None:
    repo = root.new_repo()
    failed = f"failed to create new field for repository `{repo.name}`"
    assert root.error("add_field_to_repo", repoid=repo.name, key="k", label="x" * 256) == failed
    for number in range(50):
        root("add_field_to_repo", repoid=repo.id, key=f"k{number}")
    assert root.error("add_field_to_repo", repoid=repo.name, key="k50") == failed
    long = "x" * (4 * 1024 + 1)
    assert root.error("update_repo", repoid=repo.name, fields=f"k1={long}") == f"failed to update repo `{repo.name}`"
    root("update_repo", repoid=repo.name, fields=f"k1={long[1:]}")


def test_a_bare_directory_of_a_group_may_be_missing(server: Server, root: Api) -> None:
    group = root.new_repo_group()
    Path(server.root / group.name).rmdir()
    root("delete_repo_group", repogroupid=group.id)
