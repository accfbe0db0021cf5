# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, branches, merges and what else Mercurial alone has, through the API (api-repos.md 2, 3)."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Api, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server


@dataclass
class Project:
    """A repository with a branch, a merge, a rename, a tag and a bookmark."""

    name: str
    work: Path
    commits: list[str]


@pytest.fixture(scope="module")
def project(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Project:
    hg = Hg(tmp_path_factory.mktemp("hg-history"))
    hg.sign_in(server.url, server.admin, server.admin_password)
    name = unique("history")
    root("create_repo", repo_name=name, repo_type="hg")
    work = hg.new_work()
    first = hg.commit(work, "first", **{"deep.txt": "deep\n"})
    hg.run("rename", "deep.txt", "moved.txt", cwd=work)
    second = hg.commit(work, "second\n\nwith a bödy", when=1_000_000_100, **{"moved.txt": "deep\nmoved\n"})
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
    expected = {
        "tip": tagged,
        "default": tagged,
        "side": side,
        "v1": first,
        "bÜch": second,
        first: first,
        first[:7]: first,
        second[:39]: second,
        first.upper(): first,
        second[:12].upper(): second,
        "0": first,
        "4": tagged,
    }
    root.assert_revisions(project.name, expected)


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


def test_the_list_tells_of_merges_what_they_are_told_of_alone(root: Api, project: Project) -> None:
    root.assert_list_agrees(project.name, project.commits)


def test_a_merge_is_compared_with_its_first_parent_and_renames_are_found(root: Api, project: Project) -> None:
    shown = [root.changed_files(project.name, commit) for commit in project.commits]
    side = {("A", "side.txt")}
    assert shown == [{("A", "deep.txt")}, {("M", "moved.txt")}, side, side | {("A", "more.txt")}, {("A", ".hgtags")}]
    (moved,) = root.full(project.name, "1")["diff"]
    assert moved["stats"] == {"added": 1, "deleted": 0, "binary": False}
    assert moved["raw_diff"].startswith("diff --git a/moved.txt b/moved.txt\n")
    assert moved["raw_diff"].endswith(" deep\n+moved\n")
    assert all(len(moved[side]) == 40 for side in ("old_revision", "new_revision"))


def test_names_of_a_changeset(root: Api, project: Project) -> None:
    expected = {
        "0": {"branches": ["default"], "bookmarks": [], "tags": ["v1"]},
        "bÜch": {"branches": ["default"], "bookmarks": ["bÜch"], "tags": []},
        "side": {"branches": ["side"], "bookmarks": [], "tags": []},
        "tip": {"branches": ["default"], "bookmarks": [], "tags": ["tip"]},
    }
    root.assert_names(project.name, expected)


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
