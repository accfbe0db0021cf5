# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL is ended and started again under a running server: everybody is told so, and it passes by itself."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import postgresql
from tests.support.browser import Browser
from tests.support.clients import Api, Git
from tests.support.metrics import WATCHED, metrics
from tests.support.postgresql import Cluster
from tests.support.servers import Server
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not postgresql.wanted(), reason="about PostgreSQL (make test DB=postgresql)")

Told = tuple[int, dict[str, str], bytes]
"""Status, headers and body of an answer."""

_END_WHO_WAITS_FOR_US: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
)


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    own = Cluster()
    own.start()
    yield own
    own.remove()


@pytest.fixture
def standing_alone(cluster: Cluster, tmp_path: Path) -> Iterator[Server]:
    """A server with a database server of its own, which runs."""
    server = Server(tmp_path / "data")
    option = {"TRIVIUM_SQLALCHEMY_DB1_URL": f"{cluster.address}/postgres"}
    first = ("--user", server.admin, "--password", server.admin_password, "--email", "root@example.org")
    server.program("setup", "--data", str(server.data), *first, "--api-key", server.admin_key, **option)
    server.start(**option, **WATCHED)
    yield server
    server.remove()


@pytest.mark.parametrize("at_once", [False, True])
def test_everybody_is_told_and_it_passes(
    standing_alone: Server, cluster: Cluster, git: Git, tmp_path: Path, at_once: bool
) -> None:
    server = standing_alone
    root = server.api(server.admin_key)
    root("create_repo", repo_name="one", repo_type="git")
    workers = server.workers()
    assert metrics(server)["database_up"] == 1
    cluster.stop(at_once=at_once)
    assert metrics(server)["database_up"] == 0
    for method, args in (("get_user", {}), ("get_repos", {}), ("create_repo", {"repo_name": "x", "repo_type": "git"})):
        body = json.dumps({"id": 7, "api_key": server.admin_key, "method": method, "args": args})
        status, headers, told = root.post(body)
        answer = json.loads(told)
        assert (status, headers["retry-after"], answer["id"]) == (503, "5", 7)
        assert "the database cannot be reached" in answer["error"]
    for path, what in (
        ("/", b"database cannot be reached"),
        ("/one", b"database cannot be reached"),
        ("/one/info/refs?service=git-upload-pack", b"database cannot be reached"),
        ("/one?cmd=capabilities", b""),
    ):
        status, headers, told = root.post("", method="GET", path=path)
        assert status == 503 and what in told and b"psycopg" not in told, (path, status, told)
    cluster.start()
    assert root("get_user")["username"] == "root"
    root("create_repo", repo_name="two", repo_type="git")
    work = tmp_path / "work"
    git.run("clone", "--quiet", server.clone_url("two", server.administrator), str(work))
    git.commit(work, "a commit")
    git.run("push", "--quiet", "origin", "master", cwd=work)
    assert root("get_repo", repoid="two")["last_changeset"]["message"].strip() == "a commit"
    assert server.workers() == workers
    log = server.log.read_text()
    assert "the database cannot be reached" in log and "Traceback" not in log


def test_a_database_that_stands_still_keeps_nobody_waiting(standing_alone: Server, cluster: Cluster) -> None:
    """It keeps its connections and says nothing, as a machine that hangs. The server is free for all else."""
    server = standing_alone
    server.stop()
    server.start(TRIVIUM_SQLALCHEMY_DB1_URL=f"{cluster.address}/postgres", TRIVIUM_DB_BUSY_TIMEOUT="4")
    root, browser = server.api(server.admin_key), Browser(server.url)
    root("create_repo", repo_name="one", repo_type="git")
    browser.sign_in(server.administrator)
    workers = server.workers()
    style = browser.get("/").page.all("link", rel="stylesheet")[0]["href"]
    creation = {"repo_name": "two", "repo_type": "git"}
    body = json.dumps({"id": 7, "api_key": server.admin_key, "method": "create_repo", "args": creation})
    cluster.hold()
    with ThreadPoolExecutor(4) as clients:
        asked = [
            clients.submit(root.post, body),
            *(
                clients.submit(root.post, "", method="GET", path=path)
                for path in ("/", "/one/info/refs?service=git-upload-pack")
            ),
            clients.submit(root.post, "", method="GET", path="/one?cmd=capabilities"),
        ]
        assert browser.get(style).status == 200 and not any(one.done() for one in asked)
        for one in asked:
            status, headers, said = one.result()
            # Mercurial's clients show only what is answered with a success.
            assert status in (200, 503) and "retry-after" in headers and b"cannot be reached" in said, said
    cluster.hold(held=False)
    # Each worker finds out by itself that it is over, and the next request may come to another one.
    until(lambda: root.served("create_repo", **creation))
    found: list[Any] = []
    until(lambda: found.append(root.served("get_repo", repoid="two")) or found[-1])
    assert found[-1]["last_changeset"]["revision"] == -1
    assert server.workers() == workers and "Traceback" not in server.log.read_text()


def test_a_connection_that_breaks_under_a_request_is_told_and_is_no_fault_of_ours(server: Server, root: Api) -> None:
    """A statement under way is ended, as by a restart: pages, forms, the API and git say so."""
    name = root.new_repo().name
    browser, stranger = Browser(server.url), Browser(server.url)
    browser.sign_in(server.administrator)
    asked = json.dumps({"id": 7, "api_key": server.admin_key, "method": "get_repo", "args": {"repoid": name}})
    sign_in = {"username": server.admin, "password": server.admin_password, "came_from": "/"}
    sign_in["csrf_token"] = stranger.get("/_admin/login").page.token
    basic = base64.b64encode(f"{server.admin}:{server.admin_password}".encode()).decode()
    known = {"Authorization": f"Basic {basic}"}

    def page(browser: Browser, fields: dict[str, str] | None = None) -> Told:
        answer = browser.get(f"/{name}") if fields is None else browser.post("/_admin/login", fields)
        return answer.status, answer.headers, answer.body

    doors: dict[str, Callable[[], Told]] = {
        "a page": lambda: page(browser),
        "a form": lambda: page(stranger, sign_in),
        "the API": lambda: root.post(asked),
        "git": lambda: root.post(
            "", method="GET", path=f"/{name}.git/info/refs?service=git-upload-pack", headers=known
        ),
    }
    assert server.database is not None
    said = len(server.log.read_text())
    with postgresql.connected(server.database) as db, db.transaction(), ThreadPoolExecutor(1) as client:
        db.execute("LOCK TABLE repositories, sign_in_failures IN ACCESS EXCLUSIVE MODE")
        for door, ask in doors.items():
            answer = client.submit(ask)
            while not answer.done():
                db.execute("SELECT pg_stat_clear_snapshot()")  # else each look is the first
                db.execute(_END_WHO_WAITS_FOR_US)
            status, headers, body = answer.result()
            assert status == 503 and "retry-after" in headers, (door, status, body)
            words = re.sub(rb"<[^>]*>|\s+", b" ", body)
            assert b"psycopg" not in words and b"database cannot be reached" in words, (door, words)
    assert "Traceback" not in server.log.read_text()[said:]
