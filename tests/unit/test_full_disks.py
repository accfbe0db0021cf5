# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk is told for what it is, and only what writes fails (security.md R-9)."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

from tests.support.doors import Doorway, Visitor
from tests.unit.web.conftest import doorway, root  # noqa: F401  # fixtures
from trivium.cli.logs import _STANDARD_ERROR
from trivium.errors import NO_ROOM, Busy, DatabaseFull, StorageFull, full_disk_told
from trivium.forge.repositories.failed_transfers import reason_of
from trivium.forge.sessions.endings import SHORT_OF_SPACE, declined
from trivium.forge.sessions.git.pktline import FLUSH, pkt
from trivium.forge.sessions.git.push import PushReport
from trivium.forge.site import Site
from trivium.jobs import runner as runners
from trivium.store.failures import meaning_of
from trivium.store.tables import access_stamp, sessions, site_values
from trivium.vcs.errors import VcsError
from trivium.vcs.git.filestore import write_files
from trivium.vcs.git.objects import told_of
from trivium.vcs.remote_trouble import Trouble, trouble_of
from trivium.web.texts import refused
from trivium.wire.svn.answers import Outwards
from trivium.wire.svn.paths import Translation


def test_a_database_on_a_full_disk_says_so_and_goes_on_reading(site: Site) -> None:
    if site.store.url.get_backend_name() != "sqlite":
        pytest.skip("of SQLite")

    def fill() -> None:
        with site.store.write() as db:
            db.exec_driver_sql("PRAGMA max_page_count = 1")  # which SQLite takes for as many as there are
            db.execute(insert(site_values).values(key="large", value="x" * 1_000_000))

    with pytest.raises(DatabaseFull, match="disk of the database is full"):
        fill()
    with site.store.read() as db:
        assert db.execute(access_stamp.select()).one()
    with site.store.write() as db:
        db.exec_driver_sql("PRAGMA max_page_count = 1000000")
        db.execute(insert(site_values).values(key="large", value="x" * 1_000_000))


def test_a_full_disk_of_postgresql_says_so() -> None:
    class Full(psycopg.OperationalError):
        sqlstate = "53100"

    assert isinstance(meaning_of(OperationalError("x", {}, Full("could not extend file"))), DatabaseFull)


@pytest.mark.parametrize("error", [DatabaseFull(""), StorageFull(NO_ROOM), VcsError("x: No space left on device")])
def test_every_door_says_it(error: VcsError) -> None:
    assert refused(error).status == 507
    assert declined(error, "Git").text == SHORT_OF_SPACE


def test_what_the_system_and_the_programs_say_is_understood(tmp_path: Path) -> None:
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(StorageFull, match=NO_ROOM), full_disk_told():
        full.write(b"x")
    with pytest.raises(FileNotFoundError), full_disk_told():
        (tmp_path / "none").stat()
    assert reason_of(OSError(errno.EDQUOT, "x")).sentence == NO_ROOM
    with pytest.raises(VcsError) as told, told_of(tmp_path):
        raise OSError("failed to write out file: No space left on device")  # as libgit2 says it
    assert told.value.public == NO_ROOM
    assert (
        trouble_of("fatal: write error: No space left on device\nfatal: invalid index-pack output") is Trouble.NO_ROOM
    )
    with pytest.raises(VcsError):
        write_files(Path("/proc/self/store"), {}, author="", message="")


@pytest.mark.parametrize("said", ["fatal: write error: No space left on device", "fatal: pack has bad object"])
def test_a_pack_is_not_blamed_for_it(said: str) -> None:
    report = PushReport(side_band=True)
    report.feed(pkt(b"\2" + said.encode()) + pkt(b"\1" + pkt(b"unpack index-pack abnormal exit\n") + FLUSH) + FLUSH)
    assert report.unpack_failed and report.no_room is ("No space" in said)


def test_subversion_is_not_blamed_for_it() -> None:
    words = Outwards(Translation(("one",), "7-abc", b"http://apache"), "http://host")
    body = (
        '<?xml version="1.0"?><D:error xmlns:D="DAV:" xmlns:m="http://apache.org/dav/xmlns">'
        f'<m:human-readable errcode="{errno.ENOSPC}">Can\'t write</m:human-readable></D:error>'
    )
    with pytest.raises(StorageFull):
        words.error(500, body.encode())


def test_a_log_on_a_full_disk_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "wb", buffering=0) as full:
        monkeypatch.setattr(sys, "stderr", io.TextIOWrapper(full, write_through=True))
        _STANDARD_ERROR.write("a line\n")
        _STANDARD_ERROR.flush()


def test_a_page_is_shown_where_nothing_can_be_written(
    doorway: Doorway,  # noqa: F811
    root: Visitor,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it was to say once is said later."""
    store = doorway.site.store
    with store.write() as db:
        db.execute(update(sessions).values(flash="Saved it."))

    def full(**_: bool) -> None:
        raise DatabaseFull("")

    with monkeypatch.context() as patched:
        patched.setattr(store, "write", full)
        answer = root.get("/")
        assert answer.status == 200 and "Saved it." not in answer.text
    assert "Saved it." in root.get("/").text and "Saved it." not in root.get("/").text


def test_a_job_that_cannot_be_begun_is_not_tried_without_a_pause(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def carry_out(*_: object) -> bool:
        raise outcomes.pop()

    outcomes: list[Exception] = [DatabaseFull(""), Busy("")]
    monkeypatch.setattr(runners, "carry_out", carry_out)
    runner = runners.Runner(site)
    while outcomes:
        runner._under_way["x"] = False
        runner._run("x")
    assert not runner._woken
    monkeypatch.setattr(runners, "carry_out", lambda *_: SimpleNamespace())
    runner._under_way["x"] = False
    runner._run("x")
    assert runner._woken
