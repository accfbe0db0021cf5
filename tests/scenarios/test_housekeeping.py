# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories stay quick however often they are pushed to, and nobody notices (security.md R-22)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Git
from tests.support.repositories import found_below
from tests.support.servers import TRIVIUM, Server
from tests.support.waiting import until

COMMITS = 300


@pytest.fixture
def admin(own_server: Server) -> Api:
    own_server.start(TRIVIUM_HOUSEKEEPING_INTERVAL="1")
    return own_server.api(own_server.admin_key)


def address(server: Server, name: str) -> str:
    return f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"


def history(git: Git, path: Path, count: int, *, branch: str = "master", size: int = 20) -> None:
    """A bare repository with commits in a row, made at once."""
    git.run("init", "--quiet", "--bare", "--initial-branch=master", str(path))
    stream = bytearray()
    for number in range(1, count + 1):
        content = os.urandom(size).hex()
        stream += (
            f"commit refs/heads/{branch}\nmark :{number}\ncommitter A <a@example.org> {10**9 + number} +0000\n".encode()
        )
        stream += b"data 1\nx\n"
        stream += f"from :{number - 1}\n".encode() if number > 1 else b""
        stream += f"M 100644 inline file{number % 50}\ndata {len(content)}\n{content}\n".encode()
    git.run("fast-import", "--quiet", cwd=path, stdin=bytes(stream))


def packs(path: Path) -> int:
    return len(list(path.glob("objects/pack/*.pack")))


def test_packs_are_merged_and_the_graph_is_written_after_pushes(own_server: Server, admin: Api, git: Git) -> None:
    admin.new_repo("busy")
    path = own_server.root / "busy"
    local = git.home / "local.git"
    history(git, local, 12 * 120)
    ids = git.out("rev-list", "--reverse", "master", cwd=local).split()
    for step in range(12):
        # More objects than git unpacks: each push brings a pack.
        tip = ids[120 * (step + 1) - 1]
        git.run("push", "--quiet", address(own_server, "busy"), f"{tip}:refs/heads/master", cwd=local)
    graph = path / "objects" / "info" / "commit-graphs" / "commit-graph-chain"
    until(lambda: graph.exists() and packs(path) < 8 and own_server.query("SELECT id FROM jobs") == [])
    git.run("--git-dir=.", "fsck", "--full", "--strict", cwd=path)
    git.run("--git-dir=.", "commit-graph", "verify", cwd=path)
    assert admin("get_repo", repoid="busy")["last_changeset"]["revision"] == len(ids) - 1
    assert git.out("ls-remote", address(own_server, "busy"), "master").split()[0] == ids[-1]
    until(lambda: own_server.query("SELECT id FROM intents") == [])
    assert own_server.journal("tidy", "busy") == []
    # Once nobody pushes any more the first pages are made.
    kept = own_server.data / "cache" / str(admin("get_repo", repoid="busy")["repo_id"])
    until(lambda: any(b'<section class="change"' in one.read_bytes() for one in kept.glob("answer-*")))


def test_the_program_puts_everything_in_order(own_server: Server, admin: Api, git: Git) -> None:
    for name in ("one", "group/two", "empty"):
        admin.new_repo(name)
    local = git.home / "local.git"
    history(git, local, COMMITS)
    for name in ("one", "group/two"):
        git.run("push", "--quiet", address(own_server, name), "master", cwd=local)
        for number in range(5):
            git.run("push", "--quiet", address(own_server, name), f"master~{number}:refs/tags/t{number}", cwd=local)
    done = own_server.trivium("maintenance", "--data", str(own_server.data), "group/two")
    assert done.stdout.startswith(b"group/two: ")
    done = own_server.trivium("maintenance", "--data", str(own_server.data))
    assert [line.split(b":")[0] for line in done.stdout.splitlines()] == [b"empty", b"group/two", b"one"]
    for name in ("one", "group/two"):
        path = own_server.root / name
        assert packs(path) == 1
        assert list(path.glob("objects/pack/*.bitmap"))
        assert (path / "packed-refs").read_text().count("refs/tags/") == 5
        git.run("--git-dir=.", "fsck", "--full", "--strict", cwd=path)
        assert len(admin("get_repo_changesets", repoid=name, start_rev="0", limit=-1)) == COMMITS
    refused = own_server.trivium("maintenance", "--data", str(own_server.data), "nowhere", check=False)
    assert (refused.returncode, refused.stderr) == (1, b"trivium: there is no repository 'nowhere'\n")


def test_readers_and_pushers_notice_nothing(own_server: Server, admin: Api, git: Git) -> None:
    """Packs are replaced under the feet of calls, clones and pushes."""
    admin.new_repo("busy")
    work = git.new_work()
    git.commit(work)
    git.run("push", "--quiet", address(own_server, "busy"), "master", cwd=work)
    ended = threading.Event()
    problems: list[BaseException] = []

    def maintained() -> None:
        while not ended.is_set():
            done = own_server.trivium("maintenance", "--data", str(own_server.data), "busy", check=False)
            if done.returncode:
                problems.append(AssertionError(done.stderr))

    def reading() -> None:
        api = own_server.api(own_server.admin_key)
        try:
            while not ended.is_set():
                count = len(api("get_repo_changesets", repoid="busy", start_rev="0", limit=-1, details="full"))
                assert count >= 1
                api("get_repo_nodes", repoid="busy", revision="tip", root_path="/", details="full")
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=maintained), threading.Thread(target=reading)]
    for thread in threads:
        thread.start()
    try:
        for number in range(25):
            git.commit(work, f"change {number}")
            git.run("push", "--quiet", address(own_server, "busy"), f"HEAD:refs/heads/b{number}", cwd=work)
            if number % 8 == 0:
                git.run("clone", "--quiet", "--mirror", address(own_server, "busy"), f"copy{number}.git")
            if number % 5 == 4:
                git.run("push", "--quiet", address(own_server, "busy"), f":refs/heads/b{number}", cwd=work)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert problems == []
    git.run("--git-dir=.", "fsck", "--full", "--strict", cwd=own_server.root / "busy")


@pytest.fixture
def slow_git(tmp_path: Path) -> str:
    """A git that never gets to the end of a repack, and leaves what a real one does when it is killed."""
    program = tmp_path / "slow-git"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in *" repack "*) touch objects/pack/tmp_pack_x packed-refs.lock; exec sleep 600;; esac\n'
        'exec git "$@"\n'
    )
    program.chmod(0o755)
    return str(program)


@contextlib.contextmanager
def maintaining(server: Server, slow_git: str, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program at work on a repository that it does not get done with."""
    working = subprocess.Popen(
        [*TRIVIUM, "maintenance", "--data", str(server.data), name],
        env=server.environment | {"TRIVIUM_GIT_PATH": slow_git},
        stderr=subprocess.PIPE,
    )
    try:
        until((server.root / name / "objects/pack/tmp_pack_x").exists)
        yield working
    finally:
        working.kill()
        working.communicate()


def test_whoever_wants_a_repository_alone_does_not_wait_for_housekeeping(
    own_server: Server, admin: Api, git: Git, slow_git: str
) -> None:
    admin.new_repo("large")
    work = git.new_work()
    git.commit(work)
    with maintaining(own_server, slow_git, "large") as working:
        # Pushes go on beside it; a rename ends it.
        git.run("push", "--quiet", address(own_server, "large"), "master", cwd=work)
        admin("update_repo", repoid="large", name="renamed")
        _, errors = working.communicate(timeout=60)
        assert working.returncode == 1, errors
    path = own_server.root / "renamed"
    assert found_below(path, "*.lock", "*tmp*") == []
    assert own_server.query("SELECT id FROM intents") == []


def test_what_a_killed_housekeeper_leaves_is_cleaned_up(
    own_server: Server, admin: Api, git: Git, slow_git: str
) -> None:
    admin.new_repo("large")
    path = own_server.root / "large"
    with maintaining(own_server, slow_git, "large") as working:
        working.kill()
    own_server.kill()
    own_server.start()
    assert own_server.query("SELECT id FROM intents") == []
    assert found_below(path, "*.lock", "*tmp*") == []
    work = git.new_work()
    git.commit(work)
    git.run("push", "--quiet", address(own_server, "large"), "master", "master:other", cwd=work)
    git.run("push", "--quiet", address(own_server, "large"), ":refs/heads/other", cwd=work)


def test_the_first_visitor_after_a_push_finds_what_is_dear(own_server: Server, admin: Api, git: Git) -> None:
    admin.new_repo("visited", enable_statistics=True)
    local = git.home / "local.git"
    history(git, local, 3)
    git.run("push", "--quiet", address(own_server, "visited"), "master", cwd=local)
    cache = own_server.data / "cache"

    def answers() -> int:
        return len(list(cache.glob("*/answer-*")))

    until(lambda: answers() >= 3 and own_server.query("SELECT id FROM jobs") == [])
    browser = Browser(own_server.url)
    browser.sign_in(own_server.administrator)
    page = browser.get("/visited/files/tip/")
    assert page.status == 200
    assert "nodetree_full" not in page.text
    assert "file1" in page.page.text and page.text.count("/visited/changeset/") >= 3
    # Of many pushes one job waits, and nothing is left of those that are done.
    for number in range(4):
        git.run("push", "--quiet", address(own_server, "visited"), f"master~1:refs/heads/b{number}", cwd=local)
    until(lambda: own_server.query("SELECT id FROM jobs") == [])
