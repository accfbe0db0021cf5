# SPDX-License-Identifier: GPL-3.0-or-later
"""What an administrator puts into the repository root, or loses there (api-users.md 6, rescan_repos)."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, Person, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server
from tests.support.svn_client import Svn

FAILED = "Error occurred during rescan repositories action"


@pytest.fixture
def admin(own_server: Server) -> Api:
    own_server.start()
    return own_server.api(own_server.admin_key)


@pytest.fixture(scope="module")
def rescanned(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A server whose root has nothing in it but what was registered or will be removed."""
    running = prepared.copied(tmp_path_factory.mktemp("rescanned") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def bare(git: Git) -> tuple[Path, str]:
    """A bare repository outside the server, and its commit."""
    work = git.new_work()
    commit = git.commit(work)
    git.run("clone", "--quiet", "--bare", str(work), "bare.git")
    return git.home / "bare.git", commit


def test_what_was_put_there_is_registered_once(
    own_server: Server, admin: Api, git: Git, bare: tuple[Path, str]
) -> None:
    known = admin.new_repo("known/here")
    for name in ("put", "groups/deep/put", "known/beside"):
        target = own_server.root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(bare[0], target)
    assert admin("rescan_repos") == {"added": ["groups/deep/put", "known/beside", "put"], "removed": []}
    with own_server.unchanged():
        assert admin("rescan_repos", remove_obsolete=True) == {"added": [], "removed": []}
    shown = admin("get_repo", repoid="groups/deep/put")
    assert (shown["owner"], shown["repo_type"], shown["description"]) == ("root", "git", "put")
    assert (shown["last_changeset"]["raw_id"], shown["last_changeset"]["revision"]) == (bare[1], 0)
    assert [user["username"] for user in shown["followers"]] == ["root"]
    assert {row["group_name"] for row in admin("get_repo_groups")} == {"groups", "groups/deep", "known"}
    assert admin("get_repo", repoid="known/here")["repo_id"] == known.id
    url = f"{own_server.url.replace('://', f'://root:{own_server.admin_password}@')}/groups/deep/put"
    work = git.home / "work"
    git.commit(work)
    git.run("push", "--quiet", url, "master", cwd=work)
    assert admin("get_repo", repoid="groups/deep/put")["last_changeset"]["revision"] == 1


def test_what_is_no_repository_of_ours_is_left_alone(
    own_server: Server, admin: Api, git: Git, bare: tuple[Path, str], tmp_path: Path
) -> None:
    admin.new_repo("mine")
    root = own_server.root
    outside = tmp_path / "outside"
    shutil.copytree(bare[0], outside / "linked")
    (root / "link").symlink_to(outside / "linked")
    (root / "links").symlink_to(outside)
    for name in (".hidden", "mine/inside", "-option", "_7", "with.lock", "MINE", "with:colon", "info"):
        shutil.copytree(bare[0], root / name)
    (root / "empty").mkdir()
    (root / "file").write_text("no repository")
    (root / "broken").mkdir()
    (root / "broken" / "HEAD").write_text("garbage")
    (root / "broken" / "objects").mkdir()
    (root / "broken" / "refs").mkdir()
    git.run("clone", "--quiet", str(bare[0]), str(root / "checkout"))
    shutil.copytree(bare[0], root / "checkout" / "module")
    shutil.copytree(bare[0], root / os.fsdecode(b"not-\xff-text"))
    with own_server.unchanged():
        done = admin("rescan_repos", remove_obsolete=True)
    assert (done["added"], done["removed"]) == ([], [])
    skipped = {row["name"]: row["reason"] for row in done["skipped"]}
    assert set(skipped) == {
        *("-option", "_7", "with.lock", "MINE", "with:colon", "info", "link", "links", "checkout"),
        "not-\N{REPLACEMENT CHARACTER}-text",
    }
    assert (skipped["link"], skipped["links"]) == ("it is a link", "it is a link")
    assert "working copy" in skipped["checkout"]
    assert "already exists" in skipped["MINE"]
    assert "not allowed" in skipped["-option"]
    assert "not allowed: ':'" in skipped["with:colon"]
    assert "reserved" in skipped["info"]
    assert "permanent address" in skipped["_7"]
    assert not any(str(root) in reason for reason in skipped.values())


def test_a_bare_repository_loses_the_end_of_its_name(
    own_server: Server, admin: Api, git: Git, bare: tuple[Path, str]
) -> None:
    for name in ("core.git", "group/tool.git", "taken.git"):
        shutil.copytree(bare[0], own_server.root / name)
    admin.new_repo("taken")
    subprocess.run(["svnadmin", "create", str(own_server.root / "svn.git")], check=True)
    done = admin("rescan_repos")
    assert (done["added"], done["removed"]) == (["core", "group/tool"], [])
    assert [row["name"] for row in done["skipped"]] == ["svn.git", "taken.git"]
    assert sorted(path.name for path in own_server.root.glob("*.git")) == ["svn.git", "taken.git"]
    assert (own_server.root / "group" / "tool" / "HEAD").is_file()
    assert admin("get_repo", repoid="core")["last_changeset"]["raw_id"] == bare[1]
    url = own_server.clone_url("group/tool.git", own_server.administrator)
    git.run("clone", "--quiet", url, "tool")
    assert git.out("rev-parse", "HEAD", cwd=git.home / "tool") == bare[1]
    with own_server.unchanged():
        assert admin("rescan_repos")["added"] == []


def test_what_is_gone_is_forgotten_only_when_asked(own_server: Server, admin: Api) -> None:
    kept, lost = admin.new_repo("kept"), admin.new_repo("group/lost")
    admin("fork_repo", repoid="group/lost", fork_name="fork")
    shutil.rmtree(own_server.root / "group" / "lost")
    with own_server.unchanged():
        assert admin("rescan_repos") == {"added": [], "removed": []}
    assert admin("rescan_repos", remove_obsolete=True) == {"added": [], "removed": ["group/lost"]}
    assert admin.error("get_repo", repoid=lost.id) == f"repository `{lost.id}` does not exist"
    assert admin("get_repo", repoid="fork")["fork_of"] is None
    assert admin("get_repo", repoid="kept")["repo_id"] == kept.id
    assert admin("rescan_repos", remove_obsolete=True) == {"added": [], "removed": []}


def test_a_disk_that_is_not_mounted_forgets_nothing(own_server: Server, admin: Api) -> None:
    admin.new_repo("one")
    admin.new_repo("two")
    aside = own_server.root / ".aside"
    aside.mkdir()
    for name in ("one", "two"):
        (own_server.root / name).rename(aside / name)
    with own_server.unchanged():
        assert admin.error("rescan_repos", remove_obsolete=True) == FAILED
        assert admin("rescan_repos") == {"added": [], "removed": []}
    # The program asks once more before it forgets most of them.
    admin.new_repo("three")
    command = ("rescan", "--data", str(own_server.data), "--remove-obsolete")
    with own_server.unchanged():
        refused = own_server.trivium(*command, check=False)
        assert refused.returncode == 1
        assert b"2 of 3 repositories are missing" in refused.stderr
    assert own_server.trivium(*command, "--even-most").stdout == b"removed one\nremoved two\n"
    for name in ("one", "two"):
        (aside / name).rename(own_server.root / name)
    assert own_server.trivium(*command).stdout == b"added one\nadded two\n"


def test_rescanning_is_for_super_admins(own_server: Server, admin: Api) -> None:
    ada = admin.new_user()
    assert ada.api.error("rescan_repos") == "Access was denied to this resource."
    assert admin.error("rescan_repos", remove_obsolete="perhaps") == FAILED


def test_repositories_that_come_and_go_meanwhile_stay_what_they_are(own_server: Server, admin: Api) -> None:
    """Creations, moves and deletions under way look like unknown and lost directories from outside."""
    ended = threading.Event()
    problems: list[BaseException] = []

    def busy(number: int) -> None:
        api = own_server.api(own_server.admin_key)
        try:
            for step in range(12):
                name = f"busy{number}/r{step}"
                api("create_repo", repo_name=name, repo_type="git")
                api("update_repo", repoid=name, name=f"s{step}")
                if step % 2:
                    api("delete_repo", repoid=f"busy{number}/s{step}")
        except BaseException as problem:
            problems.append(problem)
        finally:
            ended.set()

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    rescans = []
    while not ended.is_set():
        rescans.append(admin("rescan_repos", remove_obsolete=True))
    for thread in threads:
        thread.join()
    assert problems == []
    assert [done for done in rescans if done != {"added": [], "removed": []}] == []
    names = sorted(row["repo_name"] for row in admin("get_repos"))
    assert names == sorted(f"busy{number}/s{step}" for number in range(3) for step in range(0, 12, 2))


def link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


def script(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("#!/bin/sh\ntouch /tmp/ran\n")
    path.chmod(0o755)


def setting(line: str) -> Callable[[Path], object]:
    return lambda path: (path / "config").open("a").write(f"\n{line}\n")


@pytest.mark.parametrize(("kind", "prepare"), [
    ("git", lambda path: link(path / "HEAD", "refs/heads/master")),
    ("git", lambda path: link(path / "refs" / "heads" / "other", "/etc/hostname")),
    ("git", lambda path: link(path / "objects" / "aa", "/etc")),
    ("git", lambda path: (path / "objects" / "info" / "alternates").write_text("/\n")),
    ("git", lambda path: (path / "commondir").write_text("/\n")),
    ("git", lambda path: os.mkfifo(path / "description-2")),
    ("git", setting("[core]\nhooksPath = hooks")),
    ("git", setting("[core]\nalternateRefsCommand = touch /tmp/ran")),
    ("git", setting("[include]\npath = /etc/passwd")),
    ("git", setting('[url "http://127.0.0.1/"]\ninsteadOf = http://example.org/')),
    ("git", setting("[credential]\nhelper = !touch /tmp/ran")),
    ("git", setting("[receive]\nfsckObjects = false")),
    ("git", setting('[remote "origin"]\npromisor = true')),
    ("hg", lambda path: link(path / ".hg" / "store" / "00changelog.i", "/etc/hostname")),
    ("hg", lambda path: (path / ".hg" / "sharedpath").write_text("/")),
    ("hg", lambda path: link(path / ".hg" / "wcache" / "checklink", "/etc/hostname")),
    ("hg", lambda path: link(path / ".hg" / "wcache" / "other", "checklink-target")),
    ("svn", lambda path: script(path / "hooks" / "post-commit")),
    ("svn", lambda path: link(path / "db" / "fsfs.conf", "/tmp/written")),
    ("svn", lambda path: (path / "db" / "fs-type").write_text("bdb\n")),
])  # fmt: skip
def test_what_would_lead_elsewhere_is_not_registered(
    rescanned: Server, kind: str, prepare: Callable[[Path], object]
) -> None:
    admin = rescanned.api(rescanned.admin_key)
    made, good, bad = (unique(name) for name in ("made", "good", "bad"))
    admin.new_repo(made, kind=kind)
    for name in (good, bad):
        shutil.copytree(rescanned.root / made, rescanned.root / name, symlinks=True)
    prepare(rescanned.root / bad)
    done = admin("rescan_repos")
    shutil.rmtree(rescanned.root / bad)
    assert done["added"] == [good]
    assert [row["name"].partition("/")[0] for row in done["skipped"]] == [bad]
    assert done["skipped"][0]["reason"]
    assert str(rescanned.root) not in done["skipped"][0]["reason"]


def test_what_mercurials_clients_leave_is_no_reason_to_refuse(own_server: Server, admin: Api, hg: Hg) -> None:
    work = hg.new_work("work")
    hg.run("branch", "other", cwd=work)
    raw_id = hg.commit(work)
    (work / ".hg" / "hgrc").write_text("[paths]\ndefault = http://example.org/\n[hooks]\nupdate = touch /tmp/ran\n")
    shutil.copytree(work, own_server.root / "left", symlinks=True)
    control = own_server.root / "left" / ".hg"
    for directory in ("cache", "wcache"):  # of clients before 4.6 and since
        (control / directory).mkdir(exist_ok=True)
        (control / directory / "checklink-target").touch()
        (control / directory / "checklink").unlink(missing_ok=True)
        (control / directory / "checklink").symlink_to("checklink-target")
    (control / "store" / "lock").symlink_to("elsewhere.example.org:4711")
    (control / "wlock").symlink_to("elsewhere.example.org/f0000001:4711")
    assert admin("rescan_repos") == {"added": ["left"], "removed": []}
    assert admin("get_repo_changeset", repoid="left", revision="tip")["raw_id"] == raw_id


def test_a_subversion_repository_is_taken_in(own_server: Server, admin: Api, tmp_path: Path) -> None:
    subprocess.run(["svnadmin", "create", str(own_server.root / "put")], check=True)
    assert admin("rescan_repos") == {"added": ["put"], "removed": []}
    root = Person(1, own_server.admin, own_server.admin_password, "", admin)
    svn = Svn(tmp_path / "root", root)
    svn.run("mkdir", "-m", "x", f"{own_server.url}/put/trunk")
    assert admin("get_repo", repoid="put")["last_changeset"]["message"] == "x"
