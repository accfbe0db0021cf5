# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a path, annotated files and all names: told once for Git, Mercurial and Subversion."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.places import IN_THE_WAY, MANY, NOWHERE, WIRE, Place
from trivium.forge.history.reading import Details, History, Moment
from trivium.settings import Settings
from trivium.vcs.errors import NotText, TooLarge, UnknownPath, UnknownRevision
from trivium.vcs.values import Names


def test_the_commits_that_touched_a_path(place: Place) -> None:
    first = place.change(**{"docs/a": "1\n", "docs/deep/b": "1\n", "c": "1\n"})
    second = place.change(**{"docs/a": "2\n"})
    third = place.change(**{"docs/deep/b": "2\n", "docsier": "1\n"})
    fourth = place.change(c="2\n")
    assert place.history(fourth, "docs/a") == [second, first]
    assert place.history(fourth, "docs") == place.history(fourth, "/docs//") == [third, second, first]
    assert place.history(fourth, "docs/deep") == place.history(fourth, "docs/deep/b") == [third, first]
    assert place.history(fourth, "docsier") == [third]
    assert place.history(fourth, "") == [fourth, third, second, first]
    # From an older commit backwards.
    assert place.history(second, "docs") == [second, first]
    assert place.history(first, "docs/a") == [first]
    with pytest.raises(UnknownPath):
        place.history(second, "docsier")
    # Page by page.
    for start, limit in itertools.product(range(5), range(4)):
        for path, whole in (
            ("docs", [third, second, first]),
            ("docs/a", [second, first]),
            ("", [fourth, third, second, first]),
        ):
            assert place.history(fourth, path, start, limit) == whole[start : start + limit]


def test_neither_what_was_deleted_before_nor_what_was_renamed(place: Place) -> None:
    place.change(**{"dir/file": "old\n", "left": "x\n"})
    gone = place.change(**{"dir/file": None})
    with pytest.raises(UnknownPath):
        place.history(gone, "dir/file")
    with pytest.raises(UnknownPath):
        place.annotate(gone, "dir/file")
    if place.kind == "svn":  # whose directories stay
        place.svn.run("delete", "--quiet", "dir", cwd=place.copy.path)
        place.change(left="y\n")
    with pytest.raises(UnknownPath):
        place.history(place.change(left="z\n"), "dir")
    again = place.change(**{"dir/file": "new\nlines\n"})
    more = place.change(**{"dir/file": "new\nlines\nand\n"})
    assert place.history(more, "dir/file") == [more, again]
    assert place.history(more, "dir") == [more, again]
    renamed = place.rename("dir/file", "dir/called")
    changed = place.change(**{"dir/called": "new\nlines\nAND\n"})
    assert place.history(changed, "dir/called") == [changed, renamed]
    assert place.history(changed, "dir") == [changed, renamed, more, again]
    # Its lines are followed.
    assert place.annotate(changed, "dir/called") == [(again, b"new\n"), (again, b"lines\n"), (changed, b"AND\n")]


def test_lines_with_what_changed_them(place: Place) -> None:
    first = place.change(file=b"one\r\ntwo\n\xff\xe9\nfour")
    second = place.change(file=b"one\r\nTWO\n\xff\xe9\nfour")
    third = place.change(file=b"zero\none\r\nTWO\n\xff\xe9\nfour\n")
    fourth = place.change(file=b"zero\none\nTWO\n\xff\xe9\n\x0cfive\rsix")
    assert place.annotate(first, "file") == [(first, line) for line in (b"one\r\n", b"two\n", b"\xff\xe9\n", b"four")]
    assert place.annotate(third, "file") == [
        (third, b"zero\n"), (first, b"one\r\n"), (second, b"TWO\n"), (first, b"\xff\xe9\n"), (third, b"four\n"),
    ]  # fmt: skip
    assert place.annotate(fourth, "/file") == [
        (third, b"zero\n"), (fourth, b"one\n"), (second, b"TWO\n"), (first, b"\xff\xe9\n"), (fourth, b"\x0cfive\rsix"),
    ]  # fmt: skip


def test_files_without_lines_and_what_is_no_file(place: Place) -> None:
    first = place.change(**{"empty": "", "binary": b"text\n\0", "docs/a": "x\n", "was": "0123456789\n" * 5})
    (place.copy.path / "link").symlink_to("docs/a")
    second = place.change(binary=b"text now\n", was="short\n")
    assert place.annotate(second, "empty") == []
    assert place.annotate(second, "link") == [(second, b"docs/a")]
    assert place.annotate(second, "link", 6) == [(second, b"docs/a")]
    assert place.history(second, "link") == [second]
    for link_limit in (0, 1, 5):
        with pytest.raises(TooLarge):
            place.annotate(second, "link", link_limit)
    with pytest.raises(NotText):
        place.annotate(first, "binary")
    with pytest.raises(TooLarge):
        place.annotate(first, "binary", 5)
    ((binary_by, _),) = place.annotate(second, "binary")
    assert binary_by == second, "what it was does not matter"
    assert len(place.annotate(first, "was", 55)) == 5
    with pytest.raises(TooLarge):
        place.annotate(first, "was", 54)
    assert place.annotate(second, "was", 6) == [(second, b"short\n")]
    for path in ("", "docs", "/", "nothing", "docs/a/b"):
        with pytest.raises(UnknownPath):
            place.annotate(second, path)


def test_names_that_mean_something_to_programs(place: Place) -> None:
    first = place.change(**dict.fromkeys(IN_THE_WAY, "x\n"))
    seen = {}
    for name in IN_THE_WAY:
        seen[name] = place.change(**{name: "x\ny\n"})
    last = place.change(other="x\n")
    with place.open() as snapshot:
        for name, changed in seen.items():
            assert list(snapshot.path_history(last, name, 0, MANY)) == [changed, first], name
            lines = snapshot.annotate(last, name, MANY)
            assert [(line.raw_id, line.content) for line in lines] == [(first, b"x\n"), (changed, b"y\n")], name


def test_what_nothing_is_called(place: Place) -> None:
    last = place.change(**{"docs/a": "x\n"})
    there = {"docs/": "docs", "docs/a/": "docs/a"}
    with place.open() as snapshot:
        for path in NOWHERE:
            if path in there:
                assert snapshot.path_history(last, path, 0, 9) == snapshot.path_history(last, there[path], 0, 9)
                continue
            with pytest.raises(UnknownPath):
                snapshot.path_history(last, path, 0, 9)
            with pytest.raises(UnknownPath):
                snapshot.annotate(last, path, MANY)
        assert snapshot.path_history(last, "docs/a", 0, 9) == [last], "it still answers"
    assert not list(place.home.rglob(WIRE))


def test_branches_tags_and_bookmarks(place: Place) -> None:
    assert place.names() == Names({}, {}, {})
    first = place.change(a="1\n")
    second = place.change(a="2\n")
    if place.kind == "git":
        run = place.git.run
        for words in (("tag", "light", first), ("tag", "-a", "-m", "x", "heavy", first), ("branch", "sidé/way", first)):
            run(*words, cwd=place.copy.path)
        run("push", "--quiet", "origin", "--all", cwd=place.copy.path)
        run("push", "--quiet", "origin", "--tags", cwd=place.copy.path)
        assert place.names() == Names({"master": second, "sidé/way": first}, {}, {"light": first, "heavy": first})
    elif place.kind == "hg":
        run = place.hg.run
        run("bookmark", "-r", first, "böok", cwd=place.copy.path)
        run("tag", "-r", first, "v1", cwd=place.copy.path)
        run("branch", "side", cwd=place.copy.path)
        run("commit", "-m", "side", cwd=place.copy.path)
        run("push", "--new-branch", "-r", "tip", "-B", "böok", cwd=place.copy.path)
        tagged, side = place.hg.id_of(place.copy.path, "2"), place.hg.id_of(place.copy.path)
        assert place.names() == Names({"default": tagged, "side": side}, {"böok": first}, {"v1": first, "tip": side})
    else:
        assert place.names() == Names({}, {}, {}), "what is in a directory called branches is a directory"


def test_the_core_resolves_revisions_first(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=place.home, max_api_file=8)
    site: Any = SimpleNamespace(settings=settings, cache_of=lambda number: place.home / "cache" / str(number))
    repository: Any = SimpleNamespace(id=1)
    monkeypatch.setattr(History, "_opened", lambda self, repository, moment: place.open())
    # Nobody strips meanwhile.
    monkeypatch.setattr(History, "now", lambda self, repository: Moment("core", "state", "then"))
    monkeypatch.setattr(History, "_undisturbed", lambda self, repository: Moment("core", "state", "then"))
    history = History(site)
    for wrong in ("tip", "", "--all", "1"):
        with pytest.raises(UnknownRevision):
            history.path_history(repository, wrong, "", 0, 9)
    first = place.change(file="1\n", other="x\n")
    second = place.change(file="1\n2\n", large="more than that\n")
    for wrong in ("--all", "-1", "^tip", f"{first}..", f"{first}:file", "all()", "\0"):
        with pytest.raises(UnknownRevision):
            history.path_history(repository, wrong, "file", 0, 9)
        with pytest.raises(UnknownRevision):
            history.annotate(repository, wrong, "file")
    told = history.path_history(repository, "tip", "file", 0, 9)
    assert [commit.changeset.raw_id for commit in told] == [second, first]
    (full,) = history.path_history(repository, second, "file", 1, 9, Details.FULL)
    assert full.changeset.raw_id == first
    assert {change.path for change in full.changes} == {"file", "other"}
    assert [line.raw_id for line in history.annotate(repository, "tip", "file")] == [first, second]
    with pytest.raises(TooLarge):
        history.annotate(repository, "tip", "large")
    assert history.names(repository) == place.names()
