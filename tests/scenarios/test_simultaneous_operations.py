# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushes, forks, pulls, strips, moves and deletions at the same moment (security.md R-14, R-15).

Every acknowledged push is there under the final name, nothing is there by half, and the journal tells it all.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.crowd import at_once
from tests.support.repositories import ZERO, assert_whole, refs_in
from tests.support.servers import Server

TURNS = 5


class Project:
    """A repository with three commits on master, its address, and a working copy for each of two people."""

    def __init__(self, server: Server, root: Api, git: Git, name: str | None = None) -> None:
        self.server, self.root, self.git = server, root, git
        made = root.new_repo(name)
        self.id, self.name = made.id, made.name
        self.base = server.url.replace("://", f"://root:{server.admin_password}@")
        self.url = f"{self.base}/_{self.id}"
        """The permanent address."""
        self.works: list[Path] = []
        first = git.new_work(unique("work"))
        self.commits = [git.commit(first, f"change {number}", when=1_500_000_000 + number) for number in range(3)]
        git.run("push", "--quiet", self.url, "master", cwd=first)
        for _ in range(2):
            self.works.append(git.home / unique("work"))
            git.run("clone", "--quiet", str(first), str(self.works[-1]))

    @property
    def place(self) -> Path:
        return self.server.root / self.name

    def push(self, number: int, branch: str, *, url: str | None = None) -> str | None:
        """Commit in one working copy and push that to a branch; returns the id if that was acknowledged."""
        work = self.works[number]
        raw_id = self.git.commit(work, **{f"{unique('f')}.txt": "x\n"})
        done = self.git.run("push", "--quiet", url or self.url, f"HEAD:refs/heads/{branch}", cwd=work, check=False)
        return raw_id if done.returncode == 0 else None

    def acknowledged(self, number: int, *, url: str | None = None) -> dict[str, str]:
        """Push to one branch after the other; returns those that the server took."""
        pushed = {f"b{number}-{turn}": self.push(number, f"b{number}-{turn}", url=url) for turn in range(TURNS)}
        return {f"refs/heads/{branch}": raw_id for branch, raw_id in pushed.items() if raw_id}

    def moves(self) -> list[tuple[str, str, str]]:
        """What the journal tells of the refs, oldest first: name, old and new id."""
        rows = self.server.query(
            "SELECT detail FROM journal WHERE action IN ('push', 'strip', 'remote.pull') AND repository_id = ?"
            " ORDER BY id",
            self.id,
        )
        return [tuple(change) for (detail,) in rows for change in json.loads(detail)["refs"]]

    def assert_told(self, refs: dict[str, str]) -> None:
        """The journal leads from nothing to these refs, in whatever order operations that overlap were told."""
        ends: Counter[tuple[str, str]] = Counter()
        for name, old, new in self.moves():
            ends[name, old] -= 1
            ends[name, new] += 1
        assert {key: count for key, count in ends.items() if count and key[1] != ZERO} == dict.fromkeys(refs.items(), 1)

    def nothing_under_way(self) -> None:
        """No operation on the repository counts as begun, but for housekeeping, which comes and goes by itself."""
        found = [json.loads(detail) for (detail,) in self.server.query("SELECT detail FROM intents")]
        assert not [one for one in found if one.get("repository_id") == self.id and one.get("action") != "tidy"]


@pytest.fixture
def project(server: Server, root: Api, git: Git) -> Project:
    return Project(server, root, git)


def test_groups_that_move_while_somebody_pushes(server: Server, root: Api, git: Git) -> None:
    """Group moves take no lock: a push under whose feet the directory goes away is refused, never lost."""
    outer, inner, other = root.new_repo_group(), unique("inner"), root.new_repo_group()
    root("create_repo_group", group_name=f"{outer.name}/{inner}")
    project = Project(server, root, git, f"{outer.name}/{inner}/{unique('core')}")
    group = root("get_repo_group", repogroupid=f"{outer.name}/{inner}")["group_id"]
    last_name = project.name.rpartition("/")[2]

    def act(number: int) -> dict[str, str]:
        if number < 2:
            return project.acknowledged(number)
        for turn in range(TURNS):
            root("update_repo_group", repogroupid=group, group_name=f"moved{turn}", parent=(other, outer)[turn % 2].id)
        return {}

    taken = {ref: raw_id for one in at_once(act, times=3) for ref, raw_id in one.items()}
    project.name = f"{(other, outer)[(TURNS - 1) % 2].name}/moved{TURNS - 1}/{last_name}"
    assert root("get_repo", repoid=project.id)["repo_name"] == project.name
    refs = assert_whole(root, git, project.place, project.name)
    assert taken.items() <= refs.items()
    project.assert_told(refs)
    project.nothing_under_way()


def test_what_was_pushed_before_a_deletion_is_in_the_trash(
    server: Server, root: Api, git: Git, project: Project
) -> None:
    deleted: list[Any] = []

    def act(number: int) -> dict[str, str]:
        if number < 2:
            return project.acknowledged(number)
        deleted.append(root("delete_repo", repoid=project.id))
        return {}

    taken = {ref: raw_id for one in at_once(act, times=3) for ref, raw_id in one.items()}
    assert deleted
    assert not project.place.exists()
    assert root.error("get_repo", repoid=project.id) == f"repository `{project.id}` does not exist"
    (trash,) = [path for path in server.root.glob(f".trash/*-{project.id}") if path.is_dir()]
    refs = refs_in(git, trash)
    git.run("--git-dir=.", "fsck", "--full", "--no-dangling", cwd=trash)
    assert taken.items() <= refs.items()
    project.nothing_under_way()
    again = root.new_repo(project.name)
    assert again.id != project.id
    assert git.out("ls-remote", f"{project.base}/{project.name}") == ""


def test_forks_of_a_repository_that_is_pushed_to(server: Server, root: Api, git: Git, project: Project) -> None:
    """Each fork is the source at one moment: all that was acknowledged before is in it, and nothing that never was."""
    names = [unique("fork") for _ in range(TURNS)]
    before: list[dict[str, str]] = []

    def act(number: int) -> dict[str, str]:
        if number < 2:
            return project.acknowledged(number)
        for name in names:
            before.append(refs_in(git, project.place))
            root("fork_repo", repoid=project.id, fork_name=name)
        return {}

    taken = {ref: raw_id for one in at_once(act, times=3) for ref, raw_id in one.items()}
    assert len(taken) == 2 * TURNS
    final = assert_whole(root, git, project.place, project.name)
    for name, seen in zip(names, before, strict=True):
        refs = assert_whole(root, git, server.root / name, name)
        assert seen.items() <= refs.items() <= final.items()


@pytest.mark.parametrize("forks", ["", "detach", "delete"])
def test_a_deletion_of_what_is_being_forked(server: Server, root: Api, git: Git, project: Project, forks: str) -> None:
    names = [unique("fork") for _ in range(4)]

    def act(number: int) -> str | None:
        if number == len(names):
            said = root.envelope("delete_repo", repoid=project.id, forks=forks)["error"]
        else:
            said = root.envelope("fork_repo", repoid=project.id, fork_name=names[number])["error"]
        return None if said is None else str(said)

    *forked, deleted = at_once(act, times=len(names) + 1)
    gone = root.envelope("get_repo", repoid=project.id)["error"] is not None
    assert gone is (deleted is None)
    assert not gone or not project.place.exists()
    rows = {row["repo_name"]: row for row in root("get_repos")}
    for name, said in zip(names, forked, strict=True):
        assert said is None or "failed to fork" in said or "does not exist" in said
        if name not in rows:
            assert said is not None or (gone and forks == "delete")
            assert not (server.root / name).exists()
            continue
        assert said is None
        assert rows[name]["fork_of"] == (None if gone else project.name)
        assert assert_whole(root, git, server.root / name, name) == {"refs/heads/master": project.commits[-1]}
    assert list((server.root / ".staging").iterdir()) == []


def test_strips_and_pushes_to_one_branch(server: Server, root: Api, git: Git, project: Project) -> None:
    """Whoever comes later works on what the other left, or is refused."""

    def act(number: int) -> list[str]:
        done = []
        for _ in range(TURNS):
            if number < 2:
                git.run("fetch", "--quiet", project.url, "master", cwd=project.works[number])
                git.run("reset", "--quiet", "--hard", "FETCH_HEAD", cwd=project.works[number])
                raw_id = project.push(number, "master")
                done += [raw_id] if raw_id else []
            else:
                tip = root("get_repo_changeset", repoid=project.id, revision="master")["raw_id"]
                if tip != project.commits[0]:
                    root.envelope("strip", repoid=project.id, revision=tip, branch="master")
        return done

    pushed = [raw_id for one in at_once(act, times=3) for raw_id in one]
    refs = assert_whole(root, git, project.place, project.name)
    project.assert_told(refs)
    assert set(pushed) <= {new for _, _, new in project.moves()}
    project.nothing_under_way()
    removed = {old for _, old, _ in project.moves()} - set(git.out("rev-list", "master", cwd=project.place).split())
    kept = {
        line.split(" ")[0]
        for bundle in server.root.glob(f".trash/*-{project.id}-*.bundle")
        for line in git.out("bundle", "list-heads", str(bundle)).splitlines()
    }
    assert removed - {ZERO} <= kept


def test_pulls_into_what_is_pushed_to(server: Server, root: Api, git: Git, project: Project) -> None:
    """A pull sets what the remote has, and nothing else."""
    copy = unique("import")
    root("create_repo", repo_name=copy, repo_type="git", clone_uri=f"{project.base}/{project.name}")
    target = root("get_repo", repoid=copy)["repo_id"]

    def act(number: int) -> dict[str, str]:
        if number == 0:
            return project.acknowledged(0)
        if number == 1:
            return project.acknowledged(1, url=f"{project.base}/_{target}")
        for _ in range(TURNS):
            root("pull", repoid=target)
        return {}

    ours, theirs, *_ = at_once(act, times=4)
    assert len(ours) == len(theirs) == TURNS
    root("pull", repoid=target)
    expected = assert_whole(root, git, project.place, project.name) | theirs
    assert assert_whole(root, git, server.root / copy, copy) == expected


@pytest.mark.parametrize("method", ["fork_repo", "create_repo"])
def test_one_copy_of_a_name(server: Server, root: Api, git: Git, project: Project, method: str) -> None:
    for name in (unique("copy"), f"{unique('team')}/tools/copy"):
        args = {"repoid": project.id, "fork_name": name}
        taken = f"fork `{name}` already exist"
        if method == "create_repo":
            args = {"repo_name": name, "repo_type": "git", "clone_uri": f"{project.base}/{project.name}"}
            taken = f"repo `{name}` already exist"
        said = Counter(at_once(lambda _, args=args: root.envelope(method, **args)["error"] or "success"))
        assert said == {"success": 1, taken: 7}
        assert assert_whole(root, git, server.root / name, name) == {"refs/heads/master": project.commits[-1]}
        assert server.query("SELECT count(*) FROM repositories WHERE name = ?", name) == [(1,)]


def test_copies_of_all_kinds_under_one_name(server: Server, root: Api, git: Git, project: Project) -> None:
    name = unique("either")
    calls: list[Callable[[], Any]] = [
        lambda: root.envelope("fork_repo", repoid=project.id, fork_name=name),
        lambda: root.envelope("create_repo", repo_name=name, repo_type="git"),
        lambda: root.envelope(
            "create_repo", repo_name=name, repo_type="git", clone_uri=f"{project.base}/{project.name}"
        ),
        lambda: root.envelope("create_repo_group", group_name=name),
    ]
    said = at_once(lambda number: calls[number % 4]()["error"])
    assert said.count(None) == 1
    winner = said.index(None) % 4
    refs = {} if winner in (1, 3) else {"refs/heads/master": project.commits[-1]}
    assert refs_in(git, server.root / name) == refs if winner != 3 else (server.root / name).is_dir()
