# SPDX-License-Identifier: GPL-3.0-or-later
"""What the published clients send, in their wire form: values as texts, old names, arguments that we do not know.

Written from the public documentation of both lines (api-reviews.md); calls about pull requests are another story.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


@dataclass(frozen=True)
class World:
    """What the calls are about; `{name}` in an argument is replaced."""

    root: Api
    names: dict[str, str] = field(default_factory=dict)

    def filled(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.format_map(self.names)
        if isinstance(value, dict):
            return {key: self.filled(inner) for key, inner in value.items()}
        return value


@pytest.fixture(scope="module")
def world(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> World:
    git = Git(tmp_path_factory.mktemp("published"))
    names = {name: unique(name) for name in ("repo", "group", "people", "other", "user", "new")}
    made = root.new_user(names["user"])
    root.new_repo_group(names["group"])
    root.new_user_group(name=names["people"])
    root.new_user_group(name=names["other"])
    root.new_repo(names["repo"])
    work = git.new_work()
    names["commit"] = git.commit(work, README="hello\n")
    git.run("push", "--quiet", server.clone_url(names["repo"], server.administrator), "master", cwd=work)
    names["gist"] = root("create_gist", files={"a": {"content": "x"}})["gist"]["access_id"]
    names["user_id"] = str(made.id)
    return World(root, names)


CALLS: list[tuple[str, dict[str, Any]]] = [
    # The contract's own client sends nothing but texts.
    ("get_repo", {"repo": "{repo}"}),
    ("get_repo", {"repoid": "{repo}", "cache": "False"}),
    ("get_repo", {"repoid": "{repo}", "with_revision_names": "true", "with_pullrequests": "true"}),
    ("get_repos", {}),
    ("get_repos", {"root": "{group}", "traverse": "true"}),
    ("get_repo_changeset", {"repoid": "{repo}", "revision": "tip", "details": "full"}),
    ("get_repo_changesets", {"repoid": "{repo}", "start_rev": "0", "limit": "10", "details": "basic"}),
    ("get_repo_nodes", {"repoid": "{repo}", "revision": "tip", "root_path": "/", "ret_type": "all"}),
    ("get_repo_nodes", {"repoid": "{repo}", "revision": "tip", "root_path": "", "max_file_bytes": "100"}),
    ("get_repo_refs", {"repoid": "{repo}"}),
    ("get_repo_file", {"repoid": "{repo}", "commit_id": "{commit}", "file_path": "README", "max_file_bytes": "9999",
                       "details": "full", "cache": "true"}),
    ("get_repo_fts_tree", {"repoid": "{repo}", "commit_id": "{commit}", "root_path": "/"}),
    ("changeset_comment", {"repoid": "{repo}", "revision": "{commit}", "message": "x", "status": "approved"}),
    ("comment_commit", {"repoid": "{repo}", "commit_id": "{commit}", "message": "x", "status": "under_review",
                        "comment_type": "note", "extra_recipients": [], "send_email": "true", "userid": "root"}),
    ("get_repo_comments", {"repoid": "{repo}", "commit_id": "{commit}", "comment_type": "note", "userid": "root"}),
    ("file_store_add", {"filename": "a.txt", "content": "aGVs\nbG8=\n", "description": "x"}),
    ("get_repo_settings", {"repoid": "{repo}", "key": "rhodecode_pr_merge_enabled"}),
    ("set_repo_settings", {"repoid": "{repo}", "settings": {"rhodecode_use_outdated_comments": True}}),
    ("set_repo_settings", {"repoid": "{repo}", "settings": '{{"extensions_largefiles": true}}'}),
    ("maintenance", {"repoid": "{repo}"}),
    ("invalidate_cache", {"repoid": "{repo}", "delete_keys": "true"}),
    ("lock", {"repoid": "{repo}"}),
    ("lock", {"repoid": "{repo}", "locked": "true", "userid": "{user}"}),
    ("get_user_locks", {"userid": "{user}"}),
    ("get_locks", {"userid": "{user_id}"}),
    ("lock", {"repoid": "{repo}", "locked": "false"}),
    ("get_user_audit_logs", {"userid": "{user}"}),
    ("get_method", {"pattern": "*repo*"}),
    ("get_server_info", {}),
    ("get_repo_store", {}),
    ("get_ip", {"userid": "{user}"}),
    ("show_ip", {}),
    ("rescan_repos", {"remove_obsolete": "False"}),
    ("cleanup_sessions", {"older_then": "60"}),
    ("store_exception", {"exc_data_json": '{{"exc_type_name": "E", "exc_traceback": "..."}}', "prefix": "rhodecode"}),
    ("create_repo", {"repo_name": "{group}/{new}", "repo_type": "git", "owner": "root", "description": "x",
                     "private": "false", "clone_uri": None, "push_uri": None, "landing_rev": "rev:tip",
                     "enable_statistics": "false", "enable_locking": "false", "enable_downloads": "false",
                     "copy_permissions": "false"}),
    ("fork_repo", {"repoid": "{group}/{new}", "fork_name": "{new}-fork", "description": "", "private": "false",
                   "copy_permissions": "false", "landing_rev": "rev:tip"}),
    ("update_repo", {"repoid": "{group}/{new}", "repo_name": "{group}/{new}-2", "owner": "root", "description": "y",
                     "private": "false", "clone_uri": None, "push_uri": None, "landing_rev": "rev:tip",
                     "fork_of": None, "enable_statistics": "false", "enable_locking": "false",
                     "enable_downloads": "false", "fields": ""}),
    ("update_repo", {"repoid": "{group}/{new}-2", "name": "{new}-3", "group": "{group}"}),
    ("add_field_to_repo", {"repoid": "{repo}", "key": "k", "label": "K", "description": "d"}),
    ("update_repo", {"repoid": "{repo}", "fields": "k=v"}),
    ("remove_field_from_repo", {"repoid": "{repo}", "key": "k"}),
    ("grant_user_permission", {"repoid": "{repo}", "userid": "{user}", "perm": "repository.write"}),
    ("revoke_user_permission", {"repoid": "{repo}", "userid": "{user}"}),
    ("grant_users_group_permission", {"repoid": "{repo}", "usersgroupid": "{people}", "perm": "repository.read"}),
    ("revoke_user_group_permission", {"repoid": "{repo}", "usergroupid": "{people}"}),
    ("delete_repo", {"repoid": "{group}/{new}-3", "forks": "detach"}),
    ("delete_repo", {"repoid": "{new}-fork", "forks": ""}),
    ("create_repo_group", {"group_name": "{new}", "description": "", "owner": "root", "parent": "{group}",
                           "copy_permissions": "false"}),
    ("create_repo_group", {"group_name": "{group}/{new}/deep", "copy_permissions": "true"}),
    ("update_repo_group", {"repogroupid": "{group}/{new}/deep", "group_name": "deeper", "description": "x",
                           "owner": "root", "parent": "{group}", "enable_locking": "false"}),
    ("get_repo_group", {"repogroupid": "{group}/deeper"}),
    ("get_repo_groups", {}),
    ("grant_user_permission_to_repo_group", {"repogroupid": "{group}", "userid": "{user}", "perm": "group.read",
                                             "apply_to_children": "all"}),
    ("delete_repo_group", {"repogroupid": "{group}/deeper"}),
    ("get_user", {"userid": "{user}"}),
    ("get_users", {}),
    ("create_user", {"username": "{new}", "email": "{new}@example.org", "password": "s3cret-pw", "firstname": "",
                     "lastname": "", "active": "true", "admin": "false", "extern_name": "rhodecode",
                     "extern_type": "rhodecode", "force_password_change": "false",
                     "create_personal_repo_group": None, "description": ""}),
    ("update_user", {"userid": "{new}", "firstname": "N", "extern_name": None, "extern_type": None}),
    ("delete_user", {"userid": "{new}"}),
    ("get_users_group", {"usersgroupid": "{people}"}),
    ("get_user_groups", {}),
    ("create_user_group", {"group_name": "{new}", "owner": "root", "active": "true", "sync": None}),
    ("update_user_group", {"usergroupid": "{new}", "group_name": "{new}-2", "active": "false"}),
    ("add_user_to_user_group", {"usergroupid": "{new}-2", "userid": "{user}"}),
    ("remove_user_from_user_group", {"usergroupid": "{new}-2", "userid": "{user_id}"}),
    ("grant_user_group_permission_to_user_group", {"usergroupid": "{people}", "sourceusergroupid": "{other}",
                                                   "perm": "usergroup.read"}),
    ("delete_user_group", {"usergroupid": "{new}-2"}),
    ("create_gist", {"files": {"f.txt": {"content": "x", "lexer": None}}, "gist_type": "private", "lifetime": "-1",
                     "acl_level": "acl_public", "description": "d", "owner": "root"}),
    ("get_gist", {"gistid": "{gist}", "content": "true"}),
    ("get_gists", {"userid": "root"}),
    ("update_gist", {"gistid": "{gist}", "description": "d", "lifetime": "0", "files": {"a": {"content": "y"}},
                     "owner": "root"}),
    ("delete_gist", {"gistid": "{gist}"}),
    ("get_changesets", {"repoid": "{repo}", "start": None, "end": None, "start_date": "", "end_date": "",
                        "branch_name": "master", "reverse": "true", "with_file_list": "true", "max_revisions": "5"}),
    ("get_changeset", {"repoid": "{repo}", "raw_id": "{commit}", "with_reviews": "true", "with_comments": "true",
                       "with_inline_comments": "true"}),
    ("strip", {"repoid": "{repo}", "revision": "nope", "branch": "master"}),
    ("pull", {"repoid": "{repo}"}),
]  # fmt: skip

REFUSED = {
    # What cannot work here, in the documented words.
    "strip": "Unable to strip commit nope from repo `{repo}`",
    "pull": "Unable to pull changes from `{repo}`",
}


def test_the_published_clients_calls_are_answered(world: World) -> None:
    for number, (method, args) in enumerate(CALLS):
        request = {"id": number, "api_key": world.root.key, "method": method, "args": world.filled(args)}
        status, headers, body = world.root.post(json.dumps(request), headers={"content-type": "text/plain"})
        answer = json.loads(body)
        assert (status, answer["id"]) == (200, number)
        assert headers["content-type"].startswith("application/json")
        refused = REFUSED.get(method)
        assert answer["error"] == (refused and world.filled(refused)), (method, args)
