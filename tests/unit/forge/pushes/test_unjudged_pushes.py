# SPDX-License-Identifier: GPL-3.0-or-later
"""A push of which nobody can tell what it did is not forgotten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select

from trivium.access.caller import the_system
from trivium.errors import DatabaseAway
from trivium.forge.pushes import settling as pushes
from trivium.forge.site import Site
from trivium.forge.upkeep import recovery
from trivium.store import intents
from trivium.store.tables import journal, now, repositories
from trivium.vcs.errors import VcsError
from trivium.vcs.git.back_end import Git
from trivium.vcs.values import History, RefUpdate


@pytest.fixture
def unreadable(site: Site, monkeypatch: pytest.MonkeyPatch) -> int:
    """A repository that cannot be read at the moment."""
    monkeypatch.setattr(pushes, "_PAUSE", 0)
    with site.store.write() as db:
        row = insert(repositories).values(
            id=77,
            name="lost",
            name_key="lost",
            kind="git",
            owner_id=1,
            description="",
            private=False,
            archived=False,
            landing_rev="rev:tip",
            enable_downloads=False,
            enable_locking=False,
            enable_statistics=False,
            created_on=now(),
            updated_on=now(),
            last_changeset="{}",
            history_state="",
        )
        db.execute(row)
    return 77


def test_an_intent_that_could_not_be_judged_stays_and_is_counted(site: Site, unreadable: int) -> None:
    update = RefUpdate("refs/heads/master", "0" * 40, "1" * 40)
    push = pushes.begin(site, the_system(), unreadable, [update])
    with pytest.raises(VcsError):
        pushes.finish(site, push, None)
    with pytest.raises(VcsError):
        pushes.recover(site, push)
    with site.store.write() as db:
        intents.clear(db, push.intent)
        intents.record(db, worker="dead", kind=pushes.PUSH, detail=_detail())
    assert recovery.recover(site, alone=True).unfinished == 1
    with site.store.read() as db:
        assert len(intents.recorded(db)) == 1


def _detail() -> dict[str, object]:
    return {
        "repository_id": 77,
        "user_id": 1,
        "username": "root",
        "super_admin": True,
        "address": "",
        "updates": [("refs/heads/master", "0" * 40, "1" * 40)],
        "action": pushes.PUSH,
    }


class _Told:
    """A back end that tells what moved, whatever the repository is."""

    def __init__(self, *beside: RefUpdate) -> None:
        self.beside = beside
        self.explained: list[RefUpdate] = []

    def settle(self, *_: object) -> None:
        pass

    def history(self, _path: Path, _cache: Path, known: str, updates: Sequence[RefUpdate]) -> History:
        self.explained = list(updates)
        beside = tuple(update for update in self.beside if update not in updates)
        return History(Git.empty_changeset(None), f"{known}+", beside)  # type: ignore[arg-type]


AT_WORK = [
    ((), []),
    ((RefUpdate("refs/heads/b", "0" * 40, "2" * 40),), ["refs/heads/c"]),
    ((RefUpdate("refs/heads/b", "0" * 40, "3" * 40),), ["refs/heads/b", "refs/heads/c"]),
    (None, ["refs/heads/b", "refs/heads/c"]),
]


@pytest.mark.parametrize(("others", "told"), AT_WORK)
def test_only_what_nobody_at_work_will_tell_of_is_unexplained(
    site: Site, unreadable: int, monkeypatch: pytest.MonkeyPatch, others: tuple[RefUpdate, ...] | None, told: list[str]
) -> None:
    back_end = _Told(*(RefUpdate(f"refs/heads/{name}", "0" * 40, "2" * 40) for name in "bc"))
    monkeypatch.setitem(site.back_ends, "git", back_end)
    mine = RefUpdate("refs/heads/a", "0" * 40, "1" * 40)
    push = pushes.begin(site, the_system(), unreadable, [mine])
    if others is not None:
        pushes.begin(site, the_system(), unreadable, others)
    pushes.finish(site, push, [mine])
    with site.store.read() as db:
        rows = db.execute(select(journal.c.action, journal.c.detail).order_by(journal.c.id)).all()
    found = [json.loads(detail)["refs"] for action, detail in rows if action == pushes.UNEXPLAINED]
    assert [name for refs in found for name, _, _ in refs] == told
    assert [action for action, _ in rows if action == pushes.PUSH] == [pushes.PUSH]
    assert back_end.explained[:1] == [mine]


class _Stripped(_Told):
    """A back end in which a strip was carried out by somebody who died before he had removed anything."""

    def __init__(self) -> None:
        super().__init__()
        self.purged = 0

    def recover(self, _: Path) -> None:
        pass

    def accepted(self, _: Path, updates: Sequence[RefUpdate], __: str) -> list[RefUpdate]:
        return list(updates)

    def purge(self, _: Path) -> None:
        self.purged += 1


@pytest.mark.parametrize(("action", "times"), [(pushes.STRIP, 1), (pushes.PUSH, 0)])
def test_what_a_strip_took_away_is_removed_after_a_crash_as_well(
    site: Site, unreadable: int, monkeypatch: pytest.MonkeyPatch, action: str, times: int
) -> None:
    back_end = _Stripped()
    monkeypatch.setitem(site.back_ends, "git", back_end)
    update = RefUpdate("refs/heads/a", "1" * 40, "2" * 40)
    pushes.recover(site, pushes.begin(site, the_system(), unreadable, [update], action=action))
    assert back_end.purged == times


@pytest.mark.parametrize("recorded", [False, True])
def test_a_push_is_recorded_once_when_the_database_is_back(
    site: Site, unreadable: int, monkeypatch: pytest.MonkeyPatch, recorded: bool
) -> None:
    """It goes away before, or just after, the commit."""
    push = pushes.begin(site, the_system(), unreadable, [])
    settled = []

    def settle(site: Site, push: pushes.Push, _accepted: object) -> pushes.Finished:
        settled.append(push)
        if recorded or len(settled) > 1:
            with site.store.write(access_unchanged=True) as db:
                intents.clear(db, push.intent)
        if len(settled) == 1:
            raise DatabaseAway
        return pushes.Finished(lock_released=True)

    monkeypatch.setattr(pushes, "_settled", settle)
    monkeypatch.setattr(pushes, "_AWAY_PAUSE", 0)
    assert pushes.finish(site, push, []) == pushes.Finished(lock_released=not recorded)
    assert len(settled) == (1 if recorded else 2)


def test_a_push_is_not_recorded_again_when_its_first_commit_comes_late(
    site: Site, unreadable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a connection that was given up during the commit the database hears the rest when somebody has asked it."""
    monkeypatch.setitem(site.back_ends, "git", _Told())
    mine = RefUpdate("refs/heads/a", "0" * 40, "1" * 40)
    push = pushes.begin(site, the_system(), unreadable, [mine])
    for _ in range(2):
        pushes.finish(site, push, [mine])
    with site.store.write() as db:
        db.execute(delete(repositories))
    pushes.finish(site, push, [mine])
    with site.store.read() as db:
        assert db.execute(select(journal.c.action).where(journal.c.repository_id == unreadable)).all() == [("push",)]


def test_a_push_that_cannot_be_recorded_is_settled_later(
    site: Site, unreadable: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = pushes.begin(site, the_system(), unreadable, [])

    def away(*_: object) -> pushes.Finished:
        raise DatabaseAway

    monkeypatch.setattr(site.store, "busy_timeout", 0)
    with monkeypatch.context() as patched:
        patched.setattr(pushes, "_settled", away)
        patched.setattr(pushes, "_AWAY_PAUSE", 0)
        with pytest.raises(DatabaseAway):
            pushes.finish(site, push, [])
    assert site.left.qsize() == 1
    seen: list[str] = []
    monkeypatch.setattr(recovery.pushes, "recover", lambda _site, left: seen.append(left.intent))
    recovery.recover_left(site)
    assert seen == [push.intent] and site.left.empty()
