# SPDX-License-Identifier: GPL-3.0-or-later
"""The server is killed at random moments under load: everything acknowledged is there, nothing is half-done.

Rounds and seed can be set: TRIVIUM_KILL_ROUNDS=100 TRIVIUM_KILL_SEED=7 make test ARGS=tests/scenarios/test_kill.py
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server

ROUNDS = int(os.environ.get("TRIVIUM_KILL_ROUNDS", "4"))
SEED = int(os.environ.get("TRIVIUM_KILL_SEED", "1852"))
THREADS = 4

Gone = (OSError, http.client.HTTPException, json.JSONDecodeError, subprocess.TimeoutExpired)


@dataclass
class Known:
    """What one thread knows of its own part of the server: what was acknowledged, and what it was about to do."""

    prefix: str
    repositories: dict[str, list[str]] = field(default_factory=dict)
    """Name → the commits whose push was acknowledged, oldest first."""
    groups: list[str] = field(default_factory=list)
    doubtful: tuple[str, ...] = ()
    """The operation that the kill interrupted."""
    done: int = 0


class Worker(threading.Thread):
    """Creates, renames, moves, deletes and pushes, one thing after the other, until the server is gone."""

    def __init__(self, server: Server, known: Known, git: Git, dice: random.Random) -> None:
        super().__init__()
        self.api = Api(server.url, server.admin_key)
        self.known = known
        self.git = git
        self.dice = dice
        self.url = server.url.replace("://", f"://root:{server.admin_password}@")
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self.step()
        except Gone:
            return
        except BaseException as error:  # shown by the test
            self.problem = error

    def step(self) -> None:
        known, dice = self.known, self.dice
        names = sorted(known.repositories)
        number = f"{known.done:04d}"
        choice = dice.choice(["create", "create", "push", "push", "rename", "move", "delete", "group", "rename_group"])
        if choice in ("push", "rename", "move", "delete") and not names:
            choice = "create"
        if choice == "create":
            parent = dice.choice([known.prefix, f"{known.prefix}/new{number}", *known.groups])
            self.create(f"{parent}/r{number}")
        elif choice == "push":
            self.push(dice.choice(names))
        elif choice == "rename":
            old = dice.choice(names)
            self.move(old, f"{old.rpartition('/')[0]}/n{number}", name=f"n{number}")
        elif choice == "move":
            old, group = dice.choice(names), dice.choice([known.prefix, *known.groups])
            new = f"{group}/{old.rpartition('/')[2]}"
            if new != old and new not in known.repositories:
                self.move(old, new, group=group)
        elif choice == "delete":
            self.delete(dice.choice(names))
        elif choice == "group":
            self.create_group(f"{known.prefix}/g{number}")
        elif known.groups:
            self.rename_group(dice.choice(known.groups), f"h{number}")
        known.doubtful = ()
        known.done += 1

    def create(self, name: str) -> None:
        self.known.doubtful = ("create", name)
        self.api("create_repo", repo_name=name, repo_type="git")
        self.known.repositories[name] = []

    def create_group(self, name: str) -> None:
        self.known.doubtful = ("create_group", name)
        self.api("create_repo_group", group_name=name)
        self.known.groups.append(name)

    def move(self, old: str, new: str, **change: str) -> None:
        self.known.doubtful = ("move", old, new)
        self.api("update_repo", repoid=old, **change)
        self.known.repositories[new] = self.known.repositories.pop(old)

    def delete(self, name: str) -> None:
        self.known.doubtful = ("delete", name)
        self.api("delete_repo", repoid=name)
        del self.known.repositories[name]

    def rename_group(self, old: str, segment: str) -> None:
        new = f"{old.rpartition('/')[0]}/{segment}"
        self.known.doubtful = ("rename_group", old, new)
        self.api("update_repo_group", repogroupid=old, group_name=segment)
        self.apply_group_rename(old, new)

    def apply_group_rename(self, old: str, new: str) -> None:
        self.known.groups = [new if group == old else group for group in self.known.groups]
        for name in list(self.known.repositories):
            if name.startswith(old + "/"):
                self.known.repositories[new + name[len(old) :]] = self.known.repositories.pop(name)

    def push(self, name: str) -> None:
        commits = self.known.repositories[name]
        work = self.git.new_work(unique("work"))
        if commits:
            self.git.run("fetch", "--quiet", f"{self.url}/{name}", "master", cwd=work, check=False)
            if self.git.run("reset", "--hard", "--quiet", commits[-1], cwd=work, check=False).returncode:
                raise ConnectionError("the server is gone")
        commit = self.git.commit(work, f"push {self.known.done}")
        self.known.doubtful = ("push", name, commit)
        done = self.git.run("push", "--quiet", f"{self.url}/{name}", "HEAD:refs/heads/master", cwd=work, check=False)
        if done.returncode:
            raise ConnectionError(done.stderr.decode(errors="replace"))
        commits.append(commit)


def settle(server: Server, worker: Worker) -> None:
    """After the restart: the interrupted operation is either done or not; learn which, and insist that it is one."""
    known, root = worker.known, server.api(server.admin_key)
    there = {row["repo_name"]: row for row in root("get_repos")}
    groups = {row["group_name"] for row in root("get_repo_groups")}
    match known.doubtful:
        case ("create", name):
            if name in there:
                known.repositories[name] = []
            else:
                root("create_repo", repo_name=name, repo_type="git")  # the name is not stuck
                known.repositories[name] = []
        case ("create_group", name):
            if name not in groups:
                root("create_repo_group", group_name=name)
            known.groups.append(name)
        case ("move", old, new):
            assert (old in there) != (new in there), (old, new)
            if new in there:
                known.repositories[new] = known.repositories.pop(old)
        case ("delete", name):
            if name not in there:
                del known.repositories[name]
        case ("rename_group", old, new):
            assert (old in groups) != (new in groups), (old, new)
            if new in groups:
                worker.apply_group_rename(old, new)
        case ("push", name, commit):
            if there[name]["last_changeset"]["raw_id"] == commit:
                known.repositories[name].append(commit)
    known.doubtful = ()
    known.done += 1  # the next names are new ones


def check(server: Server, git: Git, workers: list[Worker]) -> None:
    """Everything acknowledged is there, and the two stores agree exactly."""
    root = server.api(server.admin_key)
    there = {row["repo_name"]: row for row in root("get_repos")}
    groups = {row["group_name"] for row in root("get_repo_groups")}
    expected = {name: commits for worker in workers for name, commits in worker.known.repositories.items()}
    assert set(there) == set(expected)
    on_disk = {
        str(head.parent.relative_to(server.root))
        for head in server.root.rglob("HEAD")
        if not head.relative_to(server.root).parts[0].startswith(".") and (head.parent / "objects").is_dir()
    }
    assert on_disk == set(expected)
    for group in [group for worker in workers for group in worker.known.groups]:
        assert group in groups
    for group in groups:
        assert (server.root / group).is_dir()
    assert server.query("SELECT kind, detail FROM intents") == []
    assert list((server.root / ".staging").iterdir()) == []
    journalled = {
        change[2]
        for (detail,) in server.query("SELECT detail FROM journal WHERE action = 'push'")
        for change in json.loads(detail)["refs"]
    }
    for name, commits in expected.items():
        check_repository(server.root / name, there[name], commits, git, journalled)


def check_repository(path: Path, row: dict[str, object], commits: list[str], git: Git, journalled: set[str]) -> None:
    git.run("--git-dir=.", "fsck", "--full", "--strict", "--no-dangling", cwd=path)
    assert [str(lock) for lock in path.rglob("*.lock")] == []
    last = row["last_changeset"]
    assert isinstance(last, dict)
    if not commits:
        assert last["revision"] == -1
        return
    assert git.out("--git-dir=.", "rev-parse", "refs/heads/master", cwd=path) == commits[-1]
    assert git.out("--git-dir=.", "rev-list", "--reverse", "refs/heads/master", cwd=path).split() == commits
    assert (last["raw_id"], last["revision"]) == (commits[-1], len(commits) - 1)
    assert set(commits) <= journalled


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_server_that_is_killed_again_and_again_loses_and_halves_nothing(own_server: Server, git: Git) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    dice = random.Random(SEED)
    knowledge = [Known(f"team{number}") for number in range(THREADS)]
    own_server.start()
    for known in knowledge:
        own_server.api(own_server.admin_key)("create_repo_group", group_name=known.prefix)
    for round_ in range(ROUNDS):
        workers = [Worker(own_server, known, git, random.Random(dice.random())) for known in knowledge]
        for worker in workers:
            worker.start()
        time.sleep(dice.uniform(2, 5))
        if round_ % 4 == 3:
            # Only a worker dies: the others go on, and its clients see one failure each.
            for pid in dice.sample(own_server.children(), 1):
                os.kill(pid, signal.SIGKILL)
            time.sleep(dice.uniform(0.1, 1))
        own_server.kill()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive()
            if worker.problem is not None:
                raise worker.problem
        own_server.start(patience=10)
        for worker in workers:
            settle(own_server, worker)
        check(own_server, git, workers)
    assert sum(known.done for known in knowledge) > 20 * ROUNDS
