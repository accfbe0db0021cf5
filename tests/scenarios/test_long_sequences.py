# SPDX-License-Identifier: GPL-3.0-or-later
"""Several people work with stock clients for a long time; after each step the API and a fresh copy tell the same.

Steps and seed can be set:
TRIVIUM_STEPS=300 TRIVIUM_SEED=7 make test ARGS=tests/scenarios/test_long_sequences.py
"""

from __future__ import annotations

import json
import os
import random
import re
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.clients import Api, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url
from tests.support.systems import new_system

STEPS = int(os.environ.get("TRIVIUM_STEPS", "24"))
SEED = int(os.environ.get("TRIVIUM_SEED", "1815"))
CONTENTS = (b"", b"a\n", b"a\nb\r\nc", b"\0\1", b"caf\xe9\n", "grün\n".encode())
NAMES = ("a", "b.txt", "d/x", "d/e/ÿ y", "f/undo", "lock", "#?&%41.c", "x@y")


class Story(ABC):
    """One repository, the people who work on it, and what must be told of it."""

    kind: str
    actions: tuple[str, ...]

    def __init__(self, server: Server, root: Api, home: Path, dice: random.Random) -> None:
        self.server, self.root, self.home, self.dice = server, root, home, dice
        home.mkdir()
        self.people = [root.new_user() for _ in range(2)]
        self.group = unique("story")
        root("create_repo_group", group_name=self.group)
        self.name = f"{self.group}/{unique('repo')}"
        root("create_repo", repo_name=self.name, repo_type=self.kind)
        self.id = root("get_repo", repoid=self.name)["repo_id"]
        for person in self.people:
            root("grant_user_permission", repoid=self.name, userid=person.name, perm="repository.admin")
        self.published: Counter[str] = Counter()
        """How often each changeset came to the server: again when it had been stripped."""
        self.number = 0

    def step(self) -> str:
        """Do one thing; returns what."""
        self.number += 1
        action = self.dice.choice(self.actions)
        getattr(self, action)(self.dice.randrange(2))
        return action

    def rename(self, _: int) -> None:
        new = unique("repo")
        self.root("update_repo", repoid=self.id, name=new)
        self.name = f"{self.name.rpartition('/')[0]}/{new}"

    def move_group(self, _: int) -> None:
        new = unique("story")
        self.root("update_repo_group", repogroupid=self.group, group_name=new)
        self.name, self.group = f"{new}/{self.name.rpartition('/')[2]}", new

    def check(self) -> None:
        """What the API tells is what a fresh copy shows."""
        shown = self.root("get_repo", repoid=self.name)
        listed = self.root("get_repo_changesets", repoid=self.name, start_rev="0", limit=-1) if self.ids() else []
        assert [row["raw_id"] for row in listed] == self.ids()
        last = {**listed[-1]} if listed else {"revision": -1}
        last.pop("diff", None)
        assert shown["last_changeset"].items() >= last.items()
        assert self.root("get_repo", repoid=self.id, cache=False)["last_changeset"] == shown["last_changeset"]
        files = {
            row["name"]: row["content"]
            for row in self.root("get_repo_nodes", repoid=self.name, revision="tip", root_path="", details="full")
            if row["type"] == "file"
        }
        there = {
            name: None if b"\0" in content else content.decode(errors="replace")
            for name, content in self.fresh_files().items()
        }
        assert files == there
        if listed:
            one = self.dice.choice(listed)["raw_id"]
            full = self.root.full(self.name, one)
            assert {(change["op"], change["filename"]) for change in full["diff"]} == self.changes(one)

    def end(self) -> None:
        assert self.published.total() > self.number / 10
        new_system(self.kind, self.home / "check").verify(self.server.root / self.name)
        told = Counter(
            new
            for (detail,) in self.server.query(
                "SELECT detail FROM journal WHERE action = 'push' AND repository_id = ?", self.id
            )
            for name, _, new in json.loads(detail)["refs"]
            if not name.startswith("bookmarks/")
        )
        assert told == self.published

    @abstractmethod
    def ids(self) -> list[str]:
        """The changesets on the server, by its own files."""

    @abstractmethod
    def fresh_files(self) -> dict[str, bytes]:
        """The files of the last changeset, in a copy made now."""

    @abstractmethod
    def changes(self, raw_id: str) -> set[tuple[str, str]]:
        """What the system's own program says that a changeset did to files, in the API's words."""


class HgStory(Story):
    kind = "hg"
    actions = (
        *("commit", "commit", "commit", "branch", "tag", "bookmark", "merge", "pull", "push", "push", "push", "copy"),
        *("strip", "rename", "move_group", "locked"),
    )

    def __init__(self, server: Server, root: Api, home: Path, dice: random.Random) -> None:
        super().__init__(server, root, home, dice)
        self.clients = []
        for number, person in enumerate(self.people):
            place = home / f"person{number}"
            place.mkdir()
            client = Hg(place)
            client.sign_in_as(server.url, person)
            client.new_work()
            self.clients.append(client)

    def run(self, who: int, *arguments: str, check: bool = False) -> bool:
        done = self.clients[who].run(*arguments, cwd=self.clients[who].home / "work", check=check)
        return done.returncode == 0

    def work(self, who: int) -> Path:
        return self.clients[who].home / "work"

    @property
    def url(self) -> str:
        return f"{self.server.url}/{self.dice.choice([self.name, f'_{self.id}'])}"

    def _record(self, who: int, *options: str) -> None:
        message = f"{self.number} grüße\n\n{'x' * self.dice.randrange(3)}"
        self.run(who, "addremove", "--similarity", "100")
        done = self.clients[who].run("commit", "-m", message, *options, cwd=self.work(who), check=False)
        assert not done.returncode or b"nothing changed" in done.stdout, done

    def commit(self, who: int) -> None:
        work = self.work(who)
        for name in self.dice.sample(NAMES, 2):
            target = work / name
            if target.is_file() and self.dice.random() < 0.3:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.dice.choice(CONTENTS) + b"%d\n" % self.dice.randrange(9))
            target.chmod(self.dice.choice([0o644, 0o755]))
        if self.dice.random() < 0.3:
            (work / "link").unlink(missing_ok=True)
            (work / "link").symlink_to(self.dice.choice(NAMES))
        self._record(who)

    def copy(self, who: int) -> None:
        there = [name for name in NAMES if (self.work(who) / name).is_file()]
        if there:
            command = self.dice.choice(["copy", "rename"])
            self.run(who, command, "--force", f"path:{self.dice.choice(there)}", self.dice.choice(NAMES))
            self._record(who)

    def branch(self, who: int) -> None:
        self.run(who, "branch", "--force", self.dice.choice(["default", "side", "zweig-ü", "1.0"]))
        self.commit(who)

    def tag(self, who: int) -> None:
        self.run(who, "tag", "--force", f"v{self.dice.randrange(4)}")

    def bookmark(self, who: int) -> None:
        mark = f"mark{self.dice.randrange(3)}"
        self.run(who, "bookmark", "--force", mark)
        if self.dice.random() < 0.5:
            self._send(who, "-B", mark)

    def merge(self, who: int) -> None:
        if self.run(who, "merge", "--tool", ":local"):
            self._record(who)
        else:
            self.run(who, "update", "--clean", "--rev", ".")

    def pull(self, who: int) -> None:
        self.run(who, "pull", self.url, check=True)
        self.run(who, "update", "--clean")

    def push(self, who: int) -> None:
        self._send(who)

    def _send(self, who: int, *options: str) -> bool:
        before = set(self.ids())
        done = self.run(who, "push", "--force", "--new-branch", *options, self.url)
        self.published.update(set(self.ids()) - before)
        return done

    def locked(self, who: int) -> None:
        self.root("lock", repoid=self.id, locked=True, userid=self.people[who].name)
        before = self.ids()
        self.commit(1 - who)
        assert not self._send(1 - who)
        assert self.ids() == before
        self._send(who)
        self.root("lock", repoid=self.id, locked=False)

    def strip(self, who: int) -> None:
        ids = self.ids()
        if not ids:
            return
        one = self.dice.choice(ids[len(ids) // 2 :])
        self.people[who].api("strip", repoid=self.name, revision=one, branch="")
        assert one not in self.ids()

    def _place(self) -> str:
        return str(self.server.root / self.name)

    def ids(self) -> list[str]:
        return self.clients[0].out("log", "-r", "all()", "-T", "{node} ", "-R", self._place()).split()

    def fresh_files(self) -> dict[str, bytes]:
        copy = self.home / "fresh"
        self.clients[0].run("clone", "--noupdate", f"{self.server.url}/{self.name}", str(copy))
        theirs = self.clients[0].out("log", "-r", "all()", "-T", "{node} ", cwd=copy).split()
        assert sorted(theirs) == sorted(self.ids())
        for names in ("bookmarks", "tags"):
            for one in (
                self.clients[0]
                .out("log", "-r", "all()", "-T", f"{{{names} % '{{node}} {{name}}\\n'}}", cwd=copy)
                .splitlines()
            ):
                raw_id, _, name = one.partition(" ")
                if name not in ("", "tip"):
                    assert self.root("get_repo_changeset", repoid=self.name, revision=name)["raw_id"] == raw_id
        found = {}
        if theirs:
            self.clients[0].run("update", "--clean", "-r", self.ids()[-1], cwd=copy)
        for path in copy.rglob("*"):
            if ".hg" not in path.relative_to(copy).parts and not path.is_dir():
                content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
                found[str(path.relative_to(copy))] = content
        _remove(copy)
        return found

    def changes(self, raw_id: str) -> set[tuple[str, str]]:
        said = self.clients[0].out("status", "--change", raw_id, "--copies", "-T", "json", "-R", self._place())
        rows = json.loads(said)
        sources = {row["source"] for row in rows if row["status"] == "A" and "source" in row}
        words = {"A": "A", "M": "M", "R": "D"}
        return {
            ("M" if "source" in row else words[row["status"]], row["path"])
            for row in rows
            if not (row["status"] == "R" and row["path"] in sources)
        }


class SvnStory(Story):
    kind = "svn"
    actions = (
        *("change", "change", "change", "remove", "copy", "move", "properties", "lock", "unlock", "merge", "switch"),
        *("update", "commit", "commit", "commit", "commit", "rename", "move_group", "locked", "branch"),
    )

    def __init__(self, server: Server, root: Api, home: Path, dice: random.Random) -> None:
        super().__init__(server, root, home, dice)
        self.clients = [Svn(home / f"person{number}", person) for number, person in enumerate(self.people)]
        self.clients[0].run("mkdir", "-m", "layout", *(self.url(one) for one in ("trunk", "branches")))
        self.published.update(["1"])
        for client in self.clients:
            client.checkout(self.url("trunk"))

    def url(self, inside: str = "") -> str:
        name = self.dice.choice([self.name, f"_{self.id}"])
        return svn_url(self.server.url, f"{name}/{inside}" if inside else name)

    def run(self, who: int, *arguments: str) -> bool:
        return self.clients[who].run(*arguments, cwd=self.work(who), check=False).returncode == 0

    def work(self, who: int) -> Path:
        return self.clients[who].home / "work"

    def _here(self, who: int) -> None:
        """The repository may be called otherwise by now."""
        root = self.clients[who].out("info", "--show-item", "repos-root-url", cwd=self.work(who)).strip()
        self.clients[who].run("relocate", root, svn_url(self.server.url, self.name), cwd=self.work(who))

    def _files(self, who: int) -> list[str]:
        work = self.work(who)
        found = (str(path.relative_to(work)) for path in work.rglob("*") if path.is_file())
        return sorted(path for path in found if ".svn" not in Path(path).parts)

    def change(self, who: int) -> None:
        for name in self.dice.sample(NAMES, 2):
            target = self.work(who) / name
            if any(parent.is_file() for parent in target.parents) or target.is_dir():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(self.dice.choice(CONTENTS) + b"%d\n" % self.dice.randrange(9))
            self.run(who, "add", "--parents", "--force", f"{name}@")

    def remove(self, who: int) -> None:
        self.run(who, "delete", "--force", f"{self.dice.choice([*NAMES, 'd', 'f'])}@")

    def copy(self, who: int) -> None:
        self.run(who, "copy", "--parents", f"{self.dice.choice([*NAMES, 'd'])}@", f"copy{self.dice.randrange(5)}")

    def move(self, who: int) -> None:
        self.run(who, "move", f"{self.dice.choice([*NAMES, 'd', 'copy1'])}@", f"{self.dice.choice([*NAMES, 'moved'])}@")

    def properties(self, who: int) -> None:
        name, value = self.dice.choice([("svn:executable", "*"), ("farbe", "grün"), ("svn:eol-style", "native")])
        target = f"{self.dice.choice([*self._files(who), '.'])}@"
        self.run(who, *self.dice.choice([("propset", name, value, target), ("propdel", name, target)]))

    def lock(self, who: int) -> None:
        self._here(who)
        for one in self._files(who)[:1]:
            self.run(who, "lock", "-m", "mine & <yours>", f"{one}@")

    def unlock(self, who: int) -> None:
        self._here(who)
        for one in self._files(who)[:1]:
            self.run(who, "unlock", "--force", f"{one}@")

    def branch(self, who: int) -> None:
        target = self.url(f"branches/b{self.number}")
        self._sent(who, "copy", "-m", "a branch", self.url("trunk"), target)

    def merge(self, who: int) -> None:
        self._here(who)
        youngest = len(self.ids())
        sign = self.dice.choice(["", "-"])
        self.run(who, "merge", "--accept", "working", "-c", f"{sign}{self.dice.randint(1, youngest)}", self.url(), ".")
        self.run(who, "resolve", "--accept", "working", "-R", ".")

    def switch(self, who: int) -> None:
        self._here(who)
        listed = self.clients[who].out("list", svn_url(self.server.url, f"{self.name}/branches")).split()
        target = self.dice.choice(["trunk", *(f"branches/{one.strip('/')}" for one in listed)])
        self.run(who, "revert", "-R", "--remove-added", ".")
        self.run(
            who, "switch", "--accept", "working", "--force", svn_url(self.server.url, f"{self.name}/{target}"), "."
        )

    def update(self, who: int) -> None:
        self._here(who)
        old = () if self.dice.random() < 0.7 else ("-r", str(self.dice.randint(1, len(self.ids()))))
        self.run(who, "update", "--accept", "working", *old)
        self.run(who, "resolve", "--accept", "working", "-R", ".")

    def commit(self, who: int) -> None:
        self._here(who)
        if self.dice.random() < 0.6:
            self.change(who)
        self.run(who, "update", "--accept", "working")
        self.run(who, "resolve", "--accept", "working", "-R", ".")
        if not self._sent(who, "commit", "-m", f"{self.number} grüße\n\nx", *self.dice.choice([(), ("--no-unlock",)])):
            self.run(who, "cleanup")
            self.run(who, "revert", "-R", "--remove-added", ".")

    def _sent(self, who: int, *arguments: str) -> bool:
        before = self.ids()
        done = self.run(who, *arguments)
        self.published.update(self.ids()[len(before) :])
        assert done or self.ids() == before
        return done

    def locked(self, who: int) -> None:
        self.root("lock", repoid=self.id, locked=True, userid=self.people[who].name)
        assert not self._sent(1 - who, "mkdir", "-m", "refused", self.url(f"branches/no{self.number}"))
        assert self._sent(who, "mkdir", "-m", "the holder's", self.url(f"branches/yes{self.number}"))
        self.root("lock", repoid=self.id, locked=False)

    def ids(self) -> list[str]:
        current = (self.server.root / self.name / "db" / "current").read_text()
        return [str(number) for number in range(1, int(current.split()[0]) + 1)]

    def fresh_files(self) -> dict[str, bytes]:
        copy = self.home / "fresh"
        client = self.clients[0]
        client.run("export", "--quiet", "--native-eol", "LF", svn_url(self.server.url, self.name), str(copy))
        logged = re.findall(r"^r(\d+) ", client.out("log", "--quiet", self.url()), re.MULTILINE)
        assert sorted(logged, key=int) == self.ids()
        found = {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*") if path.is_file()}
        _remove(copy)
        return found

    def changes(self, raw_id: str) -> set[tuple[str, str]]:
        """Compared as trees, files alone; a copy is an `M`."""
        before, after = (
            {
                line
                for line in self.clients[0].out("list", "-R", f"{self.url()}@{number}").splitlines()
                if not line.endswith("/")
            }
            for number in (int(raw_id) - 1, int(raw_id))
        )
        url = svn_url(self.server.url, self.name)
        said = self.clients[0].out("diff", "--summarize", "-c", raw_id, url)
        named = {unquote(line[8:].removeprefix(f"{url}/")) for line in said.splitlines()}
        shown = {change["filename"]: change["op"] for change in self.root.full(self.name, raw_id)["diff"]}
        assert {path for path in shown if shown[path] == "D"} == before - after
        assert {path for path in shown if shown[path] == "A"} <= after - before
        assert after - before <= set(shown) <= before | after
        assert named & (before | after) <= set(shown)
        return {(op, path) for path, op in shown.items()}


def _remove(top: Path) -> None:
    for path in sorted(top.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    top.rmdir()


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("story", [HgStory, SvnStory])
def test_people_work_for_a_long_time(server: Server, root: Api, tmp_path: Path, story: type[Story]) -> None:
    print(f"seed {SEED}, {STEPS} steps")
    told = story(server, root, tmp_path / "story", random.Random(SEED))
    for _ in range(STEPS):
        print(told.step(), len(told.ids()))
        told.check()
    told.end()
