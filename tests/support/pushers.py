# SPDX-License-Identifier: GPL-3.0-or-later
"""One more changeset after the others, by the stock client of each system: for servers that may be gone any moment."""

from __future__ import annotations

import subprocess
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from tests.support.clients import Git, unique, with_credentials
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url

Publish = Callable[[], subprocess.CompletedProcess[bytes]]


class Pusher(ABC):
    """The client of one system, as the administrator uses it."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server = server
        self.home = home
        home.mkdir(exist_ok=True)

    @abstractmethod
    def prepare(self, name: str, ids: list[str], message: str) -> tuple[str, Publish]:
        """The id of a changeset that follows those which a repository has, and what sends it.

        Raises `ConnectionError` when the server is needed and gone.
        """


class GitPusher(Pusher):
    def __init__(self, server: Server, home: Path) -> None:
        super().__init__(server, home)
        self._git = Git(home)

    def prepare(self, name: str, ids: list[str], message: str) -> tuple[str, Publish]:
        git, work = self._git, self._git.new_work(unique("work"))
        url = with_credentials(f"{self.server.url}/{name}", self.server.admin, self.server.admin_password)
        if ids:
            git.run("fetch", "--quiet", url, "master", cwd=work, check=False)
            if git.run("reset", "--hard", "--quiet", ids[-1], cwd=work, check=False).returncode:
                raise ConnectionError("the server is gone")
        commit = git.commit(work, message)
        return commit, lambda: git.run("push", "--quiet", url, "HEAD:refs/heads/master", cwd=work, check=False)


class HgPusher(Pusher):
    def __init__(self, server: Server, home: Path) -> None:
        super().__init__(server, home)
        self._hg = Hg(home)
        if server.url:
            self._hg.sign_in(server.url, server.admin, server.admin_password)

    def prepare(self, name: str, ids: list[str], message: str) -> tuple[str, Publish]:
        hg, work, url = self._hg, self._hg.new_work(unique("work")), f"{self.server.url}/{name}"
        if ids:
            hg.run("pull", url, cwd=work, check=False)
            if hg.run("update", "-r", ids[-1], cwd=work, check=False).returncode:
                raise ConnectionError("the server is gone")
        commit = hg.commit(work, message)
        return commit, lambda: hg.run("push", url, cwd=work, check=False)


class SvnPusher(Pusher):
    def __init__(self, server: Server, home: Path) -> None:
        super().__init__(server, home)
        self._svn = Svn(home, server.administrator)
        self._file = home / "file.txt"

    def prepare(self, name: str, ids: list[str], message: str) -> tuple[str, Publish]:
        self._file.write_text(f"{message} {uuid.uuid4()}\n")
        target = svn_url(self.server.url, f"{name}/{unique('file')}.txt")
        arguments = ("import", "-m", message, str(self._file), target)
        return str(len(ids) + 1), lambda: self._svn.run(*arguments, check=False)


PUSHERS: dict[str, type[Pusher]] = {"git": GitPusher, "hg": HgPusher, "svn": SvnPusher}


def kind_of(path: Path) -> str | None:
    """The system whose repository a directory holds."""
    marks = {"git": ("HEAD", "objects"), "hg": (".hg", ".hg/store"), "svn": ("format", "db")}
    return next((kind for kind, inside in marks.items() if all((path / one).exists() for one in inside)), None)


def repositories_below(path: Path, prefix: str = "") -> dict[str, str]:
    """All repositories in a directory: name → kind."""
    found: dict[str, str] = {}
    for entry in path.iterdir():
        if entry.name.startswith(".") or not entry.is_dir():
            continue
        if kind := kind_of(entry):
            found[prefix + entry.name] = kind
        else:
            found |= repositories_below(entry, f"{prefix}{entry.name}/")
    return found
