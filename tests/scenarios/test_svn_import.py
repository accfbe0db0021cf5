# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium import svn`: a repository of another server, with its history (security.md 8)."""

from __future__ import annotations

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.support.clients import Api, Person, Thing, unique
from tests.support.servers import TRIVIUM, Server
from tests.support.svn_client import Svn, svn_url
from tests.support.waiting import until


@pytest.fixture(scope="module")
def ada(root: Api) -> Person:
    return root.new_user()


@pytest.fixture(scope="module")
def source(server: Server, root: Api, ada: Person, tmp_path_factory: pytest.TempPathFactory) -> Thing:
    """A private repository with a short history, on a server of ours."""
    name = unique("two words")
    root("create_repo", repo_name=name, repo_type="svn", owner=ada.name, private=True)
    svn = Svn(tmp_path_factory.mktemp("home"), ada)
    work = svn.checkout(svn_url(server.url, name))
    for number in range(1, 4):
        svn.commit(work, f"change {number}", **{f"trunk/{number}.txt": f"{number}\n"})
    return Thing(root("get_repo", repoid=name)["repo_id"], name)


def command(server: Server, ada: Person, url: str, name: str, *options: str) -> list[str]:
    data = ("--data", str(server.data), "--username", ada.name, "--password-file", "-")
    return ["import", "svn", url, name, *data, *options]


def run(
    server: Server, ada: Person, url: str, name: str, *options: str, hosts: str = "127.0.0.1", password: str = ""
) -> str:
    """Import, and return what is said; the exit status comes first."""
    done = server.trivium(
        *command(server, ada, url, name, *options),
        check=False,
        stdin=(password or ada.password).encode(),
        TRIVIUM_ALLOWED_REMOTE_HOSTS=hosts,
    )
    assert password not in ("", ada.password) or ada.password.encode() not in done.stdout + done.stderr
    return f"{done.returncode} {done.stdout.decode()}{done.stderr.decode()}"


def test_a_history_comes_over(server: Server, root: Api, ada: Person, source: Thing, tmp_path: Path) -> None:
    name = f"{unique('imported')}/copy"
    said = run(server, ada, svn_url(server.url, source.name), name, "--owner", ada.name)
    assert said.startswith("0 Imported ") and "Loaded revision 1." in said
    found = ada.api("get_repo", repoid=name)
    assert (found["owner"], found["clone_uri"], found["last_changeset"]["raw_id"]) == (ada.name, "", "3")
    svn = Svn(tmp_path / "home", ada)
    assert svn.log(svn_url(server.url, name)) == [(n, ada.name, f"change {n}") for n in (3, 2, 1)]
    work = svn.checkout(svn_url(server.url, source.name))
    svn.run("relocate", svn_url(server.url, source.name), svn_url(server.url, name), cwd=work)
    assert svn.commit(work, **{"more.txt": "1\n"}) == 4
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == "4"


@pytest.mark.parametrize(
    ("url", "hosts", "words"),
    [
        ("file:///etc", "*", "only http and https"),
        ("svn://127.0.0.1/x", "*", "only http and https"),
        ("http://127.0.0.1:1/x", "", "not reachable from here by policy"),
        ("http://no.such.host.invalid/x", "*", "cannot be resolved"),
        ("http://127.0.0.1:1/x", "*", "the repository cannot be read"),
        ("http://root:secret@127.0.0.1:1/x", "*", "use --password-file"),
        ("--help", "*", ""),
    ],
)
def test_addresses_that_are_refused(server: Server, ada: Person, url: str, hosts: str, words: str) -> None:
    with server.unchanged():
        said = run(server, ada, url, unique("never"), hosts=hosts)
    assert words in said and (url == "--help" or not said.startswith("0")), said


def test_wrong_passwords_and_names_leave_nothing(server: Server, ada: Person, source: Thing) -> None:
    name = unique("never")
    said = run(server, ada, svn_url(server.url, source.name), name, password="wrong-pw")
    assert said.startswith("1 ") and "Authentication failed" in said
    assert not (server.root / name).exists()
    with server.unchanged():
        assert "exists already" in run(server, ada, svn_url(server.url, source.name), source.name)
        assert run(server, ada, svn_url(server.url, "missing"), unique("never")).startswith("1 ")


def test_an_import_that_is_killed_leaves_nothing(own_server: Server, ada: Person, tmp_path: Path) -> None:
    """A server that never answers keeps it waiting."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        importing = subprocess.Popen(
            [*TRIVIUM, *command(own_server, ada, url, "never")],
            env=own_server.environment | {"TRIVIUM_ALLOWED_REMOTE_HOSTS": "*", "TRIVIUM_MIN_FREE_BYTES": "0"},
            stdin=subprocess.PIPE,
        )
        assert importing.stdin is not None
        importing.stdin.close()
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(60)
            assert connection.recv(1 << 16).startswith(b"OPTIONS ")
            importing.send_signal(signal.SIGKILL)
            importing.wait(60)
            while connection.recv(1 << 16):  # svnrdump ends with it
                pass
    own_server.start()
    # What else worked for it may take a moment to die: then a later look removes what it was building.
    until(lambda: list((own_server.root / ".staging").iterdir()) == [])
    assert not (own_server.root / "never").exists()
    assert own_server.query("SELECT count(*) FROM repositories") == [(0,)]
