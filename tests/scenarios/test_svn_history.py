# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading Subversion repositories through the API (api-repos.md 2.2-2.5, 3)."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url

MESSAGES = ("first", "copied and changed", "deleted a directory", "replaced\n\nwith a body", "properties only", "mixed")


@pytest.fixture(scope="module")
def ada(root: Api) -> Person:
    return root.new_user()


@pytest.fixture(scope="module")
def project(server: Server, root: Api, ada: Person, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A repository with a little of everything, that is only read."""
    name = unique("history")
    root("create_repo", repo_name=name, repo_type="svn", owner=ada.name)
    svn = Svn(tmp_path_factory.mktemp("home"), ada)
    work = svn.checkout(svn_url(server.url, name))
    trunk = work / "trunk"
    (trunk / "docs" / "a").mkdir(parents=True)
    (trunk / "docs" / "a" / "deep.txt").write_text("deep\n")
    (trunk / "data.bin").write_bytes(b"\0\1\2")
    (trunk / "latin.txt").write_bytes(b"caf\xe9\r\nend")
    (trunk / "empty").touch()
    (trunk / "ünï côde.md").write_text("# Ünï\n")
    (trunk / "link").symlink_to("docs/a/deep.txt")
    svn.run("add", "--quiet", "trunk", cwd=work)
    svn.commit(work, MESSAGES[0])
    svn.run("update", "--quiet", cwd=work)
    svn.run("copy", "trunk", "side", cwd=work)  # r2: a copied directory, with changes below it
    (work / "side" / "latin.txt").write_text("plain\n")
    svn.run("delete", "side/empty", cwd=work)
    svn.commit(work, MESSAGES[1], **{"side/new.txt": "1\n2\n"})
    svn.run("update", "--quiet", cwd=work)
    svn.run("delete", "trunk/docs", cwd=work)
    svn.commit(work, MESSAGES[2])
    svn.run("update", "--quiet", cwd=work)
    svn.run("delete", "trunk/data.bin", cwd=work)  # r4: another file under the old name
    (trunk / "data.bin").write_text("text now\n")
    svn.run("add", "--quiet", "trunk/data.bin", cwd=work)
    svn.commit(work, MESSAGES[3])
    svn.run("update", "--quiet", cwd=work)
    svn.run("propset", "key", "value", "trunk/latin.txt", cwd=work)
    svn.run("propset", "svn:externals", "^/side elsewhere", "trunk", cwd=work)
    svn.commit(work, MESSAGES[4])
    svn.run("update", "--quiet", "--ignore-externals", cwd=work)
    svn.run("move", "side/new.txt", "trunk/moved.txt", cwd=work)
    (trunk / "moved.txt").write_text("1\n2\n3\n")
    svn.run("delete", "side", "--force", cwd=work)
    svn.commit(work, MESSAGES[5])
    return name


def changeset(root: Api, project: str, revision: str, details: str = "basic") -> Any:
    return root("get_repo_changeset", repoid=project, revision=revision, details=details)


def test_every_form_of_a_revision_finds_its_commit(root: Api, project: str) -> None:
    for revision, expected in {"tip": "6", "HEAD": "6", "1": "1", "3": "3", "6": "6"}.items():
        assert changeset(root, project, revision)["raw_id"] == expected


@pytest.mark.parametrize("revision", [
    "", "0", "7", "01", "-1", "+1", " 1", "1 ", "1.0", "head", "trunk", "BASE", "PREV", "{2020-01-01}", "r1", "1:2",
    "99999999999", "--help", "0" * 40, "²", "١", "1\n", "\0",
])  # fmt: skip
def test_what_is_no_revision_is_said_to_be_none(root: Api, project: str, revision: str) -> None:
    error = root.error("get_repo_changeset", repoid=project, revision=revision)
    assert error == f"Commit `{revision}` does not exist in repository `{project}`"
    assert root.error("get_repo_nodes", repoid=project, revision=revision, root_path="") == (
        f"failed to get repo: `{project}` nodes"
    )
    if revision != "0":
        assert root.error("get_repo_changesets", repoid=project, start_rev=revision, limit=1) == (
            "Error occurred during commit fetching"
        )


def test_a_basic_changeset_has_the_documented_shape(root: Api, project: str, ada: Person) -> None:
    shown = changeset(root, project, "4")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", shown.pop("date"))
    assert shown == {
        "raw_id": "4", "short_id": "4", "revision": 3, "author": ada.name, "message": "replaced\n\nwith a body",
        "parents": [{"raw_id": "3"}], "branch": None, "diff": [],
    }  # fmt: skip
    assert changeset(root, project, "1")["parents"] == []


def test_the_list_of_changesets_is_in_order_and_limited(root: Api, project: str) -> None:
    def ids(start: str, limit: object) -> list[str]:
        return [row["raw_id"] for row in root("get_repo_changesets", repoid=project, start_rev=start, limit=limit)]

    assert ids("0", -1) == ids("1", -1) == ["1", "2", "3", "4", "5", "6"]
    assert ids("0", 2) == ["1", "2"]
    assert ids("3", "2") == ["3", "4"]
    assert ids("tip", 10) == ["6"]
    assert ids("0", 0) == []


@pytest.mark.parametrize("details", ["basic", "extended", "full"])
def test_each_of_the_list_is_what_is_shown_alone(root: Api, project: str, details: str) -> None:
    listed = root("get_repo_changesets", repoid=project, start_rev="0", limit=-1, details=details)
    assert listed == [changeset(root, project, str(number), details) for number in range(1, 7)]


def test_extended_details_name_the_files(root: Api, project: str) -> None:
    def touched(revision: str) -> set[tuple[str, str]]:
        return {(change["op"], change["filename"]) for change in changeset(root, project, revision, "extended")["diff"]}

    files = ("docs/a/deep.txt", "data.bin", "latin.txt", "empty", "ünï côde.md", "link")
    assert touched("1") == {("A", f"trunk/{name}") for name in files}
    copied = {("M", f"side/{name}") for name in files if name != "empty"}
    assert touched("2") == copied | {("A", "side/new.txt")}
    assert touched("3") == {("D", "trunk/docs/a/deep.txt")}
    assert touched("4") == {("M", "trunk/data.bin")}
    assert touched("5") == {("M", "trunk/latin.txt")}
    gone = {("D", name) for name in ("side/new.txt", *(f"side/{name}" for name in files if name != "empty"))}
    assert touched("6") == gone | {("M", "trunk/moved.txt")}


def test_full_details_carry_diffs_and_counts(root: Api, project: str) -> None:
    def full(revision: str) -> dict[str, Any]:
        shown = changeset(root, project, revision, "full")
        assert shown["refs"] == {"branches": [], "bookmarks": [], "tags": []}
        return {change["filename"]: change for change in shown["diff"]}

    second = full("2")
    assert second["side/new.txt"]["raw_diff"].endswith("@@ -0,0 +1,2 @@\n+1\n+2\n")
    assert second["side/latin.txt"]["stats"] == {"added": 1, "deleted": 2, "binary": False}
    assert "-caf\ufffd\r\n" in second["side/latin.txt"]["raw_diff"]
    assert second["side/data.bin"]["stats"] == {"added": 0, "deleted": 0, "binary": True}
    assert full("3")["trunk/docs/a/deep.txt"]["stats"] == {"added": 0, "deleted": 1, "binary": False}
    assert full("5")["trunk/latin.txt"]["raw_diff"] == ""
    moved = full("6")["trunk/moved.txt"]
    assert moved["stats"] == {"added": 1, "deleted": 0, "binary": False}
    assert (moved["old_revision"], moved["new_revision"]) == ("5", "6")


def test_nodes_are_listed_with_their_facts(root: Api, project: str) -> None:
    rows = root("get_repo_nodes", repoid=project, revision="1", root_path="/", details="full")
    nodes = {row["name"]: row for row in rows}
    assert list(nodes)[:3] == ["trunk", "trunk/docs", "trunk/docs/a"]
    assert nodes["trunk/docs/a/deep.txt"] == {
        "name": "trunk/docs/a/deep.txt", "type": "file", "md5": hashlib.md5(b"deep\n").hexdigest(), "binary": False,
        "size": 5, "extension": "txt", "mimetype": "text/plain", "lines": 1, "content": "deep\n",
    }  # fmt: skip
    link = nodes["trunk/link"]
    assert (link["type"], link["content"], link["size"]) == ("file", "docs/a/deep.txt", 15)
    assert link["md5"] == hashlib.md5(b"docs/a/deep.txt").hexdigest()
    assert nodes["trunk/data.bin"]["binary"] is True
    assert nodes["trunk/latin.txt"]["content"] == "caf\ufffd\r\nend"
    assert nodes["trunk/empty"]["size"] == 0


def test_a_directory_can_be_listed_by_kind(root: Api, project: str) -> None:
    def names(path: str, revision: str = "1", kind: str = "all") -> list[str]:
        rows = root("get_repo_nodes", repoid=project, revision=revision, root_path=path, ret_type=kind)
        return [row["name"] for row in rows]

    assert names("trunk/docs") == names("//trunk//docs//") == ["trunk/docs/a", "trunk/docs/a/deep.txt"]
    assert names("trunk/docs", kind="files") == ["trunk/docs/a/deep.txt"]
    assert names("", kind="dirs") == ["trunk", "trunk/docs", "trunk/docs/a"]
    assert names("trunk/latin.txt") == names("trunk/link") == []
    assert "trunk/moved.txt" in names("", "tip")
    for path in ("nope", "..", "trunk/..", "trunk\0", ".", "trunk/docs/.", None, 1, "x" * 9000):
        error = root.error("get_repo_nodes", repoid=project, revision="1", root_path=path)
        assert error == f"failed to get repo: `{project}` nodes"
    assert root.error("get_repo_nodes", repoid=project, revision="3", root_path="trunk/docs").startswith("failed")


def test_an_empty_repository_has_no_commits_and_no_nodes(root: Api) -> None:
    name = root.new_repo(kind="svn").name
    assert root("get_repo_nodes", repoid=name, revision="whatever", root_path="..") == []
    for revision in ("tip", "HEAD", "0", "1"):
        assert root.error("get_repo_changeset", repoid=name, revision=revision).startswith("Commit `")
    assert root.error("get_repo_changesets", repoid=name, start_rev="0", limit=1) == (
        "Error occurred during commit fetching"
    )
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == "0" * 40


def test_what_an_old_repository_lacks_or_writes_in_its_own_way(server: Server, root: Api, tmp_path: Path) -> None:
    """Revisions without author and date, and properties that are no UTF-8."""
    repository = root.new_repo(kind="svn")
    place = server.root / repository.name
    svn = Svn(tmp_path / "home", Person(1, server.admin, server.admin_password, "", root))
    svn.run("mkdir", "-m", "x", f"{svn_url(server.url, repository.name)}/trunk")
    for name in ("svn:author", "svn:date"):
        subprocess.run(["svnadmin", "delrevprop", "-r", "1", str(place), name], check=True, capture_output=True)
    properties = place / "db" / "revprops" / "0" / "1"
    properties.write_bytes(properties.read_bytes().replace(b"V 1\nx\n", b"V 4\ncaf\xe9\n"))
    root("invalidate_cache", repoid=repository.id)
    shown = changeset(root, repository.name, "1")
    assert (shown["author"], shown["date"], shown["message"]) == ("", "1970-01-01T00:00:00", "caf\ufffd")


def test_reading_needs_the_permission_to_read(root: Api, project: str) -> None:
    stranger = root.new_user()
    name = root.new_repo(kind="svn", private=True).name
    said = f"repository `{name}` does not exist"
    assert stranger.api.error("get_repo_changeset", repoid=name, revision="tip") == said
    assert stranger.api.error("get_repo_nodes", repoid=name, revision="tip", root_path="") == said
