# SPDX-License-Identifier: GPL-3.0-or-later
"""What it costs to write a comment, and to administer a site of 50,000 users and repositories: `make bench pages`.

A comment counts from its form to the redirect, and is durable by then; what its readers are told comes later, and is
counted too, for the workers do that. All figures are CPU of the whole tree of processes, of somebody who has signed in.
"""

from __future__ import annotations

import os
import sqlite3
import statistics
import subprocess
import time
from pathlib import Path

from bench.crowd import crowd
from bench.fetching import Ask, fetch, with_headers
from bench.processes import cpu_seconds
from bench.report import Report
from tests.support.browser import Browser
from tests.support.servers import Server
from trivium.forge.naming.searching import grams_of

MANY = int(os.environ.get("BENCH_PAGES_MANY", "50000"))
NAME = "talk"
SHARED = "shared"
"""A repository, a group and a user group on which as many users as `_GRANTS` says have rights of their own."""
_FIRST = 1_000_000
"""The id of the first of the users that are added."""
_ROUNDS = 3
_REQUESTS = 100
_COMMENTS = 60
_GRANTS = 51
_COMMENT_MS = 10.0
_SETTINGS_MS = 3.0
_LIST_MS = 5.0


def measure_pages(report: Report, place: Path) -> None:
    """Comments, the settings of a repository, and the lists of administrators."""
    server = Server(place / "pages")
    server.set_up()
    server.start("--workers", "2")
    root = server.api(server.admin_key)
    root("create_repo", repo_name=NAME, repo_type="git")
    root("create_repo", repo_name=SHARED, repo_type="git")
    root("create_repo_group", group_name=f"{SHARED}-group")
    user_group = root("create_user_group", group_name=SHARED)["user_group"]["users_group_id"]
    raw_id = _commit(server.root / NAME)
    root("invalidate_cache", repoid=NAME)
    server.stop()
    crowd(server.data / "trivium.db", MANY, like=NAME)
    _people(server.data / "trivium.db", MANY)
    _grants(server.data / "trivium.db")
    server.start("--workers", "2")
    try:
        browser = Browser(server.url)
        browser.sign_in(server.administrator)
        for what, path, limit in (
            ("settings of a repository", f"/{NAME}/settings", _SETTINGS_MS),
            ("its permissions", f"/{NAME}/settings/permissions", _SETTINGS_MS),
            (f"permissions with {_GRANTS} grants", f"/{SHARED}/settings/permissions", _SETTINGS_MS),
            ("the same of a group", f"/_admin/repo_groups/{SHARED}-group/edit/permissions", _SETTINGS_MS),
            ("the same of a user group", f"/_admin/user_groups/{user_group}/edit/permissions", _SETTINGS_MS),
            ("users", "/_admin/users", _LIST_MS),
            ("users, later", "/_admin/users?after=person40000", _LIST_MS),
            ("users, found", "/_admin/users?query=person4", _LIST_MS),
            ("users, found by the newest", "/_admin/users?query=person1&sort=newest", _LIST_MS),
            ("users, found by two words", "/_admin/users?query=org+son49", _LIST_MS),
            ("users, found by two letters", "/_admin/users?query=n4", _LIST_MS),
            ("repositories", "/_admin/repos", _LIST_MS),
            ("repositories, found", "/_admin/repos?query=service4", _LIST_MS),
            ("repositories, found late", "/_admin/repos?query=team4", _LIST_MS),
            ("users, offered", "/_users?query=person4", _LIST_MS),
            ("users, offered by letters from the middle", "/_users?query=rson4", _LIST_MS),
            ("users, offered by letters of addresses", "/_users?query=xample", _LIST_MS),
            ("what a user may do", f"/_admin/users/{_FIRST + 500}/edit/permissions_summary", _LIST_MS),
            ("the state of the installation", "/_admin/settings/system", _SETTINGS_MS),
            ("how many are open to everybody", "/_admin/permissions/object", _LIST_MS),
        ):
            cost = _cost(server, browser, path)
            report.line(f"{what}, {MANY} of each, ms", cost, limit, "CPU, signed in")
        _measure_comments(report, server, browser, raw_id)
    finally:
        server.stop()


def _measure_comments(report: Report, server: Server, browser: Browser, raw_id: str) -> None:
    page = f"/{NAME}/changeset/{raw_id}"
    fields = {"csrf_token": browser.get(page).page.token, "f_path": "a.txt", "line": "n1"}
    costs = []
    for round_ in range(_ROUNDS + 1):  # the first one warms up
        before = cpu_seconds(server.pid)
        for number in range(_COMMENTS):
            text = f"Comment {number} of round {round_}: **what** about @person{number}?"
            answer = browser.post(f"{page}/comment", fields | {"text": text})
            assert answer.status == 302, answer.text
        time.sleep(0.5)
        costs.append((cpu_seconds(server.pid) - before) * 1000 / _COMMENTS)
    report.line("a comment, written durably and told, ms", min(costs[1:]), _COMMENT_MS, "CPU, a connection for each")


def _cost(server: Server, browser: Browser, path: str) -> float:
    """CPU in ms of a request: the median of some rounds."""
    port = int(server.url.rpartition(":")[2])
    cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    ask = with_headers(Ask(path), {"Cookie": cookies, "X-Requested-With": "XMLHttpRequest"})
    fetch(port, [ask], connections=2, requests=10)
    costs = []
    for _ in range(_ROUNDS):
        before = cpu_seconds(server.pid)
        fetch(port, [ask], connections=2, requests=_REQUESTS)
        time.sleep(0.05)
        costs.append((cpu_seconds(server.pid) - before) * 1000 / _REQUESTS)
    return statistics.median(costs)


def _commit(repository: Path) -> str:
    """A commit of one file; its id."""
    text = b"commit refs/heads/main\ncommitter A <a@example.org> 1700000000 +0000\ndata 5\nFirst\n"
    text += b"M 100644 inline a.txt\ndata 8\none\ntwo\n\n"
    safe = ["git", "-c", "safe.directory=*", "-C", str(repository)]
    subprocess.run([*safe, "fast-import", "--quiet"], input=text, check=True)
    found = subprocess.run([*safe, "rev-parse", "refs/heads/main"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def _people(database: Path, count: int) -> None:
    """Add so many users, as rows."""
    connection = sqlite3.connect(database)
    connection.row_factory = sqlite3.Row
    with connection:
        model = dict(connection.execute("SELECT * FROM users WHERE username = 'default'").fetchone())
        people, grams = [], []
        for number in range(count):
            name, which = f"person{number}", _FIRST + number
            key = f"{name} {name}@example.org"
            row = {"id": which, "username": name, "username_key": name, "email": f"{name}@example.org", "active": 1}
            keys = {"search_key": key, "names_key": name, "extern_name": name}
            people.append(model | row | keys | {"admin": 0})
            grams += [(gram, name, which) for gram in grams_of(key)]
        marks = ", ".join(f":{name}" for name in model)
        connection.executemany(f"INSERT INTO users VALUES ({marks})", people)
        connection.executemany("INSERT INTO user_grams (gram, name_key, user_id) VALUES (?, ?, ?)", sorted(grams))
        connection.execute("UPDATE access_stamp SET version = version + 1, everybody = everybody + 1")
    connection.close()


def _grants(database: Path) -> None:
    """Give the first users that were added rights of their own."""
    connection = sqlite3.connect(database)
    with connection:
        for objects, name in (
            ("repositories", SHARED), ("repo_groups", f"{SHARED}-group"), ("user_groups", SHARED)
        ):  # fmt: skip
            (which,) = connection.execute(f"SELECT id FROM {objects} WHERE name = ?", (name,)).fetchone()
            grants = {"repositories": "repository_grants", "repo_groups": "repo_group_grants"}
            connection.executemany(
                f"INSERT INTO {grants.get(objects, 'user_group_grants')} (object_id, user_id, level) VALUES (?, ?, 3)",
                [(which, _FIRST + number) for number in range(_GRANTS)],
            )
    connection.close()
