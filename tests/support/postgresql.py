# SPDX-License-Identifier: GPL-3.0-or-later
"""A throw-away PostgreSQL server for one run of the tests, and databases in it.

`make test DB=postgresql` sets `TEST_DB`. Each process that runs tests starts a server, and the processes that it starts
find that by `TEST_POSTGRESQL`. Nothing in it is meant to last, so that it never waits for a disk.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psycopg

from tests.support.ports import free_port
from tests.support.processes import hold_all, hold_tree, tree

WANTED: Final = "TEST_DB"
_ADDRESS: Final = "TEST_POSTGRESQL"
_SETTINGS: Final = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "max_wal_size": "256MB",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "deadlock_timeout": "200ms",
}
_PATIENCE: Final = 60.0


def wanted() -> bool:
    """Whether the tests run on PostgreSQL."""
    return os.environ.get(WANTED, "").lower() in ("postgresql", "postgres")


class Cluster:
    """One server, for whoever asks on the loopback; it ends with the process that started it."""

    def __init__(self, *, forgetful: bool = True) -> None:
        """`forgetful`: a crash may take back what was committed just before."""
        self._settings = _SETTINGS | ({} if forgetful else {"synchronous_commit": "on"})
        self.home = Path(tempfile.mkdtemp(prefix="trivium-postgresql-"))
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Without the name of a database."""
        return f"postgresql://postgres@127.0.0.1:{self._port}"

    def start(self) -> None:
        data = self.home / "data"
        if not data.exists():
            if os.geteuid() == 0:
                nobody = pwd.getpwnam("nobody")
                os.chown(self.home, nobody.pw_uid, nobody.pw_gid)
            made = ["initdb", "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
            # Texts of no collation of their own are ordered in another way than by their code points.
            made += ["--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en"]
            subprocess.run(_as_nobody(made), check=True, capture_output=True, cwd="/")
        given = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        place = ["-h", "127.0.0.1", "-p", str(self._port), "-k", str(self.home)]
        with (self.home / "log").open("ab") as log:
            self._process = subprocess.Popen(
                _as_nobody(["postgres", "-D", str(data), *place, *given]), stdout=log, stderr=log, cwd="/"
            )
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                psycopg.connect(f"{self.address}/postgres").close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.05)

    def stop(self, *, at_once: bool = False) -> None:
        """End the server; `at_once` as a crash does. Its databases stay until `remove`."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(_PATIENCE)
            self._process = None

    def hold(self, *, held: bool = True) -> None:
        """Have all of its processes stand still, or go on: connections stay open, and nobody says anything."""
        assert self._process is not None
        if held:
            hold_tree(self._process.pid)
        else:
            hold_all(tree(self._process.pid), held=False)

    def remove(self) -> None:
        if self._process is not None:
            self.hold(held=False)
        self.stop(at_once=True)
        shutil.rmtree(self.home, ignore_errors=True)


def start_for_all() -> Cluster:
    """Start the server of this process's tests, and tell the processes that it starts."""
    cluster = Cluster()
    cluster.start()
    os.environ[_ADDRESS] = cluster.address
    return cluster


def address_of(name: str) -> str:
    return f"{os.environ[_ADDRESS]}/{name}"


def new_database(template: str = "template0") -> str:
    """The name of a new database: an empty one, or a copy of one that nobody uses."""
    name = f"trivium_{secrets.token_hex(8)}"
    with _administrating() as db:
        # A kill leaves connections for a moment, and a database in use cannot be copied.
        db.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (template,))
        db.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")  # type: ignore[arg-type]
    return name


def drop_database(name: str) -> None:
    with _administrating() as db:
        db.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # type: ignore[arg-type]


@contextlib.contextmanager
def connected(name: str) -> Iterator[psycopg.Connection[Any]]:
    """A connection without transactions to one database."""
    with psycopg.connect(address_of(name), autocommit=True) as db:
        yield db


@contextlib.contextmanager
def _administrating() -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(address_of("postgres"), autocommit=True) as db:
        yield db


def _as_nobody(command: list[str]) -> list[str]:
    """PostgreSQL does not run as root."""
    newest = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: int(found.parent.name), default=None)
    path = shutil.which(command[0]) or str(newest / command[0] if newest else command[0])
    dropped = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *dropped, "--pdeathsig", "INT", path, *command[1:]]
