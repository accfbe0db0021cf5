# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository of each system with a history in several lines and with names, for tests of pages that only look."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.browser import Browser
from tests.support.clients import Api, Git, Person
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url
from tests.support.systems import new_system

MAIN = {"git": "main", "hg": "default", "svn": "trunk"}
SIDE = {"git": "feature/side", "hg": "side", "svn": "branches/side"}
TAG = {"git": "v1.0", "hg": "v1.0", "svn": "tags/v1.0"}
HOSTILE = "Close <script>alert(1)</script> & go"
README = "# Tide\n\nSee [the guide](docs/guide.md).\n"


@dataclass(frozen=True)
class Story:
    """Such a repository: four changesets on the main line, two beside it, which were merged where that is possible."""

    kind: str
    name: str
    owner: Person
    browser: Browser
    """Its owner's."""
    ids: list[str]
    """Of all changesets in the order in which a log has them, newest first."""

    def at(self, page: str = "") -> str:
        """The address of a page."""
        return f"/{self.name}/{page}" if page else f"/{self.name}"

    @property
    def main(self) -> str:
        return MAIN[self.kind]

    @property
    def side(self) -> str:
        return SIDE[self.kind]

    @property
    def tag(self) -> str:
        return TAG[self.kind]


def new_story(kind: str, server: Server, root: Api, home: Path) -> Story:
    """Make one, for an owner of its own."""
    owner = root.new_user()
    system = new_system(kind, home)
    name = system.new_repository(root, owner, private=True, enable_downloads=True, enable_statistics=True)
    home.mkdir(exist_ok=True)
    {"git": _git, "hg": _hg, "svn": _svn}[kind](server, name, owner, home)
    rows = root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)
    browser = Browser(server.url)
    assert browser.sign_in(owner).status == 302
    return Story(kind, name, owner, browser, [row["raw_id"] for row in reversed(rows)])


def _write(place: Path, number: int) -> None:
    (place / "docs").mkdir(parents=True, exist_ok=True)
    (place / "README.md").write_text(README)
    (place / "docs" / "guide.md").write_text(f"# Guide {number}\n")
    (place / "tide.py").write_text("x = 1\n")


def _git(server: Server, name: str, owner: Person, home: Path) -> None:
    git, place = Git(home), home / "story"
    git.run("init", "--quiet", "-b", "main", str(place))

    def commit(message: str, number: int) -> None:
        git.run("add", "--all", cwd=place)
        date = f"{1_700_000_000 + number * 3600} +0000"
        git.run("commit", "--quiet", "-m", message, cwd=place, GIT_AUTHOR_DATE=date, GIT_COMMITTER_DATE=date)

    _write(place, 1)
    commit("First", 1)
    git.run("tag", "-a", "-m", "one", "v1.0", cwd=place)
    _write(place, 2)
    commit(HOSTILE, 2)
    git.run("checkout", "--quiet", "-b", "feature/side", cwd=place)
    (place / "side.py").write_text("y = 1\n")
    commit("Beside", 3)
    git.run("checkout", "--quiet", "main", cwd=place)
    _write(place, 4)
    commit("Third", 4)
    date = f"{1_700_000_000 + 5 * 3600} +0000"
    git.run(
        *("merge", "--quiet", "--no-ff", "-m", "Merged", "feature/side"),
        cwd=place,
        GIT_AUTHOR_DATE=date,
        GIT_COMMITTER_DATE=date,
    )
    git.run("push", "--quiet", server.clone_url(name, owner), "main", "feature/side", "v1.0", cwd=place)


def _hg(server: Server, name: str, owner: Person, home: Path) -> None:
    hg, place = Hg(home), home / "story"
    hg.sign_in_as(server.url, owner)
    hg.run("init", str(place), cwd=home)

    def commit(message: str, number: int, *more: str) -> None:
        hg.run("commit", "--addremove", "-m", message, "-d", f"{1_700_000_000 + number * 3600} 0", *more, cwd=place)

    _write(place, 1)
    commit("First", 1)
    hg.run("tag", "v1.0", "-d", "1700005000 0", cwd=place)
    _write(place, 2)
    commit(HOSTILE, 2)
    hg.run("branch", "old", cwd=place)
    commit("Begin old", 3)
    commit("End old", 4, "--close-branch")
    hg.run("update", "--quiet", "default", cwd=place)
    hg.run("branch", "side", cwd=place)
    (place / "side.py").write_text("y = 1\n")
    commit("Beside", 5)
    hg.run("update", "--quiet", "default", cwd=place)
    _write(place, 4)
    commit("Third", 6)
    hg.run("merge", "--quiet", "side", cwd=place)
    commit("Merged", 7)
    hg.run("bookmark", "wip", cwd=place)
    hg.run("push", "--new-branch", f"{server.url}/{name}", cwd=place)
    hg.run("push", "-B", "wip", f"{server.url}/{name}", cwd=place, check=False)  # it says 1: only the name is new


def _svn(server: Server, name: str, owner: Person, home: Path) -> None:
    svn, place, url = Svn(home, owner), home / "story", svn_url(server.url, name)
    svn.run("mkdir", "-m", "Layout", f"{url}/trunk", f"{url}/branches", f"{url}/tags")
    svn.run("checkout", "--quiet", f"{url}/trunk", str(place))

    def commit(message: str) -> None:
        svn.run("add", "--quiet", "--force", ".", cwd=place)
        svn.run("commit", "-m", message, cwd=place)

    _write(place, 1)
    commit("First")
    svn.run("copy", "-m", "Tagged", f"{url}/trunk", f"{url}/tags/v1.0")
    _write(place, 2)
    commit(HOSTILE)
    svn.run("copy", "-m", "Beside", f"{url}/trunk", f"{url}/branches/side")
    _write(place, 4)
    commit("Third")
