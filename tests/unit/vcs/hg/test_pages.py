# SPDX-License-Identifier: GPL-3.0-or-later
"""What pages and downloads ask of Mercurial alone: patches that it takes back, subrepositories, what is hidden."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import Place, new_place
from trivium.vcs.budget import Budget, spending
from trivium.vcs.errors import UnknownPath, UnknownRevision
from trivium.vcs.hg.back_end import Hg as BackEnd
from trivium.vcs.hg.values import Listed
from trivium.vcs.pages import DiffOptions, EntryKind, Op, TreeEntry

BINARY = bytes(range(256)) * 40
LARGE = hashlib.shake_256(b"x").digest(100_000)
HOSTILE = """# User somebody else

diff --git a/x b/x
diff -r 0 x
--- a/x
+++ b/x
---
*** x
Index: y
RCS file: z
retrieving revision 1.1
# HG changeset patch
# Date 0 0
end: ü"""
"""A message in which whoever reads a patch would find its end, or another one."""


@pytest.fixture
def place(tmp_path: Path) -> Any:
    with new_place("hg", tmp_path) as made:
        yield made


def ask(place: Place, shape: Any, what: str, **arguments: Any) -> Any:
    assert isinstance(place.back_end, BackEnd)
    return place.back_end.processes.ask(shape, what, place.path, **arguments)


def test_a_patch_is_taken_back(place: Place, tmp_path: Path) -> None:
    work, run = place.copy.path, place.hg.run
    first = place.change(**{"a": "1\n2\n3\n", "script": "x\n", "bin": BINARY, "gone": "x\n", "d/old": "1\n" * 20})
    (work / "script").chmod(0o755)
    (work / "link").symlink_to("a")
    run("rename", "d/old", "d/new name", cwd=work)
    run("copy", "a", "copied", cwd=work)
    place.copy.write(a=b"1\n\xff\r\n3", bin=BINARY[::-1], gone=None, new=b"\0", empty="")
    run("commit", "--addremove", "-m", HOSTILE, "-u", "Übel <u@example.org>", "-d", "1234567890 -7200", cwd=work)
    second = place.copy.published()
    run("update", "--quiet", first, cwd=work)
    place.copy.write(side="x\n")
    place.copy.commit("side")
    side = place.copy.published()
    run("merge", "--quiet", "-r", second, cwd=work)
    place.copy.write(side="y\n", a="merged\n")
    place.copy.commit("merged")
    merged = place.copy.published()
    run("push", "--force", cwd=work)
    with place.open() as snapshot:
        patches = {one: b"".join(snapshot.patch(one, DiffOptions())) for one in (first, second, side, merged)}
        told = {one.path: one for one in snapshot.differences(side, merged, DiffOptions())}
    assert f"# Node ID {second}\n# Parent  {first}\n\n ".encode() not in patches[second]
    assert patches[second].startswith(
        f"# HG changeset patch\n# User Übel <u@example.org>\n# Date 1234567890 -7200\n# Node ID {second}\n"
        f"# Parent  {first}\n\n# User somebody else\n\n diff --git a/x b/x\n".encode()
    )
    assert f"# Parent  {side}\n# Parent  {second}\n".encode() in patches[merged]
    # As `hg export` has it: `hg import --exact` asks for a parent.
    assert patches[first].count(f"# Parent  {'0' * 40}\n".encode()) == patches[first].count(b"# Parent") == 1
    assert {told[name].op for name in ("bin", "a", "side", "script")} == {Op.MODIFIED}, "against the first parent"
    assert (told["d/new name"].op, told["copied"].op, told["gone"].op) == (Op.RENAMED, Op.COPIED, Op.DELETED)
    assert told["copied"].old_path == "a"
    assert told["script"].new_kind == EntryKind.EXECUTABLE
    taken = tmp_path / "taken"
    run("init", str(taken))
    for parent, one in (("null", first), (first, second), (first, side), (side, merged)):
        run("update", "--quiet", "--clean", parent, cwd=taken)
        (tmp_path / "patch").write_bytes(patches[one])
        run("import", "--quiet", str(tmp_path / "patch"), cwd=taken)
        template = "{author}\n{date|hgdate}\n{p1node}\n{p2node}\n{desc}"
        made, wanted = (
            place.hg.out("log", "-r", at, "-T", template, cwd=where) for at, where in ((".", taken), (one, work))
        )
        if one == second:  # whose message has blanks more
            ends = ("diff ", "--- ", "---\n", "*** ", "Index:", "RCS ", "retrieving ", "# HG changeset")
            wanted = "\n".join(f" {line}" if f"{line}\n".startswith(ends) else line for line in wanted.split("\n"))
        assert made == wanted
        run("pull", "--quiet", "-r", one, str(work), cwd=taken)
        assert place.hg.out("diff", "--git", "-r", ".", "-r", one, cwd=taken) == "", "the same files"


def test_a_patch_of_a_named_branch_is_taken_back_as_the_same_changeset(place: Place, tmp_path: Path) -> None:
    place.copy.run("branch", "--quiet", "büro & co")
    raw_id = place.change(a="1\n")
    with place.open() as snapshot:
        (tmp_path / "patch").write_bytes(b"".join(snapshot.patch(raw_id, DiffOptions())))
    taken = tmp_path / "taken"
    place.hg.run("init", str(taken))
    place.hg.run("import", "--quiet", "--exact", str(tmp_path / "patch"), cwd=taken)
    assert place.hg.out("log", "-r", "tip", "-T", "{node}", cwd=taken) == raw_id


def test_subrepositories(place: Place) -> None:
    state = "1" * 40
    raw_id = place.change(**{"d/x": "x\n", "file": "x\n"})
    with place.open() as snapshot:
        assert {one.kind for one in snapshot.children(raw_id, "")} == {EntryKind.DIRECTORY, EntryKind.FILE}
    sources = (
        "# a remark\nlib/one = https://example.org/one\nd/two=[git]https://example.org/two.git\n%include x\n"
        "../out = x\nfile = x\n three  =  ../three\nthree = ../three\n[subpaths]\nfour = x\n"
    )
    changed = commit_raw(place, {".hgsub": sources, ".hgsubstate": f"{state} lib/one\n{'2' * 40} d/two\n"})
    with place.open() as snapshot:
        found = {one.path: one for one in snapshot.children(changed, "")}
        assert found["lib"] == TreeEntry("lib", EntryKind.DIRECTORY, "")
        assert found["three"] == TreeEntry("three", EntryKind.LINK, "", None, "../three")
        assert found["file"].kind == EntryKind.FILE
        assert "four" not in found
        one = TreeEntry("lib/one", EntryKind.LINK, state, None, "https://example.org/one")
        assert snapshot.children(changed, "lib") == [one]
        assert snapshot.entry(changed, "lib/one") == one
        assert snapshot.children(changed, "d")[0].target == "https://example.org/two.git"
        assert snapshot.entry(changed, "lib").kind == EntryKind.DIRECTORY
        assert "lib/one" not in [each.path for each in snapshot.files_below(changed, "")]
        assert list(snapshot.files_below(changed, "lib")) == []
        assert snapshot.last_changes(changed, "lib") == {}
        with pytest.raises(UnknownPath):
            list(snapshot.stream(one))


def commit_raw(place: Place, files: dict[str, str]) -> str:
    """Commit files that the client would read, without letting it."""
    program = (
        "import sys, os\n"
        "from mercurial import initialization; initialization.init()\n"
        "from mercurial import context, ui, hg\n"
        "repo = hg.repository(ui.ui.load(), os.fsencode(sys.argv[1]))\n"
        "files = dict(zip(map(os.fsencode, sys.argv[2::2]), map(os.fsencode, sys.argv[3::2])))\n"
        "def one(repo, mem, path): return context.memfilectx(repo, mem, path, files[path])\n"
        "parents = (repo[b'tip'].node(), None)\n"
        "print(context.memctx(repo, parents, b'raw', sorted(files), one, user=b'u').commit().hex())\n"
    )
    words = [word for pair in files.items() for word in pair]
    done = subprocess.run(
        [sys.executable, "-c", program, str(place.path), *words],
        check=True, capture_output=True, env=place.hg.environment, timeout=60,
    )  # fmt: skip
    return done.stdout.decode().strip()


def test_named_branches_and_what_is_hidden(place: Place) -> None:
    work, run = place.copy.path, place.hg.run
    made = [place.change(x=f"{number}\n") for number in range(2)]
    run("branch", "--quiet", "stäble", cwd=work)
    stable = [place.change(y=f"{number}\n") for number in range(3)]
    run("update", "--quiet", made[1], cwd=work)
    place.copy.write(x="more\n")
    place.copy.commit("more")
    more = place.copy.published()
    run("push", cwd=work)
    run("update", "--quiet", stable[2], cwd=work)
    run("commit", "--close-branch", "-m", "closed", cwd=work)
    closed = place.copy.published()
    run("push", cwd=work)
    run("update", "--quiet", more, cwd=work)
    secret = place.change(x="secret\n")
    run("phase", "--force", "--secret", "-r", secret, cwd=place.path)
    run("phase", "--force", "--draft", "-r", more, cwd=place.path)
    with place.open() as snapshot:
        assert snapshot.branch_page("stäble", None, 9) == [closed, *stable[::-1]]
        assert snapshot.branch_page("stäble", stable[2], 1) == [stable[1]]
        assert snapshot.branch_page("default", None, 9) == [more, *made[::-1]]
        assert snapshot.branch_page("default", closed, 9) == [more, *made[::-1]]
        assert snapshot.page(None, None, 9) == [closed, more, *stable[::-1], *made[::-1]]
        assert snapshot.page(more, None, 9) == [more, *made[::-1]]
        told = {one.raw_id: one for one in snapshot.details([more, made[1], closed])}
        assert (told[more].phase, told[made[1]].phase) == ("draft", "public")
        assert told[more].children == ()
        assert told[made[1]].children == (stable[0], more)
        assert [told[one].closes_branch for one in (more, closed)] == [False, True]
        assert snapshot.ancestor(more, closed) == made[1]
        assert snapshot.lacking(closed, more, 9) == [more]
        for ask in (
            lambda: snapshot.details([secret]),
            lambda: snapshot.entry(secret, ""),
            lambda: snapshot.children(secret, ""),
            lambda: snapshot.last_changes(secret, ""),
            lambda: list(snapshot.files_below(secret, "")),
            lambda: snapshot.page(secret, None, 1),
            lambda: snapshot.ancestor(more, secret),
            lambda: snapshot.lacking(more, secret, 1),
            lambda: snapshot.differing(more, secret, DiffOptions()),
            lambda: list(snapshot.differences(secret, more, DiffOptions())),
            lambda: list(snapshot.raw_diff(None, secret, DiffOptions())),
            lambda: list(snapshot.patch(secret, DiffOptions())),
        ):
            with pytest.raises(UnknownRevision):
                ask()


def test_sizes_of_what_was_copied(place: Place) -> None:
    marked = b"\x01\n" + LARGE
    first = place.change(large=LARGE, text="x" * 200_000, marked=marked, small=b"\x01\nx")
    second = place.rename("large", "copy of large")
    second = place.rename("text", "copy of text")
    with place.open() as snapshot:
        for raw_id in (first, second):
            for one in snapshot.files_below(raw_id, ""):
                assert sum(map(len, snapshot.stream(one))) == one.size, one.path
        assert {one.size for one in snapshot.children(second, "")} == {100_000, 200_000, 100_002, 3}


def test_undecodable_names(place: Place) -> None:
    raw_id = place.change(**{os.fsdecode(b"d\xe9/\xff"): "x\n", os.fsdecode(b"d\xe9/\xfe"): "y\n"})
    with place.open() as snapshot:
        (directory,) = snapshot.children(raw_id, "")
        found = snapshot.children(raw_id, directory.path)
        assert [one.path for one in found] == ["d\udce9/\udcfe", "d\udce9/\udcff"]
        assert [b"".join(snapshot.stream(one)) for one in found] == [b"y\n", b"x\n"]
        assert snapshot.entry(raw_id, "d\udce9/\udcff") == found[1]
        assert snapshot.last_changes(raw_id, directory.path) == dict.fromkeys(("\udcfe", "\udcff"), raw_id)
        assert [one.path for one in snapshot.differences(None, raw_id, DiffOptions())] == [one.path for one in found]


def test_when_there_is_no_time(place: Place) -> None:
    first = place.change(**{"d/x": "x\n", "y": "y\n"})
    last = place.change(**{"d/x": "xx\n"})
    with place.open() as snapshot:
        with spending(lambda: Budget(seconds=1e-9)) as budget:
            assert snapshot.last_changes(last, "") == {}
            assert budget.cut
        with spending(lambda: Budget(comparing=1e-9)) as budget:
            assert [(one.path, one.cut, one.added) for one in snapshot.differences(first, last, DiffOptions())] == [
                ("d/x", True, None)
            ]
            assert budget.cut
    # Whom no changeset that was asked has touched is told by its own history.
    asked = {"raw_id": bytes.fromhex(last), "path": b"", "seconds": 9.0}
    for most, expected in ((0, {b"y": first}), (1, {b"d": last, b"y": first}), (2, {b"d": last, b"y": first})):
        told, cut = ask(place, tuple[dict[bytes, bytes], bool], "last_changes", most=most, **asked)
        assert {name: raw_id.hex() for name, raw_id in told.items()} == expected
        assert cut == (most < 2)


def test_files_are_listed_from_where_the_list_ended(place: Place) -> None:
    raw_id = place.change(**{"d/x": "x\n", "d/xx": "x\n", "d.x": "x\n", "dx": "x\n"})

    def listed(path: bytes, after: bytes) -> list[bytes]:
        asked = {"raw_id": bytes.fromhex(raw_id), "path": path, "after": after}
        found, is_last = ask(place, tuple[list[Listed], bool], "files_below", **asked)
        assert is_last
        return [one.path for one in found]

    assert listed(b"", b"") == [b"d.x", b"d/x", b"d/xx", b"dx"]
    assert listed(b"", b"d.x") == [b"d/x", b"d/xx", b"dx"]
    assert listed(b"", b"d/x") == [b"d/xx", b"dx"]
    assert listed(b"d", b"d/x") == [b"d/xx"]
    assert listed(b"d", b"d/xx") == listed(b"", b"dx") == []


def test_a_pair_hides_what_each_of_them_hides(place: Place) -> None:
    work, run = place.copy.path, place.hg.run
    base = place.change(x="1\n" * 20)
    fork = place.home / "fork"
    place.back_end.fork(place.path, fork)
    mine = place.change(y="mine\n")
    run("update", "--quiet", base, cwd=work)
    run("rename", "x", "renamed", cwd=work)
    place.copy.commit("theirs")
    theirs = place.copy.published()
    run("push", "--force", "-r", theirs, str(fork), cwd=work)

    def index(path: Path) -> Any:
        return place.back_end.index(path, place.home / "cache", "")

    with place.back_end.open_with(place.path, index(place.path), fork, index(fork)) as snapshot:
        (change,) = snapshot.differences(base, theirs, DiffOptions())
        assert (change.op, change.old_path, change.new_path) == (Op.RENAMED, "x", "renamed")
        told = {one.path: one.op for one in snapshot.differences(mine, theirs, DiffOptions())}
        assert told == {"renamed": Op.RENAMED, "y": Op.DELETED}
        assert snapshot.ancestor(base, theirs) == snapshot.ancestor(theirs, base) == base
        assert snapshot.lacking(theirs, base, 9) == []
    run("phase", "--force", "--secret", "-r", theirs, cwd=fork)
    with place.back_end.open_with(place.path, index(place.path), fork, index(fork)) as snapshot:
        for ask_for in (snapshot.ancestor, lambda old, new: snapshot.lacking(old, new, 9)):
            with pytest.raises(UnknownRevision):
                ask_for(mine, theirs)
        with pytest.raises(UnknownRevision):
            snapshot.differing(mine, theirs, DiffOptions())


def test_nothing_in_common(place: Place) -> None:
    first = place.change(x="1\n")
    place.hg.run("update", "--quiet", "null", cwd=place.copy.path)
    place.copy.write(z="2\n")
    place.copy.commit("another root")
    other = place.copy.published()
    place.hg.run("push", "--force", cwd=place.copy.path)
    with place.open() as snapshot:
        assert snapshot.ancestor(first, other) is None
        assert snapshot.lacking(first, other, 9) == [other]
        assert {one.path: one.op for one in snapshot.differing(first, other, DiffOptions())} == {
            "x": Op.DELETED,
            "z": Op.ADDED,
        }


def test_small_files_come_together(place: Place) -> None:
    """An archive asks once for many of them; what it was not about to ask for is told all the same."""
    files = {f"d/{number:03}": f"{number}\n" * number for number in range(120)} | {"d/050": "x" * 100_000, "e": "e\n"}
    raw_id = place.change(**files)
    assert isinstance(place.back_end, BackEnd)
    asked: list[str] = []
    call = place.back_end.processes.ask
    with place.open() as snapshot:
        other = snapshot.entry(raw_id, "e")
        place.back_end.processes.ask = lambda shape, what, *rest, **more: (  # type: ignore[method-assign]
            asked.append(what),
            call(shape, what, *rest, **more),
        )[1]
        told = {}
        for one in snapshot.files_below(raw_id, "d"):
            told[one.path] = b"".join(snapshot.stream(one)).decode()
            assert b"".join(snapshot.stream(other)) == b"e\n" if one.path == "d/010" else True
        assert told == {name: content for name, content in files.items() if name != "e"}
    assert asked.count("few_contents") < 10
