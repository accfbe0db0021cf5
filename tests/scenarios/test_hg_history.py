# SPDX-License-Identifier: GPL-3.0-or-later
"""Changesets, names and nodes of a Mercurial repository through the API (api-repos.md 2, 3)."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Api, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server


@dataclass
class Project:
    """A repository with a branch, a merge, a rename, tags, a bookmark and odd files."""

    name: str
    work: Path
    commits: list[str]

    @property
    def first(self) -> str:
        return self.commits[0]


@pytest.fixture(scope="module")
def project(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Project:
    hg = Hg(tmp_path_factory.mktemp("hg-history"))
    hg.sign_in(server.url, server.admin, server.admin_password)
    name = unique("history")
    root("create_repo", repo_name=name, repo_type="hg")
    work = hg.new_work()
    (work / "data.bin").write_bytes(b"\0\1\2")
    (work / "latin.txt").write_bytes(b"caf\xe9\r\nend")
    (work / "link").symlink_to("docs/a/deep.txt")
    first = hg.commit(work, "first", **{"docs/a/deep.txt": "deep\n", "empty": "", "ünï côde.md": "# Ünï\n"})
    (work / "data.bin").write_bytes(b"\0\1\3")
    (work / "latin.txt").write_bytes(b"tea\n")
    (work / "empty").unlink()
    hg.run("rename", "docs/a/deep.txt", "docs/a/moved.txt", cwd=work)
    second = hg.commit(work, "second\n\nwith a bödy", when=1_000_000_100, **{"docs/a/moved.txt": "deep\nmoved\n"})
    hg.run("update", "-r", first, cwd=work)
    hg.run("branch", "side", cwd=work)
    side = hg.commit(work, "aside", when=1_000_000_200, **{"side.txt": "x\n"})
    hg.run("update", "-r", second, cwd=work)
    hg.run("merge", "-r", side, cwd=work)
    merge = hg.commit(work, "merged", when=1_000_000_300, **{"more.txt": "y\n"})
    hg.run("tag", "-r", first, "v1", "-d", "1000000400 0", cwd=work)
    tagged = hg.id_of(work)
    hg.run("bookmark", "-r", second, "bÜch", cwd=work)
    hg.run("push", "--new-branch", "-B", "bÜch", "-r", "tip", server.clone_url(name), cwd=work)
    return Project(name, work, [first, second, side, merge, tagged])


def test_every_form_of_a_revision_finds_its_changeset(root: Api, project: Project) -> None:
    first, second, side, _, tagged = project.commits
    for revision, expected in {
        "tip": tagged,
        "default": tagged,
        "side": side,
        "v1": first,
        "bÜch": second,
        first: first,
        first[:7]: first,
        second[:39]: second,
        "0": first,
        "4": tagged,
    }.items():
        found = root("get_repo_changeset", repoid=project.name, revision=revision)
        assert found["raw_id"] == expected, revision


@pytest.mark.parametrize("revision", [
    "", "nope", "HEAD", "head", "5", "99999999999", "-1", "--help", "-rtip", "tip^", "reverse(all())", "re:.*",
    "default:tip", "branch(side)", "null", ".", "0" * 40, "f" * 40, "a" * 7, "\0", "ünknown", "wdir()", "%00",
    "bookmark()",
])  # fmt: skip
def test_what_is_no_revision_is_said_to_be_none(root: Api, project: Project, revision: str) -> None:
    error = root.error("get_repo_changeset", repoid=project.name, revision=revision)
    assert error == f"Commit `{revision}` does not exist in repository `{project.name}`"
    assert root.error("get_repo_nodes", repoid=project.name, revision=revision, root_path="") == (
        f"failed to get repo: `{project.name}` nodes"
    )


def test_a_basic_changeset_has_the_documented_shape(root: Api, project: Project) -> None:
    first, second, side, _, _ = project.commits
    assert root("get_repo_changeset", repoid=project.name, revision="bÜch") == {
        "raw_id": second,
        "short_id": second[:12],
        "revision": 1,
        "author": "Ada Lovelace <ada@example.org>",
        "date": "2001-09-09T01:48:20",
        "message": "second\n\nwith a bödy",
        "parents": [{"raw_id": first}],
        "branch": "default",
        "diff": [],
    }
    merge = root("get_repo_changeset", repoid=project.name, revision="3")
    assert merge["parents"] == [{"raw_id": second}, {"raw_id": side}]
    assert root("get_repo", repoid=project.name)["last_changeset"] | {"diff": []} == root(
        "get_repo_changeset", repoid=project.name, revision="tip"
    )


@pytest.mark.parametrize("details", ["basic", "extended", "full"])
def test_each_of_the_list_is_what_is_shown_alone(root: Api, project: Project, details: str) -> None:
    listed = root("get_repo_changesets", repoid=project.name, start_rev="0", limit=-1, details=details)
    alone = [
        root("get_repo_changeset", repoid=project.name, revision=commit, details=details) for commit in project.commits
    ]
    assert listed == alone
    assert [row["raw_id"] for row in listed] == project.commits
    from_second = root("get_repo_changesets", repoid=project.name, start_rev="1", limit="2", details=details)
    assert from_second == alone[1:3]


def test_extended_details_name_the_files(root: Api, project: Project) -> None:
    first, second, side, merge, tagged = (
        {
            (change["op"], change["filename"])
            for change in root("get_repo_changeset", repoid=project.name, revision=commit, details="extended")["diff"]
        }
        for commit in project.commits
    )
    assert first == {
        ("A", name) for name in ("docs/a/deep.txt", "data.bin", "latin.txt", "empty", "link", "ünï côde.md")
    }
    assert second == {("M", "data.bin"), ("D", "empty"), ("M", "docs/a/moved.txt"), ("M", "latin.txt")}
    assert side == {("A", "side.txt")}
    assert merge == {("A", "side.txt"), ("A", "more.txt")}
    assert tagged == {("A", ".hgtags")}


def test_full_details_carry_diffs_counts_and_names(root: Api, project: Project) -> None:
    shown = root("get_repo_changeset", repoid=project.name, revision="1", details="full")
    changes = {change["filename"]: change for change in shown["diff"]}
    assert changes["data.bin"]["stats"] == {"added": 0, "deleted": 0, "binary": True}
    assert changes["empty"]["new_revision"] is None
    assert changes["latin.txt"]["stats"] == {"added": 1, "deleted": 2, "binary": False}
    assert "-caf\ufffd\r\n-end\n" in changes["latin.txt"]["raw_diff"]
    moved = changes["docs/a/moved.txt"]
    assert moved["stats"] == {"added": 1, "deleted": 0, "binary": False}
    assert moved["raw_diff"].startswith("diff --git a/docs/a/moved.txt b/docs/a/moved.txt\n")
    assert moved["raw_diff"].endswith(" deep\n+moved\n")
    assert all(len(moved[side]) == 40 for side in ("old_revision", "new_revision"))
    assert shown["refs"] == {"branches": ["default"], "bookmarks": ["bÜch"], "tags": []}
    for revision, refs in {
        "0": {"branches": ["default"], "bookmarks": [], "tags": ["v1"]},
        "side": {"branches": ["side"], "bookmarks": [], "tags": []},
        "tip": {"branches": ["default"], "bookmarks": [], "tags": ["tip"]},
    }.items():
        assert root("get_repo_changeset", repoid=project.name, revision=revision, details="full")["refs"] == refs


def test_nodes_are_listed_with_their_facts_and_contents(root: Api, project: Project) -> None:
    listed = root("get_repo_nodes", repoid=project.name, revision="v1", root_path="/", details="full")
    nodes = {row["name"]: row for row in listed}
    assert list(nodes) == [
        "docs", "docs/a", "data.bin", "docs/a/deep.txt", "empty", "latin.txt", "link", "ünï côde.md",
    ]  # fmt: skip
    assert nodes["docs"] == {
        "name": "docs", "type": "dir", "md5": None, "binary": None, "size": None, "extension": None,
        "mimetype": None, "lines": None, "content": None,
    }  # fmt: skip
    assert nodes["docs/a/deep.txt"] == {
        "name": "docs/a/deep.txt", "type": "file", "md5": hashlib.md5(b"deep\n").hexdigest(), "binary": False,
        "size": 5, "extension": "txt", "mimetype": "text/plain", "lines": 1, "content": "deep\n",
    }  # fmt: skip
    assert nodes["data.bin"]["binary"] is True
    assert nodes["data.bin"]["content"] is None
    assert (nodes["link"]["type"], nodes["link"]["content"]) == ("file", "docs/a/deep.txt")
    assert nodes["latin.txt"]["content"] == "caf\ufffd\r\nend"
    assert nodes["empty"]["lines"] == 0


def test_a_directory_can_be_listed_by_kind(root: Api, project: Project) -> None:
    def names(path: str, kind: str = "all") -> list[str]:
        rows = root("get_repo_nodes", repoid=project.name, revision="v1", root_path=path, ret_type=kind)
        return [row["name"] for row in rows]

    assert names("docs") == names("//docs//") == ["docs/a", "docs/a/deep.txt"]
    assert names("docs", "files") == ["docs/a/deep.txt"]
    assert names("/", "dirs") == ["docs", "docs/a"]
    assert names("latin.txt") == names("link") == []


@pytest.mark.parametrize("path", ["nope", "doc", "..", "docs/../docs", "docs\0", None, "../../.hg/store"])
def test_a_path_that_is_none_is_refused(root: Api, project: Project, path: object) -> None:
    error = root.error("get_repo_nodes", repoid=project.name, revision="tip", root_path=path)
    assert error == f"failed to get repo: `{project.name}` nodes"


def test_an_empty_repository_has_no_changesets_and_no_nodes(root: Api) -> None:
    name = root.new_repo(kind="hg").name
    assert root("get_repo_nodes", repoid=name, revision="whatever", root_path="..") == []
    for revision in ("tip", "0", "default", "null", "0" * 40):
        assert root.error("get_repo_changeset", repoid=name, revision=revision).startswith("Commit `")
    assert root.error("get_repo_changesets", repoid=name, start_rev="0", limit=1).startswith("Error occurred")


def test_what_is_secret_is_not_shown(server: Server, root: Api, hg: Hg) -> None:
    """An administrator may keep changesets to himself; numbers of the others stay what they are."""
    name = root.new_repo(kind="hg").name
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    first = hg.commit(work, "first")
    hidden = hg.commit(work, "secret")
    hg.run("update", "-r", first, cwd=work)
    last = hg.commit(work, "last")
    place = str(server.root / name)
    hg.run("push", "--force", place, cwd=work)
    hg.run("phase", "--force", "--secret", "-r", hidden, "-R", place)
    assert root("get_repo", repoid=name, cache=False)["last_changeset"]["raw_id"] == last
    listed = root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)
    assert [(row["raw_id"], row["revision"]) for row in listed] == [(first, 0), (last, 2)]
    assert root("get_repo_changeset", repoid=name, revision="2")["raw_id"] == last
    for revision in ("1", hidden, hidden[:12]):
        assert root.error("get_repo_changeset", repoid=name, revision=revision).startswith("Commit `")
    hg.run("clone", server.clone_url(name), "copy")
    assert hidden not in hg.out("log", "-T", "{node} ", cwd=hg.home / "copy")
    fork = unique("fork")
    root("fork_repo", repoid=name, fork_name=fork)
    assert [row["raw_id"] for row in root("get_repo_changesets", repoid=fork, start_rev="0", limit=-1)] == [first, last]


def test_subrepositories_do_not_break_the_listing(server: Server, root: Api, hg: Hg) -> None:
    name = root.new_repo(kind="hg").name
    work = hg.new_work()
    inner = work / "inner"
    hg.run("init", str(inner))
    hg.commit(inner, "inner")
    hg.commit(work, "outer", **{".hgsub": "inner = https://example.org/inner\n"})
    # The client would push the inner one first, to where it says it is.
    hg.run("bundle", "--all", "all.hg", cwd=work)
    hg.run("unbundle", str(work / "all.hg"), "-R", str(server.root / name))
    assert root("get_repo", repoid=name, cache=False)["last_changeset"]["revision"] == 0
    rows = root("get_repo_nodes", repoid=name, revision="tip", root_path="")
    assert [row["name"] for row in rows] == [".hgsub", ".hgsubstate"]


def test_names_that_are_no_text_are_told_apart_by_what_is_in_them(server: Server, root: Api, hg: Hg) -> None:
    """Mercurial's names are bytes; shown as text, two of them may look alike."""
    name = root.new_repo(kind="hg").name
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    for raw in (b"caf\xe8.txt", b"caf\xe9.txt", b"d\xfe/x", b"d\xff/x"):
        path = work / os.fsdecode(raw)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(raw.ljust(8 + raw[-1]))
    hg.run("commit", "--addremove", "-m", "bytes", cwd=work)
    hg.run("push", server.clone_url(name), cwd=work)
    for size_of in ("basic", "full"):
        rows = root("get_repo_nodes", repoid=name, revision="tip", root_path="", details=size_of)
        assert [row["name"] for row in rows] == ["d\ufffd", *["caf\ufffd.txt"] * 2, *["d\ufffd/x"] * 2]
        assert len({row["md5"] for row in rows if row["type"] == "file"}) == 4
    assert len(root.full(name, "tip")["diff"]) == 4


def test_a_bookmark_without_a_changeset_is_the_name_of_none(server: Server, root: Api, hg: Hg) -> None:
    name = root.new_repo(kind="hg").name
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    first = hg.commit(work, "first")
    hg.run("bookmark", "mark", cwd=work)
    hg.run("push", "-B", "mark", server.clone_url(name), cwd=work)
    assert root("get_repo_changeset", repoid=name, revision="mark")["raw_id"] == first
    root("strip", repoid=name, revision="mark", branch="")
    for revision in ("mark", first):
        assert root.error("get_repo_changeset", repoid=name, revision=revision).startswith(f"Commit `{revision}` does")
        said = root.error("changeset_comment", repoid=name, revision=revision, message="x")
        assert said == f"failed to set comment on repository `{name}`"
    hg.run("push", "-B", "mark", server.clone_url(name), cwd=work)
    assert root("get_repo_changeset", repoid=name, revision="mark")["raw_id"] == first
