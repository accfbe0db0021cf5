# SPDX-License-Identifier: GPL-3.0-or-later
"""Subversion's other programs, rarer commands, and clients that speak its first protocol, against the real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Api, Person
from tests.support.path_proxy import PathProxy, published
from tests.support.raw import basic
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url


@pytest.fixture
def url(server: Server, root: Api, ada: Person) -> str:
    return svn_url(server.url, root.new_repo(owner=ada.name, kind="svn").name)


@pytest.fixture
def project(svn: Svn, url: str) -> str:
    """Trunk and a branch that was merged back, with a rename and some properties: ten revisions."""
    svn.run("mkdir", "-m", "layout", *(f"{url}/{name}" for name in ("trunk", "branches", "tags")))
    work = svn.checkout(f"{url}/trunk", "project")
    svn.commit(work, "one", **{"a.txt": "1\n", "größe 100%.txt": "ä\n", "d/e/f.txt": "f\n"})
    svn.run("copy", "-m", "branch", f"{url}/trunk", f"{url}/branches/b")
    side = svn.checkout(f"{url}/branches/b", "side")
    (side / "a.txt").write_text("1\n2\n")
    svn.commit(side, "two")
    svn.run("propset", "--quiet", "svn:keywords", "Id", "a.txt", cwd=side)
    svn.commit(side, "a property")
    svn.run("update", "--quiet", cwd=work)
    svn.run("merge", "--quiet", f"{url}/branches/b", cwd=work)
    svn.commit(work, "merged")
    svn.run("update", "--quiet", cwd=work)
    svn.run("move", "--quiet", "d/e", "moved", cwd=work)
    svn.commit(work, "renamed")
    svn.run("copy", "-m", "a tag", f"{url}/trunk", f"{url}/tags/1.0")
    svn.run("delete", "-m", "gone", f"{url}/trunk/moved/f.txt")
    svn.run("copy", "-m", "back", f"{url}/trunk/moved/f.txt@8", f"{url}/trunk/f.txt")
    return url


def program(name: str, svn: Svn, *arguments: str, cwd: Path | None = None, stdin: bytes = b"") -> str:
    """Run a program of Subversion with the same credentials; returns what it says, errors as well."""
    options = ["--non-interactive", "--no-auth-cache", "--config-dir", str(svn.home / "config")]
    assert svn.person is not None
    who = ["--username", svn.person.name, "--password", svn.password]
    if name == "svnsync":
        who = [word for side in ("source", "sync") for word in
               (f"--{side}-username", svn.person.name, f"--{side}-password", svn.password)]  # fmt: skip
    done = subprocess.run(
        [name, *arguments, *options, *who],
        cwd=cwd or svn.home,
        env=svn.environment,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=120,
        check=False,
    )
    return f"{done.returncode} {done.stdout.decode(errors='replace')}"


def test_questions_about_the_past(svn: Svn, project: str, server: Server) -> None:
    trunk = f"{project}/trunk"
    assert svn.out("mergeinfo", "--show-revs", "merged", f"{project}/branches/b", trunk).split()[-2:] == ["r4", "r5"]
    assert svn.out("mergeinfo", "--show-revs", "eligible", f"{project}/branches/b", trunk) == ""
    assert "r4" in svn.out("mergeinfo", "--log", "--show-revs", "merged", "-R", f"{project}/branches/b", trunk)
    merged = svn.out("blame", "-g", f"{trunk}/a.txt").splitlines()
    assert merged[1].split()[:2] == ["G", "4"]
    assert "Merged via: r6" in svn.out("log", "-g", trunk)
    assert "r2 |" in svn.out("log", "-g", "-v", "--stop-on-copy", "-r", "1:HEAD", trunk, "a.txt", "moved")
    assert "+2" in svn.out("log", "--diff", "-r6", trunk)
    assert svn.out("log", "--search", "renamed", project).count("r7 |") == 1
    assert "r10" in svn.out("log", "-l", "1", "--with-all-revprops", "--xml", project).replace('revision="10"', "r10")
    assert svn.out("cat", f"{trunk}/moved/f.txt@8") == "f\n"
    assert "f.txt" in svn.out("list", "-v", "-R", f"{trunk}@8")
    assert "größe 100%.txt" in svn.out("list", "--search", "*100*", "-R", project)
    assert svn.out("cat", f"{trunk}/gr%C3%B6%C3%9Fe%20100%25.txt") == "ä\n"
    later = time.strftime("{%Y-%m-%dT%H:%M:%SZ}", time.gmtime(time.time() + 3600))
    assert svn.out("info", "--show-item", "revision", "-r", later, project) == "10\n"
    assert svn.out("log", "-q", "-r", "{1990-01-01}:{1991-01-01}", project).count("|") in (0, 2)
    svn.run("export", "--quiet", "-r", later, trunk, str(svn.home / "exported"))
    assert (svn.home / "exported" / "f.txt").read_text() == "f\n"
    assert "trunk/a.txt" in svn.out("diff", "--summarize", f"{project}@2", f"{project}@HEAD")
    assert "+2" in svn.out("diff", "--old", f"{trunk}@2", "--new", f"{project}/branches/b")
    assert "svn:keywords" in svn.out("proplist", "-v", "-R", "--show-inherited-props", trunk)
    assert svn.out("propget", "--revprop", "-r", "2", "svn:log", project) == "one\n"
    assert "svn:date" in svn.out("proplist", "-v", "--revprop", "-r", "2", project)
    assert "No such revision" in svn.refused("log", "-r", "99", project)
    assert svn.refused("cat", f"{trunk}/none")
    assert svn.refused("blame", f"{trunk}/a.txt@1")


def test_revisions_and_their_properties_stay_as_they_are(svn: Svn, project: str) -> None:
    said = svn.refused("propset", "--revprop", "-r", "2", "svn:log", "rewritten", project)
    assert "Only commits change a repository" in said, said
    assert "Only commits change" in svn.refused("propdel", "--revprop", "-r", "2", "svn:log", project)


def test_working_copies_of_every_shape(svn: Svn, project: str, server: Server) -> None:
    home = svn.home
    svn.run("checkout", "--quiet", "--depth", "empty", project, str(home / "sparse"))
    svn.run("update", "--quiet", "--set-depth", "immediates", cwd=home / "sparse")
    svn.run("update", "--quiet", "--set-depth", "infinity", "trunk", cwd=home / "sparse")
    svn.run("update", "--quiet", "--set-depth", "exclude", "tags", cwd=home / "sparse")
    assert sorted(path.name for path in (home / "sparse").iterdir()) == [".svn", "branches", "trunk"]
    svn.run("update", "--quiet", "-r", "3", "trunk", cwd=home / "sparse")
    assert "        *" in svn.out("status", "-u", cwd=home / "sparse")
    svn.run("update", "--quiet", "-r0", cwd=home / "sparse")
    svn.run("update", "--quiet", cwd=home / "sparse")
    work = svn.checkout(f"{project}/trunk", "other")
    external = f"^/branches/b moved-in\n{project}/tags/1.0@8 absolute\n-r 2 ../trunk/a.txt pinned.txt\n"
    svn.run("propset", "--quiet", "svn:externals", external, ".", cwd=work)
    svn.commit(work, "externals")
    svn.run("update", "--quiet", cwd=work)
    assert (work / "moved-in" / "a.txt").read_text() == "1\n2\n"
    assert (work / "absolute" / "moved" / "f.txt").exists() and (work / "pinned.txt").read_text() == "1\n"
    repository = svn.out("info", "--show-item", "repos-root-url", cwd=work).strip()
    assert repository == project
    svn.run("switch", "--quiet", "--ignore-ancestry", f"{project}/tags/1.0", cwd=work)
    svn.run("switch", "--quiet", f"{project}/trunk", cwd=work)
    svn.run("cleanup", "--vacuum-pristines", cwd=work)
    (work / "x.txt").write_text("x\n")
    svn.run("add", "--quiet", "x.txt", cwd=work)
    svn.run("changelist", "--quiet", "mine", "x.txt", cwd=work)
    said = svn.out("commit", "-m", "only mine", "--changelist", "mine", "--with-revprop", "ticket=7", cwd=work)
    assert "Committed revision 12" in said
    assert svn.out("propget", "--revprop", "-r", "12", "ticket", project) == "7\n"
    svn.run("update", "--quiet", cwd=work)
    svn.run("merge", "--quiet", "-c", "-12", "^/trunk", cwd=work)
    assert svn.commit(work, "undone") == 13
    assert not (work / "x.txt").exists()


def test_locks_are_taken_stolen_broken_and_kept(svn: Svn, server: Server, root: Api, project: str) -> None:
    name = project.removeprefix(f"{server.url}/")
    bob = root.new_user()
    root("grant_user_permission", repoid=name, userid=bob.id, perm="repository.write")
    theirs = Svn(svn.home.parent / "bob", bob)
    mine, his = svn.checkout(f"{project}/trunk", "mine"), theirs.checkout(f"{project}/trunk")
    svn.run("lock", "a.txt", "-m", "mine & <only> ä", cwd=mine)
    assert "already locked" in theirs.run("lock", "a.txt", cwd=his, check=False).stderr.decode()
    (his / "a.txt").write_text("3\n")
    assert "E195022" in theirs.refused("commit", "-m", "locked", cwd=his)
    theirs.run("lock", "--force", "a.txt", cwd=his)
    assert svn.out("status", "-u", cwd=mine).split()[0] == "T"
    assert theirs.commit(his, "with the lock") == 11
    svn.run("update", "--quiet", cwd=mine)
    svn.run("lock", "a.txt", "f.txt", cwd=mine)
    (mine / "a.txt").write_text("4\n")
    assert "revision 12" in svn.out("commit", "-m", "kept", "--no-unlock", cwd=mine)
    assert "Lock Comment" not in svn.out("info", f"{project}/trunk/a.txt")
    assert "Lock Owner" in svn.out("info", f"{project}/trunk/a.txt")
    theirs.run("unlock", "--force", f"{project}/trunk/a.txt")
    assert svn.out("status", "-u", cwd=mine).split()[0] in ("B", "K", "12")
    assert svn.refused("unlock", f"{project}/trunk/a.txt")
    assert svn.refused("lock", f"{project}/trunk/none")
    told = [
        (user, detail["path"], detail.get("holder"), detail["was"]["holder"])
        for action in ("file.lock", "file.unlock")
        for user, detail in ((row[0], json.loads(row[2])) for row in server.journal(action, name))
    ]
    assert svn.person is not None
    ada = svn.person.name
    stolen, broken = (bob.name, "trunk/a.txt", bob.name, ada), (bob.name, "trunk/a.txt", None, ada)
    assert told[:2] + told[4:] == [(ada, "trunk/a.txt", ada, None), stolen, broken]
    # His commit has let it go. Of two files that are locked at once, either may be the first.
    assert sorted(told[2:4]) == [(ada, "trunk/a.txt", ada, None), (ada, "trunk/f.txt", ada, None)]


def test_svnmucc_import_and_commits_that_fail(svn: Svn, project: str) -> None:
    (svn.home / "new").write_text("new\n")
    said = program("svnmucc", svn, "-m", "many", "-U", project, "mkdir", "a b#c", "put", str(svn.home / "new"),
                   "a b#c/n%20ew", "cp", "2", "trunk/a.txt", "a b#c/old", "rm", "tags/1.0", "mv", "branches/b",
                   "branches/ü", "propset", "p", "v", "a b#c")  # fmt: skip
    assert said.startswith("0 r11 committed"), said
    assert svn.out("cat", f"{project}/a%20b%23c/old") == "1\n"
    tree = svn.home / "tree"
    (tree / "deep" / "er").mkdir(parents=True)
    (tree / "deep" / "er" / "file;x=1&y").write_text("1\n")
    svn.run("import", "--quiet", "-m", "imported", str(tree), f"{project}/imported")
    assert svn.out("list", "-R", f"{project}/imported").split() == ["deep/", "deep/er/", "deep/er/file;x=1&y"]
    assert "already exists" in svn.refused("mkdir", "-m", "again", f"{project}/trunk")
    work, late = svn.checkout(f"{project}/trunk", "first"), svn.checkout(f"{project}/trunk", "late")
    svn.commit(work, "ahead", **{"a.txt": "ahead\n"})
    (late / "a.txt").write_text("behind\n")
    assert "out of date" in svn.refused("commit", "-m", "behind", cwd=late)
    assert "out-of-date" in svn.refused("delete", "-m", "x", f"{project}/none") + "out-of-date"


def test_svnsync_and_svnrdump_read_all_and_are_told_why_they_cannot_write(
    svn: Svn, project: str, root: Api, ada: Person, server: Server
) -> None:
    mirror = svn.home / "mirror"
    subprocess.run(["svnadmin", "create", str(mirror)], check=True)
    hook = mirror / "hooks" / "pre-revprop-change"
    hook.write_text("#!/bin/sh\nexit 0\n")
    hook.chmod(0o755)
    assert program("svnsync", svn, "init", f"file://{mirror}", project).startswith("0 ")
    assert "Committed revision 10" in program("svnsync", svn, "sync", f"file://{mirror}")
    log = ["log", "-v"]
    plain = Svn(svn.home)
    assert plain.out(*log, f"file://{mirror}") == svn.out(*log, project)
    dumped = subprocess.run(
        ["svnrdump", "dump", "-q", project, "--non-interactive", "--username", ada.name, "--password", ada.password],
        env=svn.environment, capture_output=True, check=True)  # fmt: skip
    loaded = svn.home / "loaded"
    subprocess.run(["svnadmin", "create", str(loaded)], check=True)
    subprocess.run(["svnadmin", "load", "-q", str(loaded)], input=dumped.stdout, check=True)
    assert plain.out(*log, f"file://{loaded}") == svn.out(*log, project)
    part = program("svnrdump", svn, "dump", "-r", "4:6", f"{project}/trunk")
    assert part.startswith("0 ") and "Revision-number: 6" in part
    # What is to be written anew must not be there before: neither keeps to commits.
    empty = svn_url(server.url, root.new_repo(owner=ada.name, kind="svn").name)
    for said in (
        program("svnsync", svn, "init", empty, project),
        program("svnrdump", svn, "load", empty, stdin=dumped.stdout),
    ):
        assert said.startswith("1 ") and "Only commits change a repository" in said, said


@pytest.mark.skipif(not Path("/usr/lib/git-core/git-svn").exists(), reason="git-svn is missing")
def test_git_svn_clones_and_commits(svn: Svn, project: str, ada: Person, tmp_path: Path) -> None:
    home = tmp_path / "git-svn"
    home.mkdir()
    environment = svn.environment | {"HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}

    def git(*arguments: str, cwd: Path = home) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=cwd, env=environment, input=f"{ada.password}\n".encode(), capture_output=True,
            timeout=120, check=False)  # fmt: skip
        assert done.returncode == 0, (arguments, done.stderr.decode()[-2000:])
        return done.stdout.decode()

    git("config", "--global", "user.name", "Ada")
    git("config", "--global", "user.email", "ada@example.com")
    git("svn", "clone", "--quiet", "-s", "--username", ada.name, project, "work")
    work = home / "work"
    assert len(git("log", "--format=%s", cwd=work).splitlines()) >= 5
    (work / "a.txt").write_text("by git\n")
    (work / "n ü#%.txt").write_text("new\n")
    git("add", "-A", cwd=work)
    git("commit", "-q", "-m", "from git", cwd=work)
    git("svn", "dcommit", "--quiet", "--username", ada.name, cwd=work)
    git("mv", "a.txt", "b.txt", cwd=work)
    git("commit", "-q", "-m", "moved in git", cwd=work)
    git("svn", "dcommit", "--quiet", "--username", ada.name, cwd=work)
    git("svn", "branch", "--username", ada.name, "-m", "a branch", "by-git", cwd=work)
    git("svn", "rebase", "--username", ada.name, cwd=work)
    assert svn.out("cat", f"{project}/branches/by-git/b.txt") == "by git\n"
    assert svn.out("cat", f"{project}/trunk/n%20%C3%BC%23%25.txt") == "new\n"


@pytest.fixture
def old_door(server: Server) -> Iterator[PathProxy]:
    """The server as those see it that do not know the second version of the protocol."""
    with published("") as proxy:
        proxy.hidden = ("svn-",)
        proxy.target = server.url
        yield proxy


def test_the_first_version_of_the_protocol(old_door: PathProxy, server: Server, svn: Svn, url: str) -> None:
    old = url.replace(server.url, old_door.url)
    svn.run("mkdir", "-m", "made", f"{old}/trunk", f"{old}/ä %2e")
    work = svn.checkout(old)
    assert svn.commit(work, "files", **{"trunk/a b.txt": "1\n", "trunk/d/%2e#.txt": "x\n"}) == 2
    svn.run("propset", "--quiet", "p", "v & <w>", "trunk/a b.txt", cwd=work)
    svn.run("copy", "--quiet", "trunk/d", "trunk/e", cwd=work)
    assert svn.commit(work, "properties and copies") == 3
    svn.run("copy", "-m", "branched", f"{old}/trunk", f"{old}/branch")
    svn.run("move", "-m", "moved", f"{old}/branch", f"{old}/side")
    svn.run("update", "--quiet", cwd=work)
    svn.run("lock", "trunk/a b.txt", cwd=work)
    (work / "trunk" / "a b.txt").write_text("2\n")
    assert svn.commit(work, "locked") == 6
    svn.run("lock", "trunk/a b.txt", "trunk/d/%2e#.txt", cwd=work)
    svn.run("update", "--quiet", cwd=work)
    svn.run("delete", "--quiet", "--force", "trunk/d", cwd=work)
    assert svn.commit(work, "with its lock") == 7
    svn.run("lock", "trunk/a b.txt", cwd=work)
    svn.run("unlock", "trunk/a b.txt", cwd=work)
    svn.run("switch", "--quiet", f"{old}/side", cwd=work / "trunk")
    svn.run("switch", "--quiet", f"{old}/trunk", cwd=work / "trunk")
    assert svn.out("blame", f"{old}/trunk/a%20b.txt").split()[-1] == "2"
    assert len(svn.log(old)) == 7
    assert "Only commits change" in svn.refused("propset", "--revprop", "-r1", "svn:log", "x", old)
    svn.run("delete", "-m", "gone", f"{old}/side")
    late = svn.checkout(f"{old}/trunk", "late")
    svn.commit(work, "x", **{"trunk/a b.txt": "3\n"})
    (late / "a b.txt").write_text("4\n")
    assert "out of date" in svn.refused("commit", "-m", "behind", cwd=late)


@pytest.mark.parametrize("option", ["http-chunked-requests=no", "http-bulk-updates=no", "http-compression=no"])
def test_every_way_of_asking_that_can_be_configured(svn: Svn, url: str, option: str) -> None:
    given = ["--config-option", f"servers:global:{option}"]
    work = svn.home / "work"
    svn.run("checkout", "--quiet", url, str(work), *given)
    (work / "a").mkdir()
    for number in range(30):
        (work / "a" / f"{number} ü").write_bytes(os.urandom(1000) * (number + 1))
    svn.run("add", "--quiet", "a", cwd=work)
    svn.run("commit", "-m", "files", *given, cwd=work)
    svn.run("export", "--quiet", url, str(svn.home / "exported"), *given)
    assert len(list((svn.home / "exported" / "a").iterdir())) == 30


def test_webdav_by_hand(svn: Svn, project: str, server: Server, root: Api, ada: Person) -> None:
    path = project.removeprefix(server.url)
    who = {"Authorization": basic(ada.name, ada.password)}

    def ask(method: str, place: str, body: str = "", **headers: str) -> tuple[int, bytes]:
        return root.post(body, method=method, path=path + place, headers=who | headers)[::2]

    for depth, expected in (("0", {207}), ("1", {207}), ("infinity", {403, 207}), ("7", {400})):
        assert ask("PROPFIND", "/trunk/", Depth=depth)[0] in expected, depth
    assert ask("PROPFIND", "/trunk/")[0] in (403, 207)
    assert ask("GET", "/trunk/a.txt", Range="bytes=0-0")[0] in (200, 206)
    assert ask("GET", "/trunk/a.txt?p=2")[1] == b"1\n"
    assert ask("OPTIONS", "")[0] == 200
    if shutil.which("curl"):
        done = subprocess.run(
            ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-u", f"{ada.name}:{ada.password}", "-X",
             "PROPFIND", "-H", "Depth: infinity", f"{project}/"], capture_output=True, check=True)  # fmt: skip
        assert done.stdout in (b"403", b"207")
