# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, branches, merges and renames of a Git repository through the API (api-repos.md 2.2-2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


@dataclass
class Project:
    """A repository with a branch, a merge, a rename and tags, and its copy here."""

    name: str
    url: str
    work: Path
    commits: list[str]


@pytest.fixture(scope="module")
def project(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is only read."""
    return make_project(server, root, Git(tmp_path_factory.mktemp("home")))


def make_project(server: Server, root: Api, git: Git) -> Project:
    name = unique("history")
    root("create_repo", repo_name=name, repo_type="git")
    work = git.new_work()
    first = git.commit(work, "first", when=1_000_000_000, **{"deep.txt": "deep\n"})
    git.run("mv", "deep.txt", "moved.txt", cwd=work)
    second = git.commit(work, "second\n\nwith a body", when=1_000_000_100, **{"more.txt": "plain\n"})
    git.run("checkout", "--quiet", "-b", "side/line", first, cwd=work)
    side = git.commit(work, "on the side", when=1_000_000_200, **{"side.txt": "1\n2\n"})
    git.run("checkout", "--quiet", "master", cwd=work)
    when = "1000000300 +0000"
    merge_it = ("merge", "--quiet", "--no-ff", "-m", "merged", "side/line")
    git.run(*merge_it, cwd=work, GIT_AUTHOR_DATE=when, GIT_COMMITTER_DATE=when)
    merge = git.out("rev-parse", "HEAD", cwd=work)
    git.run("tag", "-a", "v1", "-m", "annotated", first, cwd=work)
    git.run("tag", "light", second, cwd=work)
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    git.run("push", "--quiet", url, "--all", cwd=work)
    git.run("push", "--quiet", url, "--tags", cwd=work)
    return Project(name, url, work, [first, second, side, merge])


def test_every_form_of_a_revision_finds_its_commit(root: Api, project: Project) -> None:
    first, second, side, merge = project.commits
    expected = {
        "tip": merge,
        "HEAD": merge,
        "head": merge,
        "master": merge,
        "side/line": side,
        "v1": first,
        "light": second,
        first: first,
        first[:7]: first,
        first[:12]: first,
        second[:39]: second,
        first.upper(): first,
        second[:12].upper(): second,
        "0": first,
        "1": second,
        "3": merge,
    }
    root.assert_revisions(project.name, expected)


def test_a_basic_changeset_has_the_documented_shape(root: Api, project: Project) -> None:
    first, second, side, merge = project.commits
    assert root("get_repo_changeset", repoid=project.name, revision="light") == {
        "raw_id": second,
        "short_id": second[:12],
        "revision": 1,
        "author": "Ada Lovelace <ada@example.org>",
        "date": "2001-09-09T01:48:20",
        "message": "second\n\nwith a body\n",
        "parents": [{"raw_id": first}],
        "branch": None,
        "diff": [],
    }
    assert root("get_repo_changeset", repoid=project.name, revision=merge)["parents"] == [
        {"raw_id": second}, {"raw_id": side},
    ]  # fmt: skip


def test_the_list_tells_of_merges_what_they_are_told_of_alone(root: Api, project: Project) -> None:
    root.assert_list_agrees(project.name, project.commits)


def test_a_merge_is_compared_with_its_first_parent_and_renames_are_found(root: Api, project: Project) -> None:
    shown = [root.changed_files(project.name, commit) for commit in project.commits]
    side = {("A", "side.txt")}
    assert shown == [{("A", "deep.txt")}, {("M", "moved.txt"), ("A", "more.txt")}, side, side]
    changes = {change["filename"]: change for change in root.full(project.name, "light")["diff"]}
    assert changes["moved.txt"]["raw_diff"].startswith("diff --git a/deep.txt b/moved.txt\n")


def test_names_of_a_changeset(root: Api, project: Project) -> None:
    expected = {
        "light": {"branches": [], "bookmarks": [], "tags": ["light"]},
        "tip": {"branches": ["master"], "bookmarks": [], "tags": []},
        "side/line": {"branches": ["side/line"], "bookmarks": [], "tags": []},
        "0": {"branches": [], "bookmarks": [], "tags": ["v1"]},
    }
    root.assert_names(project.name, expected)


def test_what_no_name_holds_is_gone(server: Server, root: Api, git: Git) -> None:
    project = make_project(server, root, git)
    second, merge = project.commits[1], project.commits[3]
    assert root("get_repo_changeset", repoid=project.name, revision=merge)["raw_id"] == merge
    git.run("push", "--quiet", "--force", project.url, f"{second}:refs/heads/master", cwd=project.work)
    assert root.error("get_repo_changeset", repoid=project.name, revision=merge).startswith("Commit `")
    assert root("get_repo_changeset", repoid=project.name, revision="master")["raw_id"] == second
