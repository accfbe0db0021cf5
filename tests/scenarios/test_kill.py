# SPDX-License-Identifier: GPL-3.0-or-later
"""The server is killed at random moments under load: everything acknowledged is there, nothing is half-done.

Each repository is of one of the three systems, and pushed to with its stock client.

Rounds and seed can be set: TRIVIUM_KILL_ROUNDS=100 TRIVIUM_KILL_SEED=7 make test ARGS=tests/scenarios/test_kill.py
"""

from __future__ import annotations

import http.client
import json
import os
import random
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.clients import Api, ApiError
from tests.support.pushers import PUSHERS, Pusher, repositories_below
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, System, new_system
from tests.support.waiting import until, until_more

ROUNDS = int(os.environ.get("TRIVIUM_KILL_ROUNDS", "4"))
SEED = int(os.environ.get("TRIVIUM_KILL_SEED", "1852"))
THREADS = 4
STEPS = (50, 150)
"""Of all threads in a round: the kill comes when one is done, in the middle of what the others do."""
ACTIONS = (
    *("create", "create", "push", "push", "push", "rename", "move", "delete", "group", "rename_group"),
    *("fork", "strip"),
)

Gone = (OSError, http.client.HTTPException, json.JSONDecodeError, subprocess.TimeoutExpired)


@dataclass
class Content:
    """What is in a repository, as it was acknowledged."""

    kind: str
    commits: list[str] = field(default_factory=list)
    """Oldest first."""
    pushed: list[str] = field(default_factory=list)
    """Those that were pushed here, also when they have been stripped: what the journal tells."""

    def push(self, commit: str) -> None:
        self.commits.append(commit)
        self.pushed.append(commit)

    def forked(self) -> Content:
        return Content(self.kind, list(self.commits))


@dataclass
class Known:
    """What one thread knows of its own part of the server: what was acknowledged, and what it was about to do."""

    prefix: str
    repositories: dict[str, Content] = field(default_factory=dict)
    """What each repository has in it, by its name."""
    groups: list[str] = field(default_factory=list)
    doubtful: tuple[str, ...] = ()
    """The operation that the kill interrupted."""
    done: int = 0

    def rename(self, old: str, new: str) -> None:
        self.repositories[new] = self.repositories.pop(old)


class Worker(threading.Thread):
    """Creates, forks, moves, deletes, strips and pushes, one thing after the other, until the server is gone."""

    def __init__(
        self, server: Server, known: Known, pushers: dict[str, Pusher], dice: random.Random, killing: threading.Event
    ) -> None:
        super().__init__()
        self.api = Api(server.url, server.admin_key)
        self.known = known
        self.pushers = pushers
        self.dice = dice
        self.killing = killing
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self.step()
        except (*Gone, ApiError) as error:
            # Nobody may be refused before somebody is killed.
            if not self.killing.is_set():
                self.problem = error
        except BaseException as error:  # shown by the test
            self.problem = error

    def step(self) -> None:
        known, dice = self.known, self.dice
        names = sorted(known.repositories)
        number = f"{known.done:04d}"
        choice = dice.choice(ACTIONS)
        if choice in ("push", "rename", "move", "delete", "fork", "strip") and not names:
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
        elif choice == "fork":
            self.fork(dice.choice(names), f"{dice.choice([known.prefix, *known.groups])}/f{number}")
        elif choice == "strip":
            self.strip(dice.choice(names))
        elif choice == "group":
            self.create_group(f"{known.prefix}/g{number}")
        elif known.groups:
            self.rename_group(dice.choice(known.groups), f"h{number}")
        known.doubtful = ()
        known.done += 1

    def create(self, name: str) -> None:
        kind = self.dice.choice(sorted(self.pushers))
        self.known.doubtful = ("create", name, kind)
        self.api("create_repo", repo_name=name, repo_type=kind)
        self.known.repositories[name] = Content(kind)

    def create_group(self, name: str) -> None:
        self.known.doubtful = ("create_group", name)
        self.api("create_repo_group", group_name=name)
        self.known.groups.append(name)

    def move(self, old: str, new: str, **change: str) -> None:
        self.known.doubtful = ("move", old, new)
        self.api("update_repo", repoid=old, **change)
        self.known.rename(old, new)

    def delete(self, name: str) -> None:
        self.known.doubtful = ("delete", name)
        self.api("delete_repo", repoid=name, forks="detach")
        del self.known.repositories[name]

    def fork(self, name: str, target: str) -> None:
        self.known.doubtful = ("fork", name, target)
        self.api("fork_repo", repoid=name, fork_name=target)
        self.known.repositories[target] = self.known.repositories[name].forked()

    def strip(self, name: str) -> None:
        """The last commit, if another one stays; Subversion has none to give."""
        content = self.known.repositories[name]
        if len(content.commits) > 1 and content.kind != "svn":
            self.known.doubtful = ("strip", name)
            self.api("strip", repoid=name, revision=content.commits[-1], branch="master")
            content.commits.pop()

    def rename_group(self, old: str, segment: str) -> None:
        new = f"{old.rpartition('/')[0]}/{segment}"
        self.known.doubtful = ("rename_group", old, new)
        self.api("update_repo_group", repogroupid=old, group_name=segment)
        self.apply_group_rename(old, new)

    def apply_group_rename(self, old: str, new: str) -> None:
        self.known.groups = [new if group == old else group for group in self.known.groups]
        for name in list(self.known.repositories):
            if name.startswith(old + "/"):
                self.known.rename(name, new + name[len(old) :])

    def push(self, name: str) -> None:
        content = self.known.repositories[name]
        commit, publish = self.pushers[content.kind].prepare(name, content.commits, f"push {self.known.done}")
        self.known.doubtful = ("push", name, commit)
        done = publish()
        if done.returncode:
            raise ConnectionError((done.stdout + done.stderr).decode(errors="replace"))
        content.push(commit)


def settle(server: Server, worker: Worker) -> None:
    """After the restart: the interrupted operation is either done or not; learn which, and insist that it is one."""
    known, root = worker.known, server.api(server.admin_key)
    there = {row["repo_name"]: row for row in root("get_repos")}
    groups = {row["group_name"] for row in root("get_repo_groups")}
    match known.doubtful:
        case ("create", name, kind):
            if name not in there:
                root("create_repo", repo_name=name, repo_type=kind)  # the name is not stuck
            known.repositories[name] = Content(kind)
        case ("create_group", name):
            if name not in groups:
                root("create_repo_group", group_name=name)
            known.groups.append(name)
        case ("move", old, new):
            assert (old in there) != (new in there), (old, new)
            if new in there:
                known.rename(old, new)
        case ("delete", name):
            if name not in there:
                del known.repositories[name]
        case ("rename_group", old, new):
            assert (old in groups) != (new in groups), (old, new)
            if new in groups:
                worker.apply_group_rename(old, new)
        case ("push", name, commit):
            if there[name]["last_changeset"]["raw_id"] == commit:
                known.repositories[name].push(commit)
        case ("fork", name, target):
            if target in there:
                known.repositories[target] = known.repositories[name].forked()
        case ("strip", name):
            commits = known.repositories[name].commits
            if there[name]["last_changeset"]["raw_id"] != commits[-1]:
                commits.pop()
    known.doubtful = ()
    known.done += 1  # the next names are new ones


def check(server: Server, systems: dict[str, System], workers: list[Worker]) -> None:
    """Everything acknowledged is there, and the two stores agree exactly."""
    root = server.api(server.admin_key)
    there = {row["repo_name"]: row for row in root("get_repos")}
    groups = {row["group_name"] for row in root("get_repo_groups")}
    expected = {name: content for worker in workers for name, content in worker.known.repositories.items()}
    kinds = {name: content.kind for name, content in expected.items()}
    assert {name: row["repo_type"] for name, row in there.items()} == kinds
    assert repositories_below(server.root) == kinds
    for group in [group for worker in workers for group in worker.known.groups]:
        assert group in groups
    for group in groups:
        assert (server.root / group).is_dir()
    assert server.under_way() == []
    # A process that was killed may take a moment to die: then a later look removes what it was building.
    until(lambda: list((server.root / ".staging").iterdir()) == [])
    journalled: dict[int, list[str]] = {}
    for repository_id, detail in server.query("SELECT repository_id, detail FROM journal WHERE action = 'push'"):
        journalled.setdefault(repository_id, []).extend(change[2] for change in json.loads(detail)["refs"])
    for name, content in expected.items():
        commits, last = content.commits, there[name]["last_changeset"]
        assert systems[content.kind].at_rest(server.root / name) == commits, name
        assert (last["raw_id"], last["revision"]) == ((commits or ["0" * 40])[-1], len(commits) - 1), name
        assert sorted(journalled.get(there[name]["repo_id"], [])) == sorted(content.pushed), name


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_server_that_is_killed_again_and_again_loses_and_halves_nothing(own_server: Server, tmp_path: Path) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    dice = random.Random(SEED)
    knowledge = [Known(f"team{number}") for number in range(THREADS)]
    systems = {kind: new_system(kind, tmp_path / f"checks-{kind}") for kind in SYSTEMS}
    own_server.start()
    for known in knowledge:
        own_server.api(own_server.admin_key)("create_repo_group", group_name=known.prefix)
    for round_ in range(ROUNDS):
        killing = threading.Event()
        workers = []
        for number, known in enumerate(knowledge):
            pushers = {kind: new(own_server, tmp_path / f"{kind}{number}") for kind, new in PUSHERS.items()}
            workers.append(Worker(own_server, known, pushers, random.Random(dice.random()), killing))
        for worker in workers:
            worker.start()
        until_more(lambda: sum(known.done for known in knowledge), dice.randint(*STEPS), workers)
        killing.set()
        if round_ % 4 == 3:
            # Only a worker dies: the others go on, and its clients see one failure each.
            own_server.kill_one(dice)
            until_more(lambda: sum(known.done for known in knowledge), dice.randint(0, 20), workers)
        own_server.kill()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive()
            if worker.problem is not None:
                raise worker.problem
        own_server.start(patience=10)
        for worker in workers:
            settle(own_server, worker)
        check(own_server, systems, workers)
        print(f"round {round_}: {sum(known.done for known in knowledge)} done")
    assert sum(known.done for known in knowledge) > 20 * ROUNDS
