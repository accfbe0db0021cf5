# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of Celery on PostgreSQL: it is killed while a repository is copied, and the copy is made once all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support import postgresql
from tests.support.clients import Api
from tests.support.held import held_program
from tests.support.postgresql import Cluster
from tests.support.queues import Worker, broker
from tests.support.servers import Server
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not postgresql.wanted(), reason="about PostgreSQL (make test DB=postgresql)")


@dataclass
class Yard:
    """A server, its queue and a database server of its own, which a test may kill."""

    server: Server
    cluster: Cluster
    environment: dict[str, str]

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(f"{self.cluster.address}/postgres", autocommit=True) as db:
            return db.execute(statement, values).fetchall()  # type: ignore[arg-type]

    def ended(self, task: str) -> list[tuple[Any, ...]]:
        """State, reason and attempts of a job, once it is over."""
        rows = "SELECT state, reason, attempts FROM jobs WHERE id = %s"
        until(lambda: self.query(rows, task)[0][0] not in ("queued", "running"))
        return self.query(rows, task)


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    cluster = Cluster(forgetful=False)
    cluster.start()
    server = Server(tmp_path / "data")
    try:
        with broker(tmp_path) as redis:
            environment = {
                "TRIVIUM_SQLALCHEMY_DB1_URL": f"{cluster.address}/postgres",
                "TRIVIUM_USE_CELERY": "true",
                "TRIVIUM_BROKER_URL": redis.url,
                "TRIVIUM_DB_BUSY_TIMEOUT": "2",
            }
            first = ("--user", server.admin, "--password", server.admin_password, "--email", "root@example.org")
            server.program("setup", "--data", str(server.data), *first, "--api-key", server.admin_key, **environment)
            server.start("--workers", "1", **environment)
            yield Yard(server, cluster, environment)
            server.stop()
    finally:
        cluster.remove()


def _source(server: Server, api: Api) -> None:
    api("create_repo", repo_name="source", repo_type="git")
    # Git is not started for a copy of what never had a ref: here it is, to be held.
    (server.root / "source" / "packed-refs").touch()


def test_a_database_killed_in_the_middle_of_a_copy_loses_nothing_and_does_nothing_twice(
    yard: Yard, tmp_path: Path
) -> None:
    server, cluster = yard.server, yard.cluster
    api = server.api(server.admin_key)
    _source(server, api)
    program, begun, go = held_program("git", tmp_path)
    worker = Worker(server, yard.environment | {"TRIVIUM_GIT_PATH": str(program)}, "--concurrency", "1")
    try:
        # It comes back before the copy is at its end: that goes on.
        task = api("fork_repo", repoid="source", fork_name="early")["task"]
        until(begun.exists)
        cluster.stop(at_once=True)
        cluster.start()
        until(lambda: api.served("get_user"))
        go.touch()
        assert yard.ended(task) == [("done", None, 1)]
        # It is away when the copy is at its end, for longer than that is waited for.
        for file in (begun, go):
            file.unlink()
        task = api("fork_repo", repoid="source", fork_name="late")["task"]
        until(begun.exists)
        said = len(worker.log.read_text())
        cluster.stop(at_once=True)
        go.touch()
        until(lambda: "the end of a job could not be stored" in worker.log.read_text()[said:])
        cluster.start()
        until(lambda: api.served("get_user"))
        assert yard.ended(task)[0][:2] == ("done", None)
        made = yard.query("SELECT subject, count(*) FROM journal WHERE action = 'repository.create' GROUP BY subject")
        assert sorted(made) == [("early", 1), ("late", 1), ("source", 1)]
        for name in ("early", "late"):
            assert api("get_repo", repoid=name)["fork_of"] == "source"
        assert yard.query("SELECT count(*) FROM intents") == [(0,)]
        until(lambda: list((server.root / ".staging").iterdir()) == [])
        assert {one.name for one in server.root.iterdir() if not one.name.startswith(".")} == {
            "early",
            "late",
            "source",
        }
    finally:
        worker.kill()
