# SPDX-License-Identifier: GPL-3.0-or-later
"""What a call costs our processes on PostgreSQL, beside the same call on SQLite: `make bench databases`."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any, Protocol

from bench.load import load
from bench.processes import cpu_seconds
from bench.report import Report
from tests.support import postgresql
from tests.support.clients import Api
from tests.support.servers import Server

USERS = 20
REPOSITORIES = 40
ROUNDS = 5
CONNECTIONS = 8
LIMIT = 2.5
METHODS = ("get_user", "get_repo", "get_repos", "get_users", "grant_user_permission")

Asked = dict[str, tuple[int, list[bytes]]]
"""Method → how often it is called in a round, and the bodies to send."""


class Running(Protocol):
    """A server that is measured."""

    @property
    def url(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def admin_key(self) -> str: ...


def measure_databases(report: Report, place: Path) -> None:
    """CPU milliseconds of all processes of a server for a call; those of PostgreSQL itself are not ours."""
    cluster = postgresql.start_for_all()
    sqlite, other = Server(place / "sqlite"), Server(place / "postgresql", database=postgresql.new_database())
    servers = {"SQLite": sqlite, "PostgreSQL": other}
    try:
        asked: dict[str, Asked] = {}
        for name, server in servers.items():
            server.data.mkdir(parents=True)
            server.set_up()
            server.start("--workers", "2")
            asked[name] = {method: asked for method, asked in seed(server).items() if method in METHODS}
        costs: dict[tuple[str, str], list[float]] = {}
        for round_ in range(ROUNDS):
            for method in asked["SQLite"]:
                for name in list(servers)[:: 1 if round_ % 2 else -1]:
                    cost = cost_of(servers[name], *asked[name][method])
                    if round_:  # the first round warms up
                        costs.setdefault((method, name), []).append(cost)
    finally:
        for server in servers.values():
            server.stop()
        cluster.remove()
    for method in asked["SQLite"]:
        base, cost = (statistics.median(costs[method, name]) for name in servers)
        report.line(f"{method}, CPU on PostgreSQL / on SQLite", cost / base, LIMIT, f"{cost:.3f} / {base:.3f} ms")


def seed(server: Running) -> Asked:
    """Users, repositories and rights; returns calls of many kinds that change little."""
    root = Api(server.url, server.admin_key)
    users = [
        root("create_user", username=f"user{number}", email=f"user{number}@example.org")["user"]
        for number in range(USERS)
    ]
    root("create_repo_group", group_name="group")
    root("create_user_group", group_name="people")
    for number in range(REPOSITORIES):
        owner = users[number % USERS]["username"]
        root("create_repo", repo_name=f"group/repository{number}", repo_type="git", owner=owner)
    keys = [user["api_key"] for user in users]

    def bodies(method: str, of: list[tuple[str, dict[str, Any]]]) -> list[bytes]:
        return [json.dumps({"id": 1, "api_key": key, "method": method, "args": args}).encode() for key, args in of]

    def by_root(method: str, *arguments: dict[str, Any]) -> list[bytes]:
        return bodies(method, [(server.admin_key, one) for one in arguments])

    names = [f"group/repository{number}" for number in range(REPOSITORIES)]
    own = [(keys[number % USERS], {"repoid": name}) for number, name in enumerate(names)]
    granted = [
        {"repoid": name, "userid": f"user{number % 7}", "perm": f"repository.{level}"}
        for number, name in enumerate(names)
        for level in ("read", "write")
    ]
    described = [{"repoid": name, "description": f"version {number}"} for name in names for number in range(3)]
    locked = [{"repoid": name, "locked": locked} for name in names for locked in (True, False)]
    return {
        "get_user": (1000, bodies("get_user", [(key, {}) for key in keys])),
        "get_repo": (1000, bodies("get_repo", own)),
        "get_repos": (60, bodies("get_repos", [(key, {}) for key in keys])),
        "get_users": (60, by_root("get_users", {})),
        "get_repo_group": (300, by_root("get_repo_group", {"repogroupid": "group"})),
        "get_user_groups": (300, by_root("get_user_groups", {})),
        "get_user_locks": (200, by_root("get_user_locks", {})),
        "grant_user_permission": (200, by_root("grant_user_permission", *granted)),
        "update_repo": (150, by_root("update_repo", *described)),
        "lock": (150, by_root("lock", *locked)),
    }


def cost_of(server: Running, requests: int, bodies: list[bytes]) -> float:
    """CPU milliseconds of the whole server for one of so many calls."""
    port = int(server.url.rpartition(":")[2])
    before = cpu_seconds(server.pid)
    load("127.0.0.1", port, "/_admin/api", connections=CONNECTIONS, requests=requests, bodies=bodies)
    return (cpu_seconds(server.pid) - before) * 1000 / requests
