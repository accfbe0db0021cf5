# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories without a server: a back end, and a working copy of a stock client beside it."""

from __future__ import annotations

import atexit
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from tests.support.clients import Git
from tests.support.hg_client import Hg
from tests.support.svn_client import Svn
from tests.support.systems import Copy, GitCopy, HgCopy, SvnCopy
from trivium.settings import Settings
from trivium.vcs.git.back_end import Git as GitBackEnd
from trivium.vcs.git.command import git_command
from trivium.vcs.hg.back_end import Hg as HgBackEnd
from trivium.vcs.hg.client import HgProcesses
from trivium.vcs.model import BackEnd, Snapshot
from trivium.vcs.svn.apache import SvnApache
from trivium.vcs.svn.back_end import Svn as SvnBackEnd
from trivium.vcs.svn.command import svn_command
from trivium.vcs.values import Names

MANY = 1000
WIRE = "tripwire"
IN_THE_WAY = [
    f"--output={WIRE}",
    "--all",
    "-",
    "--",
    ":(top)x",
    ":(exclude)y",
    ":/z",
    "*",
    "a[b]",
    "x@1",
    "%2e%2e",
    "a b",
]
"""Names that a file may have and a program may take for something else."""
NOWHERE = [
    *("--help", "--", "-", f"--contents={WIRE}", f"--output={WIRE}", ":(top)docs", ":/", ":!docs", "*", "d*", "docs/?"),
    *(
        "..",
        "../docs",
        "docs/..",
        "./docs",
        ".",
        "docs/./a",
        "a\0b",
        "docs\0",
        "docs/a\0",
        "\0",
        "doc",
        "docs/",
        "docs/a/",
    ),
    *(
        "docs/a\n",
        "a\nb",
        "\udcff",
        "x" * 5000,
        "x/" * 3000 + "x",
        "docs/a/b",
        "docs/A",
        "HEAD",
        "tip:docs",
        "é" * 3000,
    ),
    *(
        "docs@1",
        "docs/a@1",
        "^/docs",
        "%64ocs",
        "file:///etc/passwd",
        "/etc/passwd",
        "glob:**",
        "set:all()",
        "path:docs",
    ),
]
"""Nothing is called so where there is only `docs/a` (a slash at the end is overlooked)."""


class Place:
    """A repository, and a working copy of it."""

    def __init__(self, kind: str, back_end: BackEnd, home: Path) -> None:
        self.kind, self.back_end, self.home = kind, back_end, home
        self.path = home / "repository"
        back_end.create(self.path)
        work = home / "work"
        self.copy: Copy
        if kind == "git":
            self.git = Git(home)
            self.git.run("clone", "--quiet", str(self.path), str(work))
            self.copy = GitCopy(self.git, work)
        elif kind == "hg":
            self.hg = Hg(home)
            self.hg.run("clone", str(self.path), str(work))
            self.copy = HgCopy(self.hg, work)
        else:
            self.svn = Svn(home)
            self.copy = SvnCopy(self.svn, self.svn.checkout(self.path.as_uri()))

    def change(self, message: str = "a change", /, **files: str | bytes | None) -> str:
        """Change files; returns the id."""
        if self.kind == "svn":
            self.copy.update()
        self.copy.write(**files)
        self.copy.commit(message)
        self.copy.publish()
        return self.copy.published()

    def rename(self, old: str, new: str, **files: str | bytes | None) -> str:
        if self.kind == "git":
            self.git.run("mv", "--", old, new, cwd=self.copy.path)
        elif self.kind == "hg":
            self.hg.run("rename", old, new, cwd=self.copy.path)
        else:
            self.copy.update()
            self.svn.run("move", "--quiet", old, new, cwd=self.copy.path)
        self.copy.write(**files)
        self.copy.commit("renamed")
        self.copy.publish()
        return self.copy.published()

    @contextmanager
    def open(self) -> Iterator[Snapshot]:
        cache = self.home / "cache"
        state = self.back_end.history(self.path, cache).state
        with self.back_end.open(self.path, self.back_end.index(self.path, cache, state)) as snapshot:
            yield snapshot

    def history(self, raw_id: str, path: str, start: int = 0, limit: int = MANY) -> list[str]:
        with self.open() as snapshot:
            return list(snapshot.path_history(raw_id, path, start, limit))

    def annotate(self, raw_id: str, path: str, limit: int = MANY) -> list[tuple[str, bytes]]:
        with self.open() as snapshot:
            lines = snapshot.annotate(raw_id, path, limit)
        assert [line.number for line in lines] == list(range(1, len(lines) + 1))
        return [(line.raw_id, line.content) for line in lines]

    def names(self) -> Names:
        with self.open() as snapshot:
            return snapshot.names()


@cache
def _hg_processes() -> HgProcesses:
    """Those that all repositories of this process share, as they do under a server."""
    nowhere = tempfile.TemporaryDirectory(prefix="trivium-hg-")
    processes = HgProcesses(Path(nowhere.name))
    atexit.register(nowhere.cleanup)
    atexit.register(processes.close)
    return processes


@contextmanager
def new_place(kind: str, home: Path, *, alone: bool = False) -> Iterator[Place]:
    """A place for repositories of a system.

    `alone`: with processes of its own, which see the environment as it is now.
    """
    if kind == "hg" and alone:
        processes = HgProcesses(home / "hg-processes")
        try:
            yield Place(kind, HgBackEnd(processes), home)
        finally:
            processes.close()
    elif kind == "git":
        yield Place(kind, GitBackEnd(git_command("git", home / "gitconfig")), home)
    elif kind == "hg":
        yield Place(kind, HgBackEnd(_hg_processes()), home)
    else:
        settings = Settings(data=home)
        command = svn_command(settings)
        yield Place(kind, SvnBackEnd(command, SvnApache(settings, command)), home)
