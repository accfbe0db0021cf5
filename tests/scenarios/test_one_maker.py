# SPDX-License-Identifier: GPL-3.0-or-later
"""Fifty people open one changeset at the same moment, on several workers: it is read once."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.clients import Api, Git
from tests.support.servers import Server
from tests.support.waiting import until

MANY: Final = 50
PEOPLE: Final = 5
REPOSITORY: Final = "repo"
_LARGE: Final = 3 << 19
"""Bytes of a message with which a commit is read by the program git, and not by the library."""

# Notes which process reads a commit, and lets it do so once the gate is open.
_GIT: Final = """#!/bin/sh
case " $* " in
*" cat-file commit "*)
    echo $PPID >>{made}
    while [ ! -e {gate} ]; do sleep 0.01; done
    ;;
esac
exec git "$@"
"""


class Watched:
    """A server whose workers wait before they read a large commit, and the callers that want to see it."""

    def __init__(self, server: Server, git: Git, place: Path) -> None:
        self.server = server
        self._made, self._gate = place / "made", place / "gate"
        program = place / "git-that-waits"
        program.write_text(_GIT.format(made=self._made, gate=self._gate))
        program.chmod(0o755)
        self.open_gate()
        # What is done some seconds after a push would read the commit as well.
        server.start("--workers", "3", TRIVIUM_GIT_PATH=str(program), TRIVIUM_HOUSEKEEPING_INTERVAL="0")
        self.root = server.api(server.admin_key)
        self.people = [self.root.new_user(f"user{number}").api for number in range(PEOPLE)]
        self.root.new_repo(REPOSITORY)
        work = git.new_work()
        self.small = git.commit(work)
        (work / "message").write_text("x" * _LARGE)
        git.run("commit", "--quiet", "--allow-empty", "--file=message", cwd=work)
        git.run("push", "--quiet", server.clone_url(REPOSITORY, server.administrator), "master", cwd=work)
        self._made.unlink()  # the push has looked at it as well
        self.changeset(self.root)
        self.once = len(self.makers())
        """How often it is read for one answer."""
        assert self.once
        self.root("invalidate_cache", repoid=REPOSITORY)
        self._gate.unlink()
        self._made.unlink()

    def open_gate(self) -> None:
        self._gate.touch()

    def makers(self) -> list[int]:
        """The workers that read the commit, or began to."""
        return [int(line) for line in self._made.read_text().split()] if self._made.exists() else []

    def changeset(self, api: Api, revision: str = "tip") -> Any:
        return api("get_repo_changeset", repoid=REPOSITORY, revision=revision)

    def ask(self, pool: ThreadPoolExecutor) -> list[Future[Any]]:
        """Many calls, of which one makes the answer."""
        asked = [pool.submit(self.changeset, self.people[number % PEOPLE]) for number in range(MANY)]
        until(self.makers)
        return asked


@pytest.fixture
def watched(own_server: Server, git: Git, tmp_path: Path) -> Watched:
    return Watched(own_server, git, tmp_path)


def test_it_is_read_once_for_all_of_them_and_others_are_served_meanwhile(watched: Watched) -> None:
    with ThreadPoolExecutor(MANY) as pool:
        asked = watched.ask(pool)
        # Two long calls of one account are served at a time: those who wait do not count.
        for api in watched.people * 3:
            assert watched.changeset(api, watched.small)["raw_id"] == watched.small
            assert api("get_repo", repoid=REPOSITORY)["repo_name"] == REPOSITORY
        assert not any(one.done() for one in asked)
        watched.open_gate()
        shown = [one.result() for one in asked]
    assert len(watched.makers()) == watched.once
    assert all(one == shown[0] for one in shown)
    assert shown[0]["message"].startswith("xxx")


def test_a_maker_that_is_killed_is_followed_by_another(watched: Watched) -> None:
    with ThreadPoolExecutor(MANY) as pool:
        asked = watched.ask(pool)
        killed = watched.makers()[0]
        os.kill(killed, signal.SIGKILL)
        until(lambda: set(watched.makers()) - {killed})
        assert len(watched.makers()) == 2
        watched.open_gate()
        shown = []
        for one in asked:
            with contextlib.suppress(OSError, http.client.HTTPException):  # those that the dead worker had taken
                shown.append(one.result())
    assert shown and all(one["message"].startswith("xxx") for one in shown)
    assert len(watched.makers()) == 1 + watched.once
