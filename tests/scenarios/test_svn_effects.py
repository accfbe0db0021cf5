# SPDX-License-Identifier: GPL-3.0-or-later
"""What a Subversion commit leaves behind, and what when something is killed (system.md 3.3, security.md 5)."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Api, Person, Thing, unique
from tests.support.crowd import at_once
from tests.support.processes import about, are_gone, kill_all, named
from tests.support.raw import basic, connected
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url
from tests.support.waiting import until


def journalled(server: Server, repository: Thing, action: str = "push") -> list[list[list[str]]]:
    """What the journal says about each commit."""
    rows = server.query(
        "SELECT detail FROM journal WHERE action = ? AND repository_id = ? ORDER BY id", action, repository.id
    )
    return [json.loads(detail).get("refs") for (detail,) in rows]


def verified(server: Server, name: str) -> bool:
    done = subprocess.run(["svnadmin", "verify", "-q", str(server.root / name)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return True


def youngest(server: Server, name: str) -> int:
    return int(subprocess.run(["svnlook", "youngest", str(server.root / name)], capture_output=True, check=True).stdout)


def apaches(server: Server) -> list[int]:
    """The processes of the server's Apache."""
    return named("apache2", server.children())


def as_root(server: Server, home: Path) -> Svn:
    return Svn(home, Person(1, server.admin, server.admin_password, "", server.api(server.admin_key)))


def last(root: Api, repository: Thing) -> tuple[str, int, str, str]:
    found = root("get_repo", repoid=repository.id)["last_changeset"]
    return found["raw_id"], found["revision"], found["author"], found["message"]


def test_a_commit_is_journalled_and_visible_at_once(server: Server, root: Api, tmp_path: Path) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name, kind="svn")
    svn = Svn(tmp_path / "home", ada)
    work = svn.checkout(svn_url(server.url, repository.name))
    for number in range(1, 4):
        svn.commit(work, f"change {number}", **{"a.txt": f"{number}\n"})
        assert last(root, repository) == (str(number), number - 1, ada.name, f"change {number}")
        changeset = root("get_repo_changeset", repoid=repository.id, revision="tip")
        assert changeset["raw_id"] == str(number)
    assert journalled(server, repository) == [[["", "0", "1"]], [["", "1", "2"]], [["", "2", "3"]]]
    assert {row[:2] for row in server.journal("push", repository.name)} == {(ada.name, "127.0.0.1")}
    assert server.under_way(repository.id) == []
    until(lambda: len(server.journal("pull", repository.name)) == 1)


def test_what_was_refused_is_not_in_the_journal(server: Server, root: Api, tmp_path: Path) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name, kind="svn")
    svn = Svn(tmp_path / "home", ada)
    url = svn_url(server.url, repository.name)
    work, other = svn.checkout(url), svn.checkout(url, "other")
    svn.commit(work, **{"a.txt": "1\n"})
    (other / "a.txt").write_text("2\n")
    svn.run("add", "a.txt", cwd=other)
    assert "out of date" in svn.refused("commit", "-m", "too late", cwd=other)
    assert len(journalled(server, repository)) == 1
    assert server.under_way(repository.id) == []


def test_many_at_once_all_arrive(server: Server, root: Api, tmp_path: Path) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name, kind="svn")
    clients = [Svn(tmp_path / f"home{number}", ada) for number in range(6)]
    url = svn_url(server.url, repository.name)
    at_once(lambda number: clients[number].run("mkdir", "-m", f"dir {number}", f"{url}/d{number}"), times=6)
    assert youngest(server, repository.name) == 6
    rows = sorted(int(refs[0][2]) for refs in journalled(server, repository))
    assert rows == [1, 2, 3, 4, 5, 6]
    state = server.query("SELECT history_state FROM repositories WHERE id = ?", repository.id)[0][0]
    assert json.loads(state) == {"youngest": 6, "unclaimed": []}
    assert last(root, repository)[0] == "6"


def test_a_fork_is_another_repository_to_working_copies(server: Server, root: Api, tmp_path: Path) -> None:
    ada = root.new_user()
    source, fork = root.new_repo(owner=ada.name, kind="svn").name, unique("fork")
    svn = Svn(tmp_path / "home", ada)
    work = svn.checkout(svn_url(server.url, source))
    svn.commit(work, "one", **{"a.txt": "1\n"})
    svn.run("lock", "a.txt", cwd=work)
    ada.api("fork_repo", repoid=source, fork_name=fork)
    uuids = {svn.out("info", "--show-item", "repos-uuid", svn_url(server.url, name)) for name in (source, fork)}
    assert len(uuids) == 2
    copy = svn.checkout(svn_url(server.url, fork), "copy")
    (copy / "a.txt").write_text("2\n")
    assert svn.commit(copy, "nobody holds the lock here") == 2


def test_what_subversion_cannot(server: Server, root: Api) -> None:
    name, other = root.new_repo(kind="svn").name, unique("import")
    assert root.error("get_repo_changeset", repoid=name, revision="1")  # from now on its state is known
    with server.unchanged():
        assert root.error("strip", repoid=name, revision="1", branch="") == (
            f"Unable to strip commit 1 from repo `{name}`"
        )
        assert root.error("create_repo", repo_name=other, repo_type="svn", clone_uri=f"{server.url}/{name}") == (
            f"failed to create repository `{other}`"
        )
    root("update_repo", repoid=name, clone_uri=f"{server.url}/x")
    assert root.error("pull", repoid=name) == f"Unable to pull changes from `{name}`"


def test_a_name_that_is_taken_again_shows_nothing_of_the_old(server: Server, root: Api, tmp_path: Path) -> None:
    """Apache keeps what it read by the place where it stood."""
    ada = root.new_user()
    svn, name = Svn(tmp_path / "home", ada), unique("again")
    for text in ("first\n", "second\n"):
        root("create_repo", repo_name=name, repo_type="svn", owner=ada.name)
        work = svn.checkout(svn_url(server.url, name), text.strip())
        assert svn.commit(work, **{"a.txt": text}) == 1
        assert svn.out("cat", f"{svn_url(server.url, name)}/a.txt") == text
        assert root("get_repo_nodes", repoid=name, revision="1", root_path="", details="full")[0]["content"] == text
        root("delete_repo", repoid=name)
    svn.refused("info", svn_url(server.url, name))


def test_a_repository_that_was_put_there_is_served(server: Server, root: Api, tmp_path: Path) -> None:
    name = unique("put-there")
    subprocess.run(["svnadmin", "create", str(server.root / name)], check=True)
    svn = as_root(server, tmp_path / "home")
    subprocess.run(["svn", "mkdir", "-q", "-m", "x", (server.root / name).as_uri() + "/trunk"], check=True)
    assert name in root("rescan_repos")["added"]
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == "1"
    url = svn_url(server.url, name)
    assert "arning" not in svn.out("mkdir", "-m", "y", f"{url}/tags")
    assert journalled(server, Thing(root("get_repo", repoid=name)["repo_id"], name)) == [[["", "1", "2"]]]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belonged_to_the_account_of_an_earlier_version_is_taken_over(own_server: Server, tmp_path: Path) -> None:
    """Before Apache had an account of its own it ran as www-data, which owned the repositories."""
    own_server.start()
    root = own_server.api(own_server.admin_key)
    group = root.new_repo_group()
    root("create_repo", repo_name=f"{group.name}/old", repo_type="svn")
    home = as_root(own_server, tmp_path / "home")
    url = svn_url(own_server.url, f"{group.name}/old")
    home.run("mkdir", "-m", "before", f"{url}/trunk")
    own_server.stop()
    www, place = pwd.getpwnam("www-data"), own_server.root / group.name
    for path in (
        place,
        *place.rglob("*"),
        own_server.data / "svn" / "run",
        *(own_server.data / "svn" / "run").iterdir(),
    ):
        os.chown(path, www.pw_uid, www.pw_gid)
    for path in (own_server.data / "svn", own_server.data / "svn" / "links"):
        os.chown(path, -1, www.pw_gid)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not theirs")
    (place / "old" / "locks" / "link").symlink_to(elsewhere)
    (place / "old" / "db" / "fsfs.conf").unlink()
    (place / "old" / "db" / "fsfs.conf").symlink_to(elsewhere)
    own_server.start()
    url = svn_url(own_server.url, f"{group.name}/old")
    root = own_server.api(own_server.admin_key)
    assert home.out("list", url) == "trunk/\n"
    home.run("mkdir", "-m", "after", f"{url}/tags")
    home.run("lock", f"{url}/trunk", check=False)
    assert root("get_repo", repoid=f"{group.name}/old")["last_changeset"]["raw_id"] == "2"
    owners = {path.lstat().st_uid for path in ((place / "old"), *(place / "old").rglob("*"))}
    assert owners == {pwd.getpwnam("trivium-svn").pw_uid}
    assert (elsewhere.read_text(), elsewhere.stat().st_uid) == ("not theirs", 0)
    assert not (place / "old").stat().st_mode & 0o007
    assert verified(own_server, f"{group.name}/old")


def test_a_group_that_moves_in_the_middle_of_a_commit(server: Server, root: Api, tmp_path: Path) -> None:
    ada = root.new_user()
    group, new = root.new_repo_group(), unique("moved")
    root("create_repo", repo_name=f"{group.name}/core", repo_type="svn", owner=ada.name)
    who = {"Authorization": basic(ada.name, ada.password), "User-Agent": "SVN/1"}
    path = f"/{group.name}/core"
    status, headers, _ = root.post(
        "( create-txn )", path=f"{path}/!svn/me", headers=who | {"Content-Type": "application/vnd.svn-skel"}
    )
    assert status == 201
    root("update_repo_group", repogroupid=group.id, group_name=new)
    transaction = headers["svn-txn-name"]
    assert root.post("", method="MKCOL", path=f"{path}/!svn/txr/{transaction}/d", headers=who)[0] == 404
    assert root.post("", method="MKCOL", path=f"/{new}/core/!svn/txr/{transaction}/d", headers=who)[0] == 201
    svn = Svn(tmp_path / "home", ada)
    work = svn.checkout(svn_url(server.url, f"{new}/core"))
    assert svn.commit(work, **{"a.txt": "1\n"}) == 1
    assert verified(server, f"{new}/core")


def test_an_apache_that_is_killed_is_started_again(own_server: Server, tmp_path: Path) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    repository = root.new_repo(kind="svn")
    svn = as_root(own_server, tmp_path / "home")
    assert apaches(own_server) == [], "nobody has needed it yet"
    work = svn.checkout(svn_url(own_server.url, repository.name))
    for number, whom in enumerate((slice(0, 1), slice(1, None), slice(None)), 1):
        killed = apaches(own_server)
        assert len(killed) >= 2
        kill_all(killed[whom])
        until(lambda killed=killed, whom=whom: not set(killed[whom]) & set(apaches(own_server)))
        assert svn.commit(work, **{f"{number}.txt": "1\n"}) == number
    own_server.stop()
    own_server.start()
    until(lambda: apaches(own_server))  # it was needed before
    assert svn.log(svn_url(own_server.url, repository.name))[0][0] == 3
    below = own_server.children()
    assert own_server.stop() == 0
    until(lambda: are_gone(below))


def test_the_number_of_a_killed_apache_may_be_that_of_another_process(own_server: Server, tmp_path: Path) -> None:
    own_server.start()
    repository = own_server.api(own_server.admin_key).new_repo(kind="svn")
    as_root(own_server, tmp_path / "before").checkout(svn_url(own_server.url, repository.name))
    own_server.kill()
    run = own_server.data / "svn" / "run"
    with subprocess.Popen(["sleep", "600"], user=run.stat().st_uid) as other, contextlib.ExitStack() as at_last:
        at_last.callback(other.kill)
        (run / "httpd.pid").write_text(f"{other.pid}\n")
        own_server.start()
        svn = as_root(own_server, tmp_path / "after")
        assert svn.commit(svn.checkout(svn_url(own_server.url, repository.name)), **{"a.txt": "1\n"}) == 1


def test_a_server_without_apache_says_so_and_serves_the_rest(own_server: Server, tmp_path: Path) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    repository = root.new_repo(kind="svn")
    svn = as_root(own_server, tmp_path / "home")
    svn.commit(svn.checkout(svn_url(own_server.url, repository.name)), **{"a.txt": "1\n"})
    own_server.stop()
    for option in ("TRIVIUM_APACHE_PATH", "TRIVIUM_SVNADMIN_PATH"):
        said = len(own_server.log.read_bytes())
        own_server.start(**{option: "/nowhere"})
        sentences = own_server.log.read_bytes()[said:].decode().splitlines()
        assert [line for line in sentences if line.startswith("trivium: Subversion is not served: ")]
        root = own_server.api(own_server.admin_key)
        assert "Subversion is not served here" in svn.refused("info", svn_url(own_server.url, repository.name))
        name = unique("new")
        assert root.error("create_repo", repo_name=name, repo_type="svn") == f"failed to create repository `{name}`"
        assert root("get_repo_changeset", repoid=repository.id, revision="1")["author"] == "root"
        root("create_repo", repo_name=name, repo_type="git")
        own_server.stop()


def committing(server: Server, repository: Thing, home: Path, stop: threading.Event, told: set[int]) -> None:
    """Commit one change after the other until told to stop; `told` gets the revisions that svn reports."""
    svn = as_root(server, home)
    url = svn_url(server.url, repository.name)
    while not stop.is_set():
        done = svn.run("mkdir", "-m", f"{home.name} {len(told)}", f"{url}/{unique(home.name)}", check=False)
        if done.returncode == 0:
            told.update(int(word.rstrip(".")) for word in done.stdout.decode().split() if word.rstrip(".").isdigit())


@contextlib.contextmanager
def committers(server: Server, repository: Thing, home: Path) -> Iterator[set[int]]:
    """Three people who commit as fast as they can; the revisions that they have been told so far."""
    stop = threading.Event()
    told: set[int] = set()
    threads = [
        threading.Thread(target=committing, args=(server, repository, home / str(number), stop, told))
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def test_nothing_is_lost_when_the_server_is_killed_in_the_middle_of_commits(own_server: Server, tmp_path: Path) -> None:
    own_server.start()
    repository = own_server.api(own_server.admin_key).new_repo(kind="svn")
    as_root(own_server, tmp_path / "first").run("info", svn_url(own_server.url, repository.name))
    acknowledged: set[int] = set()
    for round_ in range(3):
        with committers(own_server, repository, tmp_path / str(round_)) as told:
            until(lambda told=told, wanted=2 + round_: len(told) >= wanted)
            own_server.kill()
        acknowledged |= told
        own_server.start()
        check_consistent(own_server, repository, acknowledged)
    assert acknowledged


def check_consistent(server: Server, repository: Thing, acknowledged: set[int]) -> None:
    """Every acknowledged revision is there; every revision is journalled, once; nothing counts as under way."""
    assert verified(server, repository.name)
    count = youngest(server, repository.name)
    assert not acknowledged or max(acknowledged) <= count
    assert server.under_way() == []
    rows = sorted(int(update[2]) for refs in journalled(server, repository) for update in refs)
    assert rows == list(range(1, count + 1))
    state = server.query("SELECT history_state FROM repositories WHERE id = ?", repository.id)[0][0]
    assert json.loads(state or '{"youngest": 0, "unclaimed": []}') == {"youngest": count, "unclaimed": []}
    root = server.api(server.admin_key)
    assert last(root, repository)[1] == count - 1


def test_a_worker_that_dies_in_the_middle_of_commits(own_server: Server, tmp_path: Path) -> None:
    own_server.start("--workers", "2")
    repository = own_server.api(own_server.admin_key).new_repo(kind="svn")
    as_root(own_server, tmp_path / "first").run("info", svn_url(own_server.url, repository.name))
    with committers(own_server, repository, tmp_path) as told:
        for round_ in range(1, 6):
            until(lambda wanted=2 * round_: len(told) >= wanted)
            if round_ < 5:
                until(own_server.workers)
                kill_all(own_server.workers()[:1])
    until(lambda: own_server.under_way() == [])
    check_consistent(own_server, repository, told)


def test_a_commit_whose_client_vanishes_is_recorded_all_the_same(server: Server, root: Api) -> None:
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name, kind="svn")
    who = {"Authorization": basic(ada.name, ada.password), "User-Agent": "SVN/1"}
    path = f"/{repository.name}"
    answer = root.post(
        "( create-txn )", path=f"{path}/!svn/me", headers=who | {"Content-Type": "application/vnd.svn-skel"}
    )
    transaction = answer[1]["svn-txn-name"]
    assert root.post("", method="MKCOL", path=f"{path}/!svn/txr/{transaction}/d", headers=who)[0] == 201
    merge = f'<D:merge xmlns:D="DAV:"><D:source><D:href>{path}/!svn/txn/{transaction}</D:href></D:source></D:merge>'
    with connected(server.url) as connection:
        connection.sendall(
            f"MERGE {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {who['Authorization']}\r\n"
            f"Content-Length: {len(merge)}\r\n\r\n{merge}".encode()
        )
        until(lambda: youngest(server, repository.name) == 1)
    until(lambda: journalled(server, repository) == [[["", "0", "1"]]])
    assert last(root, repository)[0] == "1"


def test_a_large_commit_is_streamed(own_server: Server, tmp_path: Path) -> None:
    """Nothing holds a file of 120 MB, neither on its way in nor out (CONTRIBUTING.md)."""
    own_server.start()
    root = own_server.api(own_server.admin_key)
    repository = root.new_repo(kind="svn")
    svn = as_root(own_server, tmp_path / "home")
    url = svn_url(own_server.url, repository.name)
    work = svn.checkout(url)
    with (work / "large.bin").open("wb") as file:
        for _ in range(120):
            file.write(os.urandom(1 << 20))
    svn.run("add", "--quiet", "large.bin", cwd=work)
    svn.commit(work, "large")
    with (tmp_path / "again").open("wb") as out:
        options = (
            "--non-interactive",
            "--no-auth-cache",
            "--username",
            "root",
            "--password",
            own_server.admin_password,
        )
        subprocess.run(["svn", "cat", *options, f"{url}/large.bin"], stdout=out, check=True)
    subprocess.run(["cmp", work / "large.bin", tmp_path / "again"], check=True)
    peaks = {pid: _peak_mb(pid) for pid in [own_server.pid, *own_server.children()]}
    assert max(peaks.values()) < 150, peaks
    shutil.rmtree(work)
    (tmp_path / "again").unlink()


def _peak_mb(pid: int) -> int:
    peak = re.search(r"VmHWM:\s+(\d+)", about(pid, "status"))
    return int(peak[1]) >> 10 if peak else 0
