# SPDX-License-Identifier: GPL-3.0-or-later
"""A server that does not run as root: all three systems work, and everything belongs to one account."""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.clients import Git, Person
from tests.support.hg_client import Hg
from tests.support.processes import about, are_gone
from tests.support.servers import Server
from tests.support.svn_client import Svn
from tests.support.waiting import until

ACCOUNT = "nobody"
BECOME = ["setpriv", f"--reuid={ACCOUNT}", "--regid=nogroup", "--clear-groups", "--"]
NEEDED = (
    "import subprocess, sys, trivium.cli.main, pygit2, mercurial.initialization, subvertpy.repos;"
    "subprocess.run([sys.executable, '-c', ''], check=True)"
)


def interpreter() -> str | None:
    """A Python with which that account can run Trivium; ours may stand where it cannot look."""
    for found in (sys.executable, "/usr/bin/python3"):
        done = subprocess.run([*BECOME, found, "-c", NEEDED], cwd="/", capture_output=True, check=False)
        if not done.returncode:
            return found
    return None


@pytest.fixture
def unprivileged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server of an account that may do nothing else, set up and started."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("only root can become another account")
    packages = [str(Path(servers.__file__).parents[2]), sysconfig.get_path("purelib")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(packages))
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    found = interpreter()
    if found is None:
        pytest.skip(f"the account {ACCOUNT!r} cannot run Trivium where it stands")
    # Not below pytest's own directory, which is closed to others.
    with tempfile.TemporaryDirectory(prefix="trivium-test-") as place:
        shutil.chown(place, ACCOUNT, "nogroup")
        monkeypatch.setenv("HOME", place)
        monkeypatch.setattr(servers, "TRIVIUM", [*BECOME, found, "-m", "trivium.cli.main"])
        server = Server(Path(place) / "data")
        server.is_copied = False
        server.set_up()
        server.start()
        yield server
        server.stop()


def test_everything_works_without_root(unprivileged: Server, git: Git, hg: Hg, tmp_path: Path) -> None:
    admin = unprivileged.api(unprivileged.admin_key)
    root = Person(1, unprivileged.admin, unprivileged.admin_password, "", admin)
    for kind in ("git", "hg", "svn"):
        admin.new_repo(f"group/{kind}", kind=kind)

    work = git.new_work()
    git.commit(work)
    git.run("push", "--quiet", unprivileged.clone_url("group/git", root), "master", cwd=work)
    hg.sign_in_as(unprivileged.url, root)
    local = hg.new_work("local")
    hg.commit(local)
    hg.run("push", unprivileged.clone_url("group/hg"), cwd=local)
    svn = Svn(tmp_path / "svn", root)
    svn.run("mkdir", "-m", "first", f"{unprivileged.url}/group/svn/trunk")

    for kind in ("git", "hg", "svn"):
        assert admin("get_repo", repoid=f"group/{kind}")["last_changeset"]["revision"] == 0
        admin("fork_repo", repoid=f"group/{kind}", fork_name=f"group/{kind}-fork")
        admin("update_repo", repoid=f"group/{kind}", name=f"{kind}-renamed")
    git.run("clone", "--quiet", unprivileged.clone_url("group/git-renamed", root), "copy")
    hg.run("clone", unprivileged.clone_url("group/hg-renamed"), "copy")
    svn.commit(svn.checkout(f"{unprivileged.url}/group/svn-fork"), **{"a.txt": "1\n"})

    uid = pwd.getpwnam(ACCOUNT).pw_uid
    children = unprivileged.children()
    owners = [re.search(r"Uid:\t(\d+)", about(pid, "status")) for pid in [unprivileged.pid, *children]]
    assert {int(owner[1]) for owner in owners if owner} == {uid}
    assert unprivileged.stop() == 0
    until(lambda: are_gone(children))
    # Only now: files come and go while it runs.
    assert {path.lstat().st_uid for path in unprivileged.data.rglob("*")} == {uid}
