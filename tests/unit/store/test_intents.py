# SPDX-License-Identifier: GPL-3.0-or-later
"""One change of database and disk is all or nothing, wherever it is interrupted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from trivium.assembly import open_site
from trivium.errors import AlreadyExists, DatabaseAway, Undone
from trivium.forge.site import Site
from trivium.forge.upkeep import recovery
from trivium.settings import Settings
from trivium.store import intents
from trivium.store.engine import Store
from trivium.store.intents import Move, carry_out
from trivium.store.tables import now, repo_groups


class Interrupted(Exception):
    pass


def _add_row(db: Connection) -> str:
    flags = {"owner_id": 1, "description": "", "enable_locking": False, "created_on": now()}
    db.execute(insert(repo_groups).values(name="there", name_key="there", **flags))
    return "done"


def _plan(site: Site) -> list[Move]:
    """Something new that was built aside, and something else that is moved with it."""
    return [
        Move(site.tree.staging / f"{site.worker.id}-x", site.tree.root / "there"),
        Move(site.tree.root / "old", site.tree.root / "new"),
    ]


def _prepare(site: Site) -> list[Move]:
    for move in _plan(site):
        move.source.mkdir()
        (move.source / "file").write_text("content")
    return _plan(site)


def _do(site: Site) -> str:
    return carry_out(site.store, site.tree, worker=site.worker.id, moves=_plan(site), change=_add_row)


def _state(site: Site) -> tuple[bool, bool, bool, int]:
    """Is the row there, is the new thing there, was the old one moved, and how many intents are recorded?"""
    with site.store.read() as db:
        row = db.execute(select(repo_groups.c.id).where(repo_groups.c.name == "there")).first()
        left = len(intents.recorded(db))
    old, new = (site.tree.root / name / "file" for name in ("old", "new"))
    assert old.exists() != new.exists(), "it is at one place and no other"
    return row is not None, (site.tree.root / "there" / "file").exists(), new.exists(), left


NOTHING = (False, False, False, 0)
ALL = (True, True, True, 0)


def test_everything_happens(site: Site) -> None:
    _prepare(site)
    assert _do(site) == "done"
    assert _state(site) == ALL


def test_a_change_that_raises_leaves_nothing(site: Site) -> None:
    moves = _prepare(site)

    def change(db: Connection) -> None:
        _add_row(db)
        raise Interrupted

    with pytest.raises(Interrupted):
        carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=change)
    assert _state(site) == NOTHING
    assert moves[0].source.exists()
    assert _do(site) == "done"
    assert _state(site) == ALL


@pytest.mark.parametrize("number", [1, 2])
def test_a_rename_that_fails_leaves_nothing(site: Site, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _prepare(site)
    real, count = os.rename, iter(range(1, 100))

    def rename(source: Path, target: Path) -> None:
        if next(count) == number:
            raise Interrupted
        real(source, target)

    monkeypatch.setattr(os, "rename", rename)
    with pytest.raises(Interrupted):
        _do(site)
    monkeypatch.undo()
    assert _state(site) == NOTHING
    assert _do(site) == "done"


def test_a_rename_that_cannot_be_made_durable_leaves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _prepare(site)
    real = intents.sync_directory
    count = iter(range(100))

    def sync(path: Path) -> None:
        if next(count) == 0:
            raise Interrupted
        real(path)

    monkeypatch.setattr(intents, "sync_directory", sync)
    with pytest.raises(Interrupted):
        _do(site)
    assert _state(site) == NOTHING


def test_a_commit_that_fails_leaves_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _prepare(site)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", _stopping_at_commit(Store.write, lambda: _raise()))
        with pytest.raises(Interrupted):
            _do(site)
    assert _state(site) == NOTHING
    assert _do(site) == "done"


def _raise() -> None:
    raise Interrupted


def _stopping_at_commit(real, stop, after: bool = False, at: int = 1):  # type: ignore[no-untyped-def]
    """`Store.write` whose second transaction, or that numbered `at`, is stopped before its commit, or `after` it."""
    count = iter(range(100))

    @contextmanager
    def write(self: Store, **meaning: bool) -> Iterator[Connection]:
        here = next(count) == at
        with real(self, **meaning) as db:
            yield db
            if here and not after:
                stop()
        if here and after:
            stop()

    return write


@pytest.mark.parametrize("committed", [False, True])
def test_a_database_that_goes_away_during_the_commit(
    site: Site, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """Whether it was committed is found out when it is back."""
    _prepare(site)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", _stopping_at_commit(Store.write, _go_away, after=committed))
        if committed:
            assert _do(site) == "done"
        else:
            with pytest.raises(DatabaseAway):
                _do(site)
    assert _state(site) == (ALL if committed else NOTHING)
    if not committed:
        assert _do(site) == "done"


def test_a_database_that_stays_away_is_settled_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    _prepare(site)
    monkeypatch.setattr(site.store, "busy_timeout", 0)
    stopping, count = _stopping_at_commit(Store.write, _go_away), iter(range(100))

    @contextmanager
    def write(self: Store, **meaning: bool) -> Iterator[Connection]:
        if next(count) > 1:
            _go_away()
        with stopping(self, **meaning) as db:
            yield db

    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", write)
        with pytest.raises(DatabaseAway):
            _do(site)
        with pytest.raises(DatabaseAway):
            recovery.recover_left(site)
    assert (site.tree.root / "new").exists()
    recovery.recover_left(site)
    assert _state(site) == NOTHING and site.tree.unsettled.empty()


@pytest.mark.parametrize("committed", [False, True])
def test_an_intent_in_doubt_does_not_stay_as_long_as_its_process(
    site: Site, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """The database goes away while the intent itself is committed."""
    _prepare(site)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", _stopping_at_commit(Store.write, _go_away, after=committed, at=0))
        with pytest.raises(DatabaseAway):
            _do(site)
    recovery.recover_left(site)
    assert _state(site) == NOTHING
    assert _do(site) == "done"


def test_a_change_that_the_database_ended_is_repeated(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def end() -> None:
        raise Undone

    _prepare(site)
    with monkeypatch.context() as patched:
        patched.setattr(Store, "write", _stopping_at_commit(Store.write, end))
        assert _do(site) == "done"
    assert _state(site) == ALL


def _go_away() -> None:
    raise DatabaseAway


def test_what_stands_at_the_target_is_not_touched(site: Site) -> None:
    _prepare(site)
    (site.tree.root / "there").mkdir()
    with pytest.raises(AlreadyExists):
        _do(site)
    assert _state(site) == NOTHING
    assert list((site.tree.root / "there").iterdir()) == []


def _die() -> None:
    os._exit(7)


def _die_at(step: str) -> None:
    """Arrange that this process, a child, ends like one that was killed."""
    if step == "change":
        global _add_row
        _add_row = lambda _db: _die()  # type: ignore[assignment,return-value]  # noqa: E731
    elif step.startswith("rename"):
        before, number = int(step[-1]), iter(range(1, 100))
        real = os.rename

        def rename(source: Path, target: Path) -> None:
            if next(number) == before:
                _die()
            real(source, target)

        os.rename = rename  # type: ignore[assignment]
    elif step == "sync":
        intents.sync_directory = lambda _path: _die()
    else:
        stopping = _stopping_at_commit(Store.write, _die, after=step == "after commit")
        Store.write = stopping  # type: ignore[method-assign]


STEPS = ["change", "rename 1", "rename 2", "sync", "before commit", "after commit"]


@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_dies_leaves_all_or_nothing_after_recovery(settings: Settings, step: str) -> None:
    child = os.fork()
    if not child:
        try:
            dying = open_site(settings)
            _prepare(dying)
            _die_at(step)
            _do(dying)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    site = open_site(settings)
    try:
        assert _state(site)[3] == (0 if step == "after commit" else 1)
        for _ in range(2):
            remaining = recovery.recover(site, alone=True)
            assert (remaining.alive, remaining.unfinished) == (0, 0)
            assert _state(site) == (ALL if step == "after commit" else NOTHING)
        assert list(site.tree.staging.iterdir()) == []
    finally:
        site.close()


def test_the_intent_of_a_living_process_is_left_to_it(settings: Settings, site: Site) -> None:
    with site.store.write(access_unchanged=True) as db:
        intents.record(db, worker=site.worker.id, kind=intents.MOVE, detail={"moves": []})
    other = open_site(settings)
    try:
        assert recovery.recover(other, alone=False).alive == 1
        with other.store.read() as db:
            assert [intent.worker for intent in intents.recorded(db)] == [site.worker.id]
    finally:
        other.close()


def test_something_else_of_the_same_name_is_not_moved(site: Site) -> None:
    """An intent that stayed behind speaks of a directory, not of whatever is called so later."""
    moves = _prepare(site)
    with site.store.write() as db:
        detail: dict[str, object] = {
            "moves": [[site.tree.relative(move.source), site.tree.relative(move.target)] for move in moves],
            "known_by": [intents._known_by(site.tree, move.source) for move in moves],
        }
        intents.record(db, worker="dead", kind=intents.MOVE, detail=detail)
    aside = site.tree.root / "kept"
    moves[1].source.rename(aside)
    moves[1].target.mkdir()
    (moves[1].target / "file").write_text("somebody else's")
    recovery.recover(site, alone=True)
    assert (moves[1].target / "file").read_text() == "somebody else's"
    assert not moves[1].source.exists()
