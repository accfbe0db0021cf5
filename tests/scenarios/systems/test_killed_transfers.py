# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that die while bytes move from another server (security.md R-3, R-7): done, or as if never begun.

The random moments are in `test_kill_operations.py`; these are chosen.
"""

from __future__ import annotations

import contextlib
import json
import random
import socket
import threading
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import ApiError
from tests.support.processes import kill_all
from tests.support.relay import Relay
from tests.support.servers import Server
from tests.support.systems import SYSTEMS, System, new_system
from tests.support.waiting import until

FETCHING = sorted(set(SYSTEMS) - {"svn"})
"""From Subversion servers a command imports, which has its own test."""
PARTS = (0.3, 0.95)
"""How much of an answer comes before the end."""


@pytest.fixture(params=FETCHING)
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    return new_system(request.param, tmp_path / "home")


@pytest.fixture
def relay() -> Iterator[Relay]:
    with contextlib.closing(Relay()) as relay:
        yield relay


def transferring(server: Server) -> set[int]:
    """The processes that fetch: git's work in the repository, Mercurial's have a scratch directory each."""
    scratch = server.data / "hg" / "scratch"
    found = {int(one.name) for one in scratch.glob("[0-9]*") if Path("/proc", one.name).exists()}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = (process / "cwd").readlink()
        except OSError:  # it has just ended
            continue
        if where.is_relative_to(server.root):
            found.add(int(process.name))
    return found


def kill_workers(server: Server) -> None:
    """The supervisor lives, and puts in order what they left."""
    kill_all(server.workers())


def kill_what_fetches(server: Server) -> None:
    """The worker lives, and puts in order what its process left, before it says that the fetch has failed."""
    kill_all(transferring(server))


def kill_everything(server: Server) -> None:
    server.kill()


def in_order(server: Server) -> None:
    """Wait until what died has been recovered."""
    until(lambda: not transferring(server))
    until(lambda: server.under_way() == [])
    until(lambda: not list((server.root / ".staging").iterdir()))


def call_in_vain(server: Server, method: str, args: dict[str, Any]) -> threading.Thread:
    """A call that is cut off: nobody may be left to answer it, or only to say that it failed."""

    def call() -> None:
        with contextlib.suppress(OSError, HTTPException, ValueError, ApiError):
            server.api(server.admin_key)(method, **args)

    caller = threading.Thread(target=call)
    caller.start()
    return caller


@pytest.mark.parametrize("method", ["create_repo", "pull"])
def test_what_fetches_for_a_worker_that_dies_ends_with_it(own_server: Server, system: System, method: str) -> None:
    """Left alone it would go on to write where others put things in order, or move refs that nobody looks at again."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        own_server.start(TRIVIUM_ALLOWED_REMOTE_HOSTS=address)
        root = own_server.api(own_server.admin_key)
        args = {"repo_name": "core", "repo_type": system.kind, "clone_uri": f"http://{address}/x"}
        if method == "pull":
            root("create_repo", repo_name="core", repo_type=system.kind)
            root("update_repo", repoid="core", clone_uri=args["clone_uri"])
            args = {"repoid": "core"}
        caller = call_in_vain(own_server, method, args)
        visit, _ = silent.accept()
        with visit:
            assert transferring(own_server)
            kill_workers(own_server)
            caller.join(60)
            assert not caller.is_alive()
            in_order(own_server)
    if method == "pull":
        assert system.whole(own_server, root, "core") == []
    else:
        assert root.error("get_repo", repoid="core") == "repository `core` does not exist"
        assert not (own_server.root / "core").exists()


class Transfers:
    """A repository with two changesets at the other side of a relay, and fetches of both or of the second one."""

    def __init__(self, server: Server, system: System, relay: Relay) -> None:
        self.server, self.system, self.relay = server, system, relay
        self.start()
        system.new_repository(self.root, server.administrator, "source")
        copy = system.checkout(server, "source", server.administrator)
        dice = random.Random(5)
        self.ids = [copy.change("one", file=dice.randbytes(400_000))]
        self.fetch("create_repo", "behind")
        self.ids.append(copy.change("two", file=dice.randbytes(400_000)))

    def start(self) -> None:
        # The way through the relay is one to this server itself, and known as that.
        self.server.start(TRIVIUM_BASE_URL=f"http://{self.relay.address}")
        self.root = self.server.api(self.server.admin_key)
        self.relay.to(self.server.url)

    def arguments(self, method: str, name: str) -> dict[str, str]:
        """Those of a fetch through the relay into a repository of this name."""
        if method == "pull":
            return {"repoid": name}
        address = f"http://{self.server.admin}:{self.server.admin_password}@{self.relay.address}/source"
        return {"repo_name": name, "repo_type": self.system.kind, "clone_uri": address}

    def prepare(self, method: str, name: str) -> None:
        """What must be there before: for a pull a repository that lacks the second changeset."""
        if method == "pull":
            self.root("fork_repo", repoid="behind", fork_name=name)
            self.root("update_repo", repoid=name, clone_uri=self.arguments("create_repo", name)["clone_uri"])

    def fetch(self, method: str, name: str) -> int:
        """Fetch everything; returns how many bytes came."""
        self.relay.to(self.server.url)
        self.root(method, **self.arguments(method, name))
        return self.relay.passed

    def whole(self, name: str) -> list[str]:
        return self.system.whole(self.server, self.root, name)


@pytest.mark.parametrize("kill", [kill_workers, kill_what_fetches, kill_everything])
@pytest.mark.parametrize("method", ["create_repo", "pull"])
def test_a_fetch_that_is_killed_half_way(
    own_server: Server, system: System, relay: Relay, method: str, kill: Callable[[Server], None]
) -> None:
    transfers = Transfers(own_server, system, relay)
    transfers.prepare(method, "measured")
    size = transfers.fetch(method, "measured")
    for number, part in enumerate(PARTS):
        name = f"team{number}/core"
        transfers.prepare(method, name)
        relay.to(own_server.url, most=int(size * part))
        caller = call_in_vain(own_server, method, transfers.arguments(method, name))
        assert relay.holding.wait(60)
        kill(own_server)
        caller.join(60)
        assert not caller.is_alive()
        if kill is kill_everything:
            transfers.start()
        in_order(own_server)
        if method == "pull":
            assert transfers.whole(name) == transfers.ids[:1]
            assert own_server.journal("remote.pull", name) == []
        else:
            said = transfers.root.error("get_repo", repoid=name)
            assert said == f"repository `{name}` does not exist"
            assert not (own_server.root / f"team{number}").exists()
        transfers.fetch(method, name)
        assert transfers.whole(name) == transfers.ids
        if method == "pull":
            ((_, _, detail),) = own_server.journal("remote.pull", name)
            assert [new for _, _, new in json.loads(detail)["refs"]] == transfers.ids[1:]
