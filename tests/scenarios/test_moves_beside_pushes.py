# SPDX-License-Identifier: GPL-3.0-or-later
"""What moves without a push that was recognised is noticed at the next one, journalled, and shown as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.clients import Api, Git, Person, unique
from tests.support.crowd import at_once
from tests.support.hg_client import Hg
from tests.support.raw import pkt, signed_in
from tests.support.servers import Server

ZERO = "0" * 40


def unexplained(server: Server, name: str) -> list[Any]:
    """What the journal says of moves that no push explains."""
    rows = server.journal("repository.unexplained", name)
    assert {user for user, _, _ in rows} <= {"trivium"}
    return [json.loads(detail)["refs"] for _, _, detail in rows]


def filled(server: Server, root: Api, git: Git, ada: Person) -> tuple[str, Path, str]:
    name = root.new_repo(owner=ada.name).name
    work = git.new_work()
    first = git.commit(work)
    git.run("push", "--quiet", server.clone_url(name, ada), "master", cwd=work)
    git.run("remote", "add", "origin", server.clone_url(name, ada), cwd=work)
    return name, work, first


def test_no_ref_moves_beside_the_journal(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    name, work, first = filled(server, root, git, ada)
    at = server.root / name
    git.run("--git-dir=.", "update-ref", "refs/heads/aside", first, cwd=at)
    git.run("--git-dir=.", "update-ref", "refs/notes/aside", first, cwd=at)
    second = git.commit(work)
    git.run("push", "--quiet", "origin", "master", cwd=work)
    assert unexplained(server, name) == [[["refs/heads/aside", ZERO, first], ["refs/notes/aside", ZERO, first]]]
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == second
    assert root("get_repo_refs", repoid=name)["branches"] == {"aside": first, "master": second}
    # A push of which nothing is taken is one as well.
    git.run("--git-dir=.", "update-ref", "refs/heads/aside", second, first, cwd=at)
    body = pkt(f"{first} {second} refs/heads/master\0report-status") + b"0000"
    headers = signed_in(ada, Content_Type="application/x-git-receive-pack-request")
    assert b"ng refs/heads/master" in ada.api.post(body, path=f"/{name}/git-receive-pack", headers=headers)[2]
    assert unexplained(server, name)[1:] == [[["refs/heads/aside", first, second]]]
    # What was told once is not told again; names are lost with what is kept of the refs, the fact is not.
    git.run("push", "--quiet", "origin", "master:other", ":aside", cwd=work)
    assert len(unexplained(server, name)) == 2
    root("invalidate_cache", repoid=name)
    git.run("--git-dir=.", "update-ref", "-d", "refs/heads/other", cwd=at)
    git.commit(work)
    git.run("push", "--quiet", "origin", "master", cwd=work)
    assert unexplained(server, name)[2:] in ([[["refs/heads/other", second, ZERO]]], [[["refs/", ZERO, ZERO]]])


def test_pushes_of_all_kinds_explain_what_they_move(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    name, work, first = filled(server, root, git, ada)
    second = git.commit(work)
    url = server.clone_url(name, ada)
    for refspec in (
        ("master", "master:b", "master:refs/notes/x", f"{first}:refs/odd/y"),
        (f"+{first}:master", ":b"),
        (f"{second}:refs/heads/b", ":refs/odd/y"),
        ("--atomic", "master", ":refs/notes/x"),
    ):
        git.run("push", "--quiet", url, *refspec, cwd=work)
    root("strip", repoid=name, revision=second, branch="b")

    def push(number: int) -> None:
        git.run("push", "--quiet", url, f"{first}:refs/heads/at-once-{number}", cwd=work)

    for _ in range(3):
        at_once(lambda number: push(number), times=6)
        at_once(lambda number: git.run("push", "--quiet", url, f":at-once-{number}", cwd=work), times=6)
    root("invalidate_cache", repoid=name)
    assert unexplained(server, name) == []


def test_no_changeset_comes_beside_the_journal(server: Server, root: Api, hg: Hg) -> None:
    ada = root.new_user()
    name = root.new_repo(kind="hg", owner=ada.name).name
    hg.sign_in(server.url, ada.name, ada.password)
    url = f"{server.url}/{name}"
    work = hg.new_work()
    first = hg.commit(work)
    hg.run("push", url, cwd=work)
    other = hg.home / unique("other")
    hg.run("clone", url, str(other))
    aside = hg.commit(other, "aside")
    at = server.root / name
    hg.run("pull", str(other), cwd=at)
    hg.run("bookmark", "-r", first, "mark", cwd=at)
    second = hg.commit(work)
    hg.run("push", "--force", url, cwd=work)
    assert unexplained(server, name) == [[["branches/default", ZERO, aside], ["bookmarks/mark", ZERO, first]]]
    hg.run("bookmark", "-r", second, "mine", cwd=work)
    hg.run("push", "-B", "mine", url, cwd=work, check=False)  # says that there are no new changesets
    assert len(unexplained(server, name)) == 1
    listed = root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)
    assert [one["raw_id"] for one in listed] == [first, aside, second]


def test_changesets_of_many_at_once_are_explained(server: Server, root: Api, hg: Hg) -> None:
    ada = root.new_user()
    name = root.new_repo(kind="hg", owner=ada.name).name
    hg.sign_in(server.url, ada.name, ada.password)
    url = f"{server.url}/{name}"
    work = hg.new_work()
    hg.commit(work)
    hg.run("push", url, cwd=work)
    copies = [hg.home / unique("copy") for _ in range(4)]
    for number, copy in enumerate(copies):
        hg.run("clone", url, str(copy))
        hg.commit(copy, f"number {number}")
        hg.run("bookmark", f"mark{number}", cwd=copy)

    def push(number: int) -> None:
        hg.run("push", "--force", "-B", f"mark{number}", url, cwd=copies[number])

    at_once(push, times=4)
    tip = root("get_repo", repoid=name)["last_changeset"]["raw_id"]
    root("strip", repoid=name, revision=tip, branch="default")
    root("invalidate_cache", repoid=name)
    hg.commit(work)
    hg.run("push", "--force", url, cwd=work)
    assert unexplained(server, name) == []
