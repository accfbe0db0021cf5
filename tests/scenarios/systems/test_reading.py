# SPDX-License-Identifier: GPL-3.0-or-later
"""Changesets, nodes and comments have one shape for all systems (api-repos.md 2, 3, 5)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Filled, System


def test_changesets_in_every_detail(server: Server, root: Api, system: System, ada: Person, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    first, second, third = (root("get_repo_changeset", repoid=name, revision=raw_id) for raw_id in ids)
    assert [one["revision"] for one in (first, second, third)] == [0, 1, 2]
    assert [one["raw_id"] for one in (first, second, third)] == ids
    assert [one["message"].rstrip("\n") for one in (first, second, third)] == ["one", "two", "three"]
    assert third["parents"] == [{"raw_id": ids[1]}]
    assert third["diff"] == []
    assert third["short_id"] == ids[2][:12]
    author = ada.name if system.kind == "svn" else "Ada Lovelace <ada@example.org>"
    assert {one["author"] for one in (first, second, third)} == {author}
    moment = datetime.fromisoformat(third["date"]).replace(tzinfo=UTC)
    assert abs(moment - datetime.now(UTC)) < timedelta(minutes=10)

    extended = root("get_repo_changeset", repoid=name, revision=ids[2], details="extended")
    assert {(change["filename"], change["op"]) for change in extended["diff"]} == {
        ("gone", "D"),
        ("grüße/ünïcode.txt", "A"),
    }
    assert all(change["raw_diff"] is None and change["stats"]["added"] is None for change in extended["diff"])
    assert "refs" not in extended

    full = root("get_repo_changeset", repoid=name, revision=ids[1], details="full")
    (change,) = full["diff"]
    assert (change["filename"], change["op"]) == ("docs/read me.txt", "M")
    assert change["stats"] == {"added": 2, "deleted": 1, "binary": False}
    lines = change["raw_diff"].splitlines()
    assert lines[0] == "diff --git a/docs/read me.txt b/docs/read me.txt"
    assert lines[-4:] == [" first", "-second", "+changed", "+third"]
    assert full["refs"]["tags"] == []
    assert full["refs"]["bookmarks"] == []

    whole = {change["filename"]: change for change in root.full(name, ids[0])["diff"]}
    assert {change["op"] for change in whole.values()} == {"A"}
    assert whole["image"]["stats"] == {"added": 0, "deleted": 0, "binary": True}
    assert "Binary files /dev/null and b/image differ" in whole["image"]["raw_diff"]
    assert "new file mode 100644" in whole["gone"]["raw_diff"]
    removed = {change["filename"]: change for change in root.full(name, ids[2])["diff"]}["gone"]
    assert removed["stats"] == {"added": 0, "deleted": 1, "binary": False}
    assert "deleted file mode 100644" in removed["raw_diff"]


def test_lists_of_changesets_agree_with_single_ones(root: Api, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    for details in ("basic", "extended", "full"):
        listed = root("get_repo_changesets", repoid=name, start_rev=ids[0], limit=-1, details=details)
        assert listed == [root("get_repo_changeset", repoid=name, revision=one, details=details) for one in ids]
    for start, limit, expected in ((ids[1], 1, ids[1:2]), (ids[1], "5", ids[1:]), ("tip", 3, ids[2:]), (ids[0], 0, [])):
        listed = root("get_repo_changesets", repoid=name, start_rev=start, limit=limit)
        assert [one["raw_id"] for one in listed] == expected
    for wrong in ("nowhere", "--help", "tip:0", "all()", "-1", "HEAD~1", ""):
        said = root.error("get_repo_changesets", repoid=name, start_rev=wrong, limit=1)
        assert said == "Error occurred during commit fetching"
        said = root.error("get_repo_changeset", repoid=name, revision=wrong)
        assert said == f"Commit `{wrong}` does not exist in repository `{name}`"


def test_nodes_at_each_revision(root: Api, system: System, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    listed = root("get_repo_nodes", repoid=name, revision=ids[0], root_path="/", details="full")
    by_name = {node["name"]: node for node in listed}
    assert [node["name"] for node in listed] == ["docs", "docs/read me.txt", "gone", "image"]
    assert by_name["docs"] == {
        "name": "docs",
        "type": "dir",
        **dict.fromkeys(("md5", "binary", "size", "extension", "mimetype", "lines", "content")),
    }
    text = b"first\nsecond\n"
    assert by_name["docs/read me.txt"] == {
        "name": "docs/read me.txt",
        "type": "file",
        "md5": hashlib.md5(text).hexdigest(),
        "binary": False,
        "size": len(text),
        "extension": "txt",
        "mimetype": "text/plain",
        "lines": 2,
        "content": text.decode(),
    }
    assert (by_name["image"]["binary"], by_name["image"]["content"], by_name["image"]["size"]) == (True, None, 3)

    def names(revision: str, path: str, kind: str = "all") -> list[str]:
        nodes = root("get_repo_nodes", repoid=name, revision=revision, root_path=path, ret_type=kind)
        return [node["name"] for node in nodes]

    assert names("tip", "", "dirs") == ["docs", "grüße"]
    assert names("tip", "/", "files") == ["docs/read me.txt", "grüße/ünïcode.txt", "image"]
    assert names(ids[1], "//docs//") == ["docs/read me.txt"]
    assert names("tip", "image") == []
    for revision, path in (
        ("tip", "gone"),
        ("tip", "../image"),
        ("nowhere", "/"),
        ("tip", "docs/none"),
        ("tip", "a\0b"),
    ):
        said = root.error("get_repo_nodes", repoid=name, revision=revision, root_path=path)
        assert said == f"failed to get repo: `{name}` nodes"


def test_comments_name_the_whole_id(root: Api, ada: Person, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    assert ada.api("changeset_comment", repoid=name, revision="tip", message="Good.", status="approved") == {
        "msg": f"Commented on revision `{ids[-1]}` for repo `{name}`",
        "status_change": "approved",
        "success": True,
    }
    said = ada.api.error("changeset_comment", repoid=name, revision="nowhere", message="x")
    assert said == f"failed to set comment on repository `{name}`"
