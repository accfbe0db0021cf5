# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL is ended and started again under a running server: everybody is told so, and it passes by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import postgresql
from tests.support.clients import Git
from tests.support.metrics import WATCHED, metrics
from tests.support.postgresql import Cluster
from tests.support.servers import Server

pytestmark = pytest.mark.skipif(not postgresql.wanted(), reason="about PostgreSQL (make test DB=postgresql)")


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
