# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers, copies and replacements of a Subversion repository through the API (api-repos.md 2.2-2.5, 3)."""

from __future__ import annotations

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


def test_before_the_first_there_is_nothing(root: Api, project: str) -> None:
    assert root.error("get_repo_changeset", repoid=project, revision="0").startswith("Commit `0` does not exist")
    assert root.error("get_repo_nodes", repoid=project, revision="0", root_path="").startswith("failed")
    (row,) = root("get_repo_changesets", repoid=project, start_rev="0", limit=1)
    assert row["raw_id"] == "1"


def test_a_basic_changeset_has_the_documented_shape(root: Api, project: str, ada: Person) -> None:
    shown = changeset(root, project, "4")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", shown.pop("date"))
    assert shown == {
        "raw_id": "4", "short_id": "4", "revision": 3, "author": ada.name, "message": "replaced\n\nwith a body",
        "parents": [{"raw_id": "3"}], "branch": None, "diff": [],
    }  # fmt: skip
    assert changeset(root, project, "1")["parents"] == []


def test_extended_details_name_the_files(root: Api, project: str) -> None:
    def touched(revision: str) -> set[tuple[str, str]]:
        return root.changed_files(project, revision)

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


def test_the_list_tells_of_copies_what_they_are_told_of_alone(root: Api, project: str) -> None:
    root.assert_list_agrees(project, [str(number) for number in range(1, 7)])


def test_nodes_are_those_of_the_revision(root: Api, project: str) -> None:
    def names(path: str, revision: str) -> list[str]:
        return [row["name"] for row in root("get_repo_nodes", repoid=project, revision=revision, root_path=path)]

    assert names("trunk/docs", "1") == ["trunk/docs/a", "trunk/docs/a/deep.txt"]
    assert names("side/docs", "2") == ["side/docs/a", "side/docs/a/deep.txt"]
    assert root.error("get_repo_nodes", repoid=project, revision="3", root_path="trunk/docs").startswith("failed")
    assert names("", "tip") == [
        "trunk", "trunk/data.bin", "trunk/empty", "trunk/latin.txt", "trunk/link", "trunk/moved.txt",
        "trunk/ünï côde.md",
    ]  # fmt: skip


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
