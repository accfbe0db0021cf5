# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to read histories through the API, and whether that grows with what else is on the server."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import plain_reader
from bench.history import generate
from bench.load import load
from bench.report import Report
from tests.support.clients import Api, Git
from tests.support.servers import Server

COMMITS = int(os.environ.get("BENCH_COMMITS", "6000"))
HISTORY = os.environ.get("BENCH_HISTORY", "")
"""A bare repository to read instead of a generated one."""
ROUNDS = 7
LIMIT = 100
FEW = 100
MANY = int(os.environ.get("BENCH_MANY", "2000"))


def measure_history(report: Report, server: Server, place: Path) -> None:
    """First and second calls against plain pygit2, as time seen by the caller.

    A *first call* is the first one ever to read a repository: each is made to a fresh fork. *With an empty cache* it
    comes after `invalidate_cache`, so that no list of commits, no answer and no open repository is kept anywhere. The
    peer then walks the whole history too, because the position of a commit is part of the answer. Otherwise the list of
    commits is there, as after any push, and the peer walks only the commits that are asked for. Both sides have the
    files in the operating system's cache, because making the fork wrote them.
    """
    api = server.api(server.admin_key)
    caller = Caller(api)
    start = max(0, fill(server, place) - LIMIT)
    some = {"start_rev": str(start), "limit": LIMIT}
    changesets = "get_repo_changesets"
    for number, (what, method, args, peer, limit, empty) in enumerate(
        (
            ("basic", changesets, some, partial(plain_reader.newest, limit=LIMIT), 3.0, False),
            ("full", changesets, some | {"details": "full"}, partial(plain_reader.newest_diffs, limit=LIMIT), 2, False),
            ("basic", changesets, some, partial(plain_reader.changesets, start=start, limit=LIMIT), 3, True),
            (
                "full",
                changesets,
                some | {"details": "full"},
                partial(plain_reader.diffs, start=start, limit=LIMIT),
                2,
                True,
            ),
            ("basic", "get_repo_nodes", {"revision": "tip", "root_path": "/"}, plain_reader.blobs, 2, True),
        )
    ):
        times: dict[str, list[float]] = {"first": [], "second": [], "peer": []}
        for round_ in range(ROUNDS + 1):
            name = f"reading/{number}-{round_}"
            api("fork_repo", repoid="read", fork_name=name)
            if empty:
                api("invalidate_cache", repoid=name)
            ask, look = partial(caller.ask, method, repoid=name, **args), partial(peer, server.root / name)
            turns = [("first", ask), ("second", ask)]
            for side, act in [("peer", look), *turns] if round_ % 2 else [*turns, ("peer", look)]:
                seconds = _timed(act)
                if round_:  # the first round warms up
                    times[side].append(seconds)
        first, second, theirs = (statistics.median(one) * 1000 for one in times.values())
        told = f"{method.removeprefix('get_repo_')} {what}{', empty cache' if empty else ''}"
        report.line(f"{told}: first / pygit2", first / theirs, limit, f"{first:.1f} / {theirs:.1f} ms")
        report.line(f"{told}: second / first", second / first, 1 / 3, f"{second:.1f} / {first:.1f} ms")


def fill(server: Server, place: Path, name: str = "read") -> int:
    """Put the history to read on the server as a repository; returns how many commits it has."""
    history = Path(HISTORY) if HISTORY else place / f"{name}.git"
    if not HISTORY:
        generate(history, commits=COMMITS)
    home = place / f"{name}-home"
    home.mkdir()
    server.api(server.admin_key)("create_repo", repo_name=name, repo_type="git")
    ours = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    refs = ("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
    Git(home).run("push", "--quiet", ours, *refs, cwd=history)
    subprocess.run(["git", "repack", "-adq"], cwd=server.root / name, check=True)
    return int(server.api(server.admin_key)("get_repo", repoid=name)["last_changeset"]["revision"]) + 1


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


class Caller:
    """A program that keeps its connection, as the client libraries of HTTP do."""

    def __init__(self, api: Api) -> None:
        self._key = api.key
        target = urlsplit(api.url)
        self._connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=60)

    def ask(self, method: str, **args: Any) -> bytes:
        """The bytes of an answer; taking the JSON apart is the caller's own affair."""
        body = json.dumps({"id": 1, "api_key": self._key, "method": method, "args": args})
        self._connection.request("POST", "/_admin/api", body)
        answered = self._connection.getresponse()
        answer = answered.read()
        if answered.status != 200 or b'"error":null' not in answer[-20:]:
            raise RuntimeError(f"{method}: {answer[-200:]!r}")
        return answer


def measure_growth(report: Report, place: Path) -> None:
    """The same calls on a server with few repositories and users and on one with many, as time seen by the caller.

    What is added is not readable by the caller, so that answers stay the same and only the work could grow.
    """
    servers = []
    try:
        for count in (FEW, MANY):
            servers.append(_crowded(place / f"growth-{count}", count))
        for what, method, args in (
            ("get_repo", "get_repo", {"repoid": "core"}),
            ("get_repo_changesets", "get_repo_changesets", {"repoid": "core", "start_rev": "0", "limit": 20}),
            ("get_repo_changeset", "get_repo_changeset", {"repoid": "core", "revision": "tip"}),
            ("get_repo_nodes", "get_repo_nodes", {"repoid": "core", "revision": "tip", "root_path": ""}),
            ("get_user", "get_user", {}),
            ("get_repo_group", "get_repo_group", {"repogroupid": "team"}),
            ("get_user_group", "get_user_group", {"usergroupid": "people"}),
            ("get_gists", "get_gists", {}),
            ("grant_user_permission", "grant_user_permission",
             {"repoid": "core", "userid": "reader", "perm": "repository.read"}),
            ("invalidate_cache", "invalidate_cache", {"repoid": "core"}),
        ):  # fmt: skip
            seen = _alternating(servers, method, args)
            few, many = (statistics.median(times) for times in seen)
            pairs = statistics.median(more / less for less, more in zip(*seen, strict=True))
            report.line(f"{what}, {MANY} / {FEW} of everything", pairs, 1.3, f"{many:.2f} / {few:.2f} ms at the caller")
    finally:
        for server, _ in servers:
            server.stop()
            shutil.rmtree(server.data.parent, ignore_errors=True)


def _alternating(servers: list[tuple[Server, str]], method: str, args: dict[str, Any]) -> list[list[float]]:
    """Medians of one method on each server, in turns."""
    seen: list[list[float]] = [[] for _ in servers]
    sizes: set[int] = set()
    for round_ in range(ROUNDS + 1):
        turns = list(zip(servers, seen, strict=True))
        for (server, key), times in turns if round_ % 2 else reversed(turns):
            body = json.dumps({"id": 1, "api_key": key, "method": method, "args": args}).encode()
            port = int(server.url.rpartition(":")[2])
            one = load("127.0.0.1", port, "/_admin/api", connections=1, requests=300, bodies=[body])
            if round_:
                times.append(one.p50_ms)
                sizes.add(one.answer_bytes)
    if max(sizes) - min(sizes) > 16:
        raise RuntimeError(f"{method}: the answers differ in size: {sizes}")
    return seen


def _crowded(place: Path, count: int) -> tuple[Server, str]:
    """A server with so many repositories, users and groups of each kind; returns it with the key of one user."""
    home = place / "home"
    home.mkdir(parents=True)
    server = Server(place / "data")
    server.set_up()
    server.start("--workers", "1")
    root = server.api(server.admin_key)
    ada = root.new_user("ada")
    root.new_user("reader")
    root("create_repo_group", group_name="team", owner="ada")
    root("create_user_group", group_name="people", owner="ada")
    root("create_repo", repo_name="core", repo_type="git", owner="ada")
    root("create_repo", repo_name="other", repo_type="git", private=True)
    root("create_repo_group", group_name="others")
    root("grant_user_permission_to_repo_group", repogroupid="others", userid="default", perm="group.none")
    root("create_user_group", group_name="strangers")
    root("grant_user_permission_to_user_group", usergroupid="strangers", userid="default", perm="usergroup.none")
    git = Git(home)
    work = git.new_work()
    for number in range(30):
        git.commit(work, f"change {number}", **{f"file{number}.txt": f"{number}\n"})
    git.run("push", "--quiet", server.clone_url("core", ada), "master", cwd=work)
    server.stop()
    database = sqlite3.connect(server.data / "trivium.db")
    with database:
        for table, name, grants in (
            ("users", "username", ""),
            ("repositories", "name", "repository_grants"),
            ("repo_groups", "name", "repo_group_grants"),
            ("user_groups", "name", "user_group_grants"),
        ):
            _multiply(database, table, name, grants, count)
    database.close()
    server.start("--workers", "1")
    return server, ada.key


def _multiply(database: sqlite3.Connection, table: str, name: str, grants: str, count: int) -> None:
    """Add rows like the last one of a table, with its permissions, under names and ids of their own."""
    columns = [column[1] for column in database.execute(f'PRAGMA table_info("{table}")')]
    last = dict(
        zip(columns, database.execute(f'SELECT * FROM "{table}" ORDER BY id DESC LIMIT 1').fetchone(), strict=True)
    )
    marks = ", ".join("?" * len(columns))
    for number in range(1, count + 1):
        row = last | {"id": last["id"] + number, name: f"{last[name]}-{number}"}
        row[f"{name}_key"] = row[name].casefold()
        if "email" in row:
            row["email"] = f"{row[name]}@example.org"
        database.execute(f'INSERT INTO "{table}" VALUES ({marks})', [row[column] for column in columns])
        if grants:
            database.execute(
                f'INSERT INTO "{grants}" (object_id, user_id, group_id, level)'
                f' SELECT ?, user_id, group_id, level FROM "{grants}" WHERE object_id = ?',
                (row["id"], last["id"]),
            )
