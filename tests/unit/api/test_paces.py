# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a call is answered: on the event loop when all is at hand, in a thread when it may take longer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.api.conftest import Call
from trivium.forge.site import Site

HERE = "MainThread"


@pytest.mark.sqlite_only  # nothing of a database with a server of its own is looked up on the event loop
def test_what_is_not_at_hand_is_fetched_in_a_thread_once(call: Call) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    assert call("get_repo", repoid="repo")[0] == "short"
    assert call("get_repo", repoid="repo")[0] == HERE


@pytest.mark.sqlite_only  # nothing of a database with a server of its own is looked up on the event loop
def test_the_same_holds_for_users(call: Call) -> None:
    assert call("get_user")[0] == "short"
    assert call("get_user")[0] == HERE


def test_a_change_of_permissions_is_seen_by_the_next_call(call: Call, site: Site) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    call("create_user", username="ada", email="ada@example.org")
    call("get_repo", repoid="repo")
    call("grant_user_permission", repoid="repo", userid="ada", perm="repository.write")
    for where in ("short", HERE if site.store.can_glance else "short"):
        answered_by, seen = call("get_repo", repoid="repo")
        assert answered_by == where
        assert {"ada": "repository.write"}.items() <= {
            member["name"]: member["permission"] for member in seen["members"]
        }.items()


@pytest.mark.parametrize(
    ("where", "method", "args"),
    [
        ("short", "get_users", {}),
        ("short", "create_user_group", {"group_name": "people"}),
        ("long", "get_repo", {"repoid": "repo", "cache": False}),
        ("long", "get_repo", {"repoid": "repo", "with_revision_names": True}),
        ("long", "invalidate_cache", {"repoid": "repo"}),
        ("long", "rescan_repos", {}),
    ],
)
def test_what_may_take_longer_is_done_in_a_thread(call: Call, where: str, method: str, args: dict[str, Any]) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    call("get_repo", repoid="repo")
    assert call(method, **args)[0] == where


def test_a_large_request_is_read_in_a_thread(call: Call) -> None:
    call("create_repo", repo_name="repo", repo_type="git")
    call("get_repo", repoid="repo")
    assert call("get_repo", repoid="repo", filling="x" * 4000)[0] == "short"
