# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Trivium server in a directory of its own."""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import secrets
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from click.testing import CliRunner

from tests.support import postgresql
from tests.support.clients import Api, Person, with_credentials
from tests.support.pictures import Query, commits, for_postgresql, looking
from tests.support.processes import about, lose_power, tree
from tests.support.server_forks import Copy, Forks
from tests.support.tracing import traced
from tests.support.waiting import until
from trivium.cli.main import main
from trivium.cli.workers import NAME
from trivium.forge.events.accounts import UserRegistered
from trivium.forge.events.reviews import Commented
from trivium.forge.notifications.writing import NAME as NOTIFICATIONS

TRIVIUM = [sys.executable, "-m", "trivium.cli.main"]
_READY = re.compile(r"Trivium is ready at (http://\S+)")

# What changes without anybody doing anything: stamps, upkeep, and moments that are written together every few seconds.
_BY_ITSELF = frozenset(
    ["access_stamp", "sqlite_sequence", "jobs", "schedules", "event_positions", "undelivered_events", "visits"],
)
_MOMENTS = {"last_used", "last_address", "last_login", "last_activity", "last_seen"}

_TO_BE_TOLD = """
    SELECT 1 FROM journal j JOIN event_positions p ON p.subscriber = ?
    WHERE j.action IN (?, ?) AND (j.transaction_id, j.id) > (p.transaction_id, p.event_id)
"""
"""Whether somebody has still to be told of something (`forge/notifications`), which makes rows a little later."""

_HOUSEKEEPING = '%"action":"tidy"%'
"""The detail of an intent with which a repository is looked after, whenever that is."""


def _names(directory: Path, prefix: str) -> Iterator[str]:
    """Everything below the repository root, without the inside of repositories and without locks."""
    with contextlib.suppress(FileNotFoundError), os.scandir(directory) as entries:  # it may have gone just now
        for entry in entries:
            if entry.name == ".locks":
                continue
            yield prefix + entry.name
            if entry.is_dir(follow_symlinks=False) and not any(
                os.path.lexists(os.path.join(entry.path, inside)) for inside in ("HEAD", ".hg")
            ):
                yield from _names(Path(entry.path), f"{prefix}{entry.name}/")


class Server:
    """One installation and, while it runs, its server; on PostgreSQL with a database of its own."""

    is_copied = False
    """Whether it is a copy of what was loaded once (`Forks`), as in most tests, or loads itself as for users."""

    def __init__(self, data: Path, *, database: str | None = None) -> None:
        self.data = data
        self.database = database or (postgresql.new_database() if postgresql.wanted() else None)
        """The name of its database; None: a file of SQLite in its data."""
        self.admin = "root"
        self.admin_password = "administrator-pw"
        self.admin_key = secrets.token_hex(20)
        self.url = ""
        self.log = data.parent / "server.log"
        self._process: subprocess.Popen[bytes] | Copy | None = None
        self._own_environment = {
            "TRIVIUM_MIN_FREE_BYTES": "0",
            # What git itself calls it: tests push `master` from clones of what is empty.
            "TRIVIUM_DEFAULT_BRANCH": "master",
        }
        if self.database is not None:
            self._own_environment["TRIVIUM_SQLALCHEMY_DB1_URL"] = postgresql.address_of(self.database)
        others = {name: value for name, value in os.environ.items() if not name.startswith("TRIVIUM_")}
        self._environment = others | self._own_environment

    @property
    def root(self) -> Path:
        """Where the repositories are."""
        return self.data / "repositories"

    @property
    def environment(self) -> dict[str, str]:
        """What its programs are started with."""
        return self._environment

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def program(
        self, *arguments: str, check: bool = True, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the program `trivium` as an administrator does."""
        return subprocess.run(
            [*TRIVIUM, *arguments],
            env=self._environment | environment,
            input=stdin,
            capture_output=True,
            timeout=60,
            check=check,
        )

    def trivium(
        self, *arguments: str, check: bool = True, stdin: bytes = b"", **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command of `trivium` inside this process, which saves its start; what it raises is raised here."""
        outside = dict.fromkeys(name for name in os.environ if name.startswith("TRIVIUM_"))
        with traced():
            done = CliRunner().invoke(
                main, arguments, input=stdin, env=outside | self._own_environment | environment, catch_exceptions=False
            )
        assert not check or done.exit_code == 0, done.output
        return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout_bytes, done.stderr_bytes)

    def set_up(self, *options: str) -> None:
        (self.trivium if self.is_copied else self.program)(
            "setup",
            *("--data", str(self.data), "--user", self.admin, "--password", self.admin_password),
            *("--email", "root@example.org", "--api-key", self.admin_key),
            *options,
        )

    def copied(self, data: Path) -> Server:
        """Another server with what this one, which does not run, keeps: the same administrator and the same secret."""
        shutil.copytree(self.data, data)
        copy = Server(data, database=None if self.database is None else postgresql.new_database(self.database))
        copy.admin_key = self.admin_key
        return copy

    def start(self, *options: str, port: int = 0, patience: float = 60, **environment: str) -> None:
        """Start serving and wait until it says that it is ready, for `patience` seconds."""
        with self.log.open("ab") as log:
            beginning = log.tell()
            command = ["serve", "--data", str(self.data), "--port", str(port), *options]
            self._process = self._start(command, self._environment | environment, log)
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            said = self.log.read_bytes()[beginning:].decode(errors="replace")
            if found := _READY.search(said):
                self.url = found[1]
                return
            if self._process.poll() is not None:
                raise AssertionError(f"the server ended: {said}")
            time.sleep(0.02)
        raise AssertionError(f"the server does not start: {self.log.read_text(errors='replace')}")

    def _start(self, command: list[str], environment: dict[str, str], log: IO[bytes]) -> subprocess.Popen[bytes] | Copy:
        if self.is_copied and (copy := Forks.start(command, environment, log)) is not None:
            return copy
        return subprocess.Popen(
            [*TRIVIUM, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

    def stop(self) -> int | None:
        """End the server in good order; returns its exit status."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(60)
        self._process = None
        return status

    def children(self) -> list[int]:
        """All processes below the server, at any depth."""
        return tree(self.pid)[1:]

    def workers(self) -> list[int]:
        """The processes that serve requests, without those that help them."""
        return [pid for pid in self.children() if about(pid, "comm").strip() == NAME]

    def kill_one(self, dice: random.Random) -> None:
        """End some process below the server; others may end by themselves meanwhile."""
        children = self.children()
        dice.shuffle(children)
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return

    def kill(self) -> None:
        """End the server and everything below it as a power failure would."""
        lose_power(self.pid)
        assert self._process is not None
        self._process.wait(60)
        self._process = None

    @property
    def administrator(self) -> Person:
        """The first super-admin."""
        return Person(0, self.admin, self.admin_password, self.admin_key, self.api(self.admin_key))

    def api(self, key: str) -> Api:
        return Api(self.url, key)

    def clone_url(self, name: str, person: Person | None = None, *, password: str | None = None) -> str:
        """The address of a repository, with the credentials of a person."""
        url = f"{self.url}/{name}"
        if person is None:
            return url
        return with_credentials(url, person.name, person.password if password is None else password)

    def query(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Look into the database; the statement has `?` for each value."""
        with self._looking() as query:
            return query(statement, *values)

    def _looking(self, *, as_it_is: bool = False) -> contextlib.AbstractContextManager[Query]:
        return looking(self.data, self.database, as_it_is=as_it_is)

    def execute(self, statement: str, *values: Any) -> None:
        """Change the database."""
        if self.database is not None:
            with postgresql.connected(self.database) as db:
                db.execute(*for_postgresql(statement, values))
            return
        with contextlib.closing(sqlite3.connect(self.data / "trivium.db")) as connection, connection:
            connection.execute(statement, values)

    def remove(self) -> None:
        """End the server, and forget what it has outside its directory."""
        self.stop()
        if self.database is not None:
            postgresql.drop_database(self.database)

    def administer(self, *command: str) -> str:
        """Run a command of `trivium` on this installation; returns what it says."""
        done = self.trivium(*command, "--data", str(self.data))
        return (done.stdout + done.stderr).decode()

    def permit(self, user: str, permission: str) -> None:
        """Set a global permission of a user, as an administrator does."""
        self.administer("permit", user, permission)

    def new_token(self, user: str, role: str = "all", *, lifetime: int = -1) -> str:
        """A further key of a user; a lifetime of 0 minutes is over at once."""
        return self.administer("token", "create", user, "--role", role, "--lifetime", str(lifetime)).strip()

    def allow_address(self, user: str, network: str) -> None:
        """Let a user in from a range, and from nowhere else."""
        self.administer("address", "allow", user, network)

    def picture(self) -> dict[str, Any]:
        """Everything that the server keeps, except what changes by itself: all rows, and the tree of names."""
        with self._looking() as query:
            return self._rows(query) | {"tree": sorted(_names(self.root, ""))}

    def _rows(self, query: Query) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for table, columns in self._columns(query).items():
            if table in _BY_ITSELF or table == "journal":
                continue
            kept = ", ".join(f'"{column}"' for column in columns if column not in _MOMENTS)
            but, given = (" WHERE detail NOT LIKE ?", (_HOUSEKEEPING,)) if table == "intents" else ("", ())
            rows = query(f'SELECT {kept} FROM "{table}"{but}', *given)
            # In a file of SQLite they stand in the order of their ids; in PostgreSQL in that of the last changes.
            seen[table] = rows if self.database is None else sorted(rows, key=repr)
        # Nothing in the journal ever changes, so that counting is enough; clones are told there a little later.
        # What failed is told there too.
        seen["journal"] = query("SELECT count(*) FROM journal WHERE action <> 'pull' AND action NOT LIKE '%failed'")
        return seen

    def _columns(self, query: Query) -> dict[str, list[str]]:
        """The names of all tables, in order, and of their columns."""
        if self.database is not None:
            found = query(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                " ORDER BY table_name, ordinal_position"
            )
        else:
            found = query(
                "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table'"
                " ORDER BY m.name, c.cid"
            )
        columns: dict[str, list[str]] = {}
        for table, column in found:
            columns.setdefault(table, []).append(column)
        return columns

    @contextlib.contextmanager
    def unchanged(self) -> Iterator[None]:
        """What happens inside leaves nothing behind: no row, no directory."""
        if self._process is not None:  # what was done before ends before
            until(lambda: not self.query(_TO_BE_TOLD, NOTIFICATIONS, Commented.action, UserRegistered.action))
        with self._looking() as query, self._looking(as_it_is=True) as query_before:
            tree, moment = sorted(_names(self.root, "")), self._moment(query)
            yield
            assert sorted(_names(self.root, "")) == tree, "the tree changed"
            if self._moment(query) == moment:
                return
            before = self._rows(query_before)
        after = self.picture()
        for table in before.keys() | after.keys() - {"tree"}:
            assert after[table] == before[table], f"{table} changed"

    def _moment(self, query: Query) -> object:
        """What is another thing once something was committed, or another database stands there."""
        return commits(query, self.database), None if self.database else (self.data / "trivium.db").stat().st_ino

    @contextlib.contextmanager
    def pictured(self) -> Iterator[Callable[[], dict[str, Any]]]:
        """Gives a function that gives the picture of the moment, and reads rows only when something was committed."""
        with self._looking() as query:
            known: list[tuple[object, dict[str, Any]]] = []

            def picture() -> dict[str, Any]:
                moment = self._moment(query)
                if not known or known[-1][0] != moment:
                    known[:] = [(moment, self._rows(query))]
                return known[-1][1] | {"tree": sorted(_names(self.root, ""))}

            yield picture

    def under_way(self, repository_id: int | None = None) -> list[dict[str, Any]]:
        """What counts as begun and not ended, in a repository or anywhere, but for housekeeping.

        That comes by itself, some seconds after a push, to whatever it finds worth while.
        """
        found = self.query("SELECT detail FROM intents WHERE detail NOT LIKE ?", _HOUSEKEEPING)
        told: list[dict[str, Any]] = [json.loads(detail) for (detail,) in found]
        return [one for one in told if repository_id in (None, one.get("repository_id"))]

    def journal(self, action: str, subject: str) -> list[tuple[Any, ...]]:
        """Rows of the journal: user, address, detail."""
        return self.query(
            "SELECT username, address, detail FROM journal WHERE action = ? AND subject = ? ORDER BY id",
            action,
            subject,
        )
