# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: what Trivium costs, as ratios to floors and peers measured in the same run.

Every figure is a median over rounds in which both sides take turns, so that a machine whose speed drifts does not
favour one of them. Limits are those that the project set itself; a ratio above its limit is marked.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bench.creation import measure_creation
from bench.databases import measure_databases
from bench.downloads import measure_download
from bench.forms import measure_pages
from bench.hg import measure_hg
from bench.history import generate
from bench.jobs import measure_jobs
from bench.load import load
from bench.memory import measure_memory
from bench.peers import APACHE, Floor, HttpBackend
from bench.processes import Meter, cpu_seconds, memory_mb
from bench.pushes import measure_push
from bench.reading import measure_growth, measure_history
from bench.report import Report
from bench.rights import measure_rights
from bench.stall import measure_stall
from bench.svn import measure_svn
from bench.web import measure_web
from tests.support.clients import Api, Git
from tests.support.servers import Server

OPTIONS = {name: value for name, value in os.environ.items() if name.startswith("TRIVIUM_")}
"""Options of the measured server, to see what one of them changes."""
REPOSITORIES = int(os.environ.get("BENCH_REPOSITORIES", "1000"))
USERS = int(os.environ.get("BENCH_USERS", "200"))
GROUPS = int(os.environ.get("BENCH_GROUPS", "50"))
SVN_REVISIONS = int(os.environ.get("BENCH_SVN_REVISIONS", "2000"))
COMMITS = int(os.environ.get("BENCH_COMMITS", "6000"))
CONNECTIONS = 16
WORKERS = 2
_TIDIED = 20
"""Seconds until a repository that was pushed to has been looked after: twice `housekeeping_interval`."""


def seed(root: Api) -> list[dict[str, Any]]:
    """Users in user groups, repositories in groups, permissions of every layer."""
    users = [
        root("create_user", username=f"user{number}", email=f"user{number}@example.org")["user"]
        for number in range(USERS)
    ]
    for number in range(GROUPS):
        root("create_user_group", group_name=f"team{number}")
        root("create_repo_group", group_name=f"group{number}")
        for step in range(8):
            member = users[(number * 8 + step) % USERS]["username"]
            root("add_user_to_user_group", usergroupid=f"team{number}", userid=member)

    def repository(number: int) -> None:
        name = f"group{number % GROUPS}/repository{number}"
        owner = users[number % USERS]["username"]
        root("create_repo", repo_name=name, repo_type="git", owner=owner, private=number % 5 == 0)
        root("grant_user_group_permission", repoid=name, usergroupid=f"team{number % GROUPS}", perm="repository.write")
        root("grant_user_permission", repoid=name, userid=f"user{(number * 7) % USERS}", perm="repository.read")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(repository, range(REPOSITORIES)))
    return users


def bodies(method: str, calls: list[tuple[str, dict[str, Any]]]) -> list[bytes]:
    return [json.dumps({"id": 1, "api_key": key, "method": method, "args": args}).encode() for key, args in calls]


def cpu_per_request(pid: int, run: Callable[[], Any]) -> tuple[float, Any]:
    """CPU milliseconds of a server per request of a load."""
    before = cpu_seconds(pid)
    seen = run()
    return (cpu_seconds(pid) - before) * 1000 / seen.requests, seen


def measure_api(report: Report, server: Server, users: list[dict[str, Any]]) -> None:
    port = int(server.url.rpartition(":")[2])
    floor = Floor(server.data / "trivium.db", WORKERS)
    floor_bodies = [
        json.dumps({"id": 1, "api_key": "0" * 40, "method": "x", "args": {"name": user["username"]}}).encode()
        for user in users
    ]
    keys = [user["api_key"] for user in users]
    asked = {
        "get_user": bodies("get_user", [(key, {}) for key in keys]),
        "get_repo": bodies(
            "get_repo",
            [
                (users[number % USERS]["api_key"], {"repoid": f"group{number % GROUPS}/repository{number}"})
                for number in range(REPOSITORIES)
            ],
        ),
    }
    try:
        costs: dict[str, list[float]] = {"floor": [], **{name: [] for name in asked}}
        last: dict[str, Any] = {}
        for round_ in range(6):
            for name in costs:
                one = floor if name == "floor" else server
                where = floor.port if name == "floor" else port
                sent = floor_bodies if name == "floor" else asked[name]
                cost, seen = cpu_per_request(
                    one.pid,
                    lambda where=where, sent=sent: load(
                        "127.0.0.1", where, "/_admin/api", connections=CONNECTIONS, requests=4000, bodies=sent
                    ),
                )
                if round_:  # the first round warms up
                    costs[name].append(cost)
                    last[name] = seen
    finally:
        floor.stop()
    base = statistics.median(costs["floor"])
    report.note(f"floor: a bare uvicorn endpoint with one SQLite read: {base:.3f} ms CPU a request")
    for name in asked:
        cost = statistics.median(costs[name])
        seen = last[name]
        report.line(
            f"{name}, CPU / floor",
            cost / base,
            8,
            f"{cost:.3f} ms CPU, {seen.requests / seen.seconds:.0f} requests/s, p95 {seen.p95_ms:.1f} ms,"
            f" {seen.answer_bytes} bytes",
        )


def measure_get_repos(report: Report, server: Server, users: list[dict[str, Any]]) -> None:
    port = int(server.url.rpartition(":")[2])
    key = users[3]["api_key"]
    names = [row["repo_name"] for row in server.api(key)("get_repos")]
    database = sqlite3.connect(f"file:{server.data / 'trivium.db'}?mode=ro", uri=True)
    marks = ",".join("?" * len(names))
    statement = (
        "SELECT r.id, r.name, r.kind, u.username, r.description, r.private, r.archived, r.landing_rev,"
        " r.enable_downloads, r.enable_locking, r.enable_statistics, r.created_on, r.last_changeset"
        f" FROM repositories r JOIN users u ON u.id = r.owner_id WHERE r.name IN ({marks}) ORDER BY r.name"
    )
    ours, bare = [], []
    for round_ in range(7):
        began = time.process_time()
        for _ in range(20):
            msgspec.json.encode(database.execute(statement, names).fetchall())
        bare_cost = (time.process_time() - began) * 1000 / 20
        cost, _ = cpu_per_request(
            server.pid,
            lambda: load(
                "127.0.0.1", port, "/_admin/api", connections=4, requests=80, bodies=bodies("get_repos", [(key, {})])
            ),
        )
        if round_:
            ours.append(cost)
            bare.append(bare_cost)
    cost, base = statistics.median(ours), statistics.median(bare)
    report.line(
        "get_repos, CPU / bare select and encode", cost / base, 4, f"{cost:.2f} / {base:.2f} ms for {len(names)} rows"
    )


def measure_git(report: Report, server: Server, root: Api, place: Path) -> None:
    history = place / "history.git"
    generate(history, commits=COMMITS)
    home = place / "home"
    home.mkdir()
    git = Git(home)
    root("create_repo", repo_name="history", repo_type="git")
    ours = f"{server.url.replace('://', '://root:administrator-pw@')}/history"
    git.run("push", "--quiet", "--mirror", ours, cwd=history)
    subprocess.run(["git", "repack", "-adq", "--write-bitmap-index"], cwd=server.root / "history", check=True)
    peers = place / "peers"
    peers.mkdir()
    shutil.copytree(server.root / "history", peers / "history.git")
    # What a user of http-backend has to configure to be allowed to push; everything else is git's default.
    subprocess.run(["git", "config", "http.receivepack", "true"], cwd=peers / "history.git", check=True)
    peer = HttpBackend(peers, place / "run")
    theirs = peer.url("history.git")
    clones = {ours: Meter(), theirs: Meter()}
    pushes = {ours: Meter(), theirs: Meter()}
    roots = {ours: server.pid, theirs: peer.pid}
    time.sleep(_TIDIED)  # what the server does after the push of the history is no part of a clone
    try:
        for _ in range(4 * WORKERS):  # each worker is to know the password, which it then need not try for two minutes
            git.run("ls-remote", ours)
        for round_ in range(13):
            for url in (ours, theirs) if round_ % 2 else (theirs, ours):
                target = place / f"clone{round_}"
                command = ("clone", "--quiet", "--bare", url, str(target))
                clones[url].measure(roots[url], partial(git.run, *command), counts=round_ > 0)
                shutil.rmtree(target)
        works = {url: home / f"work{number}" for number, url in enumerate((ours, theirs))}
        for url, work in works.items():
            git.run("clone", "--quiet", url, str(work))
        for round_ in range(25):
            for url in (ours, theirs) if round_ % 2 else (theirs, ours):
                git.commit(works[url], f"round {round_}")
                work = works[url]
                pushes[url].measure(
                    roots[url],
                    partial(git.run, "push", "--quiet", "origin", "master", cwd=work),
                    counts=round_ > 3,
                )
    finally:
        peer.stop()
    for what, limit, cpu_limit, meters in (("clone", 1.1, 1.05, clones), ("push of one commit", 1.5, 1.5, pushes)):
        times = {url: meter.times for url, meter in meters.items()}
        one, other = statistics.median(times[ours]), statistics.median(times[theirs])
        pairs = statistics.median(a / b for a, b in zip(times[ours], times[theirs], strict=True))
        report.line(
            f"git {what}, time / git http-backend", pairs, limit, f"{one * 1000:.0f} / {other * 1000:.0f} ms (medians)"
        )
        one, other = (meters[url].cpu_ms for url in (ours, theirs))
        report.line(
            f"git {what}, CPU of the server / git http-backend", one / other, cpu_limit, f"{one:.0f} / {other:.0f} ms"
        )


PARTS = (
    "memory",
    "api",
    "get_repos",
    "git",
    "history",
    "growth",
    "hg",
    "svn",
    "push",
    "creation",
    "jobs",
    "stall",
    "web",
    "pages",
    "download",
    "databases",
)


def main() -> None:
    parts = sys.argv[1:] or PARTS
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"What can be measured: {', '.join(PARTS)}; not {', '.join(sorted(unknown))}.")
    report = Report()
    place = Path(tempfile.mkdtemp(prefix="trivium-bench-"))
    place.chmod(0o755)
    server = Server(place / "data")
    try:
        server.set_up()
        server.start("--workers", str(WORKERS), **OPTIONS)
        if "memory" in parts:
            time.sleep(2)
            resident, proportional = memory_mb(server.pid)
            report.line(
                "idle memory of the process tree, MB", proportional, 137, f"proportional; resident {resident:.0f} MB"
            )
            measure_memory(report, server, place)
        root = server.api(server.admin_key)
        if {"api", "get_repos"} & set(parts):
            began = time.perf_counter()
            users = seed(root)
            report.note(
                f"seeded {REPOSITORIES} repositories, {USERS} users, {GROUPS} groups in"
                f" {time.perf_counter() - began:.0f} s through the API"
            )
        if "api" in parts:
            measure_api(report, server, users)
            measure_rights(report, server, users)
        if "get_repos" in parts:
            measure_get_repos(report, server, users)
        if "git" in parts:
            if Path(APACHE).exists():
                measure_git(report, server, root, place)
            else:
                report.note("git: not measured, apache2 is missing")
        if "history" in parts:
            measure_history(report, server, place)
        if "growth" in parts:
            measure_growth(report, place)
        if "hg" in parts:
            measure_hg(report, server, root, place)
        if "svn" in parts:
            measure_svn(report, server, root, place, revisions=SVN_REVISIONS)
        if "creation" in parts:
            measure_creation(report, server)
        if {"jobs", "databases"} & set(parts):
            measure_jobs(report, place)
        if "push" in parts:
            measure_push(report, server, place)
        if "web" in parts:
            measure_web(report, place)
        if "pages" in parts:
            measure_pages(report, place)
        if "download" in parts:
            measure_download(report, server, place)
        if "databases" in parts:
            measure_databases(report, place / "databases")
        if "stall" in parts:
            measure_stall(report, server, root, place)
        resident, proportional = memory_mb(server.pid)
        report.note(f"memory after the load: {resident:.0f} MB resident, {proportional:.0f} MB proportional")
    finally:
        server.stop()
        shutil.rmtree(place, ignore_errors=True)
    sys.exit(report.failed)


if __name__ == "__main__":
    main()
