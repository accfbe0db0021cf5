# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are looked through for damage: on request, and each in its turn."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.errors import Busy
from trivium.forge.accounts import users as accounts
from trivium.forge.jobs import finding
from trivium.forge.jobs.job import State
from trivium.forge.jobs.reasons import because
from trivium.forge.jobs.submission import submit
from trivium.forge.repositories import creation
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.forge.upkeep import integrity
from trivium.jobs.carrying_out import carry_out
from trivium.jobs.schedules import INTEGRITY, Nothing
from trivium.store import tables
from trivium.tree.kernel_locks import one_at_a_time
from trivium.vcs.errors import VcsError


@pytest.fixture
def root(site: Site) -> Caller:
    with site.store.read() as db:
        return accounts.find(db, "root").as_caller("127.0.0.1")


def _made(site: Site, root: Caller, *names: str) -> list[Repository]:
    for name in names:
        creation.create(site, root, CreationRequest(name=name, kind="git"))
    with site.store.read() as db:
        return [repositories.find(db, root, name, Level.ADMIN) for name in names]


def _told(site: Site) -> list[tuple[str, Any]]:
    with site.store.read() as db:
        rows = db.execute(select(tables.journal).where(tables.journal.c.action == "repository.verify")).all()
    return [(row.subject, json.loads(row.detail)) for row in rows]


def _looks(monkeypatch: pytest.MonkeyPatch, site: Site, *answers: list[str]) -> list[str]:
    """Let the checks find this, one after the other, and then nothing; returns the names that are looked at."""
    left, seen = list(answers), []

    def verify(_back_end: object, path: Path, check: Callable[[], None]) -> list[str]:
        check()
        seen.append(path.name)
        return left.pop(0) if left else []

    monkeypatch.setattr(type(site.back_ends["git"]), "verify", verify)
    return seen


def test_a_job_tells_what_is_damaged(site: Site, root: Caller) -> None:
    (sound, broken) = _made(site, root, "sound", "broken")
    (site.tree.path_of("broken") / "refs" / "heads" / "lost").write_text("1" * 40 + "\n")
    for repository, state, about in (
        (sound, State.DONE, "nothing is damaged"),
        (broken, State.FAILED, "refs/heads/lost"),
    ):
        job = integrity.ask_for_verification(site, root, repository)
        assert job is not None
        assert integrity.ask_for_verification(site, root, repository) is None  # one waits already
        assert carry_out(site, job)
        with site.store.read() as db:
            row = finding.find(db, root, job)
        assert row.state is state
        assert about in row.log
        assert (row.reason is None) is (state is State.DONE)
    (good, bad) = _told(site)
    assert good == ("sound", {"sound": True, "problems": []})
    with site.store.read() as db:
        assert integrity.damaged(db, 30, 10) == integrity.damaged(db, 0, 10) == ["broken"]
    (site.tree.path_of("broken") / "refs" / "heads" / "lost").unlink()
    assert integrity.verify(site, root, broken, lambda: None) == []
    with site.store.read() as db:
        assert integrity.damaged(db, 30, 10) == []
    assert bad[0] == "broken" and not bad[1]["sound"] and "refs/heads/lost" in bad[1]["problems"][0]


def test_what_seemed_damaged_once_is_not(site: Site, root: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository,) = _made(site, root, "busy")
    seen = _looks(monkeypatch, site, ["while they push", "a hole"], ["a hole"])
    assert integrity.verify(site, root, repository, lambda: None) == ["a hole"]
    assert len(seen) == 2


def test_each_has_its_turn(site: Site, root: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"r{number}" for number in range(5)]
    _made(site, root, *names)
    seen = _looks(monkeypatch, site)
    some = replace(site, settings=replace(site.settings, verify_days=2))

    def one_day() -> None:
        with site.store.write(access_unchanged=True) as db:
            db.execute(update(tables.journal).values(at="2000-01-01T00:00:00.000"))
        job = submit(some, the_system(), INTEGRITY, Nothing(), subject="")
        assert job is not None and carry_out(some, job)

    one_day()
    assert seen == names[:3]
    for number, subject in enumerate(names[:3]):
        with site.store.write(access_unchanged=True) as db:
            which = (tables.journal.c.action == "repository.verify", tables.journal.c.subject == subject)
            db.execute(update(tables.journal).where(*which).values(at=f"2000-01-0{3 - number}T00:00:00.000"))
    job = submit(some, the_system(), INTEGRITY, Nothing(), subject="")
    assert job is not None and carry_out(some, job)
    assert seen[3:] == ["r3", "r4", "r2"]  # those never looked at, then that of the longest ago
    job = submit(some, the_system(), INTEGRITY, Nothing(), subject="")
    assert job is not None and carry_out(some, job)
    assert sorted(seen[6:]) == ["r0", "r1"]  # the others were looked at today


def test_one_at_a_time(site: Site, root: Caller) -> None:
    (repository,) = _made(site, root, "waits")
    job = integrity.ask_for_verification(site, root, repository)
    with one_at_a_time(site.tree.locks / "integrity"):
        with pytest.raises(Busy):
            integrity.verify(site, root, repository, lambda: None)
        assert job is not None and carry_out(site, job)
        with site.store.read() as db:
            row = finding.find(db, root, job)
        assert (row.state, row.attempts) == (State.QUEUED, 0)
    assert _told(site) == []


def test_what_cannot_be_looked_at_is_not_damaged(site: Site, root: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository,) = _made(site, root, "closed")

    def fails(*_: object) -> list[str]:
        raise VcsError("git ended with 128: out of memory, at /somewhere")

    monkeypatch.setattr(type(site.back_ends["git"]), "verify", fails)
    job = integrity.ask_for_verification(site, root, repository)
    assert job is not None and carry_out(site, job)
    with site.store.read() as db:
        row = finding.find(db, root, job)
    assert (row.state, row.reason) == (State.FAILED, because("the repository could not be checked"))
    assert row.detail is not None and "out of memory" in row.detail
    assert _told(site) == []
