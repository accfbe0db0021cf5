# SPDX-License-Identifier: GPL-3.0-or-later
"""The Subversion back end without a server: states, forks, leftovers, and what hosting needs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from trivium.settings import Settings
from trivium.vcs.errors import VcsError
from trivium.vcs.svn.apache import Endpoint, SvnApache
from trivium.vcs.svn.back_end import Svn
from trivium.vcs.svn.command import Account, SvnCommand, SvnPrograms, Unavailable, find_programs, svn_command
from trivium.vcs.svn.filesystem import revision_update
from trivium.vcs.values import RefUpdate

BEGUN = """
import os, sys
from subvertpy import ra
session = ra.RemoteAccess(sys.argv[1], auth=ra.Auth([ra.get_username_provider()]))
editor = session.get_commit_editor({"svn:log": "begun and left"}, lambda *_: None)
root = editor.open_root(0)
os._exit(0)
"""

COMMITTING = """
import fcntl, sys
with open(sys.argv[1], "r+b") as lock:
    fcntl.lockf(lock, fcntl.LOCK_EX)
    print("holds", flush=True)
    sys.stdin.read()
"""


SERVING = """
import os, socket, sys
os.dup2(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT), 11)
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
connections = [listening.accept() for _ in range(2)]
print("serves", flush=True)
sys.stdin.read()
"""
"""As a process of Apache does, but for two connections."""


@pytest.fixture
def svn(tmp_path: Path) -> Svn:
    settings = Settings(data=tmp_path / "data")
    settings.data.mkdir()
    command = svn_command(settings)
    return Svn(command, SvnApache(settings, command))


def commit(path: Path, name: str) -> None:
    subprocess.run(["svn", "mkdir", "-q", "-m", name, f"{path.as_uri()}/{name}"], check=True)


def test_whoever_takes_the_port_is_not_taken_for_apache(svn: Svn) -> None:
    assert svn.command.programs
    mine, other = (
        SvnApache(
            svn.apache.settings,
            SvnCommand(dataclasses.replace(svn.command.programs, account=Account("x", uid, os.getgid()))),
        )
        for uid in (os.getuid(), os.getuid() + 1)
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        endpoint = Endpoint(listening.getsockname()[1], "secret")
        assert mine.listens_at(endpoint)
        assert not other.listens_at(endpoint)
    assert not mine.listens_at(endpoint)


def state(svn: Svn, path: Path, known: str = "", *numbers: int) -> dict[str, object]:
    found: dict[str, object] = json.loads(
        svn.history(path, path, known, [revision_update(one) for one in numbers]).state
    )
    return found


def test_what_nobody_reported_is_known(svn: Svn, tmp_path: Path) -> None:
    path = tmp_path / "r"
    svn.create(path)
    assert svn.history(path, tmp_path).last.revision == -1
    for name in "abc":
        commit(path, name)
    later = svn.history(path, tmp_path, json.dumps({"youngest": 0}), [revision_update(3)]).state
    assert json.loads(later) == {"youngest": 3, "unclaimed": [1, 2]}
    assert svn.accepted(path, (), later) == [RefUpdate("", "0", "1"), RefUpdate("", "1", "2")]
    told = svn.history(path, tmp_path, json.dumps({"youngest": 0}), [revision_update(3)]).beside
    assert told == (RefUpdate("", "0", "1"), RefUpdate("", "1", "2"))
    assert state(svn, path, later, 1, 2) == {"youngest": 3, "unclaimed": []}
    commit(path, "d")
    assert svn.accepted(path, (), later)[-1] == RefUpdate("", "3", "4")
    # Of a repository that was found on the disk nothing is claimed by the first commit but itself.
    assert state(svn, path, "", 4) == {"youngest": 4, "unclaimed": []}


def test_the_process_that_works_for_nobody_is_ended_and_no_other(svn: Svn) -> None:
    apache = svn.apache
    apache._make_directories()
    command = [sys.executable, "-c", SERVING, str(apache.place / "lock")]
    pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as one, subprocess.Popen(command, **pipes) as other:
        assert one.stdout and other.stdout
        endpoint, elsewhere = Endpoint(int(one.stdout.readline()), ""), Endpoint(int(other.stdout.readline()), "")
        with contextlib.ExitStack() as held:
            mine, _, theirs, _ = (
                held.enter_context(socket.create_connection(("127.0.0.1", where.port)))
                for where in (endpoint, endpoint, elsewhere, elsewhere)
            )
            assert one.stdout.readline() == other.stdout.readline() == "serves\n"
            apache.end_process(endpoint, theirs.getsockname()[1])
            apache.end_process(elsewhere, mine.getsockname()[1])
            assert one.poll() is None and other.poll() is None
            apache.end_process(endpoint, mine.getsockname()[1])
            assert one.wait(60) == -signal.SIGKILL
            assert other.poll() is None
        other.kill()


@pytest.mark.parametrize("tidies", [False, True])
def test_only_transactions_that_are_old_are_removed(svn: Svn, tmp_path: Path, tidies: bool) -> None:
    path = tmp_path / "r"
    svn.create(path)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", BEGUN, path.as_uri()], check=True)
    transactions = path / "db" / "transactions"
    assert len(list(transactions.iterdir())) == 2
    old = time.time() - 2 * 24 * 3600
    dead = min(transactions.iterdir())
    os.utime(dead, (old, old))
    assert not svn.is_untidy(path)  # a file may still be on its way
    os.utime(path / "db" / "txn-protorevs" / f"{dead.stem}.rev", (old, old))
    assert svn.is_untidy(path)
    if tidies:
        svn.tidy(path, thorough=False, keep=-1, check=lambda: None)
    else:
        svn.recover(path)
    assert len(list(transactions.iterdir())) == 1 and not dead.exists()
    assert not svn.is_untidy(path)


def test_what_is_left_of_a_transaction_that_was_removed_by_half_goes_too(svn: Svn, tmp_path: Path) -> None:
    """As when a file still came while Subversion removed it; svnadmin cannot open it any more."""
    path = tmp_path / "r"
    svn.create(path)
    subprocess.run([sys.executable, "-c", BEGUN, path.as_uri()], check=True)
    (left,) = (path / "db" / "transactions").iterdir()
    for file in left.iterdir():
        if file.name != "props":
            file.unlink()
    old = time.time() - 2 * 24 * 3600
    for place in (left, path / "db" / "txn-protorevs" / f"{left.stem}.rev"):
        os.utime(place, (old, old))
    assert svn.is_untidy(path)
    svn.tidy(path, thorough=False, keep=-1, check=lambda: None)
    assert list((path / "db" / "transactions").iterdir()) == list((path / "db" / "txn-protorevs").iterdir()) == []
    assert not svn.is_untidy(path)


def test_a_commit_that_was_killed_before_it_counted_does_not_stop_the_next(svn: Svn, tmp_path: Path) -> None:
    path = tmp_path / "core"
    svn.create(path)
    commit(path, "a")
    before = sorted(path.rglob("*"))
    for kind in ("revs", "revprops"):
        (path / "db" / kind / "0" / "2").write_bytes(b"half")
        (path / "db" / kind / "0" / "2").chmod(0o440)
    svn.recover(path)
    assert sorted(path.rglob("*")) == before
    commit(path, "b")
    subprocess.run(["svnadmin", "verify", "-q", str(path)], check=True)


def test_nothing_is_removed_while_somebody_commits(svn: Svn, tmp_path: Path) -> None:
    path = tmp_path / "core"
    svn.create(path)
    growing = path / "db" / "revprops" / "0" / "1"
    growing.write_bytes(b"half")
    command = [sys.executable, "-c", COMMITTING, str(path / "db" / "write-lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin and other.stdout and other.stdout.readline()
        with pytest.raises(VcsError):
            svn.recover(path)
        assert growing.exists()
        other.stdin.close()
    svn.recover(path)
    assert not growing.exists()


def test_what_is_no_repository(svn: Svn, tmp_path: Path) -> None:
    with pytest.raises(VcsError):
        svn.history(tmp_path, tmp_path)
    with pytest.raises(VcsError):
        svn.fork(tmp_path / "nowhere", tmp_path / "copy")


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("apache_path", "no-such-apache", "install apache2"),
        ("apache_modules", "/nowhere", "install libapache2-mod-svn"),
        ("svnadmin_path", "no-such-svnadmin", "install subversion"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, option: str, value: str, words: str) -> None:
    settings = Settings(data=tmp_path, **{option: value})  # type: ignore[arg-type]
    with pytest.raises(Unavailable, match=words):
        find_programs(settings)
    assert words in svn_command(settings).missing
    with pytest.raises(VcsError):
        svn_command(settings).admin("create", str(tmp_path / "r"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has another account to let pass")
def test_another_account_may_pass_through_groups_but_not_look_in(tmp_path: Path) -> None:
    found = find_programs(Settings(data=tmp_path))
    assert found.account is not None
    command = SvnCommand(SvnPrograms("", "", "", (), Account("x", found.account.uid, found.account.gid)))
    place = tmp_path / "root" / "group" / "r"
    place.mkdir(mode=0o750, parents=True)
    for directory in (place, place.parent, place.parent.parent):
        directory.chmod(0o750)
    command.let_pass(tmp_path / "root", place)
    modes = [directory.stat().st_mode & 0o777 for directory in (place, place.parent, place.parent.parent)]
    assert modes == [0o750, 0o710, 0o710]
    assert place.parent.stat().st_gid == found.account.gid
