# SPDX-License-Identifier: GPL-3.0-or-later
"""The server is killed while it forks, imports, pulls and strips: each of them is done, or as if never begun.

(security.md R-3, R-7.) Each thread works with one of the three systems, as far as the server can do that with it.
Rounds and seed can be set:
TRIVIUM_KILL_ROUNDS=100 TRIVIUM_KILL_SEED=7 make test ARGS=tests/scenarios/test_kill_operations.py
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
from typing import Any

import pytest

from tests.support.authors import AUTHORS, Author, Content
from tests.support.clients import Api, ApiError
from tests.support.pushers import repositories_below
from tests.support.servers import Server
from tests.support.waiting import until, until_more

ROUNDS = int(os.environ.get("TRIVIUM_KILL_ROUNDS", "3"))
SEED = int(os.environ.get("TRIVIUM_KILL_SEED", "1843"))
THREADS = ("git", "git", "hg", "hg", "svn")
STEPS = (25, 55)
"""Of all threads in a round: the kill comes when one is done, in the middle of what the others do."""
MOST = 5
"""Copies that one thread keeps at a time."""

Gone = (OSError, http.client.HTTPException, json.JSONDecodeError, subprocess.TimeoutExpired)


@dataclass(frozen=True)
class Doubt:
    """The operation that the kill interrupted, and what is in its repository if it was done all the same."""

    action: str
    name: str
    content: Content


@dataclass
class Known:
    """What one thread knows of its own part of the server."""

    prefix: str
    author: Author
    repositories: dict[str, Content] = field(default_factory=dict)
    """What is in each repository, as it was acknowledged."""
    imported: list[str] = field(default_factory=list)
    moves: set[tuple[str, ...]] = field(default_factory=set)
    """Action, repository, name, old and new id: what the journal must tell."""
    doubt: Doubt | None = None
    done: int = 0

    @property
    def source(self) -> str:
        return f"{self.prefix}/source"

    def moved(self, action: str, name: str, now: Content) -> None:
        """A repository is known to hold something else now."""
        before = self.repositories[name]
        self.moves |= {(action, name, *move) for move in self.author.moves(action, before, now)}
        self.repositories[name] = now


class Worker(threading.Thread):
    """Pushes to a repository, copies it, brings copies up to date and strips, until the server is gone."""

    def __init__(self, server: Server, known: Known, dice: random.Random, dying: threading.Event) -> None:
        super().__init__()
        self.api = Api(server.url, server.admin_key)
        self.server = server
        self.known = known
        self.dice = dice
        self.dying = dying
        self.problem: BaseException | None = None

    def run(self) -> None:
        try:
            while True:
                self.step()
        except (*Gone, ApiError) as error:
            # Nobody may be refused before somebody is killed: an import, say, when the worker that it fetches from is.
            if not self.dying.is_set():
                self.problem = error
        except BaseException as error:  # shown by the test
            self.problem = error

    def step(self) -> None:
        known, dice = self.known, self.dice
        copies = sorted(set(known.repositories) - {known.source})
        choice = dice.choice(known.author.actions)
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
            uri = self.server.clone_url(known.source, self.server.administrator)
            self.copy(choice, name, "create_repo", repo_name=name, repo_type=known.author.kind, clone_uri=uri)
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
        now, publish = known.author.push(self.server, known.source, known.repositories[known.source], self.dice)
        known.doubt = Doubt("push", known.source, now)
        done = publish()
        if done.returncode:
            raise ConnectionError((done.stdout + done.stderr).decode(errors="replace"))
        known.moved("push", known.source, now)

    def copy(self, action: str, name: str, method: str, **args: Any) -> None:
        content = dict(self.known.repositories[self.known.source])
        self.known.doubt = Doubt(action, name, content)
        self.api(method, **args)
        self.known.repositories[name] = content

    def pull(self, name: str) -> None:
        known = self.known
        now = known.repositories[name] | known.repositories[known.source]
        known.doubt = Doubt("remote.pull", name, now)
        self.api("pull", repoid=name)
        known.moved("remote.pull", name, now)

    def strip(self, name: str) -> None:
        known = self.known
        found = known.author.strip(known.repositories[name], self.dice)
        if found is None:
            return
        raw_id, now = found
        known.doubt = Doubt("strip", name, now)
        self.api("strip", repoid=name, revision=raw_id, branch="master")
        known.moved("strip", name, now)

    def delete(self, name: str) -> None:
        self.known.doubt = Doubt("delete", name, {})
        self.api("delete_repo", repoid=name)
        del self.known.repositories[name]
        self.known.imported = [one for one in self.known.imported if one != name]


def settle(server: Server, known: Known) -> None:
    """Learn whether the interrupted operation was done, and insist that it was done wholly or not at all."""
    doubt = known.doubt
    if doubt is None:
        return
    path = server.root / doubt.name
    there = path.exists()
    if doubt.action in ("fork", "import"):
        if there:
            assert known.author.content(path) == doubt.content
            known.repositories[doubt.name] = doubt.content
            known.imported += [doubt.name] if doubt.action == "import" else []
    elif doubt.action == "delete":
        if not there:
            del known.repositories[doubt.name]
            known.imported = [one for one in known.imported if one != doubt.name]
    else:
        before, now = known.repositories[doubt.name], known.author.content(path)
        for name in before.keys() | now.keys() | doubt.content.keys():
            assert now.get(name) in (before.get(name), doubt.content.get(name)), (doubt, name)
        if doubt.action in known.author.undivided:
            assert now in (before, doubt.content), doubt
            known.moved(doubt.action, doubt.name, now)
        else:
            known.repositories[doubt.name] = now  # the journal knows only those that ended
    known.doubt = None
    known.done += 1  # the next names are new ones


def pull_again(server: Server, known: Known) -> None:
    """Every import agrees with its source after the next pull; the server has another port now."""
    root = server.api(server.admin_key)
    uri = server.clone_url(known.source, server.administrator)
    for name in known.imported:
        root("update_repo", repoid=name, clone_uri=uri)
        root("pull", repoid=name)
        known.moved("remote.pull", name, known.repositories[name] | known.repositories[known.source])


def check(server: Server, knowledge: list[Known]) -> None:
    """Everything acknowledged is there, the database and the disk agree, and nothing is left over."""
    root = server.api(server.admin_key)
    there = {row["repo_name"]: row for row in root("get_repos")}
    kinds = {name: known.author.kind for known in knowledge for name in known.repositories}
    assert {name: row["repo_type"] for name, row in there.items()} == kinds
    assert repositories_below(server.root) == kinds
    assert server.query("SELECT kind, detail FROM intents") == []
    # A process that was killed may take a moment to die: then a later look removes what it was building.
    until(lambda: list((server.root / ".staging").iterdir()) == [])
    journalled = {
        (action, subject, *change)
        for action, subject, detail in server.query(
            "SELECT action, subject, detail FROM journal WHERE action IN ('push', 'strip', 'remote.pull')"
        )
        for change in json.loads(detail)["refs"]
    }
    for known in knowledge:
        assert known.moves <= journalled
        for name, content in known.repositories.items():
            known.author.system.whole(server, root, name)
            assert known.author.content(server.root / name) == content, name
        check_bundles(server, known, {str(there[name]["repo_id"]): server.root / name for name in known.repositories})


def check_bundles(server: Server, known: Known, repositories: dict[str, Path]) -> None:
    """What was stripped can be had from its bundle."""
    trash = server.root / ".trash"
    assert list(trash.glob("*.lock")) == []
    for bundle in trash.glob("*.bundle"):
        path = repositories.get(bundle.stem.split("-")[-2])
        if path is not None:
            known.author.unbundle(bundle, path)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_server_that_is_killed_in_forks_pulls_and_strips_halves_none(own_server: Server, tmp_path: Path) -> None:
    print(f"seed {SEED}, {ROUNDS} rounds")
    dice = random.Random(SEED)
    own_server.start()
    root = own_server.api(own_server.admin_key)
    knowledge = [
        Known(f"team{number}", AUTHORS[kind](tmp_path / f"author{number}")) for number, kind in enumerate(THREADS)
    ]
    for known in knowledge:
        root("create_repo", repo_name=known.source, repo_type=known.author.kind)
        known.repositories[known.source] = {}
        Worker(own_server, known, dice, threading.Event()).push()
    for round_ in range(ROUNDS):
        dying = threading.Event()
        workers = [Worker(own_server, known, random.Random(dice.random()), dying) for known in knowledge]
        for worker in workers:
            worker.start()
        until_more(lambda: sum(known.done for known in knowledge), dice.randint(*STEPS), workers)
        dying.set()
        if round_ % 3 == 2:
            # Only one process dies at first; what it was doing is put in order while the others go on.
            own_server.kill_one(dice)
            until_more(lambda: sum(known.done for known in knowledge), dice.randint(0, 10), workers)
        own_server.kill()
        for worker in workers:
            worker.join(60)
            assert not worker.is_alive()
            if worker.problem is not None:
                raise worker.problem
        # Housekeeping by the way would be looked at in the middle of its work.
        own_server.start(patience=10, TRIVIUM_HOUSEKEEPING_INTERVAL="0")
        for known in knowledge:
            settle(own_server, known)
        check(own_server, knowledge)
        for known in knowledge:
            pull_again(own_server, known)
        check(own_server, knowledge)
        print(f"round {round_}: {[known.done for known in knowledge]} done, by {THREADS}")
    assert sum(known.done for known in knowledge) > ROUNDS
