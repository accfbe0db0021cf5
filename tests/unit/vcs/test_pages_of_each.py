# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages and downloads ask of a repository: told once for Git, Mercurial and Subversion."""

from __future__ import annotations

import dataclasses
import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import NOWHERE, Place, new_place
from trivium.vcs.budget import Budget, Exhausted, spending
from trivium.vcs.errors import NotPossible, UnknownPath, UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import CommitDetails, DiffOptions, EntryKind, FileDifference, Op
from trivium.vcs.values import Layout

_PIECE = 512 << 10
"""Bytes that a piece of a stream has at most."""
BINARY = bytes(range(256)) * 40


@pytest.fixture(params=["git", "hg", "svn"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with new_place(request.param, tmp_path) as made:
        yield made


def link(place: Place, name: str, target: str) -> None:
    """A symbolic link in the working copy, to be committed with the next change."""
    path = place.copy.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def program(place: Place, name: str, content: str = "#!/bin/sh\n") -> None:
    """An executable file in the working copy, to be committed with the next change."""
    place.copy.write(**{name: content})
    if place.kind == "svn":
        place.svn.run("add", "--quiet", "--force", "--parents", name, cwd=place.copy.path)
    place.copy.make_executable(name)


def newest_first(snapshot: Snapshot) -> list[str]:
    return list(snapshot.ids(0, None))[::-1]


def compared(
    snapshot: Snapshot, old: str | None, new: str, options: DiffOptions | None = None
) -> dict[str, FileDifference]:
    """The differences by path; `differing` tells the same of them, as far as it tells it."""
    options = options or DiffOptions()
    found = list(snapshot.differences(old, new, options))
    assert [one.path for one in found] == sorted((one.path for one in found), key=lambda path: path.encode())

    def bare(one: FileDifference) -> FileDifference:
        return dataclasses.replace(one, hunks=b"", added=None, deleted=None, binary=False, cut=False, properties=())

    assert list(map(bare, snapshot.differing(old, new, options))) == list(map(bare, found))
    return {one.path: one for one in found}


# Directories.


def test_one_level_of_a_directory(place: Place) -> None:
    link(place, "a-link", "docs/a")
    program(place, "run")
    raw_id = place.change(**{"zebra": "12345", "docs/a": "a\n", "docs/deep/b": "b\n", "lib/c": "", "grüße": "ü\n"})
    with place.open() as snapshot:
        root = snapshot.children(raw_id, "")
        assert [(one.path, one.kind, one.size) for one in root] == [
            ("docs", EntryKind.DIRECTORY, None),
            ("lib", EntryKind.DIRECTORY, None),
            ("a-link", EntryKind.SYMLINK, 6),
            ("grüße", EntryKind.FILE, 3),
            ("run", EntryKind.EXECUTABLE, 10),
            ("zebra", EntryKind.FILE, 5),
        ]
        below = snapshot.children(raw_id, "/docs//")
        assert [(one.path, one.name, one.kind) for one in below] == [
            ("docs/deep", "deep", EntryKind.DIRECTORY),
            ("docs/a", "a", EntryKind.FILE),
        ]
        for one in [*root, *below]:
            assert snapshot.entry(raw_id, one.path) == one
            if one.kind != EntryKind.DIRECTORY:
                node = snapshot.file(raw_id, one.path)
                assert one.id == node.id
                assert [one.size] == snapshot.sizes([node]) or one.kind == EntryKind.SYMLINK
        top = snapshot.entry(raw_id, "")
        assert (top.path, top.kind, top.size) == ("", EntryKind.DIRECTORY, None)
        for path in ("zebra", "a-link", "docs/a", "nowhere", "docs/nowhere", "a-link/x"):
            with pytest.raises(UnknownPath):
                snapshot.children(raw_id, path)


def test_what_is_not_there(place: Place) -> None:
    raw_id = place.change(**{"docs/a": "a\n"})
    later = place.change(**{"docs/b": "b\n"})
    with place.open() as snapshot:
        assert snapshot.entry(later, "docs/b").kind == EntryKind.FILE
        with pytest.raises(UnknownPath):
            snapshot.entry(raw_id, "docs/b")
        assert snapshot.entry(later, "docs/").kind == EntryKind.DIRECTORY
        for path in {*NOWHERE} - {"docs/", "docs/a/", ":/"}:
            for ask in (
                lambda path: snapshot.entry(later, path),
                lambda path: snapshot.children(later, path),
                lambda path: snapshot.last_changes(later, path),
                lambda path: list(snapshot.files_below(later, path)),
                lambda path: snapshot.properties(later, path),
            ):
                with pytest.raises(UnknownPath):
                    ask(path)


def test_what_changed_each_entry_last(place: Place) -> None:
    first = place.change(**{"docs/a": "1\n", "docs/deep/b": "1\n", "docs/deep/c": "1\n", "left": "x\n", "gone": "x\n"})
    second = place.change(**{"docs/deep/b": "2\n"})
    program(place, "run")
    third = place.change(**{"gone": None, "docs/new": "1\n"})
    renamed = place.rename("left", "called")
    fourth = place.change(**{"docs/a": "2\n"})
    place.change(**{"docs/a": "1\n"})
    back = place.change(**{"docs/a": "2\n"})
    with place.open() as snapshot:
        assert snapshot.last_changes(back, "") == {"docs": back, "run": third, "called": renamed}
        assert snapshot.last_changes(back, "docs") == {"a": back, "deep": second, "new": third}
        assert snapshot.last_changes(back, "/docs/deep/") == {"b": second, "c": first}
        assert snapshot.last_changes(fourth, "docs") == {"a": fourth, "deep": second, "new": third}
        assert snapshot.last_changes(first, "") == {"docs": first, "left": first, "gone": first}
        for path in ("called", "nowhere"):
            with pytest.raises(UnknownPath):
                snapshot.last_changes(back, path)
        for path in ("", "docs", "docs/deep"):
            told = snapshot.last_changes(back, path)
            assert set(told) == {one.name for one in snapshot.children(back, path)}
            for name, raw_id in told.items():
                whole = f"{path}/{name}" if path else name
                assert snapshot.path_history(back, whole, 0, 1) == [raw_id]


def test_a_program_and_its_content_change_an_entry(place: Place) -> None:
    place.change(**{"d/x": "1\n", "d/y": "1\n"})
    place.copy.make_executable("d/x")
    place.copy.commit("a program")
    place.copy.publish()
    second = place.copy.published()
    third = place.change(**{"d/y": "2\n"})
    if place.kind == "hg":
        return  # whose files do not notice it (`path_history`)
    with place.open() as snapshot:
        assert snapshot.last_changes(third, "d") == {"x": second, "y": third}


def test_all_files_for_an_archive(place: Place) -> None:
    link(place, "d/link", "../a")
    program(place, "d/run")
    names = ["a", "a-b", "a.c", "d/e/f", "d-e", "d.e", "da", "d/z", "é"]
    raw_id = place.change(**{name: f"{name}\n" for name in names})
    with place.open() as snapshot:
        found = list(snapshot.files_below(raw_id, ""))
        paths = [one.path for one in found]
        assert paths == sorted([*names, "d/link", "d/run"], key=lambda path: path.encode())
        assert list(snapshot.files_below(raw_id, "d")) == [one for one in found if one.path.startswith("d/")]
        assert list(snapshot.files_below(raw_id, "d/e")) == [one for one in found if one.path == "d/e/f"]
        for one in found:
            assert snapshot.entry(raw_id, one.path) == one
        content = {one.path: b"".join(snapshot.stream(one)) for one in found}
        assert content == {name: f"{name}\n".encode() for name in names} | {"d/link": b"../a", "d/run": b"#!/bin/sh\n"}
        kinds = {one.path: one.kind for one in found if one.kind != EntryKind.FILE}
        assert kinds == {"d/link": EntryKind.SYMLINK, "d/run": EntryKind.EXECUTABLE}
        with pytest.raises(UnknownPath):
            list(snapshot.files_below(raw_id, "a"))


def test_contents_in_pieces(place: Place) -> None:
    large = hashlib.shake_256(b"x").digest(3 << 20)
    raw_id = place.change(large=large, empty=b"", crlf=b"a\r\nb\r", odd=b"\0\xff\n", keyword="$Id$ $Revision$\n")
    with place.open() as snapshot:

        def pieces(name: str) -> list[bytes]:
            return list(snapshot.stream(snapshot.entry(raw_id, name)))

        told = pieces("large")
        assert b"".join(told) == large
        assert max(map(len, told)) <= _PIECE
        assert b"".join(pieces("empty")) == b""
        assert b"".join(pieces("crlf")) == b"a\r\nb\r"
        assert b"".join(pieces("odd")) == b"\0\xff\n"
        assert b"".join(pieces("keyword")) == b"$Id$ $Revision$\n"
        # Who has enough goes away.
        begun = iter(snapshot.stream(snapshot.entry(raw_id, "large")))
        assert large.startswith(next(begun))
        begun.close()  # type: ignore[attr-defined]
        assert b"".join(pieces("odd")) == b"\0\xff\n"


def test_what_costs_too_much_ends(place: Place) -> None:
    first = place.change(x="x\n")
    raw_id = place.change(**{f"d/f{number}": b"x" for number in range(20)})
    with place.open() as snapshot:
        for ask in (
            lambda: snapshot.children(raw_id, "d"),
            lambda: list(snapshot.files_below(raw_id, "")),
            lambda: snapshot.last_changes(raw_id, "d"),
            lambda: snapshot.differing(first, raw_id, DiffOptions()),
            lambda: list(snapshot.differences(None, raw_id, DiffOptions())),
        ):
            with spending(lambda: Budget(nodes=30)):
                assert len(ask()) >= 20
            with spending(lambda: Budget(nodes=9)), pytest.raises(Exhausted):
                ask()


# Commits.


def test_details_of_commits(place: Place) -> None:
    first, second, third = (place.change(f"number {number}", x=f"{number}\n") for number in range(3))
    with place.open() as snapshot:
        told = snapshot.details([third, first, second])
        assert [one.raw_id for one in told] == [third, first, second]
        by_id = {one.raw_id: one for one in told}
        assert by_id[first].children == (second,)
        assert by_id[second].children == (third,)
        assert by_id[third].children == ()
        for one, changeset in zip(told, snapshot.changesets([third, first, second]), strict=True):
            assert isinstance(one, CommitDetails)
            assert one.author == changeset.author
            assert one.author_date[:10] >= changeset.date[:4]
            assert one.author_date[-6] in "+-"
            assert not one.signed
            assert not one.closes_branch
        assert snapshot.details([]) == []


def test_pages_of_commits(place: Place) -> None:
    made = [place.change(x=f"{number}\n") for number in range(7)]
    with place.open() as snapshot:
        every = newest_first(snapshot)
        assert [one for one in every if one in made] == made[::-1]
        assert snapshot.page(None, None, 100) == every
        assert snapshot.page(None, None, 3) == every[:3]
        assert snapshot.page(None, every[2], 3) == every[3:6]
        assert snapshot.page(None, every[-1], 3) == []
        assert snapshot.page(None, None, 0) == []
        head = made[4]
        before = [one for one in every if every.index(one) >= every.index(head)]
        assert snapshot.page(head, None, 100) == before
        assert snapshot.page(head, None, 2) == before[:2]
        assert snapshot.page(head, before[1], 2) == before[2:4]
        assert snapshot.page(made[0], None, 1) == [made[0]]
        for number, after in enumerate(before):
            assert snapshot.page(head, after, 100) == before[number + 1 :]


def test_pages_of_a_branch(place: Place) -> None:
    path = "trunk/x" if place.kind == "svn" else "x"
    made = [place.change(**{path: f"{number}\n"}) for number in range(5)]
    with place.open() as snapshot:
        (branch,) = snapshot.names(Layout()).branches
        assert snapshot.page(None, None, 5) == made[::-1]
        assert snapshot.branch_page(branch, None, 100) == made[::-1]
        assert snapshot.branch_page(branch, None, 2) == made[:2:-1]
        assert snapshot.branch_page(branch, made[3], 2) == [made[2], made[1]]
        assert snapshot.branch_page(branch, made[0], 2) == []
        for name in ("nowhere", "", "--all", "-", f"{branch}/x", "..", f"{branch}^", "\udcff", "a\0b"):
            with pytest.raises(UnknownRevision):
                snapshot.branch_page(name, None, 5)


def test_pages_of_nothing(place: Place) -> None:
    with place.open() as snapshot:
        assert snapshot.page(None, None, 5) == []


def test_what_two_commits_have_in_common(place: Place) -> None:
    made = [place.change(x=f"{number}\n") for number in range(5)]
    with place.open() as snapshot:
        assert snapshot.ancestor(made[1], made[3]) == snapshot.ancestor(made[3], made[1]) == made[1]
        assert snapshot.ancestor(made[2], made[2]) == made[2]
        assert snapshot.lacking(made[1], made[4], 10) == [made[4], made[3], made[2]]
        assert snapshot.lacking(made[1], made[4], 2) == [made[4], made[3]]
        assert snapshot.lacking(made[4], made[1], 10) == []
        assert snapshot.lacking(made[2], made[2], 10) == []


# Differences.


def test_what_became_of_each_file(place: Place) -> None:
    was = {"docs/was": "a\nb\nc\nd\ne\nf\n"}
    first = place.change(changed="one\ntwo\nthree\n", deleted="x\ny\n", same="s\n", bin=BINARY, **was)
    place.rename("docs/was", "docs/is")
    second = place.change(changed="one\nTWO\nthree\n", deleted=None, added="1\n2", bin=BINARY + b"\0", nothing="")
    with place.open() as snapshot:
        told = compared(snapshot, first, second)
        assert {path: one.op for path, one in told.items()} == {
            "added": Op.ADDED,
            "bin": Op.MODIFIED,
            "changed": Op.MODIFIED,
            "deleted": Op.DELETED,
            "docs/is": Op.RENAMED,
            "nothing": Op.ADDED,
        }
        changed = told["changed"]
        assert changed.hunks == b"@@ -1,3 +1,3 @@\n one\n-two\n+TWO\n three\n"
        assert (changed.added, changed.deleted, changed.binary, changed.cut) == (1, 1, False, False)
        assert (changed.old_path, changed.new_path) == ("changed", "changed")
        assert (changed.old_kind, changed.new_kind) == (EntryKind.FILE, EntryKind.FILE)
        assert changed.old_id == snapshot.entry(first, "changed").id
        assert changed.new_id == snapshot.entry(second, "changed").id
        added = told["added"]
        assert added.hunks == b"@@ -0,0 +1,2 @@\n+1\n+2\n\\ No newline at end of file\n"
        assert (added.old_path, added.old_kind, added.old_id) == (None, None, "")
        assert (added.added, added.deleted) == (2, 0)
        deleted = told["deleted"]
        assert deleted.hunks == b"@@ -1,2 +0,0 @@\n-x\n-y\n"
        assert (deleted.new_path, deleted.new_kind, deleted.new_id) == (None, None, "")
        assert (deleted.added, deleted.deleted) == (0, 2)
        renamed = told["docs/is"]
        assert (renamed.old_path, renamed.new_path, renamed.hunks) == ("docs/was", "docs/is", b"")
        assert (renamed.added, renamed.deleted) == (0, 0)
        binary = told["bin"]
        assert (binary.binary, binary.hunks, binary.added, binary.deleted, binary.cut) == (True, b"", None, None, False)
        nothing = told["nothing"]
        assert (nothing.hunks, nothing.added, nothing.deleted, nothing.binary) == (b"", 0, 0, False)
        # From nothing, and back.
        whole = compared(snapshot, None, first)
        assert {path: one.op for path, one in whole.items()} == dict.fromkeys(
            ("bin", "changed", "deleted", "docs/was", "same"), Op.ADDED
        )
        assert whole["same"].hunks == b"@@ -0,0 +1 @@\n+s\n"
        back = compared(snapshot, second, first)
        assert back["docs/was"].op == Op.RENAMED
        assert back["changed"].hunks == b"@@ -1,3 +1,3 @@\n one\n-TWO\n+two\n three\n"
        assert compared(snapshot, first, first) == {}


def test_options_of_differences(place: Place) -> None:
    lines = [f"line {number}\n" for number in range(20)]
    first = place.change(**{"d/x": "".join(lines), "d/space": "a b\nc\n", "dx": "1\n"})
    lines[10] = "changed\n"
    second = place.change(**{"d/x": "".join(lines), "d/space": "a  b\nC\n", "dx": "2\n"})
    with place.open() as snapshot:
        tight = compared(snapshot, first, second, DiffOptions(context=0))["d/x"].hunks
        assert tight.splitlines()[1:] == [b"-line 10", b"+changed"]
        assert tight.startswith(b"@@ -11 +11 @@")
        wide = compared(snapshot, first, second, DiffOptions(context=10_000))["d/x"].hunks
        assert wide.startswith(b"@@ -1,20 +1,20 @@\n line 0\n")
        assert len(wide.splitlines()) == 22
        spaces = compared(snapshot, first, second, DiffOptions(ignore_space=True))["d/space"]
        assert [line[:1] for line in spaces.hunks.splitlines()[1:]] == [b" ", b"-", b"+"]
        assert (spaces.added, spaces.deleted) == (1, 1)
        assert set(compared(snapshot, first, second, DiffOptions(path="d"))) == {"d/space", "d/x"}
        assert set(compared(snapshot, first, second, DiffOptions(path="/d//x"))) == {"d/x"}
        assert set(compared(snapshot, first, second, DiffOptions(path="dx"))) == {"dx"}
        assert compared(snapshot, first, second, DiffOptions(path="nowhere")) == {}
        assert set(compared(snapshot, None, second, DiffOptions(path="d"))) == {"d/space", "d/x"}
        assert set(compared(snapshot, None, second, DiffOptions(path="d/x"))) == {"d/x"}
        few = compared(snapshot, first, second, DiffOptions(per_file=60))
        assert (few["d/x"].hunks, few["d/x"].cut, few["d/x"].added, few["d/x"].deleted) == (b"", True, 1, 1)
        assert (few["dx"].hunks, few["dx"].cut) == (b"@@ -1 +1 @@\n-1\n+2\n", False)
        size = len(compared(snapshot, first, second)["d/space"].hunks)
        few = compared(snapshot, first, second, DiffOptions(total=size))
        assert [one.cut for one in few.values()] == [False, True, True]


def test_renames_with_and_without(place: Place) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    first = place.change(**{"d/old": text, "other/x": "x\n"})
    second = place.rename("d/old", "other/new", **{"other/new": text + "more\n"})
    with place.open() as snapshot:
        (renamed,) = compared(snapshot, first, second).values()
        assert (renamed.op, renamed.old_path, renamed.new_path) == (Op.RENAMED, "d/old", "other/new")
        assert (renamed.added, renamed.deleted) == (1, 0)
        assert renamed.hunks.endswith(b" line 19\n+more\n")
        plain = compared(snapshot, first, second, DiffOptions(renames=False))
        assert {path: one.op for path, one in plain.items()} == {"d/old": Op.DELETED, "other/new": Op.ADDED}
        # What is left of a rename where only one side is asked for.
        assert [one.op for one in compared(snapshot, first, second, DiffOptions(path="d")).values()] == [Op.DELETED]
        assert [one.op for one in compared(snapshot, first, second, DiffOptions(path="other")).values()] == [Op.ADDED]


def test_programs_and_links_among_differences(place: Place) -> None:
    link(place, "link", "docs/a")
    first = place.change(**{"docs/a": "1\n", "script": "#!/bin/sh\n"})
    place.copy.make_executable("script")
    (place.copy.path / "link").unlink()
    link(place, "link", "docs/b")
    second = place.change(**{"docs/b": "1\n"})
    with place.open() as snapshot:
        told = compared(snapshot, first, second)
        script = told["script"]
        assert (script.op, script.old_kind, script.new_kind) == (Op.MODIFIED, EntryKind.FILE, EntryKind.EXECUTABLE)
        assert (script.hunks, script.added, script.deleted) == (b"", 0, 0)
        moved = told["link"]
        assert (moved.op, moved.old_kind, moved.new_kind) == (Op.MODIFIED, EntryKind.SYMLINK, EntryKind.SYMLINK)
        no_end = b"\\ No newline at end of file\n"
        assert moved.hunks == b"@@ -1 +1 @@\n-docs/a\n" + no_end + b"+docs/b\n" + no_end


def test_hunks_keep_every_byte(place: Place) -> None:
    first = place.change(x=b"\xff\xe9\r\n\x0cb\rc\n")
    second = place.change(x=b"\xff\xe8\r\n\x0cb\rc\n")
    with place.open() as snapshot:
        (told,) = compared(snapshot, first, second).values()
        assert told.hunks == b"@@ -1,2 +1,2 @@\n-\xff\xe9\r\n+\xff\xe8\r\n \x0cb\rc\n"


# Bodies.


def applied(place: Place, diff: bytes, before: dict[str, bytes]) -> dict[str, bytes]:
    """What `git apply` makes of files."""
    work = place.home / "applied"
    work.mkdir()
    for name, content in before.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_bytes(content)
    subprocess.run(["git", "apply", "-"], cwd=work, input=diff, check=True, timeout=60)
    return {str(path.relative_to(work)): path.read_bytes() for path in work.rglob("*") if path.is_file()}


def contents(snapshot: Snapshot, raw_id: str) -> dict[str, bytes]:
    return {one.path: b"".join(snapshot.stream(one)) for one in snapshot.files_below(raw_id, "")}


@pytest.mark.parametrize("binary", [False, True])
def test_a_raw_diff_can_be_applied(place: Place, binary: bool) -> None:
    if binary and place.kind == "svn":
        pytest.skip("binary files are named only")
    text = "".join(f"line {number}\n" for number in range(20))
    images = ({"bin": BINARY}, {"bin": BINARY[::-1], "new bin": b"\0\1\2"}) if binary else ({}, {})
    first = place.change(**{"d/old": text, "gone": "x\n", "odd 'name' ü": b"\xff\r\nno end", **images[0]})
    place.rename("d/old", "d/new")
    second = place.change(**{"d/new": text + "more\n", "gone": None, "odd 'name' ü": b"\xfe\r\nno end", **images[1]})
    with place.open() as snapshot:
        diff = b"".join(snapshot.raw_diff(first, second, DiffOptions(per_file=1, total=1)))
        before, after = contents(snapshot, first), contents(snapshot, second)
        assert b"".join(snapshot.raw_diff(second, second, DiffOptions())) == b""
        part = b"".join(snapshot.raw_diff(first, second, DiffOptions(path="gone")))
        assert part.count(b"diff --git") == 1
        wide = b"".join(snapshot.raw_diff(first, second, DiffOptions(path="d", renames=False, context=1)))
        assert wide.count(b"diff --git") == 2
    assert applied(place, diff, before) == after


def test_a_raw_diff_from_nothing(place: Place) -> None:
    first = place.change(**{"a": "1\n", "d/b": "2\n"})
    with place.open() as snapshot:
        diff = b"".join(snapshot.raw_diff(None, first, DiffOptions()))
        assert applied(place, diff, {}) == contents(snapshot, first)


def test_a_patch_has_a_header(place: Place) -> None:
    first = place.change("the first", x="1\n")
    second = place.change("subject\n\nbody\ndiff --git a/x b/x\n--- a/x\nIndex: y\nend", x="2\n")
    with place.open() as snapshot:
        patch = b"".join(snapshot.patch(second, DiffOptions()))
        header, _, diff = patch.partition(b"\n\ndiff --git ")
        begins = {"git": b"From %b ", "hg": b"# HG changeset patch\n", "svn": b"# SVN changeset patch\n"}[place.kind]
        assert header.startswith(begins % second.encode() if place.kind == "git" else begins)
        lines = header.split(b"\n")
        for line in (b" diff --git a/x b/x", b" --- a/x", b" Index: y"):
            assert line in lines
            assert line[1:] not in lines
        assert b"subject" in header
        assert b"body" in lines
        assert b"diff --git " + diff == b"".join(snapshot.raw_diff(first, second, DiffOptions()))
        root = b"".join(snapshot.patch(first, DiffOptions()))
        assert b"\n+1\n" in root


# What only some have.


def test_properties(place: Place) -> None:
    raw_id = place.change(**{"d/x": "1\n"})
    with place.open() as snapshot:
        assert dict(snapshot.properties(raw_id, "d/x")) == {}
        assert dict(snapshot.properties(raw_id, "d")) == {}
        assert dict(snapshot.properties(raw_id, "")) == {}
        with pytest.raises(UnknownPath):
            snapshot.properties(raw_id, "nowhere")


def test_two_repositories_of_a_network(place: Place) -> None:
    base = place.change(x="1\n")
    fork = place.home / "fork"
    place.back_end.fork(place.path, fork)
    mine = place.change(x="1\n", y="mine\n")
    theirs = _change_beside(place, fork)

    def index(path: Path, name: str) -> object:
        cache = place.home / name
        return place.back_end.index(path, cache, place.back_end.history(path, cache).state)

    pair = (place.path, index(place.path, "cache"), fork, index(fork, "cache of fork"))
    if place.kind == "svn":
        with pytest.raises(NotPossible), place.back_end.open_with(*pair):
            pass
        return
    with place.back_end.open_with(*pair) as snapshot:
        assert snapshot.ancestor(mine, theirs) == snapshot.ancestor(theirs, mine) == base
        assert snapshot.lacking(mine, theirs, 10) == [theirs]
        assert snapshot.lacking(theirs, mine, 10) == [mine]
        told = compared(snapshot, mine, theirs)
        assert {path: one.op for path, one in told.items()} == {"y": Op.DELETED, "z": Op.ADDED}
        assert told["z"].hunks == b"@@ -0,0 +1 @@\n+theirs\n"
        assert snapshot.resolve(mine) == mine
        with pytest.raises(UnknownRevision):
            snapshot.resolve(theirs)
    with place.open() as snapshot, pytest.raises(UnknownRevision):
        snapshot.resolve(theirs)


def _change_beside(place: Place, fork: Path) -> str:
    """Publish a change to a fork."""
    work = place.home / "beside"
    if place.kind == "svn":
        return ""
    client = place.git if place.kind == "git" else place.hg
    client.run("clone", "--quiet", str(fork), str(work))
    copy = type(place.copy)(client, work)  # type: ignore[call-arg]
    return copy.change("theirs", z="theirs\n")
