# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial processes, workers and servers that die, clients that vanish: what remains is whole (security.md 5)."""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Api, Person, Thing, unique
from tests.support.held import held_repository
from tests.support.hg_client import Hg
from tests.support.processes import below, kill_all, named, tree
from tests.support.raw import basic, connected, everything, status_of
from tests.support.repositories import hg_leftovers
from tests.support.servers import Server
from tests.support.waiting import until

ACCEPT = "application/mercurial-0.1"


def processes_in(server: Server, place: Path) -> list[int]:
    """The Mercurial processes that work on one request about a repository: those that serve all keep several open."""
    found = []
    servers = named("hgworkers", server.children())
    scratch = server.data / "hg" / "scratch"
    for pid in servers:
        try:
            open_files = {str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue
        if str(place) in open_files and (scratch / str(pid)).exists():
            found.append(pid)
    return found


def working_in(server: Server, place: Path) -> list[int]:
    """The processes of a request about a repository, as soon as there are any."""
    found: list[int] = []
    until(lambda: found.extend(processes_in(server, place)) or found)
    return found


@dataclass
class Place:
    """Somebody's repository, and the bundle that is pushed to it by hand."""

    owner: Person
    repository: Thing
    path: Path
    bundle: bytes
    tip: str


def new_place(server: Server, root: Api, hg: Hg, *, files: int = 200) -> Place:
    ada = root.new_user()
    repository = root.new_repo(kind="hg", owner=ada.name)
    hg.sign_in_as(server.url, ada)
    work = hg.new_work(unique("work"))
    dice = random.Random(1)
    for number in range(files):
        (work / f"file{number}.bin").write_bytes(dice.randbytes(50_000))
    tip = hg.commit(work, **{"last.txt": "x\n"})
    hg.run("bundle", "--all", "--type", "none-v2", "all.hg", cwd=work)
    return Place(ada, repository, server.root / repository.name, (work / "all.hg").read_bytes(), tip)


@contextmanager
def pushing(server: Server, place: Place, sent: int | None = None) -> Iterator[socket.socket]:
    """A push by hand, of which so many bytes have been sent."""
    with connected(server.url) as connection:
        connection.sendall(
            f"POST /_{place.repository.id}?cmd=unbundle HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: {basic(place.owner.name, place.owner.password)}\r\n"
            f"Accept: {ACCEPT}\r\nX-HgArg-1: heads={b'force'.hex()}\r\n"
            f"Content-Length: {len(place.bundle)}\r\n\r\n".encode()
            + place.bundle[:sent]
        )
        yield connection


@contextmanager
def held_transaction(place: Place) -> Iterator[Path]:
    """A repository whose next push gets no further than into its transaction; gives what shows that it is there.

    It waits for the content of its first file from somebody who never comes.
    """
    store = place.path / ".hg" / "store"
    first = store / "data" / "file0.bin.i"
    first.parent.mkdir(exist_ok=True)
    os.mkfifo(first)
    try:
        yield store / "journal"
    finally:
        first.unlink()


@contextmanager
def held_at_a_file(place: Place) -> Iterator[None]:
    """A repository of whose first file, in whatever copy, the content is waited for: from somebody who never comes."""
    file = place.path / ".hg" / "store" / "data" / "file0.bin.i"
    content, nobody = place.path / "content", place.path / "nobody"
    file.rename(content)
    os.mkfifo(nobody)
    file.symlink_to(nobody)
    try:
        yield
    finally:
        content.replace(file)
        nobody.unlink()


def push_works(server: Server, root: Api, place: Place, hg: Hg) -> None:
    """Push, over whatever is there; then everything is as it should be."""
    hg.sign_in_as(server.url, place.owner)
    work = hg.new_work(unique("work"))
    raw_id = hg.commit(work)
    hg.run("push", "--force", server.clone_url(f"_{place.repository.id}"), cwd=work)
    assert root("get_repo", repoid=place.repository.id)["last_changeset"]["raw_id"] == raw_id
    assert hg.run("verify", "--quiet", "-R", str(place.path)).stdout == b""
    assert hg_leftovers(place.path) == []


@pytest.fixture
def place(server: Server, root: Api, hg: Hg) -> Place:
    return new_place(server, root, hg)


def test_a_push_that_is_cut_off_leaves_nothing(server: Server, root: Api, hg: Hg, place: Place) -> None:
    for sent in (0, 10, len(place.bundle) // 2, len(place.bundle) - 1):
        with pushing(server, place, sent):
            until(lambda: server.under_way(place.repository.id))
        until(lambda: not server.under_way(place.repository.id))
    assert hg_leftovers(place.path) == []
    assert root("get_repo", repoid=place.repository.id, cache=False)["last_changeset"]["revision"] == -1
    assert server.journal("push", place.repository.name) == []
    until(lambda: not list((server.data / "hg" / "scratch").iterdir()))
    push_works(server, root, place, hg)


def test_a_push_whose_process_is_killed_in_its_transaction_is_undone(
    server: Server, root: Api, hg: Hg, place: Place
) -> None:
    workers = _lasting(server)
    half = len(place.bundle) // 2
    with pushing(server, place, half) as connection:
        processes = working_in(server, place.path)
        with held_transaction(place) as journal:
            connection.sendall(place.bundle[half:])
            until(journal.exists)
            kill_all(processes)
        answer = everything(connection)
    assert answer == b"" or b"hg-error" in answer
    until(lambda: not server.under_way(place.repository.id))
    assert hg_leftovers(place.path) == []
    assert server.journal("push", place.repository.name) == []
    assert root("get_repo", repoid=place.repository.id)["last_changeset"]["revision"] == -1
    push_works(server, root, place, hg)
    assert workers == _lasting(server), "nobody else died of it"


def _lasting(server: Server) -> tuple[list[int], list[int]]:
    """What serves requests, and the parent of those that know Mercurial; what these begin ends by itself."""
    return sorted(server.workers()), named("hgworkers", below(server.pid))


def test_a_client_that_has_said_all_need_not_wait(server: Server, root: Api, hg: Hg, place: Place) -> None:
    journal = place.path / ".hg" / "store" / "journal"
    with pushing(server, place):
        # It may be quicker than our look.
        until(lambda: journal.exists() or server.journal("push", place.repository.name))
    until(lambda: not server.under_way(place.repository.id))
    assert root("get_repo", repoid=place.repository.id)["last_changeset"]["raw_id"] == place.tip
    assert len(server.journal("push", place.repository.name)) == 1


@contextmanager
def stalled_clone(server: Server, place: Place) -> Iterator[socket.socket]:
    """A clone by somebody who stops reading."""
    with connected(server.url) as connection:
        connection.sendall(
            f"GET /{place.repository.name}?cmd=stream_out HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: {basic(place.owner.name, place.owner.password)}\r\nAccept: {ACCEPT}\r\n\r\n".encode()
        )
        assert connection.recv(12) == b"HTTP/1.1 200"
        until(lambda: processes_in(server, place.path))
        yield connection


def test_a_clone_whose_process_is_killed_ends_and_one_whose_client_vanishes_too(
    server: Server, root: Api, hg: Hg, place: Place
) -> None:
    with pushing(server, place) as connection:
        assert status_of(everything(connection)) == 200
    with stalled_clone(server, place) as connection:
        assert root("get_repo_changeset", repoid=place.repository.id, revision="tip")["raw_id"] == place.tip
        hg.sign_in_as(server.url, place.owner)
        hg.remote_id(server.clone_url(place.repository.name))
        assert processes_in(server, place.path), "nobody waits behind it"
        kill_all(processes_in(server, place.path))
        answer = everything(connection)
    assert not answer.endswith(b"\r\n0\r\n\r\n"), "the client must see that something is missing"
    with stalled_clone(server, place):
        pass
    until(lambda: not processes_in(server, place.path))
    push_works(server, root, place, hg)


def test_the_mercurial_processes_are_replaced_when_they_die(own_server: Server, hg: Hg) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    place = new_place(own_server, root, hg, files=3)
    # A parent and two workers, once the processes of single requests have ended.
    until(lambda: len(named("hgworkers", own_server.children())) == 3)
    kill_all(named("hgworkers", own_server.children()))
    push_works(own_server, root, place, hg)
    (parent,) = named("hgworkers", below(own_server.pid))
    kill_all(tree(parent)[1:])
    push_works(own_server, root, place, hg)
    assert own_server.stop() == 0
    everything = [int(one.name) for one in Path("/proc").iterdir() if one.name.isdigit()]
    until(lambda: not named(str(own_server.data), named("hgworkers", everything)))


def test_a_server_that_is_killed_in_a_push_recovers_at_its_start(own_server: Server, hg: Hg) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    place = new_place(own_server, root, hg)
    with held_transaction(place) as journal, pushing(own_server, place):
        until(journal.exists)
        own_server.kill()
    assert hg_leftovers(place.path)
    own_server.start()
    root = own_server.api(own_server.admin_key)
    assert own_server.under_way() == []
    assert hg_leftovers(place.path) == []
    assert root("get_repo", repoid=place.repository.id)["last_changeset"]["revision"] == -1
    push_works(own_server, root, place, hg)


def test_a_push_that_was_complete_when_the_server_was_killed_is_journalled_at_its_start(
    own_server: Server, hg: Hg
) -> None:
    """A complete transaction whose end nobody recorded: as if the workers died between the two."""
    own_server.start()
    root = own_server.api(own_server.admin_key)
    place = new_place(own_server, root, hg, files=3)
    half = len(place.bundle) // 2
    with pushing(own_server, place, half):
        until(lambda: own_server.under_way(place.repository.id))
        own_server.kill()
    (place.path.parent / "all.hg").write_bytes(place.bundle)
    hg.run("unbundle", str(place.path.parent / "all.hg"), "-R", str(place.path))
    (place.path.parent / "all.hg").unlink()
    own_server.start()
    root = own_server.api(own_server.admin_key)
    assert own_server.under_way() == []
    assert root("get_repo", repoid=place.repository.id)["last_changeset"]["raw_id"] == place.tip
    ((user, _, detail),) = own_server.journal("push", place.repository.name)
    assert user == place.owner.name
    assert place.tip in detail


def test_a_strip_that_is_killed_is_done_or_not_begun(server: Server, root: Api, hg: Hg, place: Place) -> None:
    with pushing(server, place) as connection:
        everything(connection)
    hg.sign_in_as(server.url, place.owner)
    said: list[str] = []
    thread = threading.Thread(
        target=lambda: said.append(root.error("strip", repoid=place.repository.id, revision="0", branch=""))
    )
    with held_at_a_file(place):
        with held_repository(place.path):  # it waits until it has been found
            thread.start()
            processes = working_in(server, place.path)
        until((place.path / ".hg-strip" / ".hg").exists)
        kill_all(processes)
    thread.join(60)
    assert said and said[0].startswith("Unable to strip commit 0")
    assert root("get_repo", repoid=place.repository.id, cache=False)["last_changeset"]["raw_id"] == place.tip
    root("strip", repoid=place.repository.id, revision="0", branch="")
    assert hg_leftovers(place.path) == []
    push_works(server, root, place, hg)
