# SPDX-License-Identifier: GPL-3.0-or-later
"""What programs say of commits (api-reviews.md 3, set_commit_status)."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.support.clients import Api
from tests.support.servers import Server
from tests.support.systems import Filled


def test_each_program_says_one_thing_at_a_time(server: Server, root: Api, filled: Filled) -> None:
    robot = root.new_user()
    root("grant_user_permission", repoid=filled.name, userid=robot.id, perm="repository.write")
    commit = {"repoid": filled.name, "commit_id": filled.ids[-1]}
    assert root("get_commit_status", **commit) == []
    (first,) = robot.api("set_commit_status", **commit | {"commit_id": "tip"}, context="ci/tests", state="pending")
    assert first == {
        "commit_id": filled.ids[-1],
        "context": "ci/tests",
        "state": "pending",
        "url": "",
        "description": "",
        "author": robot.name,
        "updated_on": first["updated_on"],
    }
    told = {"state": "failure", "url": "https://ci.example.org/7?a=b", "description": "3 of 7 fäiled"}
    robot.api("set_commit_status", **commit, context="ci/tests", **told)
    root("set_commit_status", **commit, context="Build", state="success")
    rows = robot.api("get_commit_status", **commit)
    assert [row["context"] for row in rows] == ["Build", "ci/tests"]
    assert {key: rows[1][key] for key in told} == told
    assert robot.api("get_commit_status", repoid=filled.name, commit_id=filled.ids[0]) == []
    details = [json.loads(detail) for _, _, detail in server.journal("commit.status", filled.name)]
    assert [(one["revision"], one["context"], one["state"]) for one in details] == [
        (filled.ids[-1], "ci/tests", "pending"),
        (filled.ids[-1], "ci/tests", "failure"),
        (filled.ids[-1], "Build", "success"),
    ]
    root("delete_user", userid=robot.id)
    assert [row["author"] for row in root("get_commit_status", **commit)] == ["root", None]


def test_what_cannot_be_said_of_a_commit(server: Server, root: Api, filled: Filled) -> None:
    raw_id = filled.ids[0]
    call: dict[str, Any] = {"repoid": filled.name, "commit_id": raw_id, "context": "ci", "state": "success"}
    failed = f"failed to set status of commit `{raw_id}` in repository `{filled.name}`"
    unusable = "failed to set status of commit"
    with server.unchanged():
        for given, text in (
            ({"state": "fine"}, "state must be one of pending,success,failure,error"),
            ({"state": None}, "state must be one of pending,success,failure,error"),
            ({"state": []}, "state must be one of pending,success,failure,error"),
            ({"commit_id": "nope"}, f"Commit `nope` does not exist in repository `{filled.name}`"),
            ({"commit_id": 7}, "commit_id must be a string value"),
            ({"commit_id": None}, "commit_id must be a string value"),
            ({"context": " "}, failed),
            ({"context": "x" * 256}, failed),
            ({"context": "two\nlines"}, failed),
            ({"context": 5}, unusable),
            ({"context": "a\0b"}, unusable),
            ({"url": "javascript:alert(1)"}, failed),
            ({"url": "//ci.example.org"}, failed),
            ({"url": "https://"}, failed),
            ({"url": "https://[x"}, failed),
            ({"url": "https://ci/ x"}, failed),
            ({"url": "https://ci/" + "x" * 2048}, failed),
            ({"description": "x" * 1025}, failed),
            ({"description": {}}, unusable),
        ):
            assert root.error("set_commit_status", **call | given) == text, given


def test_of_a_commit_not_everything_can_be_said(root: Api, filled: Filled) -> None:
    call = {"repoid": filled.name, "commit_id": filled.ids[0], "state": "success"}
    for number in range(100):
        root("set_commit_status", **call, context=str(number))
    failed = f"failed to set status of commit `{filled.ids[0]}` in repository `{filled.name}`"
    answer = root.envelope("set_commit_status", **call, context="one more")
    assert (answer["error"], answer["error_detail"]) == (failed, "of a commit at most 100 programs say something")
    assert len(root("set_commit_status", **call, context="99")) == 100


def test_many_who_say_the_first_thing_at_once_leave_one_row(root: Api, filled: Filled) -> None:
    call = {"repoid": filled.name, "commit_id": filled.ids[0], "context": "ci"}
    errors: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda state=state: errors.append(root.envelope("set_commit_status", **call, state=state)["error"])
        )
        for state in ("pending", "success", "failure", "error") * 3
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == [None] * 12
    assert len(root("get_commit_status", repoid=filled.name, commit_id=filled.ids[0])) == 1


@pytest.mark.parametrize("level", ["none", "read", "write"])
def test_who_says_and_who_asks(server: Server, root: Api, filled: Filled, level: str) -> None:
    person = root.new_user()
    root("grant_user_permission", repoid=filled.name, userid=person.id, perm=f"repository.{level}")
    call = {"repoid": filled.name, "commit_id": filled.ids[0]}
    missing = f"repository `{filled.name}` does not exist"
    asked = person.api.envelope("get_commit_status", **call)["error"]
    assert asked == (missing if level == "none" else None)
    if level == "write":
        person.api("set_commit_status", **call, context="ci", state="success")
        return
    with server.unchanged():
        said = person.api.error("set_commit_status", **call | {"commit_id": "no-such"}, context="\0", state="no-such")
        assert said == missing
