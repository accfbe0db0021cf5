# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits are removed and commented on through the API (api-repos.md 5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


@pytest.fixture
def project(server: Server, root: Api, git: Git) -> tuple[str, str, Path, list[str]]:
    """A repository whose branch `master` has four commits; `old` holds the second."""
    name = unique("strip")
    root("create_repo", repo_name=name, repo_type="git")
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    work = git.new_work()
    commits = [git.commit(work, f"change {number}", when=1_000_000_000 + number) for number in range(4)]
    git.run("branch", "old", commits[1], cwd=work)
    git.run("push", "--quiet", url, "master", "old", cwd=work)
    return name, url, work, commits


def test_a_commit_goes_with_all_that_follow_it(
    server: Server, root: Api, git: Git, project: tuple[str, str, Path, list[str]]
) -> None:
    name, url, work, commits = project
    assert root("strip", repoid=name, revision=commits[2], branch="master") == {
        "msg": f"Stripped commit {commits[2]} from repo `{name}`",
        "repository": name,
    }
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == commits[1]
    listed = root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)
    assert [row["raw_id"] for row in listed] == commits[:2]
    assert root.error("get_repo_changeset", repoid=name, revision=commits[3]).startswith("Commit `")
    git.run("clone", "--quiet", url, str(git.home / "copy"))
    assert git.out("rev-parse", "HEAD", cwd=git.home / "copy") == commits[1]
    (bundle,) = server.root.glob(f".trash/*-{commits[2][:12]}.bundle")
    git.run("fetch", "--quiet", str(bundle), "master:kept", cwd=git.home / "copy")
    assert git.out("rev-parse", "kept", cwd=git.home / "copy") == commits[3]
    git.run("push", "--quiet", url, "master", cwd=work)
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == commits[3]
    assert [row[0] for row in server.journal("strip", name)] == ["root"]


def test_what_another_branch_has_stays(root: Api, project: tuple[str, str, Path, list[str]]) -> None:
    name, _, _, commits = project
    root("strip", repoid=name, revision=commits[1], branch="master")
    assert root("get_repo_changeset", repoid=name, revision="master")["raw_id"] == commits[0]
    assert root("get_repo_changeset", repoid=name, revision="old")["raw_id"] == commits[1]


def test_what_cannot_be_stripped_changes_nothing(
    root: Api, git: Git, project: tuple[str, str, Path, list[str]]
) -> None:
    name, url, work, commits = project
    git.run("checkout", "--quiet", "-b", "side", commits[2], cwd=work)
    git.commit(work, "aside", **{"aside.txt": "x\n"})
    git.run("checkout", "--quiet", "master", cwd=work)
    git.run("merge", "--quiet", "--no-ff", "-m", "merged", "side", cwd=work)
    merge = git.out("rev-parse", "HEAD", cwd=work)
    git.run("push", "--quiet", url, "master", cwd=work)
    before = git.out("ls-remote", url)
    for revision, branch in (
        (commits[0], "master"),
        (merge, "master"),
        ("nope", "master"),
        (commits[3], "nope"),
        (commits[3], "old"),
        (commits[3], "--help"),
        ("--all", "master"),
        (commits[3], "a..b"),
        (commits[3], ""),
        (commits[3], "\0"),
    ):
        error = root.error("strip", repoid=name, revision=revision, branch=branch)
        assert error == f"Unable to strip commit {revision} from repo `{name}`"
    assert git.out("ls-remote", url) == before


def test_stripping_needs_an_administrator_and_a_branch(root: Api, project: tuple[str, str, Path, list[str]]) -> None:
    name, _, _, commits = project
    writer = root.new_user()
    root("grant_user_permission", repoid=name, userid=writer.name, perm="repository.write")
    said = f"repository `{name}` does not exist"
    assert writer.api.error("strip", repoid=name, revision=commits[2], branch="master") == said
    assert root.error("strip", repoid=name, revision=commits[2]) == "Missing non optional `branch` arg in JSON DATA"


def test_a_comment_may_carry_a_vote(server: Server, root: Api, project: tuple[str, str, Path, list[str]]) -> None:
    name, _, _, commits = project
    ada = root.new_user()
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.admin")
    assert ada.api("changeset_comment", repoid=name, revision="tip", message="Well done", status="approved") == {
        "msg": f"Commented on revision `{commits[3]}` for repo `{name}`",
        "status_change": "approved",
        "success": True,
    }
    root("changeset_comment", repoid=name, revision="0", message="why?", userid=ada.name)
    assert server.query(
        "SELECT revision, text, status, user_id FROM changeset_comments c JOIN repositories r ON r.id = c.repository_id"
        " WHERE r.name = ? ORDER BY c.id",
        name,
    ) == [(commits[3], "Well done", "approved", ada.id), (commits[0], "why?", None, ada.id)]


def test_comments_that_cannot_be_made(root: Api, project: tuple[str, str, Path, list[str]]) -> None:
    name = project[0]
    failed = f"failed to set comment on repository `{name}`"
    assert root.error("changeset_comment", repoid=name, revision="nope", message="x") == failed
    assert root.error("changeset_comment", repoid=name, revision="tip", message="  ") == failed
    assert root.error("changeset_comment", repoid=name, revision="tip", message="x", status="fine") == (
        "Bad status, must be on of ['not_reviewed', 'approved', 'rejected', 'under_review'] got fine"
    )
    ada = root.new_user()
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.admin")
    assert ada.api.error("changeset_comment", repoid=name, revision="tip", message="x", userid="root") == (
        "userid is not the same as your user"
    )
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.write")
    assert ada.api.error("changeset_comment", repoid=name, revision="tip", message="x") == (
        f"repository `{name}` does not exist"
    )


def test_a_cache_can_be_forgotten_at_any_time(root: Api, project: tuple[str, str, Path, list[str]]) -> None:
    name = project[0]
    before = root("get_repo_nodes", repoid=name, revision="tip", root_path="")
    expected = {"msg": f"Cache for repository `{name}` was invalidated", "repository": name}
    assert root("invalidate_cache", repoid=name) == root("invalidate_cache", repoid=name, delete_keys=True) == expected
    assert root("get_repo_nodes", repoid=name, revision="tip", root_path="") == before
    assert root.error("invalidate_cache", repoid="nope") == "repository `nope` does not exist"
