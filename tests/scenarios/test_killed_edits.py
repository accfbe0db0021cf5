# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker is killed while it records a change made in the browser: after the system has it, and before anybody knows.

The programs that record it kill the worker that started them, and so between the same two lines each time.
"""

from __future__ import annotations

import contextlib
import shutil
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.support.browser import Browser
from tests.support.servers import Server
from tests.support.systems import new_system
from tests.support.waiting import until

PROGRAMS = {"git": ("git", "update-ref"), "svn": ("svnadmin", "load")}
"""What records a change, and with which command; Mercurial's processes do so themselves."""
KILLER = """#!/bin/sh
{program} "$@"
answer=$?
case " $* " in *" {command} "*) if rm "{mark}" 2>/dev/null; then kill -9 $PPID; fi ;; esac
exit $answer
"""


@pytest.mark.parametrize("kind", sorted(PROGRAMS))
def test_a_change_that_a_killed_worker_recorded_is_told_and_everybody_can_go_on(
    own_server: Server, kind: str, tmp_path: Path
) -> None:
    name, command = PROGRAMS[kind]
    found = shutil.which(name)
    assert found is not None
    mark, killer = tmp_path / "mark", tmp_path / "bin" / name
    killer.parent.mkdir()
    tmp_path.chmod(0o755)
    killer.write_text(KILLER.format(program=found, command=command, mark=mark))
    killer.chmod(0o755)
    (killer.parent / "svnrdump").symlink_to(shutil.which("svnrdump") or "/usr/bin/svnrdump")
    own_server.start("--workers", "1", **{f"TRIVIUM_{name.upper()}_PATH": str(killer)})
    root = own_server.api(own_server.admin_key)
    root("create_repo", repo_name="tide", repo_type=kind)
    browser = Browser(own_server.url)
    assert browser.sign_in(own_server.administrator).status == 302
    form = browser.get("/tide/add/tip").page
    opened = {one["name"]: one.get("value", "") for one in form.all("input") if one.get("name", "query") != "query"}
    wanted = opened | {"filename": "a.txt", "content": "one\n", "message": "First"}
    address = next(one["action"] for one in form.all("form") if "/add/" in one.get("action", ""))
    mark.touch()
    with contextlib.suppress(OSError, HTTPException):
        answer = browser.post(address, wanted)
        assert answer.status >= 500, "whoever asked was not told that it is done"
    assert not mark.exists(), "the worker was killed where it should be"
    until(lambda: own_server.under_way() == [])
    until(lambda: len(own_server.journal("push", "tide")) == 1)
    assert own_server.journal("repository.unexplained", "tide") == []
    last = root("get_repo", repoid="tide")["last_changeset"]
    assert last["message"].strip() == "First"
    # Clients and the browser go on from there.
    copy = new_system(kind, tmp_path / "clients").checkout(own_server, "tide", own_server.administrator)
    (file,) = copy.files()
    assert copy.files()[file] == b"one\n"
    copy.change("second", **{file: "two\n"})
    again = browser.post(address, wanted | {"filename": "b.txt", "message": "Third"})
    assert again.status == 302 and "/changeset/" in again.location, again.text[:2000]
    assert len(own_server.journal("push", "tide")) == 3
    if kind == "svn":
        place = own_server.root / "tide"
        assert {one.stat().st_uid for one in place.rglob("*")} == {place.stat().st_uid}
