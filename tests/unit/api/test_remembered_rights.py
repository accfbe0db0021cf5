# SPDX-License-Identifier: GPL-3.0-or-later
"""What is remembered of a user's rights is forgotten when theirs change, and not when somebody else's do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.api.conftest import Call
from trivium.access.levels import Level, Scope
from trivium.access.permissions import global_names, levels_by_name
from trivium.api.objects.repositories import page_parts
from trivium.api.registry import encode
from trivium.forge.accounts import users as accounts
from trivium.forge.repositories import finding, viewing
from trivium.forge.site import Site

HERE = "MainThread"
KEYS = {
    Scope.REPOSITORY: "repositories",
    Scope.REPO_GROUP: "repositories_groups",
    Scope.USER_GROUP: "user_groups",
}
SETTING: list[tuple[str, dict[str, Any]]] = [
    ("create_user", {"username": "ada", "email": "ada@example.org"}),
    ("create_user", {"username": "ben", "email": "ben@example.org"}),
    ("create_user_group", {"group_name": "people"}),
    ("create_user_group", {"group_name": "others"}),
    ("create_repo_group", {"group_name": "team"}),
    ("create_repo", {"repo_name": "team/repo", "repo_type": "git"}),
    ("create_repo", {"repo_name": "other", "repo_type": "svn", "private": True}),
]
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("grant_user_permission", {"repoid": "team/repo", "userid": "ada", "perm": "repository.admin"}),
    ("grant_user_permission", {"repoid": "other", "userid": "default", "perm": "repository.write"}),
    ("grant_user_group_permission", {"repoid": "other", "usergroupid": "people", "perm": "repository.write"}),
    ("add_user_to_user_group", {"usergroupid": "people", "userid": "ben"}),
    ("grant_user_group_permission", {"repoid": "team/repo", "usergroupid": "people", "perm": "repository.none"}),
    ("update_user_group", {"usergroupid": "people", "active": False}),
    ("update_user_group", {"usergroupid": "people", "active": True}),
    ("revoke_user_group_permission", {"repoid": "other", "usergroupid": "people"}),
    (
        "grant_user_permission_to_repo_group",
        {"repogroupid": "team", "userid": "ben", "perm": "group.admin", "apply_to_children": "all"},
    ),
    (
        "grant_user_group_permission_to_user_group",
        {"usergroupid": "others", "sourceusergroupid": "people", "perm": "usergroup.write"},
    ),
    ("remove_user_from_user_group", {"usergroupid": "people", "userid": "ben"}),
    ("update_repo", {"repoid": "team/repo", "private": True}),
    ("update_repo", {"repoid": "team/repo", "private": False}),
    ("update_repo", {"repoid": "team/repo", "owner": "ben"}),
    ("update_repo", {"repoid": "team/repo", "name": "renamed"}),
    ("fork_repo", {"repoid": "team/renamed", "fork_name": "fork"}),
    # A former name of another one, and groups on the way; what it begins with is the rights of its source.
    ("fork_repo", {"repoid": "other", "fork_name": "team/repo", "copy_permissions": True}),
    ("create_repo", {"repo_name": "new/and/deep", "repo_type": "svn", "owner": "ada", "private": True}),
    ("update_user", {"userid": "ada", "admin": True}),
    ("update_user", {"userid": "ada", "admin": False}),
    ("revoke_user_permission", {"repoid": "team/renamed", "userid": "ada"}),
    ("update_user_group", {"usergroupid": "others", "owner": "ada"}),
    ("create_repo", {"repo_name": "more", "repo_type": "hg"}),
    ("delete_repo", {"repoid": "more"}),
    ("delete_user_group", {"usergroupid": "others"}),
]


@pytest.fixture
def filled(call: Call) -> Call:
    for method, args in SETTING:
        call(method, **args)
    return call


def true_rights(site: Site, username: str) -> dict[str, Any]:
    """What the queries say, asked anew."""
    with site.store.read() as db:
        asked = accounts.find(db, username).as_caller("")
        found: dict[str, Any] = {"global": global_names(db, asked)}
        for scope, key in KEYS.items():
            levels = levels_by_name(db, asked, scope)
            found[key] = {name: scope.name_of(Level(level)) for name, level in levels.items()}
    return found


def test_nobody_is_told_rights_that_were_true_before_a_change(filled: Call, site: Site) -> None:
    for method, args in [("get_user", {}), *CHANGES]:
        filled(method, **args)
        for username in ("root", "ada", "ben"):
            for _ in range(2):
                assert filled("get_user", userid=username)[1]["permissions"] == true_rights(site, username), (
                    method,
                    args,
                )


def true_pages(site: Site) -> dict[str, Any]:
    """What is told of each repository beside its row, asked anew."""
    with site.store.read() as db:
        root = accounts.find(db, "root").as_caller("")
        pages = {one.name: viewing.page(db, one) for one in finding.readable(db, root)}
    return {name: json.loads(encode(page_parts(page, "everybody"))) for name, page in pages.items()}


def test_nothing_is_told_of_a_repository_that_was_true_before_a_change(filled: Call, site: Site) -> None:
    more: list[tuple[str, dict[str, Any]]] = [
        ("lock", {"repoid": "other", "userid": "ada", "locked": True}),
        ("add_field_to_repo", {"repoid": "other", "key": "level"}),
        ("update_user", {"userid": "ada", "username": "ida", "email": "ida@example.org"}),
    ]
    for method, args in [("get_user", {}), *CHANGES, *more]:
        filled(method, **args)
        for name, parts in true_pages(site).items():
            for _ in range(2):
                answer = filled("get_repo", repoid=name)[1]
                assert {key: answer[key] for key in parts} == parts, (method, args, name)


@pytest.mark.sqlite_only  # nothing of a database with a server of its own is looked up on the event loop
def test_a_creation_leaves_what_is_told_of_others(filled: Call) -> None:
    for method, args, concerns in (
        ("create_repo", {"repo_name": "more", "repo_type": "hg"}, False),
        ("fork_repo", {"repoid": "team/repo", "fork_name": "deep/inside/fork"}, False),
        ("fork_repo", {"repoid": "other", "fork_name": "fork", "copy_permissions": True}, False),
        ("grant_user_permission", {"repoid": "more", "userid": "ada", "perm": "repository.read"}, True),
        ("delete_repo", {"repoid": "more"}, True),
    ):
        for _ in range(2):
            assert filled("get_repo", repoid="other")[1]
        filled(method, **args)
        where, _ = filled("get_repo", repoid="other")
        assert (where != HERE) is concerns, method


@pytest.mark.sqlite_only  # nothing of a database with a server of its own is looked up on the event loop
def test_a_change_of_rights_forgets_only_whom_it_concerns(filled: Call) -> None:
    filled("add_user_to_user_group", usergroupid="people", userid="ben")
    changes: list[tuple[str, dict[str, Any], bool]] = [
        ("grant_user_permission", {"repoid": "other", "userid": "ada", "perm": "repository.read"}, False),
        ("grant_user_group_permission", {"repoid": "other", "usergroupid": "people", "perm": "repository.read"}, True),
        ("add_user_to_user_group", {"usergroupid": "others", "userid": "ada"}, False),
        ("revoke_user_permission", {"repoid": "other", "userid": "ada"}, False),
        ("revoke_user_group_permission", {"repoid": "other", "usergroupid": "people"}, True),
        ("grant_user_permission", {"repoid": "other", "userid": "default", "perm": "repository.read"}, True),
        ("update_repo", {"repoid": "other", "description": "About others"}, False),
        ("add_field_to_repo", {"repoid": "other", "key": "level"}, False),
        ("lock", {"repoid": "other", "userid": "ada", "locked": True}, False),
        ("update_user", {"userid": "ada", "firstname": "Ada"}, False),
        ("create_gist", {"files": {"a.txt": {"content": "text"}}}, False),
    ]
    for method, args, concerns in changes:
        for _ in range(2):
            assert filled("get_user", userid="ben")[1]
        filled(method, **args)
        where, _ = filled("get_user", userid="ben")
        assert (where != HERE) is concerns, method
