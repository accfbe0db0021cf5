# SPDX-License-Identifier: GPL-3.0-or-later
"""What only Subversion has of what pages and downloads need: copies, properties, externals, directories as branches."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.places import Place, new_place
from trivium.vcs.budget import Budget, spending
from trivium.vcs.errors import UnknownRevision
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import DiffOptions, EntryKind, FileDifference, Op, PropertyChange, TreeEntry
from trivium.vcs.svn import listing, pairs

ALL = DiffOptions()


@pytest.fixture(scope="module")
def mucc(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., int]:
    """Makes one revision of several operations; returns its number."""
    contents = tmp_path_factory.mktemp("contents")

    def make(place: Place, *words: str, message: str = "a change") -> int:
        given: list[str] = []
        for word in words:
            if word.startswith("="):  # the content of a file
                file = contents / f"{len(list(contents.iterdir()))}"
                file.write_bytes(word[1:].encode("latin-1"))
                word = str(file)
            given.append(word)
        command = ["svnmucc", "-U", place.path.as_uri(), "-m", message, "-u", "ann", "--non-interactive", *given]
        said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
        return int(said.split()[0].removeprefix("r"))

    return make


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory, mucc: Callable[..., int]) -> Iterator[Place]:
    """A repository in which everything happened that can happen to a path."""
    with new_place("svn", tmp_path_factory.mktemp("lived")) as place:
        for words in LIFE:
            mucc(place, *words)
        yield place


LIFE = [
    ("mkdir", "trunk", "mkdir", "branches", "mkdir", "tags"),
    ("put", "=1\n2\n3\n", "trunk/a", "mkdir", "trunk/d", "put", "=x\n", "trunk/d/x", "put", "=y\n", "trunk/d/y",
     "mkdir", "trunk/d/e", "put", "=z\n", "trunk/d/e/z", "propset", "colour", "red", "trunk/d"),
    ("cp", "2", "trunk", "branches/b"),
    ("put", "=1\n2\n3\n4\n", "trunk/a", "put", "=1\n2\nthree\n", "branches/b/a", "put", "=yy\n", "trunk/d/y",
     "put", "=yyy\n", "branches/b/d/y",
     "put", "=link a", "trunk/l", "propset", "svn:special", "*", "trunk/l"),
    ("mv", "trunk/d/x", "trunk/d/called", "propset", "svn:executable", "*", "trunk/d/y",
     "put", "=link d/y", "trunk/l"),
    ("rm", "trunk", "cp", "4", "branches/b", "trunk"),  # its directories are as old as those that were there
    ("cp", "5", "trunk/d/called", "trunk/d/back", "propset", "svn:mergeinfo", "/branches/b:3-5", "trunk"),
    ("rm", "trunk/a", "mkdir", "trunk/a", "put", "=in a\n", "trunk/a/f"),
    ("mv", "trunk/d", "trunk/dd", "put", "=changed too\n", "trunk/dd/e/z", "propset", "colour", "\xffblue", "trunk/dd"),
    ("rm", "branches/b", "mkdir", "branches/b"),
    ("rm", "trunk/a", "put", "=1\n", "trunk/a"),
    ("cp", "11", "trunk", "tags/1", "rm", "tags/1/dd/e"),
    ("cp", "8", "trunk/d", "trunk/d"),  # it is there again
    ("cp", "13", "trunk", "tags/2", "rm", "tags/2/dd/x", "put", "=other\n", "tags/2/dd/x"),
    ("mv", "tags/2", "tags/3", "put", "=\0\1", "trunk/bin"),
]  # fmt: skip


def contents(snapshot: Snapshot, number: int) -> dict[str, tuple[EntryKind, bytes]]:
    if number == 0:
        return {}
    files = [one for one in snapshot.files_below(str(number), "") if one.kind is not EntryKind.DIRECTORY]
    return {one.path: (one.kind, b"".join(snapshot.stream(one))) for one in files}


def by_path(found: list[FileDifference]) -> dict[str, FileDifference]:
    return {one.path: one for one in found}


def test_the_log_and_the_trees_tell_the_same(lived: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = range(len(LIFE) + 1)
    with lived.open() as snapshot:
        trees = {number: contents(snapshot, number) for number in numbers}
        for old in numbers:
            for new in numbers:
                monkeypatch.setattr(pairs, "_FEW", 1000)
                told = snapshot.differing(str(old), str(new), ALL)
                monkeypatch.setattr(pairs, "_FEW", 0)
                assert snapshot.differing(str(old), str(new), ALL) == told
                # What is told leads from one tree to the other, and no path is told that is the same in both.
                before, after = trees[old], trees[new]
                differ = {path for path in {*before, *after} if before.get(path) != after.get(path)}
                files = [one for one in told if EntryKind.DIRECTORY not in (one.old_kind, one.new_kind)]
                left = {one.old_path for one in files if one.op in (Op.RENAMED, Op.DELETED)}
                came = {one.new_path for one in files if one.op is not Op.DELETED}
                assert differ <= left | came
                assert {path for path in left | came if before.get(path or "") == after.get(path or "")} == {
                    one.path for one in files if one.properties and one.op is Op.MODIFIED and one.path not in differ
                }
                assert left <= set(before)
                assert came <= set(after)
                for path in ("trunk/d", "branches/b", "trunk/a", "trunk/dd/e/z"):
                    part = DiffOptions(path=path, renames=False)
                    whole = snapshot.differing(str(old), str(new), DiffOptions(renames=False))
                    below = [one for one in whole if one.path == path or one.path.startswith(f"{path}/")]
                    for few in (0, 1000):
                        monkeypatch.setattr(pairs, "_FEW", few)
                        assert snapshot.differing(str(old), str(new), part) == below


@pytest.mark.parametrize("client", ["git", "svn"])
def test_a_diff_leads_from_one_tree_to_the_other(lived: Place, tmp_path: Path, client: str) -> None:
    steps = [(number, number + 1) for number in range(1, 11)] + [(2, 9), (3, 8), (6, 2), (11, 8)]
    with lived.open() as snapshot:
        for old, new in steps:
            work = tmp_path / f"{old}-{new}"
            diff = b"".join(snapshot.raw_diff(str(old), str(new), ALL))
            if client == "git":
                write(work, contents(snapshot, old))
                command = ["git", "apply", "--allow-empty", "-"]
                subprocess.run(command, cwd=work, input=diff, check=True, timeout=60, capture_output=True)
            else:
                url = f"{lived.path.as_uri()}@{old}"
                lived.svn.run("checkout", "--quiet", url, str(work))
                file = tmp_path / "diff"
                file.write_bytes(diff)
                said = lived.svn.out("patch", str(file), cwd=work)
                assert "reject" not in said and "conflict" not in said.lower() and "Skipped" not in said, said
            assert files_in(work) == contents(snapshot, new), (old, new)


def write(work: Path, files: dict[str, tuple[EntryKind, bytes]]) -> None:
    work.mkdir()
    for name, (kind, content) in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        if kind is EntryKind.SYMLINK:
            (work / name).symlink_to(content.decode())
            continue
        (work / name).write_bytes(content)
        if kind is EntryKind.EXECUTABLE:
            (work / name).chmod(0o755)


def files_in(work: Path) -> dict[str, tuple[EntryKind, bytes]]:
    found = {}
    for path in work.rglob("*"):
        name = path.relative_to(work)
        if ".svn" in name.parts or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink():
            found[str(name)] = (EntryKind.SYMLINK, str(path.readlink()).encode())
            continue
        kind = EntryKind.EXECUTABLE if path.stat().st_mode & 0o100 else EntryKind.FILE
        found[str(name)] = (kind, path.read_bytes())
    return found


def test_copies_and_renames(lived: Place) -> None:
    with lived.open() as snapshot:
        branch = snapshot.differing("2", "3", ALL)
        assert {(one.op, one.old_path, one.new_path) for one in branch} == {
            (Op.COPIED, f"trunk/{name}", f"branches/b/{name}") for name in ("a", "d/e/z", "d/x", "d/y")
        }
        assert {one.old_id for one in branch} == {f"2/{one.old_path}" for one in branch}
        moved = by_path(snapshot.differing("8", "9", ALL))
        assert {path: (one.op, one.old_path) for path, one in moved.items() if one.new_kind is EntryKind.FILE} == {
            f"trunk/dd/{name}": (Op.RENAMED, f"trunk/d/{name}") for name in ("back", "e/z", "x", "y")
        }
        colour = moved["trunk/dd"]
        assert (colour.op, colour.old_path, colour.old_kind) == (Op.RENAMED, "trunk/d", EntryKind.DIRECTORY)
        assert [(one.name, one.old) for one in colour.properties] == [("colour", b"red")]
        (changed,) = (one for one in snapshot.differences("8", "9", ALL) if one.path == "trunk/dd/e/z")
        assert changed.hunks == b"@@ -1 +1 @@\n-z\n+changed too\n"
        again = snapshot.differing("12", "13", ALL)
        assert {(one.op, one.old_path) for one in again if one.new_kind is not EntryKind.DIRECTORY} == {
            (Op.ADDED, None)
        }
        # The second copy of what went is a copy; what was copied from further back is one, too.
        back = by_path(snapshot.differing("6", "7", ALL))["trunk/d/back"]
        assert (back.op, back.old_path, back.old_id) == (Op.COPIED, "trunk/d/called", "5/trunk/d/called")


def test_properties_differ(lived: Place, mucc: Callable[..., int]) -> None:
    with lived.open() as snapshot:
        program = by_path(list(snapshot.differences("4", "5", ALL)))["trunk/d/y"]
        assert (program.old_kind, program.new_kind) == (EntryKind.FILE, EntryKind.EXECUTABLE)
        assert program.properties == (PropertyChange("svn:executable", None, b"*"),)
        assert (program.hunks, program.added, program.deleted) == (b"", 0, 0)
        merged = by_path(list(snapshot.differences("6", "7", ALL)))["trunk"]
        assert (merged.op, merged.new_kind, merged.hunks) == (Op.MODIFIED, EntryKind.DIRECTORY, b"")
        assert merged.properties == (PropertyChange("svn:mergeinfo", None, b"/branches/b:3-5"),)
        assert dict(snapshot.properties("7", "trunk")) == {"svn:mergeinfo": b"/branches/b:3-5"}
        # Nothing else: a diff of text has no place for it.
        assert b"mergeinfo" not in b"".join(snapshot.raw_diff("6", "7", ALL))
        empty = {path: (one.op, one.new_kind) for path, one in by_path(snapshot.differing("0", "1", ALL)).items()}
        assert empty == dict.fromkeys(("branches", "tags", "trunk"), (Op.ADDED, EntryKind.DIRECTORY))


def test_values_are_cut(tmp_path: Path, mucc: Callable[..., int]) -> None:
    with new_place("svn", tmp_path) as place:
        mucc(place, "put", "=x\n", "f")
        long = tmp_path / "long"
        long.write_bytes(b"\xff" * 100_000)
        mucc(place, "propsetf", "p", str(long), "f")
        with place.open() as snapshot:
            assert snapshot.properties("2", "f")["p"] == b"\xff" * (64 << 10)
            (told,) = snapshot.differences("1", "2", ALL)
            assert told.properties == (PropertyChange("p", None, b"\xff" * (64 << 10)),)


def test_a_type_makes_a_file_binary(tmp_path: Path, mucc: Callable[..., int]) -> None:
    with new_place("svn", tmp_path) as place:
        mucc(place, "put", "=x\n", "f", "propset", "svn:mime-type", "application/x", "f", "put", "=x\n", "g")
        mucc(place, "put", "=y\n", "f", "put", "=y\n", "g", "propset", "svn:mime-type", "text/x", "g")
        with place.open() as snapshot:
            told = by_path(list(snapshot.differences("1", "2", ALL)))
            assert (told["f"].binary, told["f"].hunks, told["f"].added) == (True, b"", None)
            assert (told["g"].binary, told["g"].added) == (False, 1)
            diff = b"".join(snapshot.raw_diff("1", "2", ALL))
            assert diff.startswith(
                b"diff --git a/f b/f\nBinary files a/f and b/f differ\ndiff --git a/g b/g\n--- a/g\n"
            )
            assert b"new file mode 100644\nBinary files /dev/null and b/f differ" in b"".join(
                snapshot.raw_diff(None, "1", ALL)
            )


def test_where_nobody_can_compare_in_time_everything_is_replaced(lived: Place, tmp_path: Path) -> None:
    with lived.open() as snapshot:
        with spending(lambda: Budget(comparing=1e-9)):
            diff = b"".join(snapshot.raw_diff("3", "4", ALL))
            told = list(snapshot.differences("3", "4", ALL))
        assert [(one.cut, one.hunks, one.added) for one in told] == [(True, b"", None)] * 5
        assert b"@@ -1,3 +1,4 @@\n-1\n-2\n-3\n+1\n+2\n+3\n+4\n" in diff
        write(tmp_path / "work", contents(snapshot, 3))
        subprocess.run(["git", "apply", "-"], cwd=tmp_path / "work", input=diff, check=True, timeout=60)
        assert files_in(tmp_path / "work") == contents(snapshot, 4)


def test_a_patch_of_a_revision(tmp_path: Path, mucc: Callable[..., int]) -> None:
    with new_place("svn", tmp_path) as place:
        mucc(place, "put", "=x\n", 'a "b" \\', message="one\n--- a\n\nIndex: x\n")
        with place.open() as snapshot:
            date = snapshot.details(["1"])[0].author_date
            assert (
                b"".join(snapshot.patch("1", ALL))
                == (
                    b"# SVN changeset patch\n# User ann\n# Date %b\n# Revision 1\n\none\n --- a\n\n Index: x\n\n"
                    b'diff --git a/a "b" \\ b/a "b" \\\nnew file mode 100644\n'
                    b'--- /dev/null\n+++ b/a "b" \\\t\n@@ -0,0 +1 @@\n+x\n'
                )
                % date.encode()
            )


@pytest.mark.parametrize("client", ["git", "svn"])
def test_a_diff_names_a_file_as_its_reader_does(tmp_path: Path, mucc: Callable[..., int], client: str) -> None:
    """`svn patch` reads no quoted names; Git needs them where nothing but the first line has the name."""
    with new_place("svn", tmp_path) as place:
        names = ('say "x"', "back\\slash", 'both "\\" é')
        mucc(place, *(word for name in names for word in ("put", "=1\n", name)), "put", "=1\n", "plain")
        mucc(place, *(word for name in names for word in ("put", "=2\n", name)), "put", "=", 'empty "x"')
        work = tmp_path / "applied"
        with place.open() as snapshot:
            (tmp_path / "diff").write_bytes(b"".join(snapshot.raw_diff("1", "2", ALL)))
            wanted = contents(snapshot, 2)
            if client == "git":
                write(work, contents(snapshot, 1))
                subprocess.run(["git", "apply", str(tmp_path / "diff")], cwd=work, check=True, timeout=60)
            else:
                del wanted['empty "x"']
                place.svn.run("checkout", "--quiet", f"{place.path.as_uri()}@1", str(work))
                place.svn.run("patch", str(tmp_path / "diff"), cwd=work)
        assert files_in(work) == wanted


def test_where_branches_come_from(lived: Place) -> None:
    with lived.open() as snapshot:
        told = {one.raw_id: one for one in snapshot.details([str(number) for number in range(1, 16)])}
        assert {number: one.copied_from for number, one in told.items() if one.copied_from} == {
            "3": "trunk@2",
            "6": "branches/b@4",
            "13": "trunk/d@8",
        }
        assert (told["3"].author, told["3"].committer, told["3"].commit_date) == ("ann", "", "")
        assert told["3"].author_date.endswith("+00:00")
        assert (told["3"].children, told["15"].children) == (("4",), ())


def test_pages_of_a_directory(lived: Place) -> None:
    with lived.open() as snapshot:
        # Since it is called so: it was exchanged in 6, and 10 is a new one.
        assert snapshot.branch_page("trunk", None, 100) == ["15", "13", "11", "9", "8", "7", "6"]
        assert snapshot.branch_page("trunk", "11", 2) == ["9", "8"]
        assert snapshot.branch_page("trunk", "6", 2) == snapshot.branch_page("trunk", "3", 2) == []
        assert snapshot.branch_page("trunk", None, 0) == []
        assert snapshot.branch_page("branches/b", None, 100) == ["10"]
        assert snapshot.branch_page("tags/1", None, 100) == ["12"]
        for name in ("trunk/nowhere", "trunk/a", "trunk/", "", "/trunk", "tags/2", "tags/4"):
            with pytest.raises(UnknownRevision):
                snapshot.branch_page(name, None, 100)
        assert snapshot.page("9", None, 3) == ["9", "8", "7"]
        assert snapshot.page("9", "12", 3) == ["9", "8", "7"]


def test_what_a_copy_took_along_did_not_change(lived: Place) -> None:
    with lived.open() as snapshot:
        assert snapshot.last_changes("3", "branches/b") == {"a": "2", "d": "2"}
        assert snapshot.last_changes("3", "branches") == {"b": "3"}
        assert snapshot.last_changes("4", "branches/b") == {"a": "4", "d": "4"}


def test_externals_are_among_the_children(tmp_path: Path, mucc: Callable[..., int]) -> None:
    value = "^/trunk@3 d\n-r 7 http://h/x lib/x\nhttp://h/y a\n"
    with new_place("svn", tmp_path) as place:
        mucc(place, "mkdir", "t", "mkdir", "t/d", "put", "=b\n", "t/b", "propset", "svn:externals", value, "t")
        with place.open() as snapshot:
            assert snapshot.children("1", "t") == [
                TreeEntry("t/d", EntryKind.DIRECTORY, "1/t/d"),
                TreeEntry("t/a", EntryKind.LINK, "", None, "http://h/y"),
                TreeEntry("t/b", EntryKind.FILE, "1/t/b", 2),
                TreeEntry("t/lib/x", EntryKind.LINK, "7", None, "http://h/x"),
            ]
            assert [one.path for one in snapshot.files_below("1", "t")] == ["t/b", "t/d"]
            assert dict(snapshot.properties("1", "t")) == {"svn:externals": value.encode()}


def test_of_many_programs_some_are_told(
    tmp_path: Path, mucc: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with new_place("svn", tmp_path) as place:
        words = [word for name in "abc" for word in ("put", "=x", name, "propset", "svn:executable", "*", name)]
        mucc(place, *words, "put", "=x", "aa", "put", "=no link", "s", "propset", "svn:special", "*", "s")
        with place.open() as snapshot:
            executable = [one.name for one in snapshot.children("1", "") if one.kind is EntryKind.EXECUTABLE]
            assert executable == ["a", "b", "c"]
            # What says that it is special and is no link is a file with all its bytes.
            odd = snapshot.entry("1", "s")
            assert (odd.kind, odd.size, b"".join(snapshot.stream(odd))) == (EntryKind.FILE, 7, b"no link")
            monkeypatch.setattr(listing, "_MOST_ASKED", 2)
            executable = [one.name for one in snapshot.children("1", "") if one.kind is EntryKind.EXECUTABLE]
            assert executable == ["a", "b"]
