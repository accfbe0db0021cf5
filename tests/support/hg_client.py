# SPDX-License-Identifier: GPL-3.0-or-later
"""Stock hg, unmoved by the configuration of whoever runs the tests."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.clients import Person
from tests.support.hg_forks import Forks

PROGRAM = str(Path(sys.executable).with_name("hg"))
LOCAL = frozenset(
    {
        "init",
        "commit",
        "log",
        "verify",
        "update",
        "bookmark",
        "branch",
        "tag",
        "phase",
        "heads",
        "bundle",
        "rename",
        "merge",
        "addremove",
        "status",
        "copy",
    }
)
"""Commands that talk to no server; they need no process of their own."""


class CommandServer:
    """One hg that carries out one local command after the other, which saves a quarter of a second each."""

    _running: CommandServer | None = None
    _turn = threading.Lock()

    def __init__(self, environment: dict[str, str]) -> None:
        command = [PROGRAM, "serve", "--cmdserver", "pipe", "--config", "ui.username=Ada Lovelace <ada@example.org>"]
        self._process = subprocess.Popen(
            command, env=environment | {"HGRCPATH": ""}, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._channel()

    @classmethod
    def carry_out(
        cls, environment: dict[str, str], arguments: tuple[str, ...], cwd: Path
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command, after those of other threads."""
        with cls._turn:
            if cls._running is None:
                cls._running = cls(environment)
            return cls._running._run(arguments, cwd)

    def _run(self, arguments: tuple[str, ...], cwd: Path) -> subprocess.CompletedProcess[bytes]:
        assert self._process.stdin
        said = "\0".join(["--cwd", str(cwd), "--noninteractive", *arguments]).encode()
        self._process.stdin.write(b"runcommand\n" + struct.pack(">I", len(said)) + said)
        self._process.stdin.flush()
        heard = {b"o": b"", b"e": b""}
        while True:
            channel, content = self._channel()
            if channel == b"r":
                (status,) = struct.unpack(">i", content)
                return subprocess.CompletedProcess(arguments, status, heard[b"o"], heard[b"e"])
            heard[channel] += content

    def _channel(self) -> tuple[bytes, bytes]:
        assert self._process.stdout
        channel, length = struct.unpack(">cI", self._process.stdout.read(5))
        return channel, self._process.stdout.read(length)


class Hg:
    """The hg client, with a home of its own; credentials come from its configuration, as users keep them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._configuration = home / ".hgrc"
        self._configuration.write_text("[ui]\nusername = Ada Lovelace <ada@example.org>\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "HGPLAIN": "1",
            "HGRCPATH": str(self._configuration),
            "HGENCODING": "UTF-8",
            "NO_PROXY": "*",
        }

    def sign_in(self, url: str, name: str, password: str) -> None:
        """Use these credentials for a server from now on."""
        server = urlsplit(url)
        self._configuration.write_text(
            "[ui]\nusername = Ada Lovelace <ada@example.org>\n"
            f"[auth]\nserver.prefix = {server.scheme}://{server.netloc}\n"
            f"server.username = {name}\nserver.password = {password}\n"
        )

    def sign_in_as(self, url: str, person: Person) -> None:
        self.sign_in(url, person.name, person.password)

    def run(
        self, *arguments: str, cwd: Path | None = None, check: bool = True, **environment: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run one command; output and errors are kept."""
        if arguments[0] in LOCAL and not environment:
            done = CommandServer.carry_out(self.environment, arguments, cwd or self.home)
        elif environment or not (forked := Forks.run(self.environment, arguments, cwd or self.home)):
            done = subprocess.run(
                [PROGRAM, "--noninteractive", *arguments],
                cwd=cwd or self.home,
                env=self.environment | environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=120,
                check=False,
            )
        else:
            done = forked
        if check and done.returncode:
            said = (done.stdout + done.stderr).decode(errors="replace")
            raise AssertionError(f"hg {' '.join(arguments)} failed: {said}")
        return done

    def out(self, *arguments: str, cwd: Path | None = None, **environment: str) -> str:
        return self.run(*arguments, cwd=cwd, **environment).stdout.decode().strip()

    def refused(self, *arguments: str, cwd: Path | None = None) -> str:
        """What the user reads when a command must fail."""
        done = self.run(*arguments, cwd=cwd, check=False)
        assert done.returncode not in (0, 1), f"hg {' '.join(arguments)} succeeded"
        return (done.stdout + done.stderr).decode(errors="replace")

    def new_work(self, name: str = "work") -> Path:
        """A new local repository."""
        work = self.home / name
        self.run("init", str(work))
        return work

    def commit(self, work: Path, message: str = "a change", *, when: int = 1_000_000_000, **files: str) -> str:
        """Commit files (by default one that differs each time); returns the id."""
        for name, content in (files or {"file.txt": f"{message} {uuid.uuid4()}\n"}).items():
            target = work / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        self.run("commit", "--addremove", "-m", message, "-d", f"{when} 0", cwd=work)
        return self.id_of(work, ".")

    def id_of(self, work: Path, revision: str = "tip") -> str:
        """The full id of a local revision."""
        return self.out("log", "-r", revision, "-T", "{node}", cwd=work)

    def remote_id(self, url: str, revision: str = "tip") -> str:
        """The full id of a revision of another repository, looked up there."""
        return self.out("identify", "-r", revision, "-T", "{node}", url)
