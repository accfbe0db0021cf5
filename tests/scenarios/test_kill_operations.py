# SPDX-License-Identifier: GPL-3.0-or-later
"""The server is killed while it forks, imports, pulls and strips: each of them is done, or as if never begun.

(security.md R-3, R-7.) Rounds and seed can be set:
TRIVIUM_KILL_ROUNDS=100 TRIVIUM_KILL_SEED=7 make test ARGS=tests/scenarios/test_kill_operations.py
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Api, ApiError, Git, unique
from tests.support.processes import tree
from tests.support.repositories import ZERO, assert_whole, refs_in
from tests.support.servers import Server

ROUNDS = int(os.environ.get("TRIVIUM_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("TRIVIUM_KILL_SEED", "1843"))
THREADS = 3
MOST = 5
"""Copies that one thread keeps at a time."""
MANY = 150
"""Files of a large commit: git keeps a transfer of so many objects as a pack, and a small one as loose objects."""

MASTER = "refs/heads/master"
Gone = (OSError, http.client.HTTPException, json.JSONDecodeError, subprocess.TimeoutExpired)
Refs = dict[str, str]


@dataclass(frozen=True)
class Doubt:
    """The operation that the kill interrupted, and the refs of its repository if it was done all the same."""

    action: str
    name: str
    refs: Refs


@dataclass
class Known:
    """What one thread knows of its own part of the server."""

    prefix: str
    work: Path
    repositories: dict[str, Refs] = field(default_factory=dict)
    """The refs of each repository, as they were acknowledged."""
    imported: list[str] = field(default_factory=list)
    moves: set[tuple[str, ...]] = field(default_factory=set)
    """Action, repository, ref, old and new id: what the journal must tell."""
    doubt: Doubt | None = None
    done: int = 0

    @property
    def source(self) -> str:
        return f"{self.prefix}/source"

    def moved(self, action: str, name: str, now: Refs) -> None:
        """The refs of a repository are known to be others now."""
        before = self.repositories[name]
        self.moves |= {
            (action, name, ref, before.get(ref, ZERO), raw_id)
            for ref, raw_id in now.items()
            if before.get(ref) != raw_id
        }
        self.repositories[name] = now


class Worker(threading.Thread):
    """Pushes to a repository, copies it, brings copies up to date and strips, until the server is gone."""

    def __init__(self, server: Server, known: Known, git: Git, dice: random.Random, dying: threading.Event) -> None:
        super().__init__()
        self.api = Api(server.url, server.admin_key)
        self.url = server.url.replace("://", f"://root:{server.admin_password}@")
        self.known = known
        self.git = git
        self.dice = dice
        self.dying = dying
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self.step()
        except Gone:
            return
        except ApiError as error:
            # An import or pull says so when the worker that it fetches from is killed first.
            if not self.dying.is_set():
                self.problem = error
        except BaseException as error:  # shown by the test
            self.problem = error

    def step(self) -> None:
        known, dice = self.known, self.dice
        copies = sorted(set(known.repositories) - {known.source})
        choice = dice.choice(["push", "fork", "import", "pull", "pull", "strip", "strip"])
        if choice == "pull" and not known.imported:
            choice = "import"
        if choice in ("fork", "import") and len(copies) >= MOST:
            choice = "delete"
        name = f"{known.prefix}/{choice}{known.done:04d}"
        if choice == "push":
            self.push()
        elif choice == "fork":
            self.copy(choice, name, "fork_repo", repoid=known.source, fork_name=name)
        elif choice == "import":
            uri = f"{self.url}/{known.source}"
            self.copy(choice, name, "create_repo", repo_name=name, repo_type="git", clone_uri=uri)
            known.imported.append(name)
        elif choice == "pull":
            self.pull(dice.choice(known.imported))
        elif choice == "strip":
            self.strip(dice.choice([known.source, *copies]))
        else:
            self.delete(dice.choice(copies))
        known.doubt = None
        known.done += 1

    def push(self) -> None:
        known = self.known
        tip = known.repositories[known.source].get(MASTER)
        if tip is not None:
            self.git.run("reset", "--quiet", "--hard", tip, cwd=known.work)
        many = MANY if tip is None or self.dice.random() < 0.3 else 1
        files = {f"{unique('f')}.txt": f"{number}\n" for number in range(many)}
        commit = self.git.commit(known.work, f"push {known.done}", **files)
        names = [MASTER, f"refs/heads/b{known.done}"] if self.dice.random() < 0.3 else [MASTER]
        now = known.repositories[known.source] | dict.fromkeys(names, commit)
        known.doubt = Doubt("push", known.source, now)
        words = [f"{commit}:{name}" for name in names]
        done = self.git.run(
            "push", "--quiet", "--atomic", f"{self.url}/{known.source}", *words, cwd=known.work, check=False
        )
        if done.returncode:
            raise ConnectionError(done.stderr.decode(errors="replace"))
        known.moved("push", known.source, now)

    def copy(self, action: str, name: str, method: str, **args: Any) -> None:
        refs = dict(self.known.repositories[self.known.source])
        self.known.doubt = Doubt(action, name, refs)
        self.api(method, **args)
        self.known.repositories[name] = refs

    def pull(self, name: str) -> None:
        known = self.known
        now = known.repositories[name] | known.repositories[known.source]
        known.doubt = Doubt("remote.pull", name, now)
        self.api("pull", repoid=name)
        known.moved("remote.pull", name, now)

    def strip(self, name: str) -> None:
        known = self.known
        refs = known.repositories[name]
        row = self.git.out("rev-list", "--max-count=4", refs[MASTER], cwd=known.work).split()
        if len(row) == 1:
            return
        at = self.dice.randrange(len(row) - 1)
        now = refs | {MASTER: row[at + 1]}
        known.doubt = Doubt("strip", name, now)
        self.api("strip", repoid=name, revision=row[at], branch="master")
        known.moved("strip", name, now)

    def delete(self, name: str) -> None:
        self.known.doubt = Doubt("delete", name, {})
        self.api("delete_repo", repoid=name)
        del self.known.repositories[name]
        self.known.imported = [one for one in self.known.imported if one != name]


def settle(server: Server, known: Known, git: Git) -> None:
    """Learn whether the interrupted operation was done, and insist that it was done wholly or not at all."""
    doubt = known.doubt
    if doubt is None:
        return
    path = server.root / doubt.name
    there = path.exists()
    if doubt.action in ("fork", "import"):
        if there:
            assert refs_in(git, path) == doubt.refs
            known.repositories[doubt.name] = doubt.refs
            known.imported += [doubt.name] if doubt.action == "import" else []
    elif doubt.action == "delete":
        if not there:
            del known.repositories[doubt.name]
            known.imported = [one for one in known.imported if one != doubt.name]
    else:
        before, now = known.repositories[doubt.name], refs_in(git, path)
        for ref in before.keys() | now.keys() | doubt.refs.keys():
            assert now.get(ref) in (before.get(ref), doubt.refs.get(ref)), (doubt, ref)
        if doubt.action == "push":
            assert now in (before, doubt.refs), "a push that asks for all or nothing gets that"
        if doubt.action == "remote.pull":
            known.repositories[doubt.name] = now  # the journal knows only pulls that ended
        else:
            known.moved(doubt.action, doubt.name, now)
    known.doubt = None
    known.done += 1  # the next names are new ones


def pull_again(server: Server, known: Known) -> None:
    """Every import agrees with its source after the next pull; the server has another port now."""
    root = server.api(server.admin_key)
    url = server.url.replace("://", f"://root:{server.admin_password}@")
    for name in known.imported:
        root("update_repo", repoid=name, clone_uri=f"{url}/{known.source}")
        root("pull", repoid=name)
        known.moved("remote.pull", name, known.repositories[name] | known.repositories[known.source])


def check(server: Server, git: Git, knowledge: list[Known]) -> None:
    """Everything acknowledged is there, the database and the disk agree, and nothing is left over."""
    root = server.api(server.admin_key)
    there = {row["repo_name"]: row for row in root("get_repos")}
    expected = {name: refs for known in knowledge for name, refs in known.repositories.items()}
    assert set(there) == set(expected)
    on_disk = {
        str(head.parent.relative_to(server.root))
        for head in server.root.rglob("HEAD")
        if not head.relative_to(server.root).parts[0].startswith(".") and (head.parent / "objects").is_dir()
    }
    assert on_disk == set(expected)
    assert server.query("SELECT kind, detail FROM intents") == []
    assert list((server.root / ".staging").iterdir()) == []
    journalled = {
        (action, subject, *change)
        for action, subject, detail in server.query(
            "SELECT action, subject, detail FROM journal WHERE action IN ('push', 'strip', 'remote.pull')"
        )
        for change in json.loads(detail)["refs"]
    }
    for known in knowledge:
        assert known.moves <= journalled
    for name, refs in expected.items():
        assert assert_whole(root, git, server.root / name, name) == refs
    check_bundles(server, git, {str(row["repo_id"]): server.root / name for name, row in there.items()})


def check_bundles(server: Server, git: Git, repositories: dict[str, Path]) -> None:
    """What was stripped can be fetched from its bundle into the repository that it was taken from."""
    trash = server.root / ".trash"
    assert list(trash.glob("*.lock")) == []
    for bundle in trash.glob("*.bundle"):
        path = repositories.get(bundle.stem.split("-")[-2])
        if path is not None:
            git.run("--git-dir=.", "bundle", "verify", "--quiet", str(bundle), cwd=path)


def running_in(place: Path) -> set[int]:
    """Processes that work below a directory."""
    found = set()
    for process in Path("/proc").iterdir():
        try:
            where = (process / "cwd").readlink() if process.name.isdigit() else Path("/")
        except OSError:  # it has just ended
            continue
        if where.is_relative_to(place):
            found.add(int(process.name))
    return found


def until(reached: Callable[[], object]) -> None:
    """Wait for something that happens by itself."""
    deadline = time.monotonic() + 30
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("method", ["create_repo", "pull"])
def test_the_git_of_a_worker_that_dies_in_a_transfer_ends_with_it(own_server: Server, method: str) -> None:
    """Left alone it would go on to write where others put things in order, or move refs that nobody looks at again."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        own_server.start("--workers", "2", TRIVIUM_ALLOWED_REMOTE_HOSTS=address)
        root = own_server.api(own_server.admin_key)
        args = {"repoid": "core"}
        if method == "pull":
            root("create_repo", repo_name="core", repo_type="git")
            root("update_repo", repoid="core", clone_uri=f"http://{address}/x")
        else:
            args = {"repo_name": "core", "repo_type": "git", "clone_uri": f"http://{address}/x"}

        def call() -> None:
            with pytest.raises(Gone):
                root(method, **args)

        caller = threading.Thread(target=call)
        caller.start()
        visit, _ = silent.accept()
        with visit:
            gits = running_in(own_server.root)
            (serving,) = [pid for pid in tree(own_server.pid)[1:] if pid not in gits and gits & set(tree(pid))]
            os.kill(serving, signal.SIGKILL)
            caller.join(30)
            assert not caller.is_alive()
            until(lambda: not running_in(own_server.root))
    until(lambda: own_server.query("SELECT count(*) FROM intents") == [(0,)])
    until(lambda: not list((own_server.root / ".staging").iterdir()))
    assert own_server.api(own_server.admin_key).envelope("get_repo", repoid="core")["error"] == (
        None if method == "pull" else "repository `core` does not exist"
    )


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_server_that_is_killed_in_forks_pulls_and_strips_halves_none(own_server: Server, git: Git) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    dice = random.Random(SEED)
    own_server.start()
    root = own_server.api(own_server.admin_key)
    knowledge = [Known(f"team{number}", git.new_work(f"work{number}")) for number in range(THREADS)]
    for known in knowledge:
        root("create_repo", repo_name=known.source, repo_type="git")
        known.repositories[known.source] = {}
        Worker(own_server, known, git, dice, threading.Event()).push()
    for round_ in range(ROUNDS):
        dying = threading.Event()
        workers = [Worker(own_server, known, git, random.Random(dice.random()), dying) for known in knowledge]
        for worker in workers:
            worker.start()
        time.sleep(dice.uniform(1, 3))
        dying.set()
        if round_ % 3 == 2:
            # Only one process dies at first; what it was doing is put in order while the others go on.
            own_server.kill_one(dice)
            time.sleep(dice.uniform(0.1, 1))
        own_server.kill()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive()
            if worker.problem is not None:
                raise worker.problem
        # Housekeeping by the way would be looked at in the middle of its work.
        own_server.start(patience=10, TRIVIUM_HOUSEKEEPING_INTERVAL="0")
        for known in knowledge:
            settle(own_server, known, git)
        check(own_server, git, knowledge)
        for known in knowledge:
            pull_again(own_server, known)
        check(own_server, git, knowledge)
    assert sum(known.done for known in knowledge) > 10 * ROUNDS
