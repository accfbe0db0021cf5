# SPDX-License-Identifier: GPL-3.0-or-later
"""The first whole path: create people and a repository through the API, push and clone with git, see it."""

from __future__ import annotations

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


def test_from_an_empty_server_to_a_pushed_commit(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    name = f"{unique('team')}/core"

    assert root("create_repo", repo_name=name, repo_type="git", owner=ada.name) == {
        "msg": f"Created new repository `{name}`",
        "success": True,
        "task": None,
    }
    work = git.new_work(branch="main")
    first = git.commit(work, "The first commit")
    said = git.run("push", "--progress", server.clone_url(name, ada), "main", cwd=work).stderr.decode()
    assert "Trivium: push completed" in said

    last = root("get_repo", repoid=name)["last_changeset"]
    assert last["raw_id"] == first
    assert last["short_id"] == first[:12]
    assert last["revision"] == 0
    assert last["message"] == "The first commit\n"
    assert last["author"] == "Ada Lovelace <ada@example.org>"
    assert last["branch"] == "main"

    git.run("clone", "--quiet", server.clone_url(name, ada), str(git.home / "copy"))
    assert git.out("rev-parse", "HEAD", cwd=git.home / "copy") == first
    assert [row[0] for row in server.journal("push", name)] == [ada.name]
