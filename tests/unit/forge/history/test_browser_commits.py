# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes made in a browser: what a kill leaves of them, and two at once."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import select

from trivium.access.caller import Caller
from trivium.access.levels import Level
from trivium.errors import Invalid
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
from trivium.vcs.errors import NotAccepted, UnknownPath
from trivium.vcs.git import editing as git_editing
from trivium.vcs.svn.command import SvnCommand
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
        parent="0" * 40,
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


def test_a_kill_before_a_commit_is_handed_over_leaves_a_push_and_a_repository_that_everybody_can_use(
    site: Site, root: Caller, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system has recorded it, and nobody has told of it or put its files in order."""
    history = History(site)
    before, begun = len(told(site, "push")), []
    back_end = site.back_ends[repository.kind]
    begin = pushes.begin

    def began(*given: Any) -> pushes.Push:
        begun.append(begin(*given))
        return begun[-1]

    def gone(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(pushes, "begin", began)
    monkeypatch.setattr(pushes, "refresh", gone)  # nobody tidies up
    handed: list[Any] = []
    match repository.kind:
        case "svn":
            hand_over = SvnCommand.hand_over

            def die(command: SvnCommand, path: Any) -> None:
                handed.append(path)
                if len(handed) == 1:
                    raise Killed
                hand_over(command, path)

            monkeypatch.setattr(SvnCommand, "hand_over", die)
        case "git":
            move = git_editing.move

            def moved(*given: Any) -> None:
                move(*given)
                raise Killed

            monkeypatch.setattr(git_editing, "move", moved)
        case "hg":
            processes = back_end.processes  # type: ignore[attr-defined]
            ask = processes.ask

            def asked(shape: Any, what: str, *given: Any, **more: Any) -> Any:
                answer = ask(shape, what, *given, **more)
                if what == "commit":
                    raise Killed
                return answer

            monkeypatch.setattr(processes, "ask", asked)
    with pytest.raises(Killed):
        browser_commits.commit(site, history, root, repository, edit(history, repository, b"two\n"))
    monkeypatch.undo()
    (left,) = begun
    with site.store.read() as db:
        assert len(intents.recorded(db)) == 1
    assert len(told(site, "push")) == before
    pushes.recover(site, left)
    assert len(told(site, "push")) == before + 1 and told(site, "repository.unexplained") == []
    with site.store.read() as db:
        assert intents.recorded(db) == []
    path = site.tree.path_of("tide")
    if repository.kind == "svn" and (account := back_end.command.available.account) is not None:  # type: ignore[attr-defined]
        assert {one.stat().st_uid for one in (path, *path.rglob("*"))} == {account.uid}
    again = History(site)
    assert browser_commits.commit(site, again, root, repository, edit(again, repository, b"three\n"))


def test_of_two_who_write_the_first_file_neither_loses_it(site: Site, root: Caller) -> None:
    for kind in sorted(BRANCH):
        name = creation.create(site, root, CreationRequest(name=f"empty-{kind}", kind=kind))
        with site.store.read() as db:
            made = finding.find(db, root, name, Level.ADMIN)
        history = History(site)
        branch, head = browser_commits.first_branch(history, made)
        mine = Edit(branch, head, "a.txt", b"a\n", "first", adds=True, usual_layout=True)
        assert browser_commits.commit(site, history, root, made, mine)
        with pytest.raises(Conflict):
            browser_commits.commit(site, history, root, made, mine)
        assert browser_commits.commit(site, history, root, made, replace(mine, path="b.txt"))


def test_what_git_refuses_in_a_push_is_refused_in_the_browser(site: Site, root: Caller) -> None:
    """(security.md S-6)."""
    name = creation.create(site, root, CreationRequest(name="tide", kind="git"))
    with site.store.read() as db:
        made = finding.find(db, root, name, Level.ADMIN)
    history = History(site)
    branch, nothing = browser_commits.first_branch(history, made)
    module = '[submodule "x"]\n\tpath = %s\n\turl = https://example.org/x\n'
    long = f"{'a' * 3000} text\n"
    wrong = {
        "a/.gitmodules": module % "-x",
        "GITMOD~1": module % "-y",
        ".gitattributes": long,
        "b/.gitattributes": long,
    }
    for path, content in wrong.items():
        with pytest.raises(NotAccepted, match=r"submodule path|too long lines"):
            browser_commits.commit(
                site, history, root, made, Edit(branch, nothing, path, content.encode(), "x", adds=True)
            )
    git: Any = site.back_ends["git"]
    small = replace(git, command=replace(git.command, max_object_bytes=100))
    limited = replace(site, back_ends={**site.back_ends, "git": small})
    with pytest.raises(NotAccepted, match="max_object_bytes"):
        browser_commits.commit(limited, history, root, made, Edit(branch, nothing, "a", b"a" * 101, "x", adds=True))
    assert history.read(made, lambda snapshot: snapshot.is_empty()) and told(site, "push") == []
    assert git.verify(site.tree.path_of("tide"), lambda: None) == [], "nothing of it is found as damage"
    edit = Edit(branch, nothing, ".gitmodules", (module % "x").encode(), "x", adds=True)
    assert browser_commits.commit(site, history, root, made, edit)


def test_a_message_may_have_line_ends_of_every_kind(site: Site, root: Caller, repository: Repository) -> None:
    """Subversion takes line feeds alone."""
    history = History(site)
    wanted = replace(edit(history, repository, b"two\n"), message="one\rtwo\r\nthree")
    assert browser_commits.commit(site, history, root, repository, wanted)


def test_what_a_file_says_already_is_not_recorded_again(site: Site, root: Caller, repository: Repository) -> None:
    history, before = History(site), len(told(site, "push"))
    with pytest.raises(Invalid, match="says this already"):
        browser_commits.commit(site, history, root, repository, edit(history, repository, b"one\n"))
    assert len(told(site, "push")) == before
