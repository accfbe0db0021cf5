# SPDX-License-Identifier: GPL-3.0-or-later
"""SVNKit and cadaver against the real server, svn through a proxy, and names and locks that stock svn can have."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.clients import Api, Git, Person, unique
from tests.support.path_proxy import published
from tests.support.raw import basic
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url
from tests.support.svnkit import svnkit


@pytest.fixture
def url(server: Server, root: Api, ada: Person) -> str:
    """An empty repository of Ada's, in a group whose name needs care."""
    name = f"{unique('group')}/R & D"
    root("create_repo", repo_name=name, repo_type="svn", owner=ada.name)
    return svn_url(server.url, name)


def test_everything_that_svnkit_does(server: Server, root: Api, url: str, ada: Person, tmp_path: Path) -> None:
    with svnkit(ada, tmp_path / "kit") as kit:
        work = str(tmp_path / "kit" / "work")
        assert kit.run("mkdir", f"{url}/trunk", "a directory") == "1"
        assert kit.run("checkout", url, work) == "1"
        (tmp_path / "kit" / "work" / "trunk" / "a b.txt").write_text("one\ntwo\n")
        kit.run("add", f"{work}/trunk/a b.txt")
        kit.run("propset", f"{work}/trunk/a b.txt", "bugtraq:url", "http://<x>&")
        assert kit.run("commit", work, "first file") == "2"
        (tmp_path / "kit" / "work" / "trunk" / "a b.txt").write_text("one\n2\n")
        assert kit.run("commit", work, "second") == "3"
        assert kit.run("update", work) == "3"
        assert kit.run("copy", f"{url}/trunk", f"{url}/branch") == "4"
        assert kit.run("move", f"{url}/branch", f"{url}/side") == "5"
        kit.run("delete", f"{url}/side/a%20b.txt", "gone")
        kit.run("update", work)
        kit.run("lock", f"{work}/trunk/a b.txt", "mine")
        assert f"owner={ada.name}" in kit.run("info", f"{url}/trunk/a%20b.txt")
        kit.run("unlock", f"{work}/trunk/a b.txt")
        kit.run("lock", f"{work}/trunk/a b.txt", "mine")
        (tmp_path / "kit" / "work" / "trunk" / "a b.txt").write_text("one\n2\n3\n")
        assert kit.run("commit", work, "with the lock") == "7"
        assert "bugtraq:url" not in kit.run("list", url)
        assert kit.run("propget", f"{url}/trunk/a%20b.txt", "bugtraq:url") == "http://<x>&"
        assert kit.run("cat", f"{url}/trunk/a%20b.txt") == "one\n2\n3\n"
        assert kit.run("list", url) == ";side;trunk;trunk/a b.txt;"
        assert kit.run("annotate", f"{url}/trunk/a%20b.txt").split(";")[:3] == [
            f"2 {ada.name} one", f"3 {ada.name} 2", f"7 {ada.name} 3",
        ]  # fmt: skip
        assert "-two\n+2" in kit.run("diff", f"{url}/trunk", "3").replace("\r", "")
        assert kit.run("log", url).startswith(f"7 {ada.name} with the lock;")
        kit.run("export", f"{url}/trunk", str(tmp_path / "kit" / "exported"))
        kit.run("switch", f"{work}/trunk", f"{url}/side")
        kit.run("switch", f"{work}/trunk", f"{url}/trunk")
        kit.run("schedule-delete", f"{work}/trunk/a b.txt")
        assert kit.run("commit", work, "deleted") == "8"
        assert "property change failed" in kit.refused("revprop", url, "svn:log", "rewritten")
        name = url.removeprefix(f"{server.url}/").replace("%20", " ")
        assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == "8"
        assert "There is no such repository" in kit.refused("info", f"{server.url}/{unique('none')}")


def test_no_answer_of_a_commit_by_the_first_protocol_tells_of_the_private_server(
    server: Server, root: Api, ada: Person
) -> None:
    path = f"/{root.new_repo(owner=ada.name, kind='svn').name}"
    who = {"Authorization": basic(ada.name, ada.password), "User-Agent": "SVN/1.6.17", "Depth": "0"}

    def ask(method: str, place: str, body: str = "") -> str:
        status, headers, said = root.post(body, method=method, path=f"{path}/{place}", headers=who)
        assert status in (200, 201, 204, 207), (method, place, said)
        for private in ("127.0.0.1:", "apache", "/proc/", "Apache"):
            assert private not in str(headers).replace(server.url, "") + said.decode(), (method, place)
        return headers.get("location", "")

    begun = f"{server.url}{path}/!svn"
    checkout = (
        f'<D:checkout xmlns:D="DAV:"><D:activity-set><D:href>{path}/!svn/act/1-2</D:href></D:activity-set></D:checkout>'
    )
    assert ask("MKACTIVITY", "!svn/act/1-2") == f"{begun}/act/1-2"
    assert ask("CHECKOUT", "!svn/bln/0", checkout).startswith(f"{begun}/wbl/1-2/0")
    assert ask("CHECKOUT", "!svn/ver/0/", checkout).startswith(f"{begun}/wrk/1-2")
    assert ask("MKCOL", "!svn/wrk/1-2/d") == f"{begun}/wrk/1-2/d"
    assert ask("PUT", "!svn/wrk/1-2/d/f%20x", "1\n") == f"{begun}/wrk/1-2/d/f%20x"
    ask("PROPFIND", "", '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>')
    ask("OPTIONS", "", '<D:options xmlns:D="DAV:"><D:activity-collection-set/></D:options>')
    ask("MERGE", "", f'<D:merge xmlns:D="DAV:"><D:source><D:href>{path}/!svn/act/1-2</D:href></D:source></D:merge>')
    ask("DELETE", "!svn/act/1-2")
    ask("GET", "d/")
    assert root("get_repo", repoid=path[1:])["last_changeset"]["raw_id"] == "1"


def test_cadaver_reads(server: Server, url: str, svn: Svn, ada: Person, tmp_path: Path) -> None:
    if shutil.which("cadaver") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("cadaver is missing")
    svn.commit(svn.checkout(url), **{"docs/a.txt": "read by WebDAV\n"})
    home = tmp_path / "cadaver"
    home.mkdir()
    (home / ".netrc").write_text(f"machine 127.0.0.1 login {ada.name} password {ada.password}\n")
    (home / ".netrc").chmod(0o600)
    commands = "ls\ncd docs\nget a.txt got.txt\nput got.txt b.txt\n"
    done = subprocess.run(
        ["cadaver", url],
        input=commands.encode(),
        cwd=home,
        env=os.environ | {"HOME": str(home)},
        capture_output=True,
        check=False,
    )
    assert (home / "got.txt").read_text() == "read by WebDAV\n", done.stdout
    assert "a.txt" not in svn.out("list", url) and "b.txt" not in svn.out("list", f"{url}/docs")


def test_readers_get_files_and_browsers_are_sent_to_their_pages(
    server: Server, root: Api, svn: Svn, url: str, ada: Person
) -> None:
    svn.commit(svn.checkout(url), **{"docs/a b.txt": "<script>\n"})
    path = url.removeprefix(server.url)
    who = {"Authorization": basic(ada.name, ada.password)}

    def get(place: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        return root.post(b"", method=method, path=path + place, headers=headers)

    status, headers, body = get("/docs/a%20b.txt", **who)
    assert (status, body) == (200, b"<script>\n")
    assert headers["content-security-policy"].startswith("sandbox") and headers["x-content-type-options"] == "nosniff"
    assert get("/docs/a%20b.txt", "HEAD", **who)[0] == 200
    status, headers, _ = get("/docs/a%20b.txt", Accept="text/html,*/*", **who)
    assert (status, headers["location"]) == (302, f"{path}/files/tip/docs/a%20b.txt")
    status, headers, _ = get("/files/tip/docs/a%20b.txt", Accept="text/html", **who)
    # A page knows sessions and no passwords in headers (decisions.md W2).
    assert status == 302 and headers["location"].startswith("/_admin/login")
    assert get("/docs/none", **who)[0] == 404
    stranger = root.new_user()
    private = svn_url("", root.new_repo(kind="svn", private=True).name)
    for given in ({}, {"Authorization": basic(stranger.name, stranger.password)}):
        for accept in ({}, {"Accept": "text/html"}):
            hidden, missing = (
                root.post(b"", method="GET", path=f"{start}/a.txt", headers=given | accept)[::2]
                for start in (private, f"/{unique('missing')}")
            )
            assert hidden == missing and hidden[0] == 302  # the way to the sign-in (system.md 1.4)


@pytest.mark.parametrize(
    "name", ["%2e", "%2e%2e", "a%00b", "..%2f..", "%25252525x", "..\\..", "...", "a\\b", "%", "%zz", "!svn"]
)
def test_names_that_look_like_escapes(server: Server, root: Api, svn: Svn, url: str, name: str) -> None:
    work = svn.checkout(url)
    (work / "d").mkdir()
    (work / "d" / name).write_text("1\n")
    svn.run("add", "--quiet", "d", cwd=work)
    svn.commit(work, "a name")
    inside = f"{url}/d/{quote(name, safe='')}"
    assert svn.out("cat", f"{inside}@") == "1\n"
    svn.run("copy", "-m", "a copy", f"{inside}@", f"{url}/{quote('copy of ' + name, safe='')}@")
    if name == "%2e":  # mod_dav_svn ends over it
        svn.refused("lock", f"{inside}@")
    else:
        svn.run("lock", f"{inside}@")
        svn.run("unlock", f"{inside}@")
    svn.run("update", "--quiet", cwd=work)
    (work / "d" / name).write_text("2\n")
    assert svn.commit(work, "changed") == 3
    svn.run("delete", "-m", "gone", f"{inside}@")
    assert svn.out("list", "-R", url).splitlines() == [f"copy of {name}", "d/"]
    again = Svn(svn.home.parent / "again", svn.person).checkout(url)
    assert (again / f"copy of {name}").read_text() == "1\n"


def test_a_server_that_is_published_under_a_path(own_server: Server, tmp_path: Path, git: Git) -> None:
    with published("/scm/of us") as proxy:
        proxy.start = "/scm/of%20us"
        base = proxy.url.replace(" ", "%20")
        own_server.start(TRIVIUM_BASE_URL=base)
        proxy.target = own_server.url
        root = own_server.api(own_server.admin_key)
        ada = root.new_user()
        name = root.new_repo(owner=ada.name, kind="svn").name
        url, svn = f"{base}/{name}", Svn(tmp_path / "home", ada)
        svn.run("mkdir", "-m", "made", f"{url}/trunk")
        svn.run("copy", "-m", "copied", f"{url}/trunk", f"{url}/branch")
        svn.run("move", "-m", "moved", f"{url}/branch", f"{url}/side")
        work = svn.checkout(url)
        assert svn.commit(work, **{"trunk/a.txt": "1\n"}) == 4
        svn.run("lock", "trunk/a.txt", cwd=work)
        svn.run("switch", "--quiet", f"{url}/side", cwd=work / "trunk")
        svn.run("switch", "--quiet", f"{url}/trunk", cwd=work / "trunk")
        svn.run("delete", "--force", "trunk/a.txt", cwd=work)
        assert svn.commit(work, "a locked file") == 5
        with svnkit(ada, tmp_path / "kit") as kit:
            assert kit.run("mkdir", f"{url}/by-kit", "made") == "6"
        status, headers, _ = root.post(
            b"",
            method="GET",
            path=f"/{name}/trunk/x",
            headers={"Authorization": basic(ada.name, ada.password), "Accept": "text/html"},
        )
        assert (status, headers["location"]) == (302, f"/scm/of%20us/{name}/files/tip/trunk/x")


def test_a_thousand_locks_are_named_in_one_header(own_server: Server, tmp_path: Path) -> None:
    own_server.start(TRIVIUM_MAX_HEADER_BYTES=str(1 << 20))
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    url = svn_url(own_server.url, root.new_repo(owner=ada.name, kind="svn").name)
    svn = Svn(tmp_path / "home", ada)
    work = svn.checkout(url)
    long = "one of many locked files that have long names, " * 4
    names = [f"dir/{long}number {number}.txt" for number in range(1000)]  # more than 300 KiB
    (work / "dir").mkdir()
    for name in names:
        (work / name).write_text("1\n")
    svn.run("add", "--quiet", "dir", cwd=work)
    svn.commit(work, "files")
    for at in range(0, len(names), 500):
        svn.run("lock", "--quiet", *names[at : at + 500], cwd=work)
    svn.run("update", "--quiet", cwd=work)
    svn.run("delete", "--quiet", "dir", cwd=work)
    assert svn.commit(work, "removed") == 2
