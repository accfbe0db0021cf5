# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may fork what, and what forks and pulls of Git have of their own (api-repos.md 4, 5)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


@pytest.fixture
def source(server: Server, root: Api, git: Git) -> tuple[str, Path, list[str]]:
    """A repository with two branches and a tag: its name, its copy here, the commits of `main`."""
    name = unique("source")
    root("create_repo", repo_name=name, repo_type="git")
    work = git.new_work(branch="main")
    commits = [git.commit(work, f"change {number}", when=1_000_000_000 + number) for number in range(3)]
    git.run("branch", "other", commits[0], cwd=work)
    git.run("tag", "-a", "-m", "one", "v1", cwd=work)
    git.run("push", "--quiet", admin_url(server, name), "main", "other", "v1", cwd=work)
    return name, work, commits


def admin_url(server: Server, name: str) -> str:
    return f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"


def refs(git: Git, url: str) -> str:
    return git.out("ls-remote", "--symref", url)


def test_a_fork_has_every_name(server: Server, root: Api, git: Git, source: tuple[str, Path, list[str]]) -> None:
    name, target = source[0], f"{unique('forks')}/deep/copy"
    assert root("fork_repo", repoid=name, fork_name=target) == {
        "msg": f"Created fork of `{name}` as `{target}`",
        "success": True,
        "task": None,
    }
    assert refs(git, admin_url(server, target)) == refs(git, admin_url(server, name))
    assert root.error("delete_repo", repoid=name) == f"failed to delete repository `{name}`"
    root("delete_repo", repoid=name, forks="detach")
    assert root("get_repo", repoid=target)["fork_of"] is None


def test_the_parent_is_named_to_those_only_who_may_read_it(root: Api) -> None:
    name, target = unique("hidden"), unique("fork")
    root("create_repo", repo_name=name, repo_type="git", private=True)
    root("fork_repo", repoid=name, fork_name=target, private=False)
    ada = root.new_user()
    for shown in (ada.api("get_repo", repoid=target), *ada.api("get_repos")):
        assert shown["fork_of"] != name
    assert root("get_repo", repoid=target)["fork_of"] == name
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.read")
    assert ada.api("get_repo", repoid=target)["fork_of"] == name
    assert [row["fork_of"] for row in ada.api("get_repos") if row["repo_name"] == target] == [name]


def test_forking_needs_reading_and_the_right_to_create(
    server: Server, root: Api, source: tuple[str, Path, list[str]]
) -> None:
    name = source[0]
    ada = root.new_user()
    group = unique("closed")
    root("create_repo_group", group_name=group)
    said = f"repository group `{group}` does not exist"
    assert ada.api.error("fork_repo", repoid=name, fork_name=f"{group}/x") == said
    assert ada.api.error("fork_repo", repoid=name, fork_name=unique("f"), owner="root") == (
        "Only RhodeCode admin can specify `owner` param"
    )
    mine = unique("mine")
    ada.api("fork_repo", repoid=name, fork_name=mine)
    assert root("get_repo", repoid=mine)["owner"] == ada.name
    assert ada.api.error("fork_repo", repoid=name, fork_name=mine) == f"fork `{mine}` already exist"
    assert ada.api.error("fork_repo", repoid=mine, fork_name=name) == f"repo `{name}` already exist"
    assert ada.api.error("fork_repo", repoid=name, fork_name="../x") == f"failed to fork repository `{name}` as `../x`"
    server.trivium("permit", "--data", str(server.data), ada.name, "hg.fork.none")
    assert ada.api.error("fork_repo", repoid=name, fork_name=unique("f")) == "Access was denied to this resource."
    root("update_repo", repoid=name, private=True)
    assert ada.api.error("fork_repo", repoid=name, fork_name=unique("f")) == f"repository `{name}` does not exist"


def test_a_fork_of_a_private_repository_is_private_unless_its_administrator_says_otherwise(
    root: Api, source: tuple[str, Path, list[str]]
) -> None:
    name = source[0]
    root("update_repo", repoid=name, private=True)
    reader = root.new_user()
    root("grant_user_permission", repoid=name, userid=reader.name, perm="repository.read")
    for caller, given, expected in (
        (reader.api, {}, True),
        (reader.api, {"private": False}, True),
        (root, {}, True),
        (root, {"private": False}, False),
    ):
        target = unique("fork")
        caller("fork_repo", repoid=name, fork_name=target, **given)
        assert root("get_repo", repoid=target)["private"] is expected


def test_permissions_are_copied_when_asked(root: Api, source: tuple[str, Path, list[str]]) -> None:
    name = source[0]
    ada = root.new_user()
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.write")
    for copy in (True, False):
        target = unique("fork")
        root("fork_repo", repoid=name, fork_name=target, copy_permissions=copy)
        assert (ada.name in {row["name"] for row in root("get_repo", repoid=target)["members"]}) is copy


def test_a_pull_moves_branches_back_as_well(
    server: Server, root: Api, git: Git, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    target = unique("import")
    root("create_repo", repo_name=target, repo_type="git", clone_uri=admin_url(server, name))
    assert refs(git, admin_url(server, target)) == refs(git, admin_url(server, name))
    git.run("push", "--quiet", "--force", admin_url(server, name), f"{commits[0]}:refs/heads/main", cwd=work)
    root("pull", repoid=target)
    assert root("get_repo_changeset", repoid=target, revision="main")["raw_id"] == commits[0]
    assert refs(git, admin_url(server, target)) == refs(git, admin_url(server, name))
