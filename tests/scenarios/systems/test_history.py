# SPDX-License-Identifier: GPL-3.0-or-later
"""Changesets, what they changed, and nodes have one shape for all systems (api-repos.md 2.2-2.5, 3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.clients import Api, Person, unique
from tests.support.repositories import ZERO
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, Filled, System, new_system

NO_REVISIONS = (
    "", "nope", "99999999999", "-1", "+1", " 1", "1 ", "1.0", "1\n", "²", "١", "r1", "1:2", "--help", "-rtip", "tip:0",
    "tip^", "HEAD~1", "HEAD..", "@{upstream}", "{2020-01-01}", "all()", "reverse(all())", "re:.*", "refs/heads/master",
    "f" * 40, "g" * 40, "a" * 7, "\0", "../..", "ünknown", "%00",
)  # fmt: skip


@dataclass(frozen=True)
class History:
    """A repository that is only read, with three changesets."""

    system: System
    owner: Person
    name: str
    ids: list[str]


@pytest.fixture(scope="module", params=sorted(SYSTEMS))
def history(
    request: pytest.FixtureRequest, server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory
) -> History:
    system = new_system(request.param, tmp_path_factory.mktemp("history") / "home")
    owner = root.new_user()
    name = system.new_repository(root, owner, unique("history"))
    copy = system.checkout(server, name, owner)
    (copy.path / "link").symlink_to("docs/a/deep.txt")
    latin = b"caf\xe9\r\nend"
    first = {
        "docs/a/deep.txt": "deep\n",
        "data.bin": b"\0\1\2",
        "latin.txt": latin,
        "empty": "",
        "ünï côde.md": "# Ünï\n",
    }
    ids = [
        copy.change("first", **first),
        copy.change("second\n\nwith a bödy", **{"data.bin": b"\0\1\3", "latin.txt": "plain\n", "empty": None}),
        copy.change("third", **{"docs/a/deep.txt": "deep\ndeeper\n", "grüße/side.txt": "1\n2\n"}),
    ]
    return History(system, owner, name, ids)


def test_basic_changesets(root: Api, history: History) -> None:
    first, second, third = (root("get_repo_changeset", repoid=history.name, revision=one) for one in history.ids)
    assert [one["raw_id"] for one in (first, second, third)] == history.ids
    assert [one["revision"] for one in (first, second, third)] == [0, 1, 2]
    assert [one["short_id"] for one in (first, second, third)] == [raw_id[:12] for raw_id in history.ids]
    messages = [one["message"].removesuffix("\n") for one in (first, second, third)]
    assert messages == ["first", "second\n\nwith a bödy", "third"]
    assert [one["parents"] for one in (first, second, third)] == [
        [], [{"raw_id": history.ids[0]}], [{"raw_id": history.ids[1]}],
    ]  # fmt: skip
    author = history.owner.name if history.system.kind == "svn" else "Ada Lovelace <ada@example.org>"
    for one in (first, second, third):
        assert (one["author"], one["diff"]) == (author, [])
        moment = datetime.strptime(one["date"], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
        assert abs(moment - datetime.now(UTC)) < timedelta(minutes=90)
    assert root("get_repo_changeset", repoid=history.name, revision="tip") == third
    assert root("get_repo", repoid=history.name)["last_changeset"] | {"diff": []} == third


def test_what_is_no_revision_is_said_to_be_none(root: Api, history: History) -> None:
    for revision in (*NO_REVISIONS, *history.system.no_revisions):
        error = root.error("get_repo_changeset", repoid=history.name, revision=revision)
        assert error == f"Commit `{revision}` does not exist in repository `{history.name}`"
        assert root.error("get_repo_changesets", repoid=history.name, start_rev=revision, limit=1) == (
            "Error occurred during commit fetching"
        )
        assert root.error("get_repo_nodes", repoid=history.name, revision=revision, root_path="") == (
            f"failed to get repo: `{history.name}` nodes"
        )


@pytest.mark.parametrize("revision", [1, None, True, 1.5, [], {}])
def test_a_revision_is_a_text(root: Api, history: History, revision: object) -> None:
    said = "commit_id must be a string value"
    assert root.error("get_repo_changeset", repoid=history.name, revision=revision) == said
    assert root.error("get_repo_changesets", repoid=history.name, start_rev=revision, limit=1) == said


def test_the_list_of_changesets_is_in_order_and_limited(root: Api, history: History) -> None:
    def ids(start: str, limit: object) -> list[str]:
        return [row["raw_id"] for row in root("get_repo_changesets", repoid=history.name, start_rev=start, limit=limit)]

    assert ids("0", -1) == ids(history.ids[0], 3) == ids("0", 10) == history.ids
    assert ids("0", "2") == history.ids[:2]
    assert ids(history.ids[1], 1) == history.ids[1:2]
    assert ids(history.ids[1], "5") == history.ids[1:]
    assert ids("tip", 10) == history.ids[2:]
    assert ids("0", 0) == ids("0", -2) == []
    for limit in ("x", None, 1.5, True, []):
        assert root.error("get_repo_changesets", repoid=history.name, start_rev="0", limit=limit) == (
            "Error occurred during commit fetching"
        )


def test_each_of_the_list_is_what_is_shown_alone(root: Api, history: History) -> None:
    root.assert_list_agrees(history.name, history.ids)


def test_details_have_three_names(root: Api, history: History) -> None:
    said = "ret_type must be one of basic,extended,full"
    assert root.error("get_repo_changeset", repoid=history.name, revision="tip", details="more") == said
    assert root.error("get_repo_changesets", repoid=history.name, start_rev="0", limit=1, details=1) == said


def test_extended_details_name_the_files(root: Api, history: History) -> None:
    first, second, third = (
        root("get_repo_changeset", repoid=history.name, revision=one, details="extended") for one in history.ids
    )
    for shown, expected in (
        (first, {("A", name) for name in ("docs/a/deep.txt", "data.bin", "latin.txt", "empty", "link", "ünï côde.md")}),
        (second, {("M", "data.bin"), ("D", "empty"), ("M", "latin.txt")}),
        (third, {("M", "docs/a/deep.txt"), ("A", "grüße/side.txt")}),
    ):
        assert {(change["op"], change["filename"]) for change in shown["diff"]} == expected
        assert all(change["raw_diff"] is None and change["stats"]["added"] is None for change in shown["diff"])
        assert "refs" not in shown


def test_full_details_carry_diffs_and_counts(root: Api, history: History) -> None:
    def changes(raw_id: str) -> dict[str, Any]:
        shown = root.full(history.name, raw_id)
        assert shown["refs"]["bookmarks"] == []
        return {change["filename"]: change for change in shown["diff"]}

    first, second, third = (changes(raw_id) for raw_id in history.ids)
    assert {change["op"] for change in first.values()} == {"A"}
    assert "Binary files /dev/null and b/data.bin differ" in first["data.bin"]["raw_diff"]
    assert second["data.bin"]["stats"] == {"added": 0, "deleted": 0, "binary": True}
    assert second["empty"]["stats"] == {"added": 0, "deleted": 0, "binary": False}
    assert "deleted file mode 100644" in second["empty"]["raw_diff"]
    assert second["empty"]["new_revision"] is None
    assert second["latin.txt"]["stats"] == {"added": 1, "deleted": 2, "binary": False}
    assert "-caf\ufffd\r\n-end\n" in second["latin.txt"]["raw_diff"]
    deep = third["docs/a/deep.txt"]
    assert deep["stats"] == {"added": 1, "deleted": 0, "binary": False}
    assert deep["raw_diff"].startswith("diff --git a/docs/a/deep.txt b/docs/a/deep.txt\n")
    assert deep["raw_diff"].endswith("@@ -1 +1,2 @@\n deep\n+deeper\n")
    assert third["grüße/side.txt"]["raw_diff"].endswith("@@ -0,0 +1,2 @@\n+1\n+2\n")


def test_nodes_are_listed_with_their_facts(root: Api, history: History) -> None:
    listed = root("get_repo_nodes", repoid=history.name, revision=history.ids[0], root_path="/")
    nodes = {row["name"]: row for row in listed}
    assert list(nodes) == [
        "docs", "docs/a", "data.bin", "docs/a/deep.txt", "empty", "latin.txt", "link", "ünï côde.md",
    ]  # fmt: skip
    assert nodes["docs"] == {
        "name": "docs", "type": "dir", "md5": None, "binary": None, "size": None, "extension": None,
        "mimetype": None, "lines": None,
    }  # fmt: skip
    assert nodes["docs/a/deep.txt"] == {
        "name": "docs/a/deep.txt", "type": "file", "md5": hashlib.md5(b"deep\n").hexdigest(), "binary": False,
        "size": 5, "extension": "txt", "mimetype": "text/plain", "lines": 1,
    }  # fmt: skip
    assert nodes["data.bin"]["binary"] is True
    link = nodes["link"]
    assert (link["type"], link["size"]) == ("file", 15)
    assert link["md5"] == hashlib.md5(b"docs/a/deep.txt").hexdigest()
    assert nodes["empty"] | {"mimetype": None} == {
        "name": "empty", "type": "file", "md5": hashlib.md5(b"").hexdigest(), "binary": False,
        "size": 0, "extension": "empty", "mimetype": None, "lines": 0,
    }  # fmt: skip


def test_full_nodes_carry_the_content_of_texts(root: Api, history: History) -> None:
    def contents(**more: object) -> dict[str, str | None]:
        call = {"repoid": history.name, "revision": history.ids[0], "root_path": "", "details": "full"}
        return {row["name"]: row["content"] for row in root("get_repo_nodes", **call, **more)}

    assert contents() == {
        "docs": None, "docs/a": None, "docs/a/deep.txt": "deep\n", "data.bin": None, "empty": "",
        "latin.txt": "caf\ufffd\r\nend", "link": "docs/a/deep.txt", "ünï côde.md": "# Ünï\n",
    }  # fmt: skip
    assert contents(max_file_bytes=5)["latin.txt"] is None
    assert contents(max_file_bytes=5)["docs/a/deep.txt"] == "deep\n"


def test_a_directory_can_be_listed_by_kind(root: Api, history: History) -> None:
    def names(path: str, kind: str = "all", revision: str = history.ids[0]) -> list[str]:
        rows = root("get_repo_nodes", repoid=history.name, revision=revision, root_path=path, ret_type=kind)
        return [row["name"] for row in rows]

    assert names("docs") == names("//docs//") == ["docs/a", "docs/a/deep.txt"]
    assert names("docs", "files") == ["docs/a/deep.txt"]
    assert names("/", "dirs") == ["docs", "docs/a"]
    assert names("latin.txt") == names("link") == []
    assert names("", "dirs", "tip") == ["docs", "docs/a", "grüße"]
    assert "empty" in names("", revision=history.ids[0]) and "empty" not in names("", revision=history.ids[1])


@pytest.mark.parametrize("path", [
    "nope", "doc", "empty", "..", "docs/..", "docs/../docs", "docs/.", ".", "docs\0", "../../.hg/store", "x" * 9000,
    None, 1,
])  # fmt: skip
def test_a_path_that_is_none_is_refused(root: Api, history: History, path: object) -> None:
    error = root.error("get_repo_nodes", repoid=history.name, revision="tip", root_path=path)
    assert error == f"failed to get repo: `{history.name}` nodes"


def test_bad_choices_of_nodes_are_named(root: Api, history: History) -> None:
    call = {"repoid": history.name, "revision": "tip", "root_path": ""}
    assert root.error("get_repo_nodes", **call, ret_type="links") == "ret_type must be one of all,dirs,files"
    assert root.error("get_repo_nodes", **call, details="extended") == "ret_type must be one of basic,full"


def test_an_empty_repository_has_no_changesets_and_no_nodes(root: Api, system: System, ada: Person) -> None:
    name = system.new_repository(root, ada)
    assert root("get_repo_nodes", repoid=name, revision="whatever", root_path="..") == []
    for revision in ("tip", "HEAD", "0", "1", ZERO, *system.no_revisions):
        assert root.error("get_repo_changeset", repoid=name, revision=revision) == (
            f"Commit `{revision}` does not exist in repository `{name}`"
        )
    assert root.error("get_repo_changesets", repoid=name, start_rev="0", limit=1) == (
        "Error occurred during commit fetching"
    )
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == ZERO


def test_reading_needs_the_permission_to_read(root: Api, filled: Filled) -> None:
    stranger = root.new_user()
    root("update_repo", repoid=filled.name, private=True)
    said = f"repository `{filled.name}` does not exist"
    assert stranger.api.error("get_repo_changeset", repoid=filled.name, revision="tip") == said
    assert stranger.api.error("get_repo_changesets", repoid=filled.name, start_rev="0", limit=1) == said
    assert stranger.api.error("get_repo_nodes", repoid=filled.name, revision="tip", root_path="") == said
    root("grant_user_permission", repoid=filled.name, userid=stranger.name, perm="repository.read")
    assert stranger.api("get_repo_changeset", repoid=filled.name, revision=filled.ids[0])["revision"] == 0


def test_what_is_pushed_shows_at_once(root: Api, filled: Filled) -> None:
    assert root("get_repo_changeset", repoid=filled.name, revision="tip")["raw_id"] == filled.ids[-1]
    more = filled.copy.change("one more", new="x\n")
    tip = root("get_repo_changeset", repoid=filled.name, revision="tip")
    assert (tip["raw_id"], tip["revision"], tip["parents"]) == (more, 3, [{"raw_id": filled.ids[-1]}])
    assert "new" in [row["name"] for row in root("get_repo_nodes", repoid=filled.name, revision="tip", root_path="")]
