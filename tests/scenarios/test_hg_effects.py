# SPDX-License-Identifier: GPL-3.0-or-later
"""What a push to a Mercurial repository leaves behind: the last changeset, the journal, nothing half done."""

from __future__ import annotations

import json
import time

from tests.support.clients import Api, Thing, unique
from tests.support.crowd import at_once
from tests.support.hg_client import Hg
from tests.support.servers import Server

ZERO = "0" * 40


def last(root: Api, repository: Thing) -> tuple[str, int, str | None]:
    """Id, number and branch of the last changeset."""
    found = root("get_repo", repoid=repository.id)["last_changeset"]
    return found["raw_id"], found["revision"], found["branch"]


def journalled(server: Server, repository: Thing, action: str = "push") -> list[list[list[str]]]:
    """What moved with every push in the journal."""
    rows = server.query(
        "SELECT detail FROM journal WHERE action = ? AND repository_id = ? ORDER BY id", action, repository.id
    )
    return [json.loads(detail)["refs"] for (detail,) in rows]


def test_each_kind_of_push(server: Server, root: Api, hg: Hg) -> None:
    ada = root.new_user()
    repository = root.new_repo(kind="hg", owner=ada.name)
    url = server.clone_url(repository.name)
    hg.sign_in_as(server.url, ada)
    work = hg.new_work()
    expected: list[list[list[str]]] = []

    first, second = hg.commit(work, "first"), hg.commit(work, "second")
    hg.run("push", url, cwd=work)
    expected.append([["branches/default", ZERO, first], ["branches/default", ZERO, second]])
    assert last(root, repository) == (second, 1, "default")

    hg.run("branch", "stäble", cwd=work)
    third = hg.commit(work, "third")
    hg.run("bookmark", "-r", first, "böök", cwd=work)
    hg.run("push", "--new-branch", "-B", "böök", "-r", "tip", url, cwd=work)
    expected.append([["branches/stäble", ZERO, third], ["bookmarks/böök", ZERO, first]])
    assert last(root, repository) == (third, 2, "stäble")

    hg.run("bookmark", "--force", "-r", third, "böök", cwd=work)
    hg.run("push", "-B", "böök", url, cwd=work, check=False)
    expected.append([["bookmarks/böök", first, third]])
    hg.run("bookmark", "--delete", "böök", cwd=work)
    hg.run("push", "-B", "böök", url, cwd=work, check=False)
    expected.append([["bookmarks/böök", third, ZERO]])
    hg.run("push", url, cwd=work, check=False)

    assert journalled(server, repository) == expected
    assert server.under_way(repository.id) == []
    user, address, _ = server.journal("push", repository.name)[0]
    assert (user, address) == (ada.name, "127.0.0.1")


def test_what_was_refused_leaves_no_trace(server: Server, root: Api, hg: Hg) -> None:
    ada = root.new_user()
    repository = root.new_repo(kind="hg", owner=ada.name)
    url = server.clone_url(repository.name)
    hg.sign_in_as(server.url, ada)
    works = [hg.new_work(f"work{number}") for number in range(2)]
    hg.commit(works[0])
    hg.commit(works[1])
    hg.run("push", url, cwd=works[0])
    hg.refused("push", url, cwd=works[1])
    assert len(journalled(server, repository)) == 1
    assert server.under_way(repository.id) == []


def test_pushes_at_once_are_all_told_apart(server: Server, root: Api, hg: Hg) -> None:
    """Each push is journalled with what itself has brought, whoever was first."""
    ada = root.new_user()
    repository = root.new_repo(kind="hg", owner=ada.name)
    url = server.clone_url(repository.name)
    hg.sign_in_as(server.url, ada)
    works = [hg.new_work(f"work{number}") for number in range(3)]
    commits = [hg.commit(work, f"of {work.name}", when=number) for number, work in enumerate(works)]
    done = at_once(lambda number: hg.run("push", "--force", url, cwd=works[number], check=False), times=3)
    arrived = {commits[number] for number, one in enumerate(done) if one.returncode == 0}
    assert arrived
    listed = root("get_repo_changesets", repoid=repository.id, start_rev="0", limit=-1)
    assert {row["raw_id"] for row in listed} == arrived
    assert sorted(journalled(server, repository)) == sorted([["branches/default", ZERO, raw_id]] for raw_id in arrived)
    assert last(root, repository)[:2] == (listed[-1]["raw_id"], len(arrived) - 1)
    assert server.under_way(repository.id) == []


def test_pushes_survive_renames_and_moves_of_groups(server: Server, root: Api, hg: Hg) -> None:
    ada = root.new_user()
    group = root.new_repo_group()
    name = f"{group.name}/inner"
    root("create_repo", repo_name=name, repo_type="hg", owner=ada.name)
    repository = Thing(root("get_repo", repoid=name)["repo_id"], name)
    url = server.clone_url(f"_{repository.id}")
    hg.sign_in_as(server.url, ada)
    work = hg.new_work()

    def act(number: int) -> list[str]:
        if number:
            for turn in range(12):
                if turn % 2:
                    root("update_repo", repoid=repository.id, name=unique("moved"))
                else:
                    root("update_repo_group", repogroupid=group.id, group_name=unique("group"))
                time.sleep(0.05)
            return []
        acknowledged = []
        for _ in range(4):
            raw_id = hg.commit(work)
            if hg.run("push", url, cwd=work, check=False).returncode == 0:
                acknowledged.append(raw_id)
        return acknowledged

    acknowledged = at_once(act, times=2)[0]
    assert acknowledged, "the permanent address works at every moment"
    listed = root("get_repo_changesets", repoid=repository.id, start_rev="0", limit=-1)
    assert set(acknowledged) <= {row["raw_id"] for row in listed}
    assert {ref[2] for refs in journalled(server, repository) for ref in refs} == {row["raw_id"] for row in listed}
    assert server.under_way(repository.id) == []
    present = server.root / root("get_repo", repoid=repository.id)["repo_name"]
    assert hg.run("verify", "--quiet", "-R", str(present)).stdout == b""
    root("delete_repo", repoid=repository.id)
    assert "404" in hg.refused("identify", url)


def test_pulls_are_noted(own_server: Server, hg: Hg) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = root.new_repo(kind="hg", owner=ada.name).name
    hg.sign_in_as(own_server.url, ada)
    work = hg.new_work()
    hg.commit(work)
    hg.run("push", own_server.clone_url(name), cwd=work)
    hg.remote_id(own_server.clone_url(name))
    own_server.stop()
    assert own_server.journal("pull", name) == []
    own_server.start()
    hg.sign_in_as(own_server.url, ada)
    hg.run("clone", own_server.clone_url(name), "copy")
    own_server.stop()
    assert [row[0] for row in own_server.journal("pull", name)] == [ada.name]
