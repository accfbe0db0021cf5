# SPDX-License-Identifier: GPL-3.0-or-later
"""Who changes repositories with the stock client of each system and knows beforehand what will be in them.

For servers that are killed meanwhile: afterwards a repository must hold the one or the other, and nothing between.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from tests.support.clients import Git, unique
from tests.support.hg_client import Hg
from tests.support.repositories import ZERO, refs_in
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url
from tests.support.systems import SYSTEMS, Move

MANY = 150
"""Files of a large commit: git keeps a transfer of so many objects as a pack, and a small one as loose objects."""

Content = dict[str, str]
"""What is in a repository: names with their ids. A changeset without a name is called by its id."""
Publish = Callable[[], subprocess.CompletedProcess[bytes]]


class Author(ABC):
    """Somebody with the client of one system, whose repositories nobody else changes."""

    kind: ClassVar[str]
    actions: ClassVar[tuple[str, ...]] = ("push", "fork", "import", "pull", "pull", "strip", "strip")
    """What the server can do with repositories of the system, as often as it should."""
    undivided: ClassVar[frozenset[str]]
    """What is done wholly or not at all; anything else may happen for some names and not for others."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        checks = home / "checks"
        checks.mkdir()
        self.system = SYSTEMS[self.kind](checks)
        """For looking at repositories of the server."""

    @abstractmethod
    def push(self, server: Server, name: str, content: Content, dice: random.Random) -> tuple[Content, Publish]:
        """What a repository with this content will hold after a push, and what pushes."""

    @abstractmethod
    def content(self, path: Path) -> Content:
        """What a repository of the server holds."""

    @abstractmethod
    def moves(self, action: str, before: Content, now: Content) -> set[Move]:
        """What the journal tells of an action that did this."""

    def strip(self, content: Content, dice: random.Random) -> tuple[str, Content] | None:
        """A changeset that can be removed, and what is left then; for systems that have `strip` among their actions."""
        raise NotImplementedError

    def unbundle(self, bundle: Path, path: Path) -> None:
        """Make sure that a bundle of what was stripped from a repository is whole; as for `strip`."""
        raise NotImplementedError

    def new_files(self, dice: random.Random, *, first: bool) -> dict[str, str]:
        """The files of the next commit."""
        many = MANY if first or dice.random() < 0.3 else 1
        return {f"{unique('f')}.txt": f"{number}\n" for number in range(many)}


class GitAuthor(Author):
    kind = "git"
    undivided = frozenset({"push", "strip"})
    _master = "refs/heads/master"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._git = Git(home)
        self._work = self._git.new_work()

    def push(self, server: Server, name: str, content: Content, dice: random.Random) -> tuple[Content, Publish]:
        git, work, tip = self._git, self._work, content.get(self._master)
        if tip is not None:
            git.run("reset", "--quiet", "--hard", tip, cwd=work)
        commit = git.commit(work, "a push", **self.new_files(dice, first=tip is None))
        names = [self._master, f"refs/heads/{unique('b')}"] if dice.random() < 0.3 else [self._master]
        words = [f"{commit}:{name}" for name in names]
        url = server.clone_url(name, server.administrator)
        return (
            content | dict.fromkeys(names, commit),
            lambda: git.run("push", "--quiet", "--atomic", url, *words, cwd=work, check=False),
        )

    def strip(self, content: Content, dice: random.Random) -> tuple[str, Content] | None:
        row = self._git.out("rev-list", "--max-count=4", content[self._master], cwd=self._work).split()
        if len(row) == 1:
            return None
        at = dice.randrange(len(row) - 1)
        return row[at], content | {self._master: row[at + 1]}

    def unbundle(self, bundle: Path, path: Path) -> None:
        """Later strips may have removed what it follows, so that it is only read."""
        assert self._git.out("bundle", "list-heads", str(bundle), cwd=path)
        _, _, pack = bundle.read_bytes().partition(b"\n\n")
        assert hashlib.sha1(pack[:-20]).digest() == pack[-20:]

    def content(self, path: Path) -> Content:
        return refs_in(self._git, path)

    def moves(self, action: str, before: Content, now: Content) -> set[Move]:
        return {(ref, before.get(ref, ZERO), raw_id) for ref, raw_id in now.items() if before.get(ref) != raw_id}


class HgAuthor(Author):
    """Pushes a single line, so that the last changeset is what the next one follows."""

    kind = "hg"
    undivided = frozenset({"push", "strip", "remote.pull"})
    _mark = "bookmarks/"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._hg = Hg(home)
        self._work = self._hg.new_work()
        self._parents: dict[str, str] = {}

    def _changesets(self, content: Content) -> list[str]:
        return [name for name in content if not name.startswith(self._mark)]

    def push(self, server: Server, name: str, content: Content, dice: random.Random) -> tuple[Content, Publish]:
        hg, work, before = self._hg, self._work, self._changesets(content)
        hg.sign_in(server.url, server.admin, server.admin_password)
        if before:
            hg.run("update", "--clean", "-r", before[-1], cwd=work)
        commit = hg.commit(work, "a push", **self.new_files(dice, first=not before))
        self._parents[commit] = before[-1] if before else ZERO
        now, words = content | {commit: commit}, ["push", "-r", commit, server.clone_url(name)]
        if dice.random() < 0.3:
            mark = unique("b")
            hg.run("bookmark", "--inactive", "-r", commit, mark, cwd=work)
            now[self._mark + mark] = commit
            words += ["-B", mark]
        return now, lambda: hg.run(*words, cwd=work, check=False)

    def strip(self, content: Content, dice: random.Random) -> tuple[str, Content] | None:
        """A changeset goes with all that follow it, and bookmarks fall back to what it followed."""
        present = self._changesets(content)
        candidates = [raw_id for raw_id in present[-3:] if self._parents[raw_id] != ZERO]
        if not candidates:
            return None
        raw_id = dice.choice(candidates)
        gone = {raw_id}
        while following := {one for one in present if self._parents[one] in gone} - gone:
            gone |= following
        left = {name: self._parents[raw_id] if one in gone else one for name, one in content.items()}
        return raw_id, {name: one for name, one in left.items() if name not in gone}

    def unbundle(self, bundle: Path, path: Path) -> None:
        """Later strips may have removed what it follows, so that it is only read."""
        assert self._hg.out("debugbundle", str(bundle))

    def content(self, path: Path) -> Content:
        marks = self._hg.out("bookmark", "-T", "{bookmark} {node}\n", "-R", str(path)).splitlines()
        ids = self.system.ids(path)
        return dict(zip(ids, ids, strict=True)) | {
            self._mark + name: raw_id for name, raw_id in (line.split() for line in marks)
        }

    def moves(self, action: str, before: Content, now: Content) -> set[Move]:
        if action == "strip":
            gone = before.keys() - now.keys()
            return {("branches/default", raw_id, ZERO) for raw_id in gone if self._parents[raw_id] not in gone}
        return {
            (name if name.startswith(self._mark) else "branches/default", before.get(name, ZERO), raw_id)
            for name, raw_id in now.items()
            if before.get(name) != raw_id
        }


class SvnAuthor(Author):
    kind = "svn"
    actions = ("push", "fork")
    undivided = frozenset({"push"})

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._home = home

    def push(self, server: Server, name: str, content: Content, dice: random.Random) -> tuple[Content, Publish]:
        files = self._home / unique("files")
        files.mkdir()
        for file, text in self.new_files(dice, first=not content).items():
            (files / file).write_text(text)
        svn, number = Svn(self._home, server.administrator), str(len(content) + 1)
        words = ("import", "--quiet", "-m", "a push", str(files), svn_url(server.url, name))
        return content | {number: number}, lambda: svn.run(*words, check=False)

    def content(self, path: Path) -> Content:
        ids = self.system.ids(path)
        return dict(zip(ids, ids, strict=True))

    def moves(self, action: str, before: Content, now: Content) -> set[Move]:
        return {("", str(int(number) - 1), number) for number in now.keys() - before.keys()}


AUTHORS: dict[str, type[Author]] = {"git": GitAuthor, "hg": HgAuthor, "svn": SvnAuthor}
