# SPDX-License-Identifier: GPL-3.0-or-later
"""Stock svn against the real server: everything that people do with it (system.md 3.1)."""

from __future__ import annotations

import hashlib
import random
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.clients import Api, Person, unique
from tests.support.raw import basic, connected, everything
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url


@pytest.fixture
def url(server: Server, root: Api, ada: Person) -> str:
    """An empty repository of Ada's."""
    return svn_url(server.url, root.new_repo(owner=ada.name, kind="svn").name)


@pytest.fixture
def work(svn: Svn, url: str) -> Path:
    """Its working copy, with a first commit."""
    work = svn.checkout(url)
    svn.run("mkdir", "trunk", "branches", "tags", cwd=work)
    assert svn.commit(work, "first", **{"trunk/a.txt": "one\ntwo\n", "trunk/docs/b.txt": "b\n"}) == 1
    svn.run("update", "--quiet", cwd=work)
    return work


def test_what_one_commits_another_checks_out_and_updates(svn: Svn, url: str, work: Path, ada: Person) -> None:
    other = svn.checkout(f"{url}/trunk", "other")
    assert (other / "docs" / "b.txt").read_text() == "b\n"
    (other / "a.txt").write_text("one\nTWO\n")
    assert svn.commit(other, "second") == 2
    assert "U    trunk/a.txt" in svn.out("update", cwd=work)
    assert (work / "trunk" / "a.txt").read_text() == "one\nTWO\n"
    assert svn.log(url) == [(2, ada.name, "second"), (1, ada.name, "first")]
    assert "-two\n+TWO\n" in svn.out("diff", "-c", "2", url)


def test_copies_moves_deletes_and_directories_on_the_server(svn: Svn, url: str, work: Path) -> None:
    svn.run("copy", "-m", "a tag", f"{url}/trunk", f"{url}/tags/1.0")
    svn.run("copy", "-m", "a branch", f"{url}/trunk", f"{url}/branches/side")
    svn.run("move", "-m", "a move", f"{url}/tags/1.0", f"{url}/tags/v1")
    svn.run("mkdir", "-m", "a directory", f"{url}/branches/new")
    svn.run("delete", "-m", "a deletion", f"{url}/branches/new")
    listed = svn.out("list", "-R", url).split()
    assert {"tags/v1/docs/b.txt", "branches/side/a.txt"} <= set(listed)
    assert not [name for name in listed if name.startswith(("tags/1.0", "branches/new"))]


def test_copies_and_moves_in_a_working_copy(svn: Svn, url: str, work: Path) -> None:
    svn.run("copy", "trunk/docs", "trunk/more", cwd=work)
    svn.run("move", "trunk/a.txt", "trunk/c.txt", cwd=work)
    svn.run("delete", "trunk/docs/b.txt", cwd=work)
    assert svn.commit(work, "rearranged") == 2
    assert svn.out("list", "-R", f"{url}/trunk").split() == ["c.txt", "docs/", "more/", "more/b.txt"]


def test_a_branch_is_switched_to_and_merged(svn: Svn, url: str, work: Path) -> None:
    svn.run("copy", "-m", "a branch", f"{url}/trunk", f"{url}/branches/side")
    trunk = svn.checkout(f"{url}/trunk", "trunk")
    svn.run("switch", "--quiet", f"{url}/branches/side", cwd=trunk)
    (trunk / "a.txt").write_text("one\ntwo\nthree\n")
    svn.commit(trunk, "on the side")
    svn.run("switch", "--quiet", f"{url}/trunk", cwd=trunk)
    assert (trunk / "a.txt").read_text() == "one\ntwo\n"
    svn.run("merge", "--quiet", f"{url}/branches/side", cwd=trunk)
    svn.commit(trunk, "merged")
    assert svn.out("cat", f"{url}/trunk/a.txt") == "one\ntwo\nthree\n"
    assert svn.out("propget", "svn:mergeinfo", f"{url}/trunk").startswith("/branches/side:")
    assert "on the side" in svn.out("log", "--use-merge-history", f"{url}/trunk")


def test_properties(svn: Svn, url: str, work: Path) -> None:
    svn.run("propset", "kind", "<text> & \u00fc", "trunk/a.txt", cwd=work)
    svn.run("propset", "svn:ignore", "*.o", "trunk", cwd=work)
    svn.commit(work, "properties")
    assert svn.out("propget", "kind", f"{url}/trunk/a.txt") == "<text> & \u00fc\n"
    assert "svn:ignore" in svn.out("proplist", "-v", f"{url}/trunk")
    said = svn.refused("propset", "--revprop", "-r", "1", "svn:log", "rewritten", url)
    assert "a revision and its properties stay as they are" in said
    assert svn.log(url)[-1][2] == "first"


def test_locks_of_files(server: Server, root: Api, svn: Svn, url: str, work: Path, tmp_path: Path) -> None:
    ben = root.new_user()
    root("grant_user_permission", repoid=url.rpartition("/")[2], userid=ben.id, perm="repository.write")
    other = Svn(tmp_path / "other", ben)
    theirs = other.checkout(url)
    svn.run("lock", "-m", "mine", "trunk/a.txt", cwd=work)
    assert f"Lock Owner: {svn.person.name if svn.person else ''}" in other.out("info", f"{url}/trunk/a.txt")
    (theirs / "trunk" / "a.txt").write_text("theirs\n")
    assert "locked" in other.refused("commit", "-m", "no", cwd=theirs)
    assert "locked" in other.refused("lock", "trunk/a.txt", cwd=theirs) + other.out("status", "-u", cwd=theirs)
    (work / "trunk" / "a.txt").write_text("mine\n")
    assert svn.commit(work, "with the lock") == 2
    assert "Lock Owner" not in other.out("info", f"{url}/trunk/a.txt")
    svn.run("lock", "trunk/docs/b.txt", cwd=work)
    svn.run("delete", "trunk/docs", "--force", cwd=work)
    assert svn.commit(work, "a locked file goes") == 3
    svn.run("lock", f"{url}/trunk/a.txt")
    svn.run("unlock", "--force", f"{url}/trunk/a.txt")
    assert "unlocked" in svn.out("lock", "--force", f"{url}/trunk/a.txt").replace("locked by", "unlocked")


def test_blame_cat_export_and_old_revisions(svn: Svn, url: str, work: Path, tmp_path: Path, ada: Person) -> None:
    (work / "trunk" / "a.txt").write_text("one\n2\n")
    svn.commit(work, "second")
    assert [line.split()[:2] for line in svn.out("blame", "-v", f"{url}/trunk/a.txt").splitlines()] == [
        ["1", ada.name],
        ["2", ada.name],
    ]
    assert svn.out("cat", "-r", "1", f"{url}/trunk/a.txt") == "one\ntwo\n"
    assert svn.out("cat", f"{url}/trunk/a.txt@1") == "one\ntwo\n"
    svn.run("export", "--quiet", "-r", "1", f"{url}/trunk", str(tmp_path / "exported"))
    assert (tmp_path / "exported" / "a.txt").read_text() == "one\ntwo\n"


def test_clients_that_fetch_file_by_file(svn: Svn, url: str, work: Path) -> None:
    option = "servers:global:http-bulk-updates=no"
    svn.run("checkout", "--quiet", "--config-option", option, url, "piecemeal")
    assert (svn.home / "piecemeal" / "trunk" / "docs" / "b.txt").read_text() == "b\n"


@pytest.mark.parametrize(
    "name",
    ["two words", "100%", "a+b", "étude", "a&b;c", "<b>", 'say "hi"', "$HOME", "x*y", "[x]", "{x}", "a%41b", "#1"],
)
def test_names_that_need_care(server: Server, root: Api, svn: Svn, ada: Person, name: str) -> None:
    allowed = "".join(one for one in name if one not in '%<>"*{}#') or "plain"
    full = f"{unique('group')}/{allowed}/{allowed}"
    root("create_repo", repo_name=full, repo_type="svn", owner=ada.name)
    url = svn_url(server.url, full)
    work = svn.checkout(url)
    svn.commit(work, f"in {name}", **{f"{name}/{name}": "1\n"})
    inside = svn_url(url, name)
    svn.run("copy", "-m", "a copy", f"{inside}@", svn_url(url, f"{name} 2@"))
    svn.run("lock", f"{inside}/{inside.rpartition('/')[2]}@")
    assert svn.out("list", "-R", f"{url}@").splitlines() == [
        f"{name}/",
        f"{name}/{name}",
        f"{name} 2/",
        f"{name} 2/{name}",
    ]
    assert svn.out("cat", f"{inside}/{inside.rpartition('/')[2]}@") == "1\n"
    assert root("get_repo", repoid=full)["last_changeset"]["raw_id"] == "2"
    assert f"URL: {url}" in svn.out("info", f"{url}@")


def test_the_permanent_address(server: Server, root: Api, svn: Svn, ada: Person) -> None:
    repository = root.new_repo(owner=ada.name, kind="svn")
    permanent = svn_url(server.url, f"_{repository.id}")
    work = svn.checkout(permanent)
    svn.commit(work, **{"a.txt": "1\n"})
    new = unique("renamed")
    root("update_repo", repoid=repository.id, name=new)
    assert svn.commit(work, **{"b.txt": "2\n"}) == 2
    svn.run("relocate", permanent, svn_url(server.url, new), cwd=work)
    assert svn.commit(work, **{"c.txt": "3\n"}) == 3
    svn.run("relocate", svn_url(server.url, new), permanent, cwd=work)
    assert f"URL: {permanent}" in svn.out("info", cwd=work)


def test_a_repository_in_new_groups_while_a_checkout_is_under_way(
    server: Server, root: Api, svn: Svn, ada: Person, url: str, work: Path
) -> None:
    content = random.Random(2).randbytes(8 << 20)
    (work / "trunk" / "large.bin").write_bytes(content)
    svn.run("add", "--quiet", "trunk/large.bin", cwd=work)
    svn.commit(work, "large")
    with connected(server.url) as reading:
        reading.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 << 10)
        reading.sendall(
            f"GET {urlsplit(url).path}/trunk/large.bin HTTP/1.1\r\nHost: x\r\nUser-Agent: SVN/1.14\r\n"
            f"Connection: close\r\nAuthorization: {basic(ada.name, ada.password)}\r\n\r\n".encode()
        )
        assert reading.recv(12) == b"HTTP/1.1 200"
        name = f"{unique('deep')}/a/b/c/repo"
        root("create_repo", repo_name=name, repo_type="svn", owner=ada.name)
        other = svn.checkout(svn_url(server.url, name), "other")
        assert svn.commit(other, **{"a.txt": "1\n"}) == 1
        assert everything(reading).endswith(content)


def test_large_files_pass_through(svn: Svn, work: Path, url: str) -> None:
    content = random.Random(1).randbytes(20 << 20)
    (work / "trunk" / "large.bin").write_bytes(content)
    svn.run("add", "--quiet", "trunk/large.bin", cwd=work)
    svn.commit(work, "large")
    again = svn.run("cat", f"{url}/trunk/large.bin").stdout
    assert hashlib.md5(again).digest() == hashlib.md5(content).digest()
