# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes made in a browser: what a kill leaves of them, and two at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.forge.accounts import users as accounts
from trivium.forge.history import browser_commits
from trivium.forge.history.browser_commits import Conflict, Edit
from trivium.forge.history.reading import History
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import creation, finding
from trivium.forge.repositories.finding import Repository
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.store import intents
from trivium.store.tables import journal
from trivium.vcs.errors import UnknownPath
from trivium.vcs.values import FileCommit

BRANCH = {"git": "master", "hg": "default", "svn": "tip"}


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def root(site: Site) -> Caller:
    with site.store.read() as db:
        return accounts.find(db, "root").as_caller("")


@pytest.fixture(params=sorted(BRANCH))
def repository(site: Site, root: Caller, request: pytest.FixtureRequest) -> Repository:
    """With one file in it."""
    name = creation.create(site, root, CreationRequest(name="tide", kind=request.param))
    with site.store.read() as db:
        made = finding.find(db, root, name, Level.ADMIN)
    first = FileCommit(
        branch=BRANCH[request.param],
        parent="0" if request.param == "svn" else "0" * 40,
        path="docs/a.txt",
        content=b"one\n",
        username="root",
        author="Root",
        email="root@example.org",
        message="first",
    )
    push = pushes.begin(site, root, made.id, ())
    pushes.finish(site, push, site.back_ends[made.kind].commit(site.tree.path_of(name), first, lambda _: None))
    return made


def edit(history: History, repository: Repository, content: bytes | None, path: str = "docs/a.txt") -> Edit:
    head = history.read(repository, lambda snapshot: snapshot.resolve("tip"))
    return Edit(BRANCH[repository.kind], head, path, content, "a change")


def told(site: Site, action: str) -> list[dict[str, Any]]:
    with site.store.read() as db:
        return [json.loads(row[0]) for row in db.execute(select(journal.c.detail).where(journal.c.action == action))]


def test_a_change_after_which_the_process_died_is_journalled_as_a_push(
    site: Site, root: Caller, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = History(site)
    before, left = len(told(site, "push")), []

    def die(_: Site, push: pushes.Push, __: object) -> None:
        left.append(push)
        raise Killed

    wanted = edit(history, repository, b"two\n")
    monkeypatch.setattr(pushes, "finish", die)
    with pytest.raises(Killed):
        browser_commits.commit(site, history, root, repository, wanted)
    monkeypatch.undo()
    assert len(told(site, "push")) == before
    pushes.recover(site, left[0])
    assert len(told(site, "push")) == before + 1
    assert told(site, "repository.unexplained") == []
    with site.store.read() as db:
        assert intents.recorded(db) == []


def test_what_cannot_be_recorded_leaves_nothing(site: Site, root: Caller, repository: Repository) -> None:
    history = History(site)
    before = told(site, "push")
    for path in ("docs", "docs/a.txt/b", "none.txt"):
        with pytest.raises(UnknownPath):
            browser_commits.commit(site, history, root, repository, edit(history, repository, None, path))
    assert told(site, "push") == before
    with site.store.read() as db:
        assert intents.recorded(db) == []


def test_who_holds_a_repository_does_not_wait_for_the_end_of_that(
    site: Site, root: Caller, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not there is no sign that somebody else works on the repository: that was waited for half a minute."""
    history, waited = History(site), []
    gone = edit(history, repository, None, "none.txt")
    monkeypatch.setattr(History, "_undisturbed", lambda self, found: waited.append(found) or self.now(found))
    with pytest.raises(UnknownPath):
        browser_commits.commit(site, history, root, repository, gone)
    assert waited == []


def test_who_saw_an_older_text_replaces_nobodys(site: Site, root: Caller, repository: Repository) -> None:
    history = History(site)
    mine, theirs = edit(history, repository, b"mine\n"), edit(history, repository, b"theirs\n")
    browser_commits.commit(site, history, root, repository, theirs)
    with pytest.raises(Conflict) as conflict:
        browser_commits.commit(site, history, root, repository, mine)
    assert conflict.value.content == b"theirs\n"
    other = Edit(mine.branch, mine.seen, "docs/b.txt", b"b\n", "another file", adds=True)
    assert browser_commits.commit(site, history, root, repository, other)
