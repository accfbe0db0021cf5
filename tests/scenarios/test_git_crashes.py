# SPDX-License-Identifier: GPL-3.0-or-later
"""Git while something goes wrong on the server: a killed process, a stop, a full disk, a rename under one's feet.

(security.md R-2, R-8, R-9, R-15, R-16, R-23.) What a client was told is true, and nothing is in the next one's way.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, Person, Thing, unique
from tests.support.processes import are_gone, below, kill_all
from tests.support.raw import basic, connected, everything, exchange, pkt, status_of
from tests.support.repositories import found_below
from tests.support.servers import Server
from tests.support.waiting import until
from trivium.tree.kernel_locks import RepositoryLock

ZERO = "0" * 40


def gits_in(place: Path) -> list[int]:
    """The git processes that work in a repository."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "cwd").readlink() == place:
                found.append(int(process.name))
        except OSError:  # it has just ended
            continue
    return found


def leftovers(place: Path) -> list[str]:
    """What a push that was stopped must not leave in a repository."""
    patterns = ("objects/tmp_objdir-*", "objects/pack/tmp_*", "objects/pack/*.keep")
    found = found_below(place, "*.lock") + [path for pattern in patterns for path in place.glob(pattern)]
    return [str(path.relative_to(place)) for path in found]


@dataclass
class Pushing:
    """A push by hand, the first half of which has been sent."""

    connection: socket.socket
    rest: bytes

    def finish(self) -> bytes:
        self.connection.sendall(self.rest)
        return everything(self.connection)


@contextmanager
def half_a_push(server: Server, ada: Person, repository: Thing, git: Git) -> Iterator[Pushing]:
    """A push of one commit to master, stopped in the middle of its pack, when git is at work on it."""
    work = git.new_work(unique("work"))
    raw_id = git.commit(work, **{"a.txt": "".join(f"{number}\n" for number in range(50_000))})
    pack = git.run("pack-objects", "--stdout", "--revs", cwd=work, stdin=f"{raw_id}\n".encode()).stdout
    body = pkt(f"{ZERO} {raw_id} refs/heads/master\0report-status side-band-64k") + b"0000" + pack
    place = server.root / repository.name
    with connected(server.url) as connection:
        connection.sendall(
            f"POST /_{repository.id}/git-receive-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: {basic(ada.name, ada.password)}\r\n"
            "Content-Type: application/x-git-receive-pack-request\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body[: len(body) // 2]
        )
        until(lambda: list(place.glob("objects/tmp_objdir-*/*")))
        yield Pushing(connection, body[len(body) // 2 :])


@contextmanager
def stalled_clone(server: Server, ada: Person, repository: Thing, tip: str) -> Iterator[socket.socket]:
    """A clone by somebody who stops reading, when git is at work on it."""
    body = pkt("command=fetch") + b"0001" + pkt(f"want {tip}\n") + pkt("done\n") + b"0000"
    with connected(server.url) as connection:
        connection.sendall(
            f"POST /{repository.name}/git-upload-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Authorization: {basic(ada.name, ada.password)}\r\nGit-Protocol: version=2\r\n"
            "Content-Type: application/x-git-upload-pack-request\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        assert connection.recv(12) == b"HTTP/1.1 200"
        until(lambda: gits_in(server.root / repository.name))
        yield connection


def large_repository(server: Server, root: Api, git: Git) -> tuple[Person, Thing, str]:
    """Somebody's repository, with more in it than all buffers between git and a client hold together."""
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    work = git.new_work()
    (work / "noise.bin").write_bytes(random.Random(1).randbytes(8 << 20))
    tip = git.commit(work)
    git.run("push", "--quiet", server.clone_url(repository.name, ada), "master", cwd=work)
    return ada, repository, tip


def push_works(server: Server, ada: Person, repository: Thing, git: Git) -> str:
    """Push a new commit to master, over whatever is there; returns its id."""
    work = git.new_work(unique("work"))
    raw_id = git.commit(work)
    git.run("push", "--force", server.clone_url(repository.name, ada), "master", cwd=work)
    return raw_id


def test_a_push_whose_git_is_killed_leaves_nothing_in_the_way(server: Server, root: Api, git: Git) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    place = server.root / repository.name
    workers = server.workers()
    with half_a_push(server, ada, repository, git) as pushing:
        # As if it had just begun to move the branch.
        (place / "refs" / "heads" / "master.lock").touch()
        kill_all(gits_in(place))
        answer = everything(pushing.connection)
    assert answer == b"" or status_of(answer) == 200
    assert b"ng refs/heads/master" not in answer, "whether it did not move is not known"
    # To see what it did the server may ask a git of its own.
    until(lambda: not leftovers(place) and not gits_in(place))
    assert server.journal("push", repository.name) == []
    raw_id = push_works(server, ada, repository, git)
    assert root("get_repo", repoid=repository.id)["last_changeset"]["raw_id"] == raw_id
    assert [pid for pid in workers if pid not in server.workers()] == [], "no worker died of it"


def test_a_pull_beside_a_push_is_not_taken_for_a_killed_one(server: Server, root: Api, git: Git) -> None:
    """The files that it finds in the repository are those of the push, which goes on."""
    ada = root.new_user()
    origin, repository = root.new_repo(owner=ada.name), root.new_repo(owner=ada.name)
    address = server.clone_url(origin.name, ada)
    root("update_repo", repoid=repository.id, clone_uri=address)
    raw_id = push_works(server, ada, origin, git)
    place = server.root / repository.name
    with half_a_push(server, ada, repository, git) as pushing:
        lock = place / "refs" / "heads" / "master.lock"
        lock.touch()
        said = len(server.log.read_text())
        assert root.error("pull", repoid=repository.id) == f"Unable to pull changes from `{repository.name}`"
        told = server.log.read_text()[said:]
        assert "master.lock" in told and "ended suddenly" not in told
        lock.unlink()
        root("pull", repoid=repository.id)
        assert root("get_repo", repoid=repository.id)["last_changeset"]["raw_id"] == raw_id
        pushing.connection.sendall(pushing.rest)
        assert b"ng refs/heads/master" in everything(pushing.connection), "the pull came before it"


def test_a_clone_whose_git_is_killed_ends(server: Server, root: Api, git: Git) -> None:
    ada, repository, tip = large_repository(server, root, git)
    place = server.root / repository.name
    with stalled_clone(server, ada, repository, tip) as connection:
        kill_all(gits_in(place))
        answer = everything(connection)
    assert not answer.endswith(b"\r\n0\r\n\r\n"), "the client must see that something is missing"
    until(lambda: not gits_in(place))
    git.run("clone", "--quiet", server.clone_url(repository.name, ada), "copy")


def test_the_git_of_a_client_that_vanishes_ends(server: Server, root: Api, git: Git) -> None:
    ada, repository, tip = large_repository(server, root, git)
    place = server.root / repository.name
    with stalled_clone(server, ada, repository, tip):
        pass
    until(lambda: not gits_in(place))


def test_a_worker_that_dies_in_a_push_is_cleaned_up_after_by_the_others(own_server: Server, git: Git) -> None:
    own_server.start("--workers", "2")
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    place = own_server.root / repository.name
    with half_a_push(own_server, ada, repository, git) as pushing:
        (worker,) = [pid for pid in own_server.workers() if set(gits_in(place)) & set(below(pid))]
        os.kill(worker, signal.SIGKILL)
        assert everything(pushing.connection) == b""
    until(lambda: own_server.under_way() == [])
    assert leftovers(place) == []
    until(lambda: not gits_in(place))
    assert own_server.journal("push", repository.name) == []
    push_works(own_server, ada, repository, git)


def test_a_server_that_is_told_to_stop_does_not_wait_for_those_who_do_not_read(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_GRACEFUL_TIMEOUT="3")
    root = own_server.api(own_server.admin_key)
    ada, repository, tip = large_repository(own_server, root, git)
    empty = root.new_repo(owner=ada.name)
    with stalled_clone(own_server, ada, repository, tip), half_a_push(own_server, ada, empty, git):
        children = own_server.children()
        assert len(children) > 2, "workers and gits"
        assert own_server.stop() == 0
        until(lambda: are_gone(children))
    assert gits_in(own_server.root / repository.name) == gits_in(own_server.root / empty.name) == []
    own_server.start()
    assert own_server.under_way() == []
    assert leftovers(own_server.root / empty.name) == []
    push_works(own_server, ada, empty, git)


def test_a_server_that_is_told_to_stop_lets_a_push_finish(own_server: Server, git: Git) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    with half_a_push(own_server, ada, repository, git) as pushing:
        os.kill(own_server.pid, signal.SIGTERM)
        until(lambda: _refuses_connections(own_server.url))
        answer = pushing.finish()
    assert b"unpack ok" in answer and b"ok refs/heads/master" in answer and b"Trivium: push completed" in answer
    assert own_server.stop() == 0
    assert len(own_server.journal("push", repository.name)) == 1


def _refuses_connections(url: str) -> bool:
    try:
        with connected(url):
            return False
    except ConnectionRefusedError:
        return True


def test_a_push_that_waited_for_a_rename_goes_where_the_repository_is(server: Server, root: Api, git: Git) -> None:
    """And not to another one that got its old name meanwhile."""
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    old, new = repository.name, unique("renamed")
    work = git.new_work()
    raw_id = git.commit(work)
    lock = RepositoryLock(server.root / ".locks", repository.id)
    held = lock.try_shared()  # as a push under way does
    assert held is not None

    def rename_and_replace() -> None:
        root("update_repo", repoid=repository.id, name=new)
        root("create_repo", repo_name=old, repo_type="git")

    renaming = threading.Thread(target=rename_and_replace)
    renaming.start()
    until(lambda: not _can_be_shared(lock))
    pushed: list[int] = []
    url = server.clone_url(f"_{repository.id}", ada)
    pushing = threading.Thread(target=lambda: pushed.append(git.run("push", url, "master", cwd=work).returncode))
    pushing.start()
    pushing.join(0.5)  # time to get as far as it can; nobody sees from outside that it waits
    os.close(held)
    renaming.join(60)
    pushing.join(60)
    assert pushed == [0]
    assert root("get_repo", repoid=new)["last_changeset"]["raw_id"] == raw_id
    assert root("get_repo", repoid=old)["last_changeset"]["revision"] == -1
    assert git.out("ls-remote", server.clone_url(old, Person(1, server.admin, server.admin_password, "", root))) == ""


def _can_be_shared(lock: RepositoryLock) -> bool:
    descriptor = lock.try_shared()
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None


def test_pushes_wait_for_nobody_but_are_refused_when_the_disk_is_full(own_server: Server, git: Git) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    first = push_works(own_server, ada, repository, git)
    own_server.stop()
    own_server.start(TRIVIUM_MIN_FREE_BYTES=str(1 << 60))
    root = own_server.api(own_server.admin_key)
    work = git.new_work()
    git.commit(work)
    url = own_server.clone_url(repository.name, ada)
    assert "The server is short of disk space and takes no pushes." in git.refused("push", url, "HEAD:new", cwd=work)
    name = unique("repo")
    assert root.error("create_repo", repo_name=name, repo_type="git") == f"failed to create repository `{name}`"
    assert git.out("ls-remote", url, "refs/heads/*") == f"{first}\trefs/heads/master"
    assert not (own_server.root / name).exists()
    assert list((own_server.root / ".staging").iterdir()) == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"not a packet", 400),
        (b"0", 400),
        (b"", 400),
        (b"0000", 200),
        (pkt(f"{ZERO} {'1' * 40} refs/heads/") + b"0000", None),
        (b"0078" + f"{ZERO} {'1' * 40} refs/heads/".encode() + b"\xff" * 8 + b"\0 report-status" + b"0000", 200),
    ],
    ids=["garbage", "cut off", "empty", "a try", "no name", "no text"],
)
def test_a_push_that_is_none_changes_nothing(
    server: Server, root: Api, git: Git, body: bytes, status: int | None
) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    answer = exchange(
        server.url,
        f"POST /{repository.name}/git-receive-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Authorization: {basic(ada.name, ada.password)}\r\n"
        "Content-Type: application/x-git-receive-pack-request\r\n"
        f"Content-Length: {len(body)}\r\n\r\n".encode()
        + body,
    )
    assert status_of(answer) in ({status} if status else {200, 400})
    assert server.journal("push", repository.name) == []
    assert git.out("ls-remote", server.clone_url(repository.name, ada)) == ""
    push_works(server, ada, repository, git)
