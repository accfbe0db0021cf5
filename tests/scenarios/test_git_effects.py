# SPDX-License-Identifier: GPL-3.0-or-later
"""What a push leaves behind: the last changeset, the journal, nothing half done (system.md 3.3, security.md 5)."""

from __future__ import annotations

import json

from tests.support.clients import Api, Git, Thing, unique
from tests.support.crowd import at_once
from tests.support.raw import basic, connected, pkt
from tests.support.servers import Server
from tests.support.waiting import until

ZERO = "0" * 40


def last(root: Api, repository: Thing) -> tuple[str, int, str | None]:
    """Id, number and branch of the last changeset."""
    found = root("get_repo", repoid=repository.id)["last_changeset"]
    return found["raw_id"], found["revision"], found["branch"]


def journalled(server: Server, repository: Thing) -> list[list[list[str]]]:
    """The refs of every push in the journal."""
    rows = server.query(
        "SELECT detail FROM journal WHERE action = 'push' AND repository_id = ? ORDER BY id", repository.id
    )
    return [json.loads(detail)["refs"] for (detail,) in rows]


def heads(git: Git, url: str) -> dict[str, str]:
    listed = (line.split("\t") for line in git.out("ls-remote", "--heads", url).splitlines())
    return {name: raw_id for raw_id, name in listed}


def test_each_kind_of_push(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    url = server.clone_url(repository.name, ada)
    work = git.new_work(branch="main")
    expected: list[list[list[str]]] = []

    first = git.commit(work, when=1_700_000_000)
    git.run("push", url, "main", cwd=work)
    expected.append([["refs/heads/main", ZERO, first]])
    assert last(root, repository) == (first, 0, "main")
    assert b"ref: refs/heads/main" in git.run("ls-remote", "--symref", url, "HEAD").stdout

    git.run("checkout", "--quiet", "-b", "side", cwd=work)
    side = git.commit(work, when=1_700_000_100)
    git.run("push", url, "side", cwd=work)
    expected.append([["refs/heads/side", ZERO, side]])
    assert last(root, repository) == (side, 1, "side")

    git.run("tag", "-m", "A release", "v1", first, cwd=work)
    tag = git.out("rev-parse", "v1", cwd=work)
    git.run("push", url, "v1", cwd=work)
    expected.append([["refs/tags/v1", ZERO, tag]])
    assert last(root, repository) == (side, 1, "side")

    git.run("reset", "--quiet", "--hard", "HEAD~1", cwd=work)
    forced = git.commit(work, when=1_700_000_200)
    git.run("push", "--force", url, "side", cwd=work)
    expected.append([["refs/heads/side", side, forced]])
    assert last(root, repository) == (forced, 1, "side")

    git.run("push", url, "--delete", "side", cwd=work)
    expected.append([["refs/heads/side", forced, ZERO]])
    assert last(root, repository) == (first, 0, "main")

    newest = git.commit(work, when=1_700_000_300)
    git.run("push", url, "side:main", "side:other", cwd=work)
    assert last(root, repository) == (newest, 2, "main")
    several = journalled(server, repository)[-1]
    assert sorted(several) == [["refs/heads/main", first, newest], ["refs/heads/other", ZERO, newest]]
    assert journalled(server, repository) == [*expected, several]
    assert {row[:2] for row in server.journal("push", repository.name)} == {(ada.name, "127.0.0.1")}

    git.run("push", url, "--delete", "v1", "other", cwd=work)
    git.run("push", url, "--delete", "main", cwd=work)
    assert last(root, repository) == (ZERO, -1, None)
    assert server.under_way(repository.id) == []


def test_what_was_refused_is_not_in_the_journal(server: Server, root: Api, git: Git) -> None:
    ada, ben = root.new_user(), root.new_user()
    repository = root.new_repo(owner=ada.name)
    url = server.clone_url(repository.name, ada)
    work = git.new_work()
    first = git.commit(work)
    git.run("push", url, "master", cwd=work)
    second = git.commit(work)
    git.refused("push", server.clone_url(repository.name, ben), "master", cwd=work)
    git.refused("push", "--atomic", url, "master", "master:master/x", cwd=work)
    assert len(journalled(server, repository)) == 1
    assert last(root, repository) == (first, 0, "master")
    # A name below a branch cannot be; the other ref of the same push can.
    git.refused("push", url, "master:next", "master:master/x", cwd=work)
    assert journalled(server, repository)[1:] == [[["refs/heads/next", ZERO, second]]]
    assert last(root, repository) == (second, 1, "next")
    assert server.under_way(repository.id) == []


def test_a_push_that_brings_nothing_leaves_no_trace(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    url = server.clone_url(repository.name, ada)
    work = git.new_work()
    git.commit(work)
    git.run("push", url, "master", cwd=work)
    assert b"Everything up-to-date" in git.run("push", url, "master", cwd=work).stderr
    git.run("push", "--dry-run", url, "master:new", cwd=work)
    assert len(journalled(server, repository)) == 1


def test_two_at_once_to_different_branches_both_arrive(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    url = server.clone_url(repository.name, ada)
    works = [git.new_work(f"work{number}", branch=f"b{number}") for number in range(2)]
    commits = [git.commit(work, when=1_700_000_000 + number) for number, work in enumerate(works)]
    at_once(lambda number: git.run("push", url, f"b{number}", cwd=works[number]), times=2)
    assert heads(git, url) == {"refs/heads/b0": commits[0], "refs/heads/b1": commits[1]}
    assert last(root, repository) == (commits[1], 1, "b1")
    assert sorted(journalled(server, repository)) == [
        [["refs/heads/b0", ZERO, commits[0]]],
        [["refs/heads/b1", ZERO, commits[1]]],
    ]
    assert server.under_way(repository.id) == []


def test_two_at_once_to_one_branch_have_one_winner(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    url = server.clone_url(repository.name, ada)
    works = [git.new_work(f"work{number}") for number in range(2)]
    commits = [git.commit(work) for work in works]
    done = at_once(lambda number: git.run("push", url, "master", cwd=works[number], check=False), times=2)
    (winner,) = [number for number, one in enumerate(done) if one.returncode == 0]
    assert heads(git, url) == {"refs/heads/master": commits[winner]}
    assert last(root, repository) == (commits[winner], 0, "master")
    assert journalled(server, repository) == [[["refs/heads/master", ZERO, commits[winner]]]]
    assert server.under_way(repository.id) == []


def test_pushes_survive_a_rename_and_a_deletion_leaves_nothing(server: Server, root: Api, git: Git) -> None:
    """Some push under the old name, some under the permanent address, while the repository moves from name to name."""
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    works = [git.new_work(f"work{number}", branch=f"b{number}") for number in range(2)]
    names = [unique("moved") for _ in range(6)]

    def act(number: int) -> dict[str, str]:
        if number == 2:
            for name in names:
                root("update_repo", repoid=repository.id, name=name)
            return {}
        acknowledged = {}
        address = repository.name if number == 0 else f"_{repository.id}"
        for turn in range(6):
            raw_id = git.commit(works[number])
            branch = f"b{number}/{turn}"
            pushed = git.run(
                "push", server.clone_url(address, ada), f"HEAD:refs/heads/{branch}", cwd=works[number], check=False
            )
            if pushed.returncode == 0:
                acknowledged[f"refs/heads/{branch}"] = raw_id
        return acknowledged

    acknowledged = {name: raw_id for one in at_once(act, times=3) for name, raw_id in one.items()}
    final = server.clone_url(names[-1], ada)
    present = heads(git, final)
    assert acknowledged.items() <= present.items()
    # The permanent address works at every moment.
    assert {name for name in acknowledged if name.startswith("refs/heads/b1/")} == {
        f"refs/heads/b1/{turn}" for turn in range(6)
    }
    told = {ref for refs in journalled(server, repository) for ref, _, _ in refs}
    assert told == set(present)
    assert server.under_way(repository.id) == []

    root("delete_repo", repoid=repository.id)
    assert "not found" in git.refused("ls-remote", final)
    assert not any((server.root / name).exists() for name in [repository.name, *names])


def test_a_push_that_is_cut_off_leaves_nothing(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    work = git.new_work()
    raw_id = git.commit(work, **{"a.txt": "".join(f"{number}\n" for number in range(20000))})
    pack = git.run("pack-objects", "--stdout", "--revs", cwd=work, stdin=f"{raw_id}\n".encode()).stdout
    head = pkt(f"{ZERO} {raw_id} refs/heads/master\0report-status side-band-64k") + b"0000"
    for sent in (len(head), len(head) + 12, len(head) + len(pack) // 2, len(head) + len(pack) - 1):
        with connected(server.url) as connection:
            connection.sendall(
                f"POST /{repository.name}/git-receive-pack HTTP/1.1\r\nHost: x\r\n"
                f"Authorization: {basic(ada.name, ada.password)}\r\n"
                "Content-Type: application/x-git-receive-pack-request\r\n"
                f"Content-Length: {len(head) + len(pack)}\r\n\r\n".encode()
                + (head + pack)[:sent]
            )
            until(lambda: len(server.under_way(repository.id)) == 1)
        until(lambda: server.under_way(repository.id) == [])
    # Whoever takes the repository for himself alone waits for pushes under way.
    renamed = unique("renamed")
    root("update_repo", repoid=repository.id, name=renamed)
    assert server.under_way(repository.id) == []
    assert heads(git, server.clone_url(renamed, ada)) == {}
    assert list((server.root / renamed).glob("objects/tmp_objdir*")) == []
    assert journalled(server, repository) == []
    git.run("push", server.clone_url(renamed, ada), "master", cwd=work)
    assert last(root, repository) == (raw_id, 0, "master")
