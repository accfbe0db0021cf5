# SPDX-License-Identifier: GPL-3.0-or-later
"""`trivium serve`: how a server starts, is refused with one sentence, loses a worker, and ends."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.processes import about, are_gone, below, named
from tests.support.servers import TRIVIUM, Server
from tests.support.waiting import until


@pytest.fixture(autouse=True)
def loads_itself(own_server: Server) -> None:
    """Here everything is as for users, from the command line on."""
    own_server.is_copied = False


def _refused(server: Server, *options: str, data: Path | None = None, **environment: str) -> str:
    """The sentence that somebody reads whose server does not start."""
    done = server.program(
        "serve", "--data", str(data or server.data), "--port", "0", *options, check=False, **environment
    )
    assert done.returncode == 2, done.stderr
    assert done.stdout == b""
    (sentence,) = done.stderr.decode().splitlines()
    assert sentence.startswith("trivium: ")
    return str(sentence)


def test_the_server_says_where_it_is_and_answers_there(own_server: Server) -> None:
    own_server.start(TRIVIUM_API_ACCESS_CONTROLLERS_WHITELIST="Nope:nope, FilesController:raw")
    said = own_server.log.read_text()
    assert said.count("lists a view that does not exist") == said.count("Nope:nope") == 1  # not by each worker
    assert f"Trivium is ready at {own_server.url}\n" in said
    assert own_server.url.startswith("http://127.0.0.1:")
    assert own_server.api(own_server.admin_key)("get_user")["username"] == "root"


def test_sigterm_ends_the_server_and_everything_below_it(own_server: Server) -> None:
    own_server.start("--workers", "3")
    below = own_server.children()
    assert len(below) >= 3
    assert own_server.stop() == 0
    until(lambda: are_gone(below))
    assert "Traceback" not in own_server.log.read_text()


def test_ctrl_c_ends_the_server_quietly(own_server: Server) -> None:
    own_server.start()
    below = own_server.children()
    os.killpg(own_server.pid, signal.SIGINT)
    assert own_server._process is not None
    assert own_server._process.wait(60) == 0
    until(lambda: are_gone(below))
    said = own_server.log.read_text()
    assert "Traceback" not in said and "KeyboardInterrupt" not in said


def test_workers_end_with_a_server_that_was_killed(own_server: Server) -> None:
    own_server.start()
    below = own_server.children()
    os.kill(own_server.pid, signal.SIGKILL)
    until(lambda: are_gone(below))
    own_server._process = None
    own_server.start()
    assert own_server.api(own_server.admin_key)("get_user")["username"] == "root"


def test_a_worker_that_answers_nobody_is_replaced(own_server: Server) -> None:
    own_server.start("--workers", "1", TRIVIUM_WORKER_UNRESPONSIVE="4")
    (worker,) = own_server.workers()
    os.kill(worker, signal.SIGSTOP)
    until(lambda: own_server.workers() not in ([], [worker]))
    assert own_server.api(own_server.admin_key)("get_user")["username"] == "root"
    assert f"worker {worker} has not answered for 4 seconds" in own_server.log.read_text()


def test_a_worker_that_is_busy_elsewhere_is_left_alone(own_server: Server) -> None:
    """Work in threads does not keep the event loop from turning."""
    own_server.start("--workers", "1", TRIVIUM_WORKER_UNRESPONSIVE="4")
    before = own_server.workers()
    root = own_server.api(own_server.admin_key)
    for _ in range(5):
        root.new_user(password="a password that takes a while to hash")
    time.sleep(5)  # more than the patience: nothing to wait for, as nothing must happen
    assert own_server.workers() == before


def test_a_killed_worker_is_replaced_and_requests_go_on(own_server: Server) -> None:
    own_server.start("--workers", "1")
    (worker,) = own_server.workers()
    os.kill(worker, signal.SIGKILL)
    until(lambda: "starting another" in own_server.log.read_text())
    root = own_server.api(own_server.admin_key)
    assert root("get_user")["username"] == "root"
    assert worker not in own_server.children()
    assert "a worker ended with status -9; starting another" in own_server.log.read_text()
    assert own_server.stop() == 0


def test_a_killed_parent_of_the_workers_is_replaced_with_all_of_them(own_server: Server) -> None:
    own_server.start("--workers", "2")
    before = own_server.workers()
    (parent,) = _parents(own_server)
    os.kill(parent, signal.SIGKILL)
    until(lambda: are_gone(before))
    until(lambda: len(own_server.workers()) == 2)
    assert own_server.api(own_server.admin_key)("get_user")["username"] == "root"
    assert "the parent of the workers ended with status -9" in own_server.log.read_text()
    assert own_server.stop() == 0


def test_the_parent_of_the_workers_has_nothing_that_two_processes_must_not_have(own_server: Server) -> None:
    """What is open before a fork is shared, and threads would not be there after it."""
    own_server.start("--workers", "1")
    (parent,) = _parents(own_server)
    assert len(list(Path(f"/proc/{parent}/task").iterdir())) == 1
    opened = [str(one.readlink()) for one in Path(f"/proc/{parent}/fd").iterdir()]
    assert not [path for path in opened if path.startswith(str(own_server.data))]
    # The one on which it is told what to do: neither the port, nor a connection.
    assert len([path for path in opened if path.startswith("socket:")]) == 1
    # A signal for everybody, as a service manager may send it, ends nobody too soon.
    os.kill(parent, signal.SIGTERM)
    assert own_server.api(own_server.admin_key)("get_user")["username"] == "root"
    assert _parents(own_server) == [parent]


def test_a_copy_has_what_a_server_has_that_loads_itself(own_server: Server) -> None:
    """In most tests servers are copies of what was loaded once (`server_forks`)."""

    def supervised() -> list[tuple[list[str], list[str], bool]]:
        pids = [pid for pid in [own_server.pid, *own_server.children()] if pid not in own_server.workers()]
        return sorted((about(pid, "cmdline").split("\0")[:3], _open(pid), os.getsid(pid) == pid) for pid in pids)

    own_server.start()
    alone = supervised()
    own_server.stop()
    own_server.is_copied = True
    own_server.start()
    assert supervised() == alone
    assert len(alone) == 3  # with the parents of the workers and of the Mercurial processes
    os.kill(own_server.pid, signal.SIGKILL)
    assert own_server.stop() == -9


def _open(pid: int) -> list[str]:
    """What a process has open, without the numbers of sockets and pipes."""
    return sorted(re.sub(r"\d+", "", str(one.readlink())) for one in Path(f"/proc/{pid}/fd").iterdir())


def _parents(server: Server) -> list[int]:
    return [pid for pid in below(server.pid) if named("trivium.cli.parent", [pid])]


def test_a_port_that_is_taken(own_server: Server) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        assert _refused(own_server, "--port", str(port)) == (
            f"trivium: port {port} of 127.0.0.1 is taken by another program"
        )


def test_an_address_that_is_not_of_this_machine(own_server: Server) -> None:
    assert "192.0.2.1" in _refused(own_server, "--host", "192.0.2.1")
    assert "'no.such.host.invalid' cannot be used" in _refused(own_server, "--host", "no.such.host.invalid")


def test_a_second_server_on_the_same_data(own_server: Server) -> None:
    own_server.start()
    assert _refused(own_server) == f"trivium: another server already runs on {own_server.data}"
    assert own_server.api(own_server.admin_key)("get_user")["username"] == "root"


def test_data_that_are_not_set_up(own_server: Server, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert (
        _refused(own_server, data=nowhere) == f"trivium: {nowhere} is not set up; run: trivium setup --data {nowhere}"
    )
    assert not nowhere.exists()


@pytest.mark.sqlite_only  # its file
def test_a_database_that_is_not_there(own_server: Server) -> None:
    for path in own_server.data.glob("trivium.db*"):
        path.unlink()
    assert "is not set up" in _refused(own_server)


@pytest.mark.sqlite_only  # its file
def test_a_database_that_is_none(own_server: Server) -> None:
    for path in own_server.data.glob("trivium.db*"):
        path.write_bytes(b"this is not a database, whatever its name says" * 100)
    assert "the database cannot be used" in _refused(own_server)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "sqlalchemy.db1.url"),
        ("nosuchdatabase://x/y", "sqlalchemy.db1.url"),
        ("sqlite:////no/such/place/trivium.db", "the database cannot be used"),
    ],
)
def test_a_database_url_that_leads_nowhere(own_server: Server, url: str, words: str) -> None:
    assert words in _refused(own_server, TRIVIUM_SQLALCHEMY_DB1_URL=url)


def test_a_secret_that_belongs_elsewhere(own_server: Server) -> None:
    (own_server.data / "secret.key").write_text("0" * 64 + "\n")
    assert "the secret does not belong to this database" in _refused(own_server)


def test_a_secret_that_others_can_read(own_server: Server) -> None:
    (own_server.data / "secret.key").chmod(0o644)
    assert "can be read by others" in _refused(own_server)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"port = 1\n", "is broken"),
        (b"[app:main]\nrealm = \xff\n", "cannot be read"),
        (b"[server:main]\nworkers = none\n", "option workers"),
        (b"[server:main]\nworkers = 0\n", "option workers"),
        (b"[app:main]\nlog_level = loud\n", "option log_level"),
        (b"[app:main]\ntrusted_proxies = nobody\n", "option trusted_proxies"),
    ],
)
def test_a_broken_configuration(own_server: Server, text: bytes, words: str) -> None:
    (own_server.data / "trivium.ini").write_bytes(text)
    assert words in _refused(own_server)


def test_a_configuration_that_cannot_be_read(own_server: Server, tmp_path: Path) -> None:
    missing = tmp_path / "missing.ini"
    assert _refused(own_server, "--config", str(missing)) == (
        f"trivium: the configuration {missing} cannot be read: No such file or directory"
    )
    assert f"the configuration {tmp_path} cannot be read" in _refused(own_server, "--config", str(tmp_path))


def test_a_broken_option_of_the_environment(own_server: Server) -> None:
    assert "option threads" in _refused(own_server, TRIVIUM_THREADS="many")


def test_an_option_of_the_command_line_that_is_none(own_server: Server) -> None:
    done = subprocess.run(
        [*TRIVIUM, "serve", "--data", str(own_server.data), "--port", "many"], capture_output=True, check=False
    )
    assert done.returncode == 2
    assert b"'--port'" in done.stderr and b"Traceback" not in done.stderr
    assert "option port" in _refused(own_server, "--port", "70000")


def test_the_environment_wins_over_the_file(own_server: Server) -> None:
    (own_server.data / "trivium.ini").write_text("[app:main]\ninstance_id = of the file\n[server:main]\nworkers = 1\n")
    own_server.start()
    assert len(own_server.workers()) == 1
    assert "of the file" in _ping(own_server)
    own_server.stop()
    own_server.start(TRIVIUM_INSTANCE_ID="of the environment", TRIVIUM_WORKERS="2")
    assert len(own_server.workers()) == 2
    assert "of the environment" in _ping(own_server)
    own_server.stop()
    # And the command line over both.
    own_server.start("--workers", "3", TRIVIUM_WORKERS="2")
    assert len(own_server.workers()) == 3


def _ping(server: Server) -> str:
    status, _, body = server.api("").post(b"", method="GET", path="/_admin/ping")
    assert status == 200
    return body.decode()
