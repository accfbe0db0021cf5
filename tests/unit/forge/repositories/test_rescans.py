# SPDX-License-Identifier: GPL-3.0-or-later
"""A rescan beside others' creations, moves and deletions, whatever moment they choose."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from types import FrameType
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from tests.support import rows
from tests.unit.forge.upkeep.test_recovery import create, killed_before_commit, registered, rename, standing
from trivium.access.caller import Caller, the_system
from trivium.forge.accounts import users as accounts
from trivium.forge.repositories import rescans
from trivium.forge.repositories.rescans import Rescan
from trivium.forge.site import Site
from trivium.settings import Settings
from trivium.store.intents import Move, carry_out
from trivium.store.tables import repositories as table

NOTHING = Rescan((), ())


class Others:
    """What others do meanwhile: something when the rescan has read the rows, and something before its nth line.

    A line inside a transaction of a writer is not counted: others wait there.
    """

    def __init__(self, site: Site, nth: int, come: Callable[[], object], go: Callable[[], object]) -> None:
        self._site = site
        self._come: Callable[[], object] | None = come
        self._go = go
        self._left = nth
        self._read, self._write = site.store.read, site.store.write
        self._writers = 0
        self._pool = ThreadPoolExecutor(1)

    @property
    def have_done_all(self) -> bool:
        return self._left <= 0

    def rescan(self, monkeypatch: pytest.MonkeyPatch, **options: bool) -> Rescan:
        monkeypatch.setattr(self._site.store, "read", self._reading)
        monkeypatch.setattr(self._site.store, "write", self._writing)
        before = sys.gettrace()
        sys.settrace(self._entered)
        try:
            return rescans.rescan(self._site, the_system(), **options)
        finally:
            sys.settrace(before)
            monkeypatch.undo()
            self._pool.shutdown()

    def _do(self, something: Callable[[], object]) -> None:
        self._pool.submit(something).result()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._read() as db:
            yield db
        come, self._come = self._come, None
        if come:
            self._do(come)

    @contextmanager
    def _writing(self, **options: bool) -> Iterator[Connection]:
        self._writers += 1
        try:
            with self._write(**options) as db:
                yield db
        finally:
            self._writers -= 1

    def _entered(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        return self._passed if frame.f_code.co_filename == rescans.__file__ else None

    def _passed(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "line" and not self._come and not self._writers:
            self._left -= 1
            if self._left == 0:
                self._do(self._go)
        return self._passed


def owner(site: Site) -> Caller:
    with site.store.read() as db:
        return accounts.find(db, "root").as_caller("127.0.0.1")


def come(site: Site, name: str) -> None:
    """As a creation does, with as little as Git takes for a repository."""
    built = site.tree.staging / f"{site.worker.id}-{name}"
    (built / "objects").mkdir(parents=True)
    (built / "refs").mkdir()
    (built / "HEAD").write_text("ref: refs/heads/main\n")
    moves, root = [Move(built, site.tree.path_of(name))], owner(site)
    carry_out(
        site.store, site.tree, worker=site.worker.id, moves=moves, change=lambda db: rows.repository(db, name, root)
    )


def renamed(site: Site, name: str) -> None:
    moves = [Move(site.tree.path_of(name), site.tree.path_of(f"new-{name}"))]
    statement = update(table).where(table.c.name == name).values(name=f"new-{name}", name_key=f"new-{name}")
    carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=lambda db: db.execute(statement))


def deleted(site: Site, name: str) -> None:
    moves = [Move(site.tree.path_of(name), site.tree.trash / name)]
    statement = delete(table).where(table.c.name == name)
    carry_out(site.store, site.tree, worker=site.worker.id, moves=moves, change=lambda db: db.execute(statement))


@pytest.mark.parametrize("change", [renamed, deleted])
def test_others_may_change_at_every_moment_what_has_just_come(
    site: Site, monkeypatch: pytest.MonkeyPatch, change: Callable[[Site, str], None]
) -> None:
    come(site, "there")
    for nth in itertools.count(1):
        name = f"r{nth}"
        others = Others(site, nth, partial(come, site, name), partial(change, site, name))
        assert others.rescan(monkeypatch, remove_obsolete=True) == NOTHING, nth
        assert registered(site) == standing(site)
        for left in registered(site) - {"there"}:  # each would be a few lines more
            deleted(site, left)
        if not others.have_done_all:
            break
    assert nth > 50


@pytest.mark.parametrize("change", [renamed, deleted])
def test_the_only_repository_may_move_at_every_moment(
    site: Site, monkeypatch: pytest.MonkeyPatch, change: Callable[[Site, str], None]
) -> None:
    """A repository that is not where the rows said is no disk that is not mounted."""
    for nth in itertools.count(1):
        name = f"r{nth}"
        come(site, name)
        others = Others(site, nth, lambda: None, partial(change, site, name))
        assert others.rescan(monkeypatch, remove_obsolete=True, at_most_half=True) == NOTHING, nth
        for left in registered(site):
            deleted(site, left)
        if not others.have_done_all:
            break
    assert nth > 20


def test_what_is_lost_is_counted_when_nothing_is_under_way(settings: Settings, site: Site) -> None:
    """A process died between rename and commit: its repository is no lost one, and comes back."""
    create(site, "one")
    killed_before_commit(settings, lambda dying: rename(dying, "one", "two"))
    assert standing(site) == {"two"}
    assert rescans.rescan(site, the_system(), remove_obsolete=True, at_most_half=True) == NOTHING
    assert registered(site) == standing(site) == {"one"}


def test_a_name_that_is_no_text_is_told_of(site: Site) -> None:
    come(site, "there")
    shutil.copytree(site.tree.root / "there", site.tree.root / os.fsdecode(b"not-\xff-text"))
    (told,) = rescans.rescan(site, the_system()).skipped
    assert told.name == "not-\N{REPLACEMENT CHARACTER}-text"
