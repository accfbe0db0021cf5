# SPDX-License-Identifier: GPL-3.0-or-later
"""`/_admin/metrics`: for whom it is there, and that one worker answers for all (system.md 2.8)."""

from __future__ import annotations

import os
import signal
import urllib.request
from urllib.error import HTTPError

from tests.support.clients import Git
from tests.support.metrics import TOKEN, WATCHED, metrics
from tests.support.servers import Server
from tests.support.waiting import until


def _status(server: Server, token: str = "") -> int:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"{server.url}/_admin/metrics", headers=headers)) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def test_it_is_there_only_where_it_was_asked_for(server: Server) -> None:
    assert _status(server, server.admin_key) == 404


def test_whoever_has_no_token_reads_nothing(own_server: Server) -> None:
    own_server.start("--workers", "1", **WATCHED, TRIVIUM_METRICS_ADDRESSES="192.0.2.0/24")
    assert [_status(own_server, token) for token in ("", "x", own_server.admin_key, TOKEN)] == [401, 401, 401, 200]
    own_server.stop()
    own_server.start("--workers", "1", TRIVIUM_METRICS_ADDRESSES="192.0.2.0/24")
    assert _status(own_server, TOKEN) == 403
    own_server.stop()
    own_server.start("--workers", "1", TRIVIUM_METRICS_ADDRESSES="127.0.0.0/8")
    assert _status(own_server) == 200


def test_one_worker_answers_for_all_and_for_those_that_died(own_server: Server, git: Git) -> None:
    own_server.start("--workers", "2", **WATCHED)
    api = own_server.api(own_server.admin_key)
    before = metrics(own_server)
    api("create_repo", repo_name="one", repo_type="git")
    git.run("ls-remote", own_server.clone_url("one", own_server.administrator))
    for _ in range(40):
        api("get_repo", repoid="one")
    calls, gits = (f'requests_total{{door="{door}",status="2xx"}}' for door in ("api", "git"))

    def are_counted() -> bool:
        now = metrics(own_server)
        return now[calls] - before[calls] >= 41 and now[gits] - before[gits] >= 1

    until(are_counted)  # an answer is counted when it was sent
    for worker in own_server.workers():
        os.kill(worker, signal.SIGKILL)
    until(lambda: _answers(own_server))
    after = metrics(own_server)

    def more(name: str) -> float:
        return after[name] - before[name]

    assert more(calls) >= 41
    assert more(gits) >= 1
    assert more('repositories{kind="git"}') == 1
    assert after["database_up"] == 1
    assert 'jobs{state="queued"}' in after
    assert "queue_up" not in after


def _answers(server: Server) -> bool:
    try:
        metrics(server)
    except OSError:
        return False
    return True
