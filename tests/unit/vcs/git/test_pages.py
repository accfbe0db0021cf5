# SPDX-License-Identifier: GPL-3.0-or-later
"""What only Git has for pages: names of any bytes, submodules, files that change their kind, signatures, zones."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.places import Place
from trivium.vcs.budget import Budget, Exhausted, spending
from trivium.vcs.errors import UnknownPath, UnknownRevision, VcsError
from trivium.vcs.git import differences, last_changes, listing, log
from trivium.vcs.pages import DiffOptions, EntryKind, Op, TreeEntry

ODD = b'caf\xe9 \xff\n"\\'
"""A name that is no UTF-8, and has in it what git quotes."""
NAME = os.fsdecode(ODD)
NO_COMMIT = "1" * 40


def commit(place: Place, entries: dict[bytes, tuple[str, bytes]], *parents: str, branch: str = "master") -> str:
    """Make a commit with exactly these files, of any name and mode; of a submodule the content is its id."""
    run, path = place.git.run, place.path
    index = {"GIT_INDEX_FILE": str(place.home / "index")}
    Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)
    said = b""
    for name, (mode, content) in entries.items():
        if mode != "160000":
            content = run("--git-dir=.", "hash-object", "-w", "--stdin", cwd=path, stdin=content).stdout.strip()
        said += b"%b %b\t%b\0" % (mode.encode(), content, name)
    run("--git-dir=.", "update-index", "-z", "--index-info", cwd=path, stdin=said, **index)
    tree = place.git.out("--git-dir=.", "write-tree", cwd=path, **index)
    words = [word for parent in parents for word in ("-p", parent)]
    made = place.git.out("--git-dir=.", "commit-tree", "-m", "a change", *words, tree, cwd=path)
    run("--git-dir=.", "update-ref", f"refs/heads/{branch}", made, cwd=path)
    return made


def test_names_of_any_bytes(git_place: Place) -> None:
    first = commit(git_place, {ODD + b"/" + ODD: ("100644", b"1\n"), b"x": ("100644", b"x\n")})
    second = commit(git_place, {ODD + b"/" + ODD: ("100644", b"2\n"), b"x": ("100644", b"x\n")}, first)
    with git_place.open() as snapshot:
        assert [one.path for one in snapshot.children(second, "")] == [NAME, "x"]
        (inner,) = snapshot.children(second, NAME)
        assert (inner.path, inner.name, inner.size) == (f"{NAME}/{NAME}", NAME, 2)
        assert snapshot.entry(second, inner.path) == inner
        assert list(snapshot.files_below(second, NAME)) == [inner]
        assert b"".join(snapshot.stream(inner)) == b"2\n"
        assert snapshot.last_changes(second, "") == {NAME: second, "x": first}
        assert snapshot.last_changes(second, NAME) == {NAME: second}
        for path in (NAME, inner.path, ""):
            (told,) = snapshot.differences(first, second, DiffOptions(path=path))
            assert (told.path, told.hunks) == (inner.path, b"@@ -1 +1 @@\n-1\n+2\n")
            diff = b"".join(snapshot.raw_diff(first, second, DiffOptions(path=path)))
            assert rb'diff --git "a/caf\351 \377\n\"\\/' in diff
        with pytest.raises(UnknownPath):
            snapshot.entry(second, "\ud800")


def test_submodules(git_place: Place) -> None:
    told = (
        b'[submodule "one"]\n\tpath = lib/one\n\turl = https://example.org/one.git\n[submodule "two"]\n\tpath = two\n'
    )
    files: dict[bytes, tuple[str, bytes]] = {
        b".gitmodules": ("100644", told),
        b"lib/one": ("160000", b"1" * 40),
        b"two": ("160000", b"2" * 40),
        b"lib/x": ("100644", b"x\n"),
    }
    first = commit(git_place, files)
    second = commit(git_place, files | {b"lib/one": ("160000", b"3" * 40)}, first)
    with git_place.open() as snapshot:
        one = TreeEntry("lib/one", EntryKind.LINK, "1" * 40, None, "https://example.org/one.git")
        assert snapshot.entry(first, "lib/one") == one
        assert [entry.name for entry in snapshot.children(first, "lib")] == ["one", "x"]
        assert snapshot.children(first, "lib")[0] == one
        assert snapshot.entry(first, "two") == TreeEntry("two", EntryKind.LINK, "2" * 40)
        assert [entry.path for entry in snapshot.files_below(first, "")] == [".gitmodules", "lib/x"]
        assert snapshot.last_changes(second, "lib") == {"one": second, "x": first}
        with pytest.raises(UnknownPath):
            list(snapshot.stream(one))
        with pytest.raises(UnknownPath):
            snapshot.children(first, "lib/one")
        for path in ("", "lib", "lib/one"):
            (changed,) = snapshot.differences(first, second, DiffOptions(path=path))
            assert (changed.op, changed.old_kind, changed.new_kind) == (Op.MODIFIED, EntryKind.LINK, EntryKind.LINK)
            lines = b"-Subproject commit %b\n+Subproject commit %b\n" % (b"1" * 40, b"3" * 40)
            assert changed.hunks == b"@@ -1 +1 @@\n" + lines
            assert lines in b"".join(snapshot.raw_diff(first, second, DiffOptions(path=path)))


@pytest.mark.parametrize("told", [
    b'[submodule "x"\n',
    b"\0\0",
    b'[submodule "x"]\n\tpath = x\n\turl = ' + b"u" * 5000,
    b"[include]\n\tpath = {beside}\n",
    b"#" * (300 << 10),
], ids=["broken", "binary", "long", "including", "large"])  # fmt: skip
def test_what_submodules_say_is_judged(git_place: Place, told: bytes) -> None:
    beside = git_place.home / "beside"
    beside.write_text('[submodule "x"]\n\tpath = x\n\turl = file:///etc\n')
    content = told.replace(b"{beside}", os.fsencode(beside))
    raw_id = commit(git_place, {b".gitmodules": ("100644", content), b"x": ("160000", b"1" * 40)})
    with git_place.open() as snapshot:
        assert snapshot.entry(raw_id, "x").target == ""


def test_files_that_become_something_else(git_place: Place) -> None:
    file = "100644"
    before = {b"link": (file, b"a/b"), b"module": (file, b"m\n"), b"dir": (file, b"d\n"), b"file/x": (file, b"1\n")}
    after = {b"link": ("120000", b"a/b"), b"module": ("160000", b"1" * 40), b"dir/x": (file, b"2\n")}
    first = commit(git_place, before)
    second = commit(git_place, {**after, b"file": (file, b"1\n")}, first)
    with git_place.open() as snapshot:
        options = DiffOptions(renames=False)
        told = {one.path: one for one in snapshot.differences(first, second, options)}
        assert {path: one.op for path, one in told.items()} == {
            "dir": Op.DELETED, "dir/x": Op.ADDED, "file": Op.ADDED, "file/x": Op.DELETED, "link": Op.MODIFIED,
            "module": Op.MODIFIED,
        }  # fmt: skip
        assert (told["link"].old_kind, told["link"].new_kind) == (EntryKind.FILE, EntryKind.SYMLINK)
        assert (told["link"].hunks, told["link"].added) == (b"", 0)
        assert told["module"].hunks == b"@@ -1 +1 @@\n-m\n+Subproject commit %b\n" % (b"1" * 40)
        for path in ("dir", "file", "link", "module"):
            part = [one.path for one in snapshot.differences(first, second, DiffOptions(path=path, renames=False))]
            assert part == [one for one in told if one == path or one.startswith(f"{path}/")]
        assert list(snapshot.differences(first, second, DiffOptions(path="../dir"))) == []


def test_files_that_differ_are_found_once(git_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head of a page names them, and its lines come from the same; what they cost counts each time."""
    file = "100644"
    first = commit(git_place, {b"a": (file, b"1\n"), b"b": (file, b"1\n")})
    second = commit(git_place, {b"a": (file, b"2\n"), b"c": (file, b"1\n")}, first)
    found: list[object] = []
    whole = differences.find_renames
    monkeypatch.setattr(differences, "find_renames", lambda *given: found.append(given) or whole(*given))
    with git_place.open() as snapshot:
        named = [(one.path, one.op) for one in snapshot.differing(first, second, DiffOptions())]
        assert named == [("a", Op.MODIFIED), ("c", Op.RENAMED)]
        told = list(snapshot.differences(first, second, DiffOptions(context=0)))
        assert [(one.path, one.op) for one in told] == named
        assert told[0].hunks == b"@@ -1 +1 @@\n-1\n+2\n"
        assert len(found) == 1
        apart = [one.op for one in snapshot.differing(first, second, DiffOptions(renames=False))]
        assert apart == [Op.MODIFIED, Op.DELETED, Op.ADDED]
        with pytest.raises(Exhausted), spending(lambda: Budget(nodes=1)):
            snapshot.differing(first, second, DiffOptions())


def test_nobody_starts_git_for_a_change_that_is_near(git_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    file = "100644"
    first = commit(git_place, {ODD + b"/x": (file, b"1\n"), b"b": (file, b"1\n"), b"c": (file, b"1\n")})
    second = commit(git_place, {ODD + b"/x": (file, b"2\n"), b"b": (file, b"1\n")}, first)
    aside = commit(git_place, {ODD + b"/x": (file, b"1\n"), b"b": ("100755", b"1\n")}, first, branch="aside")
    merge = commit(git_place, {ODD + b"/x": (file, b"2\n"), b"b": ("100755", b"1\n")}, second, aside)
    expected = {"b": aside, f"{NAME}/x": second, NAME: second}
    with git_place.open() as snapshot:
        for path, last in expected.items():
            assert next(iter(snapshot.path_history(merge, path, 0, 2))) == last
        with monkeypatch.context() as patched:
            patched.setattr(log, "path_history", lambda *_: pytest.fail("git was asked"))
            for path, last in expected.items():
                assert snapshot.path_history(merge, path, 0, 1) == [last]
            with pytest.raises(UnknownPath):
                snapshot.path_history(merge, "c/d", 0, 1)
        monkeypatch.setattr(last_changes, "_NEAR", 1)
        for path, last in expected.items():
            assert list(snapshot.path_history(merge, path, 0, 1)) == [last]
        with pytest.raises(UnknownPath):
            snapshot.path_history(merge, "c", 0, 1)


def test_zones_and_committers(git_place: Place) -> None:
    git_place.copy.write(x="1\n")
    dates = {
        "GIT_AUTHOR_DATE": "1700000000 +0530",
        "GIT_COMMITTER_DATE": "1700000100 -0330",
        "GIT_COMMITTER_NAME": "Bob",
    }
    run, work = git_place.git.run, git_place.copy.path
    run("add", "x", cwd=work)
    run("commit", "-q", "-m", "x", cwd=work, **dates)
    git_place.copy.publish()
    with git_place.open() as snapshot:
        (told,) = snapshot.details([git_place.copy.published()])
    assert (told.author, told.author_date) == ("Ada Lovelace <ada@example.org>", "2023-11-15T03:43:20+05:30")
    assert (told.committer, told.commit_date) == ("Bob <ada@example.org>", "2023-11-14T18:45:00-03:30")
    assert (told.phase, told.signed) == ("", False)


def test_odd_commits(git_place: Place) -> None:
    tree = git_place.git.run("--git-dir=.", "mktree", cwd=git_place.path).stdout.strip()
    made = []
    for text in (
        b"author Ada <a@b> 1700000000 +9960\ncommitter Bob <b@c> 99999999999999 +0000\ngpgsig -----\n x\n",
        b"author J\xf6rg <j@x> 1700000000 -0000\ncommitter J\xf6rg <j@x> 1 +0000\nencoding latin-1\n",
        b"author nobody\ncommitter nobody\n",
    ):
        raw = b"tree %b\n%b\nodd\n" % (tree, text)
        words = ("hash-object", "-t", "commit", "-w", "--literally", "--stdin")
        made.append(git_place.git.run("--git-dir=.", *words, cwd=git_place.path, stdin=raw).stdout.decode().strip())
        git_place.git.run("--git-dir=.", "update-ref", f"refs/heads/h{len(made)}", made[-1], cwd=git_place.path)
    with git_place.open() as snapshot:
        one, two, three = snapshot.details(made)
        assert [b"".join(snapshot.patch(raw_id, DiffOptions()))[:5] for raw_id in made] == [b"From "] * 3
    assert (one.author_date, one.commit_date, one.signed) == (
        *("2023-11-14T22:13:20+00:00", "1970-01-01T00:00:00+00:00", True),
    )
    assert (two.author, two.author_date, two.signed) == ("Jörg <j@x>", "2023-11-14T22:13:20+00:00", False)
    assert (three.author, three.author_date) == ("nobody <>", "1970-01-01T00:00:00+00:00")


def test_large_contents_come_from_git_in_pieces(git_place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"0123456789" * 40_000
    raw_id = git_place.change(large=content)
    monkeypatch.setattr(listing, "AT_ONCE", 1000)
    with git_place.open() as snapshot:
        entry = snapshot.entry(raw_id, "large")
        pieces = list(snapshot.stream(entry))
        assert b"".join(pieces) == content
        assert len(pieces) > 1
        gone = TreeEntry("x", EntryKind.FILE, NO_COMMIT, 5)
        with pytest.raises((VcsError, KeyError)):
            list(snapshot.stream(gone))


def test_two_repositories_show_what_their_branches_reach(git_place: Place) -> None:
    base = git_place.change(x="1\n")
    fork = git_place.home / 'fork "of":it'
    git_place.back_end.fork(git_place.path, fork)
    hidden = git_place.git.out("--git-dir=.", "commit-tree", "-m", "hidden", "-p", base, f"{base}^{{tree}}", cwd=fork)
    tree = git_place.git.run("--git-dir=.", "mktree", cwd=fork).stdout.decode().strip()
    shown = git_place.git.out("--git-dir=.", "commit-tree", "-m", "shown", "-p", base, tree, cwd=fork)
    git_place.git.run("--git-dir=.", "update-ref", "refs/heads/shown", shown, cwd=fork)

    def index(path: Path, name: str) -> object:
        cache = git_place.home / name
        return git_place.back_end.index(path, cache, git_place.back_end.history(path, cache).state)

    indexes = index(git_place.path, "cache"), index(fork, "beside")
    with git_place.back_end.open_with(git_place.path, indexes[0], fork, indexes[1]) as snapshot:
        assert snapshot.ancestor(shown, base) == base
        assert snapshot.lacking(base, shown, 9) == [shown]
        assert [one.op for one in snapshot.differing(base, shown, DiffOptions())] == [Op.DELETED]
        assert b"deleted file" in b"".join(snapshot.raw_diff(base, shown, DiffOptions()))
        for ask in (
            lambda: snapshot.ancestor(base, hidden),
            lambda: snapshot.lacking(base, hidden, 9),
            lambda: snapshot.lacking(hidden, base, 9),
            lambda: list(snapshot.differences(hidden, base, DiffOptions())),
            lambda: snapshot.differing(base, hidden, DiffOptions()),
            lambda: snapshot.raw_diff(base, hidden, DiffOptions()),
            lambda: snapshot.resolve(shown),
        ):
            with pytest.raises(UnknownRevision):
                ask()
    with git_place.open() as snapshot, pytest.raises((VcsError, KeyError)):
        snapshot.differing(base, shown, DiffOptions())
    assert not (git_place.path / "objects" / "info" / "alternates").exists()


def test_modes_in_other_digits(git_place: Place) -> None:
    """As old programs wrote them; git takes them for the same."""
    run, path = git_place.git.run, git_place.path

    def made(kind: str, raw: bytes) -> str:
        words = ("--git-dir=.", "hash-object", "-t", kind, "-w", "--literally", "--stdin")
        return run(*words, cwd=path, stdin=raw).stdout.decode().strip()

    content = bytes.fromhex(made("blob", b"x\n"))
    old = made("tree", b"100664 a\0%b0100644 b\0%b" % (content, content))
    new = made("tree", b"100644 a\0%b100755 b\0%b" % (content, content))
    first = git_place.git.out("--git-dir=.", "commit-tree", "-m", "1", old, cwd=path)
    second = git_place.git.out("--git-dir=.", "commit-tree", "-m", "2", "-p", first, new, cwd=path)
    run("--git-dir=.", "update-ref", "refs/heads/master", second, cwd=path)
    with git_place.open() as snapshot:
        assert [one.kind for one in snapshot.children(first, "")] == [EntryKind.FILE, EntryKind.FILE]
        assert snapshot.last_changes(second, "") == {"a": first, "b": second}
        (told,) = snapshot.differences(first, second, DiffOptions())
        assert (told.path, told.old_kind, told.new_kind) == ("b", EntryKind.FILE, EntryKind.EXECUTABLE)
