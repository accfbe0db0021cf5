# SPDX-License-Identifier: GPL-3.0-or-later
"""Comments are changed and deleted (api-reviews.md 1.2, 2.2, 3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.clients import Api
from tests.support.servers import Server
from tests.support.systems import Filled
from tests.support.values import NOBODY, echoed

DENIED = "Access was denied to this resource."


def _comment(api: Api, filled: Filled, message: str = "first", **args: Any) -> int:
    made = api("comment_commit", repoid=filled.name, commit_id=filled.ids[0], message=message, **args)
    return int(made["comment_id"])


def test_the_author_changes_what_they_said(server: Server, root: Api, filled: Filled) -> None:
    ada, reader = root.new_user(), root.new_user()
    number = _comment(ada.api, filled, status="approved", filepath="image", lineno="o2")
    (before,) = root("get_repo_comments", repoid=filled.name)
    after = ada.api("edit_comment", comment_id=str(number), message="second ünï")
    changed = {"comment_text": "second ünï", "comment_edited_on": after["comment_edited_on"]}
    assert after == before | changed
    assert after["comment_edited_on"] >= before["comment_created_on"]
    assert root("get_repo_comments", repoid=filled.name) == [after]
    failed = f"failed to edit comment `{number}`"
    with server.unchanged():
        for wrong in (" ", "", None, 5, [], "x" * (64 * 1024 + 1), "a\0b"):
            assert ada.api.error("edit_comment", comment_id=number, message=wrong) == failed, wrong
        for other in (reader.api, root):
            assert other.error("edit_comment", comment_id=number, message="mine") == DENIED
            assert other.error("edit_comment", comment_id=number, message=None) == DENIED
    ((who, _, detail),) = server.journal("comment.edit", filled.name)
    assert (who, json.loads(detail)["comment"]) == (ada.name, number)


def test_a_comment_that_nobody_answered_is_gone(server: Server, root: Api, filled: Filled) -> None:
    ada = root.new_user()
    numbers = [_comment(ada.api, filled, status="approved") for _ in range(2)]
    assert ada.api("delete_comment", comment_id=numbers[0]) == {
        "msg": f"Deleted comment `{numbers[0]}`",
        "success": True,
    }
    assert [row["comment_id"] for row in root("get_repo_comments", repoid=filled.name)] == numbers[1:]
    for method, more in (("delete_comment", {}), ("edit_comment", {"message": "x"})):
        assert ada.api.error(method, comment_id=numbers[0], **more) == f"comment `{numbers[0]}` does not exist"
    assert _comment(ada.api, filled) > numbers[1]


def test_a_comment_that_was_answered_is_blanked_until_its_answer_goes(root: Api, filled: Filled) -> None:
    ada, ben = root.new_user(), root.new_user()
    todo = _comment(ada.api, filled, "mend it", comment_type="todo", status="rejected")
    answer = _comment(ben.api, filled, "mended", resolves_comment_id=todo)
    ada.api("delete_comment", comment_id=todo)
    blank, reply = root("get_repo_comments", repoid=filled.name)
    assert (blank["comment_id"], blank["comment_text"], blank["comment_state"]) == (todo, "", "deleted")
    assert (blank["comment_status"], blank["comment_resolved_by"]) == ([], answer)
    assert (reply["comment_thread_id"], reply["comment_text"]) == (todo, "mended")
    for method, more in (("delete_comment", {}), ("edit_comment", {"message": "x"})):
        assert ada.api.error(method, comment_id=todo, **more) == f"comment `{todo}` does not exist"
    told = root("get_changeset", repoid=filled.name, raw_id=filled.ids[0], with_reviews=True, with_comments=True)
    assert (told["reviews"], [one["comment_id"] for one in told["comments"]]) == ([], [answer])
    ben.api("delete_comment", comment_id=answer)
    assert root("get_repo_comments", repoid=filled.name) == []


def test_a_todo_whose_answer_is_deleted_is_open_again(root: Api, filled: Filled) -> None:
    todo = _comment(root, filled, "mend it", comment_type="todo")
    answer = _comment(root, filled, "mended", resolves_comment_id=todo)
    root("delete_comment", comment_id=answer)
    (shown,) = root("get_repo_comments", repoid=filled.name)
    assert (shown["comment_state"], shown["comment_resolved_by"]) == ("open", None)
    _comment(root, filled, "mended better", resolves_comment_id=todo)


@pytest.mark.parametrize("level", ["none", "read", "write", "admin"])
def test_who_deletes_what_others_said(server: Server, root: Api, filled: Filled, level: str) -> None:
    number = _comment(root, filled)
    person = root.new_user()
    root("grant_user_permission", repoid=filled.name, userid=person.id, perm=f"repository.{level}")
    if level == "admin":
        person.api("delete_comment", comment_id=number)
        ((who, _, detail),) = server.journal("comment.delete", filled.name)
        assert (who, json.loads(detail)["author"]) == (person.name, "root")
        return
    with server.unchanged():
        said = person.api.error("delete_comment", comment_id=number)
        assert said == (f"comment `{number}` does not exist" if level == "none" else DENIED)


def test_who_may_not_read_any_more_finds_not_even_what_they_said_themselves(root: Api, filled: Filled) -> None:
    ada = root.new_user()
    number = _comment(ada.api, filled)
    root("grant_user_permission", repoid=filled.name, userid=ada.id, perm="repository.none")
    missing = f"comment `{number}` does not exist"
    assert ada.api.error("delete_comment", comment_id=number) == missing
    assert ada.api.error("edit_comment", comment_id=number, message="x") == missing


def test_what_is_no_comment_does_not_exist(server: Server, root: Api) -> None:
    with server.unchanged():
        for given in NOBODY:
            missing = f"comment `{echoed(given)}` does not exist"
            assert root.error("delete_comment", comment_id=given) == missing, given
            assert root.error("edit_comment", comment_id=given, message="x") == missing, given


def test_only_who_may_read_is_to_hear_of_a_comment(server: Server, root: Api, filled: Filled) -> None:
    reader, stranger, gone = (root.new_user() for _ in range(3))
    root("grant_user_permission", repoid=filled.name, userid=stranger.id, perm="repository.none")
    root("update_user", userid=gone.id, active=False)
    call = {"repoid": filled.name, "commit_id": filled.ids[0], "message": "look"}
    named = [reader.name, stranger.name, gone.name, "nobody-at-all", None, {}, "default", reader.id]
    assert root("comment_commit", **call, extra_recipients=named)["recipients"] == [reader.name]
    texts = f" {reader.name}, root ,,{stranger.name}"
    assert root("comment_commit", **call, extra_recipients=texts)["recipients"] == [reader.name, "root"]
    for nobody in ([], "", None, [stranger.name]):
        assert "recipients" not in root("comment_commit", **call, extra_recipients=nobody)
    told = [json.loads(row[2]).get("recipients") for row in server.journal("changeset.comment", filled.name)]
    assert told == [[reader.name], [reader.name, "root"], None, None, None, None]
