# SPDX-License-Identifier: GPL-3.0-or-later
"""The three systems in one language: what a user does with a repository, whichever client he has.

Scenarios that are the same for all are told once, with a `System`; each of its `Copy`s belongs to one person.
"""

from __future__ import annotations

import html
import itertools
import shutil
import subprocess
import uuid
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.support.clients import Api, Git, Person, unique
from tests.support.hg_client import Hg
from tests.support.raw import basic
from tests.support.repositories import ZERO, assert_whole, found_below, hg_leftovers, refs_in
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url

_numbers = itertools.count(1)
_METADATA = (".git", ".hg", ".svn")

Move = tuple[str, str, str]
"""What the journal tells of a name: the name itself, its old and its new id."""


class Copy(ABC):
    """A working copy of one person."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, **files: str | bytes | None) -> None:
        """Put files there, or remove them (None); the names may have slashes."""
        for name, content in files.items():
            target = self.path / name
            if content is None:
                target.unlink()
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content.encode() if isinstance(content, str) else content)

    def make_executable(self, name: str) -> None:
        """Let a file be a program, as the system keeps that."""
        (self.path / name).chmod(0o755)

    def remove(self, *names: str) -> None:
        """Remove files, and directories with all that is in them."""
        for name in names:
            path = self.path / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def change(self, message: str = "a change", **files: str | bytes | None) -> str:
        """Change files (by default one that differs each time) and publish that; returns the id that the API shows."""
        self.write(**(files or {"file.txt": f"{message} {uuid.uuid4()}\n"}))
        self.commit(message)
        self.publish()
        return self.published()

    def offer(self, message: str = "a change") -> str | None:
        """Publish a file of one's own; returns the id if the server took it."""
        self.write(**{f"{unique('file')}.txt": f"{message}\n"})
        self.commit(message)
        try:
            self.publish()
        except AssertionError:
            return None
        return self.published()

    def refused_change(self, message: str = "a change", **files: str | bytes | None) -> str:
        """What the user reads when a change must not be accepted."""
        self.write(**(files or {"file.txt": f"{message} {uuid.uuid4()}\n"}))
        return self.refused_publication(message)

    def files(self) -> dict[str, bytes]:
        """The content of every file."""
        return {
            str(path.relative_to(self.path)): path.read_bytes()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and not any(part in _METADATA for part in path.relative_to(self.path).parts)
        }

    @abstractmethod
    def run(self, *arguments: str) -> str:
        """Run a command of the stock client here; returns what it says."""

    @abstractmethod
    def own_line(self, name: str) -> None:
        """Go on where nobody else works: on a branch, where the system keeps its users apart by that."""

    @abstractmethod
    def commit(self, message: str) -> None:
        """Record all changes, as far as the system does so without the server."""

    @abstractmethod
    def publish(self) -> None:
        """Send to the server what was recorded."""

    @abstractmethod
    def published(self) -> str:
        """The id of what was published last."""

    @abstractmethod
    def refused_publication(self, message: str) -> str:
        """Record and send changes, which must fail; returns what the user reads."""

    @abstractmethod
    def update(self) -> None:
        """Fetch what is new on the server."""

    @abstractmethod
    def refused_update(self) -> str:
        """Fetch what is new, which must fail; returns what the user reads."""


@dataclass(frozen=True)
class Filled:
    """A repository with a little history."""

    name: str
    copy: Copy
    """Its owner's."""
    ids: list[str]
    """Of its changesets, oldest first."""


class System(ABC):
    """A system, with its stock client."""

    kind: str
    no_revisions: tuple[str, ...]
    """What the system would take for a revision, or nearly, and the API does not (three changesets)."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def place(self) -> Path:
        """A directory for another copy."""
        return self.home / f"copy{next(_numbers)}"

    def new_repository(self, root: Api, owner: Person, name: str | None = None, **args: object) -> str:
        """An empty repository of this system; returns its name."""
        name = name or unique("repo")
        root("create_repo", repo_name=name, repo_type=self.kind, owner=owner.name, **args)
        return name

    @abstractmethod
    def checkout(self, server: Server, name: str, person: Person | None) -> Copy:
        """A working copy of a repository of the server, which may be empty; None is a visitor."""

    @abstractmethod
    def refused_checkout(self, server: Server, name: str, person: Person | None) -> str:
        """What the user reads when he must not get a copy; None is a visitor."""

    @abstractmethod
    def ask(self, api: Api, name: str, who: tuple[str, str] | None, *, pushing: bool = False) -> tuple[int, str]:
        """How a client's first request to read or publish is answered: the status, and what the user would read.

        The status is 200 for whoever is let in, however the system says that, and 403 for who is refused in words.
        """

    def may(self, api: Api, name: str, person: Person, password: str | None = None) -> tuple[int, int]:
        """The statuses for somebody who wants to read and to publish."""
        who = (person.name, person.password if password is None else password)
        return self.ask(api, name, who)[0], self.ask(api, name, who, pushing=True)[0]

    @abstractmethod
    def verify(self, path: Path) -> None:
        """Let the system's own check look at a repository of the server."""

    @abstractmethod
    def ids(self, path: Path) -> list[str]:
        """The ids of all changesets of a repository of the server, oldest first."""

    @abstractmethod
    def leftovers(self, path: Path) -> list[Path]:
        """What a repository of the server has in it only while somebody works on it."""

    @abstractmethod
    def assert_told(self, path: Path, moves: Sequence[Move]) -> None:
        """These moves lead from nothing to what a repository of the server holds, in whatever order they were told."""

    def at_rest(self, path: Path) -> list[str]:
        """The ids of a repository of the server that nobody works on: nothing is broken or left over."""
        self.verify(path)
        assert self.leftovers(path) == []
        return self.ids(path)

    def whole(self, server: Server, root: Api, name: str) -> list[str]:
        """The ids of a repository that nobody works on, as the API tells them too; oldest first."""
        ids = self.at_rest(server.root / name)
        rows = root("get_repo_changesets", repoid=name, start_rev="0", limit=-1) if ids else []
        assert [row["raw_id"] for row in rows] == ids
        last = root("get_repo", repoid=name)["last_changeset"]
        assert (last["raw_id"], last["revision"]) == (ids[-1] if ids else ZERO, len(ids) - 1)
        return ids


def url_path(name: str) -> str:
    """A repository's name as it stands in a URL."""
    return quote(name)


class GitCopy(Copy):
    def __init__(self, git: Git, path: Path) -> None:
        super().__init__(path)
        self._git = git

    def run(self, *arguments: str) -> str:
        return self._git.out(*arguments, cwd=self.path)

    def own_line(self, name: str) -> None:
        self._git.run("checkout", "--quiet", "-b", name, cwd=self.path)

    def commit(self, message: str) -> None:
        self._git.run("add", "--all", cwd=self.path)
        self._git.run("commit", "--quiet", "--allow-empty", "-m", message, cwd=self.path)

    def publish(self) -> None:
        self._git.run("push", "--quiet", "origin", "HEAD", cwd=self.path)

    def published(self) -> str:
        return self._git.out("rev-parse", "HEAD", cwd=self.path)

    def refused_publication(self, message: str) -> str:
        self.commit(message)
        return self._git.refused("push", "origin", "HEAD", cwd=self.path)

    def update(self) -> None:
        self._git.run("pull", "--quiet", "--rebase", cwd=self.path)

    def refused_update(self) -> str:
        return self._git.refused("pull", cwd=self.path)


class GitSystem(System):
    kind = "git"
    no_revisions = ("3", ZERO, "master^", "master:docs", "side..master", ":/first", "@")

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.client = Git(home)

    def checkout(self, server: Server, name: str, person: Person | None) -> Copy:
        path = self.place()
        self.client.run("clone", "--quiet", server.clone_url(url_path(name), person), str(path))
        return GitCopy(self.client, path)

    def refused_checkout(self, server: Server, name: str, person: Person | None) -> str:
        path = self.place()
        said = self.client.refused("clone", server.clone_url(url_path(name), person), str(path))
        assert not path.exists()
        return said

    def ask(self, api: Api, name: str, who: tuple[str, str] | None, *, pushing: bool = False) -> tuple[int, str]:
        service = "git-receive-pack" if pushing else "git-upload-pack"
        headers = {"Authorization": basic(*who)} if who else {}
        path = f"/{name}/info/refs?service={service}"
        status, _, body = api.post(b"", method="GET", path=path, headers=headers)
        return status, body.decode(errors="replace")

    def verify(self, path: Path) -> None:
        self.client.run("--git-dir=.", "fsck", "--full", "--strict", "--no-dangling", cwd=path)

    def ids(self, path: Path) -> list[str]:
        return self.client.out("--git-dir=.", "rev-list", "--reverse", "--branches", "--tags", cwd=path).split()

    def leftovers(self, path: Path) -> list[Path]:
        return found_below(path, "*.lock", "tmp_*", "*.keep")

    def assert_told(self, path: Path, moves: Sequence[Move]) -> None:
        ends: Counter[tuple[str, str]] = Counter()
        for name, old, new in moves:
            ends[name, old] -= 1
            ends[name, new] += 1
        left = {key: count for key, count in ends.items() if count and key[1] != ZERO}
        assert left == dict.fromkeys(refs_in(self.client, path).items(), 1)

    def whole(self, server: Server, root: Api, name: str) -> list[str]:
        """The same; commits of one second may stand in another order here than there, and refs are looked up."""
        assert_whole(root, self.client, server.root / name, name)
        return self.ids(server.root / name)


class HgCopy(Copy):
    def __init__(self, hg: Hg, path: Path) -> None:
        super().__init__(path)
        self._hg = hg

    def run(self, *arguments: str) -> str:
        return self._hg.out(*arguments, cwd=self.path)

    def own_line(self, name: str) -> None:
        self._hg.run("branch", name, cwd=self.path)

    def commit(self, message: str) -> None:
        self._hg.run("commit", "--addremove", "-m", message, cwd=self.path)

    def publish(self) -> None:
        self._hg.run("push", "--new-branch", cwd=self.path)

    def published(self) -> str:
        return self._hg.id_of(self.path, ".")

    def refused_publication(self, message: str) -> str:
        self.commit(message)
        return self._hg.refused("push", cwd=self.path)

    def update(self) -> None:
        self._hg.run("pull", "--update", cwd=self.path)

    def refused_update(self) -> str:
        return self._hg.refused("pull", cwd=self.path)


class HgSystem(System):
    kind = "hg"
    no_revisions = ("3", ZERO, "HEAD", "head", "null", ".", "wdir()", "default:tip", "branch(default)", "bookmark()")

    def client(self, server: Server, person: Person | None) -> Hg:
        """The client of one person, with a home of its own: it keeps the credentials."""
        home = self.home / f"of-{person.name if person else 'a-visitor'}"
        home.mkdir(exist_ok=True)
        hg = Hg(home)
        if person is not None:
            hg.sign_in_as(server.url, person)
        return hg

    def checkout(self, server: Server, name: str, person: Person | None) -> Copy:
        path = self.place()
        hg = self.client(server, person)
        hg.run("clone", f"{server.url}/{url_path(name)}", str(path))
        return HgCopy(hg, path)

    def refused_checkout(self, server: Server, name: str, person: Person | None) -> str:
        path = self.place()
        said = self.client(server, person).refused("clone", f"{server.url}/{url_path(name)}", str(path))
        assert not path.exists()
        return said

    def ask(self, api: Api, name: str, who: tuple[str, str] | None, *, pushing: bool = False) -> tuple[int, str]:
        headers = {"Accept": "application/mercurial-0.1"} | ({"Authorization": basic(*who)} if who else {})
        path = f"/{name}?cmd=heads"
        if pushing:  # what moves no bookmark: the one that is named is elsewhere
            headers["X-HgArg-1"] = f"namespace=bookmarks&key=x&old={'1' * 40}&new={ZERO}"
            path = f"/{name}?cmd=pushkey"
        status, told, body = api.post(b"", method="POST" if pushing else "GET", path=path, headers=headers)
        refused = told.get("content-type") == "application/hg-error"
        return (403 if refused else status), body.decode()

    def verify(self, path: Path) -> None:
        assert Hg(self.home).run("verify", "--quiet", "-R", str(path)).stdout == b""

    def ids(self, path: Path) -> list[str]:
        return Hg(self.home).out("log", "-r", "all()", "-T", "{node} ", "-R", str(path)).split()

    def leftovers(self, path: Path) -> list[Path]:
        return hg_leftovers(path)

    def assert_told(self, path: Path, moves: Sequence[Move]) -> None:
        """A changeset that came as often as it was stripped is gone; what followed it went silently."""
        times: Counter[str] = Counter()
        for name, old, new in moves:
            assert name.startswith("branches/"), "bookmarks are another story"
            times[old] -= 1
            times[new] += 1
        del times[ZERO]
        ids = self.ids(path)
        assert set(ids) <= times.keys()
        assert all(times[raw_id] >= 1 for raw_id in ids)
        silently = times.keys() - set(ids) if any(new == ZERO for _, _, new in moves) else set()
        assert {raw_id for raw_id, count in times.items() if count} <= set(ids) | silently


class SvnCopy(Copy):
    def __init__(self, svn: Svn, path: Path) -> None:
        super().__init__(path)
        self._svn = svn
        self._message = ""
        self._published = ""

    def remove(self, *names: str) -> None:
        self._svn.run("update", "--quiet", cwd=self.path)
        self._svn.run("delete", "--quiet", *names, cwd=self.path)

    def make_executable(self, name: str) -> None:
        self._svn.run("propset", "svn:executable", "*", f"{name}@", cwd=self.path)

    def run(self, *arguments: str) -> str:
        return self._svn.out(*arguments, cwd=self.path)

    def own_line(self, name: str) -> None:
        """Who changes other files is not in anybody's way."""

    def commit(self, message: str) -> None:
        self._svn.run("add", "--quiet", "--force", ".", cwd=self.path)
        for line in self._svn.out("status", cwd=self.path).splitlines():
            if line.startswith("!"):
                self._svn.run("delete", "--quiet", f"{line[8:]}@", cwd=self.path)
        self._message = message

    def publish(self) -> None:
        said = self._svn.out("commit", "-m", self._message, cwd=self.path)
        self._published = said.rstrip().rpartition(" ")[2].rstrip(".")
        assert self._published.isdigit(), said

    def published(self) -> str:
        return self._published

    def refused_publication(self, message: str) -> str:
        self.commit(message)
        return self._svn.refused("commit", "-m", message, cwd=self.path)

    def update(self) -> None:
        self._svn.run("update", "--quiet", cwd=self.path)

    def refused_update(self) -> str:
        return self._svn.refused("update", cwd=self.path)


class SvnSystem(System):
    kind = "svn"
    no_revisions = ("4", "01", "00", ZERO, "head", "trunk", "BASE", "PREV", "COMMITTED")

    def checkout(self, server: Server, name: str, person: Person | None) -> Copy:
        svn = Svn(self.home, person)
        path = self.place()
        svn.run("checkout", "--quiet", f"{svn_url(server.url, name)}@", str(path))
        return SvnCopy(svn, path)

    def refused_checkout(self, server: Server, name: str, person: Person | None) -> str:
        return Svn(self.home, person).refused("checkout", f"{svn_url(server.url, name)}@", str(self.place()))

    def ask(self, api: Api, name: str, who: tuple[str, str] | None, *, pushing: bool = False) -> tuple[int, str]:
        headers = {"User-Agent": "SVN/1.14.2"} | ({"Authorization": basic(*who)} if who else {})
        if pushing:
            headers["Content-Type"] = "application/vnd.svn-skel"
            status, _, body = api.post("( create-txn )", path=f"/{name}/!svn/me", headers=headers)
        else:
            status, _, body = api.post(b"", method="PROPFIND", path=f"/{name}", headers=headers | {"Depth": "0"})
        return (200 if status in (201, 207) else status), html.unescape(body.decode())

    def verify(self, path: Path) -> None:
        subprocess.run(["svnadmin", "verify", "--quiet", str(path)], check=True, capture_output=True)

    def ids(self, path: Path) -> list[str]:
        youngest = subprocess.run(["svnlook", "youngest", str(path)], check=True, capture_output=True)
        return [str(number) for number in range(1, int(youngest.stdout) + 1)]

    def leftovers(self, path: Path) -> list[Path]:
        """A transaction that nobody ended is no hindrance to anybody."""
        return []

    def assert_told(self, path: Path, moves: Sequence[Move]) -> None:
        assert sorted((new for _, _, new in moves), key=int) == self.ids(path)


SYSTEMS: dict[str, type[System]] = {"git": GitSystem, "hg": HgSystem, "svn": SvnSystem}


def new_system(kind: str, home: Path) -> System:
    """A system whose clients have a home of their own."""
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    return SYSTEMS[kind](home)
