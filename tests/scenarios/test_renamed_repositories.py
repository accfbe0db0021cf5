# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers are sent on from a repository's former name until somebody takes it (decisions.md W3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Api, Git, Person, unique
from tests.support.raw import signed_in
from tests.support.servers import Server


@pytest.fixture
def filled(server: Server, root: Api, git: Git, ada: Person) -> tuple[str, Path]:
    """A repository of Ada with a commit, and its copy here."""
    name = root.new_repo(unique("old name"), owner=ada.name, private=True).name
    work = git.new_work()
    git.commit(work)
    git.run("remote", "add", "origin", server.clone_url(name.replace(" ", "%20"), ada), cwd=work)
    git.run("push", "--quiet", "origin", "master", cwd=work)
    return name, work


def address(server: Server, name: str, person: Person | None = None) -> str:
    return server.clone_url(name.replace(" ", "%20"), person)


def test_clones_and_fetches_go_on_under_the_old_name(
    server: Server, root: Api, git: Git, ada: Person, filled: tuple[str, Path]
) -> None:
    name, work = filled
    new = unique("new name")
    root("update_repo", repoid=name, name=new)
    head = git.out("rev-parse", "HEAD", cwd=work)
    git.run("fetch", "origin", cwd=work)
    for suffix in ("", ".git"):
        assert git.out("ls-remote", address(server, name + suffix, ada), "HEAD").split()[0] == head
        git.run("clone", "--quiet", address(server, name + suffix, ada), unique("copy"))
    # To the API the old name is gone, and a push has to use the new one.
    assert root.error("get_repo", repoid=name) == f"repository `{name}` does not exist"
    assert f"it is called `{new}` now" in git.refused("push", "origin", "master", cwd=work)
    status, headers, _ = root.post(
        "",
        method="GET",
        path=f"/{name.replace(' ', '%20')}/info/refs?service=git-upload-pack",
        headers=signed_in(ada),
    )
    assert status == 302
    assert headers["location"] == f"/{new.replace(' ', '%20')}/info/refs?service=git-upload-pack"


def test_only_readers_learn_the_new_name(
    server: Server, root: Api, git: Git, filled: tuple[str, Path], ada: Person
) -> None:
    name, _ = filled
    new = unique("secret")
    root("update_repo", repoid=name, name=new)
    stranger = root.new_user()
    for wanted in (name, unique("never")):
        assert "not found" in git.refused("ls-remote", address(server, wanted, stranger))
        assert new not in git.refused("ls-remote", address(server, wanted, stranger))
        said = git.refused("ls-remote", address(server, wanted))
        assert "could not read Username" in said


def test_several_renames_and_moves_of_groups_are_followed(
    server: Server, root: Api, git: Git, ada: Person, filled: tuple[str, Path]
) -> None:
    name, work = filled
    head = git.out("rev-parse", "HEAD", cwd=work)
    outer, other = unique("outer"), unique("other")
    root("create_repo_group", group_name=outer)
    root("create_repo_group", group_name=f"{outer}/inner")
    root("update_repo", repoid=name, group=f"{outer}/inner", name="first")
    root("update_repo", repoid=f"{outer}/inner/first", name="second")
    root("update_repo_group", repogroupid=outer, group_name=other)
    root("update_repo_group", repogroupid=f"{other}/inner", parent=None, group_name=f"{other}-inner")
    assert root("get_repo", repoid=f"{other}-inner/second")["repo_type"] == "git"
    for former in (name, f"{outer}/inner/first", f"{outer}/inner/second", f"{other}/inner/second"):
        assert git.out("ls-remote", address(server, former, ada), "HEAD").split()[0] == head
    # Back under its first name: that is its own again, and no detour.
    root("update_repo", repoid=f"{other}-inner/second", group="", name=name)
    assert git.out("ls-remote", address(server, name, ada), "HEAD").split()[0] == head
    assert git.out("ls-remote", address(server, f"{other}-inner/second", ada), "HEAD").split()[0] == head


def test_whoever_takes_the_name_has_it_for_good(
    server: Server, root: Api, git: Git, ada: Person, filled: tuple[str, Path]
) -> None:
    name, _ = filled
    new = unique("new")
    root("update_repo", repoid=name, name=new)
    root("create_repo", repo_name=name.upper(), repo_type="git", owner=ada.name)
    assert "not found" in git.refused("ls-remote", address(server, name, ada))
    assert git.out("ls-remote", address(server, name.upper(), ada)) == ""
    root("delete_repo", repoid=name.upper())
    assert "not found" in git.refused("ls-remote", address(server, name, ada))
    # A group takes a name as well.
    newer = unique("newer")
    root("update_repo", repoid=new, name=newer)
    assert git.out("ls-remote", address(server, new, ada)) != ""
    root("create_repo_group", group_name=new)
    assert "not found" in git.refused("ls-remote", address(server, new, ada))


def test_a_deleted_repository_leaves_no_former_names(
    server: Server, root: Api, git: Git, ada: Person, filled: tuple[str, Path]
) -> None:
    name, _ = filled
    root("update_repo", repoid=name, name=unique("new"))
    (row,) = server.query("SELECT repository_id FROM former_names WHERE name = ?", name)
    root("delete_repo", repoid=row[0])
    assert "not found" in git.refused("ls-remote", address(server, name, ada))
    assert server.query("SELECT * FROM former_names WHERE name = ?", name) == []
