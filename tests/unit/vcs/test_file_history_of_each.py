# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of files where each system has its own ways: merges, copies, names, and how git is started."""

from __future__ import annotations

import shutil

import pytest

from tests.support.places import IN_THE_WAY, MANY, NOWHERE, Place
from trivium.vcs.errors import UnknownPath, UnknownRevision, VcsError
from trivium.vcs.git.back_end import Git
from trivium.vcs.git.command import git_command


def test_merges_in_git(git_place: Place) -> None:
    run, work = git_place.git.run, git_place.copy.path

    def merge(*options: str, **files: str | bytes | None) -> str:
        run("merge", "--quiet", "--no-commit", *options, "side", cwd=work, check=False)
        return git_place.change(**files)

    first = git_place.change(**{"both": "1\n2\n3\n4\n5\n", "d/x": "x\n"})
    run("branch", "side", cwd=work)
    mine = git_place.change(both="mine\n2\n3\n4\n5\n")
    run("checkout", "--quiet", "side", cwd=work)
    theirs = git_place.change(both="1\n2\n3\n4\ntheirs\n", **{"d/x": "y\n"})
    run("checkout", "--quiet", "master", cwd=work)
    merged = merge(both="mine\n2\nmerged\n4\ntheirs\n")
    assert git_place.history(merged, "both")[0] == merged
    assert set(git_place.history(merged, "both")) == {merged, mine, theirs, first}
    assert git_place.history(merged, "d") == [theirs, first], "the merge did nothing to it"
    assert git_place.annotate(merged, "both") == [
        (mine, b"mine\n"), (first, b"2\n"), (merged, b"merged\n"), (first, b"4\n"), (theirs, b"theirs\n"),
    ]  # fmt: skip
    # What was deleted on one side has no say; what is there comes from the other.
    run("branch", "--force", "side", cwd=work)
    run("checkout", "--quiet", "side", cwd=work)
    git_place.change(both=None)
    run("checkout", "--quiet", "master", cwd=work)
    changed = git_place.change(both="mine\n2\nmerged\n4\nchanged\n")
    kept = merge(both="mine\n2\nmerged\n4\nkept\n")
    told = git_place.history(kept, "both")
    assert told[:2] == [kept, changed]
    assert set(told) == {kept, changed, merged, mine, theirs, first}


def test_merges_in_mercurial(hg_place: Place) -> None:
    run, work = hg_place.hg.run, hg_place.copy.path
    first = hg_place.change(**{"both": "1\n2\n3\n4\n5\n", "d/x": "x\n"})
    mine = hg_place.change(both="mine\n2\n3\n4\n5\n")
    run("update", "--quiet", first, cwd=work)
    hg_place.copy.write(both="1\n2\n3\n4\ntheirs\n", **{"d/x": "y\n"})
    hg_place.copy.commit("theirs")
    theirs = hg_place.copy.published()
    run("merge", "--quiet", "-r", mine, cwd=work)
    merged = hg_place.change(both="mine\n2\nmerged\n4\ntheirs\n")
    assert hg_place.history(merged, "both") == [merged, theirs, mine, first]
    assert hg_place.history(merged, "d") == hg_place.history(merged, "d/x") == [theirs, first]
    assert hg_place.history(mine, "both") == [mine, first], "what is no ancestor has no part in it"
    assert hg_place.annotate(merged, "both") == [
        (mine, b"mine\n"), (first, b"2\n"), (merged, b"merged\n"), (first, b"4\n"), (theirs, b"theirs\n"),
    ]  # fmt: skip


def test_one_version_of_a_file_that_two_changesets_made(hg_place: Place) -> None:
    """Mercurial stores it once, and names the first: which may be one that the asker does not come from."""
    run, work = hg_place.hg.run, hg_place.copy.path
    first = hg_place.change(file="1\n")
    one = hg_place.change(file="1\n2\n")
    run("update", "--quiet", first, cwd=work)
    hg_place.copy.write(file="1\n2\n", other="x\n")
    hg_place.copy.commit("the same on another head")
    other = hg_place.copy.published()
    run("push", "--force", cwd=work)
    assert hg_place.history(one, "file") == [one, first]
    assert hg_place.history(other, "file") == [other, first]
    assert hg_place.annotate(other, "file") == [(first, b"1\n"), (other, b"2\n")]


def test_what_is_secret_is_not_told(hg_place: Place) -> None:
    first = hg_place.change(file="1\n")
    hg_place.copy.write(file="2\n")
    hg_place.copy.commit("secret")
    secret = hg_place.copy.published()
    hg_place.hg.run("push", cwd=hg_place.copy.path)
    hg_place.hg.run("phase", "--force", "--secret", "-r", secret, cwd=hg_place.path)
    assert secret not in {*hg_place.names().branches.values(), *hg_place.names().tags.values()}
    assert hg_place.history(first, "file") == [first]
    for path in ("file", ""):
        with pytest.raises(UnknownRevision):
            hg_place.history(secret, path)
    with pytest.raises(UnknownRevision):
        hg_place.annotate(secret, "file")


def test_what_was_copied_in_subversion(svn_place: Place) -> None:
    run, work = svn_place.svn.run, svn_place.copy.path
    first = svn_place.change(**{"trunk/file": "1\n", "trunk/x": "x\n"})
    second = svn_place.change(**{"trunk/file": "1\n2\n"})
    svn_place.copy.update()
    run("copy", "--quiet", "trunk", "branch", cwd=work)
    third = svn_place.change(**{"branch/file": "1\n2\n3\n"})
    fourth = svn_place.change(**{"branch/file": "1\n2\n3\n4\n"})
    assert svn_place.history(fourth, "branch/file") == svn_place.history(fourth, "branch") == [fourth, third]
    assert svn_place.history(fourth, "branch/x") == [third]
    assert svn_place.history(fourth, "trunk") == [second, first]
    assert [by for by, _ in svn_place.annotate(fourth, "branch/file")] == [first, second, third, fourth]
    # As it was when it was too large nobody looks at it.
    large = svn_place.change(**{"branch/file": "1\n" * 100})
    small = svn_place.change(**{"branch/file": "1\n2\n"})
    assert svn_place.annotate(small, "branch/file", 150) == [(small, b"1\n"), (small, b"2\n")]
    assert large not in [by for by, _ in svn_place.annotate(small, "branch/file", 150)]


@pytest.mark.parametrize("name", ["new\nline", "-h", "tab\there", "\x1b[31m", "é", "e\u0301", ":(attr:x)y", "a\\b"])
def test_git_is_told_names_as_data(git_place: Place, name: str) -> None:
    first = git_place.change(**{name: "x\n", "y": "y\n"})
    git_place.change(y="yy\n")
    last = git_place.change(**{name: "x\nx\n"})
    assert git_place.history(last, name) == [last, first]
    assert git_place.annotate(last, name) == [(first, b"x\n"), (last, b"x\n")]


def test_a_tripwire_for_git(git_place: Place) -> None:
    """What stands before `--` is ours, whatever the path is; behind it is nothing but the path."""
    last = git_place.change(**dict.fromkeys(IN_THE_WAY, "x\n"))
    said, script = git_place.home / "said", git_place.home / "git"
    words = """{ printf '%s\\002' "$@"; printf '\\001\\n'; }"""
    script.write_text(f"#!/bin/sh\n{words} >>'{said}'\nexec '{shutil.which('git')}' \"$@\"\n")
    script.chmod(0o755)
    git_place.back_end = Git(git_command(str(script), git_place.home / "gitconfig"))
    with git_place.open() as snapshot:
        said.unlink(missing_ok=True)
        for name in IN_THE_WAY:
            snapshot.path_history(last, name, 0, 2)
            snapshot.annotate(last, name, MANY)
        before = said.read_text()
        for name in NOWHERE:
            if name in IN_THE_WAY or name == ":/":
                continue
            with pytest.raises(UnknownPath):
                snapshot.path_history(last, name, 0, 1)
            with pytest.raises(UnknownPath):
                snapshot.annotate(last, name, MANY)
        assert said.read_text() == before, "git does not hear of what is not there"
    calls = [line.split("\2")[:-1] for line in before.split("\1\n")[:-1]]
    plain = ["--git-dir=.", "--literal-pathspecs"]
    history = [*plain, "rev-list", "--parents", last, "--"]
    blame = [*plain, "blame", "--incremental", "--no-textconv", last, "--"]
    assert calls == [[*words, name] for name in IN_THE_WAY for words in (history, blame)]


def test_a_replacement_that_somebody_pushed_does_not_count(git_place: Place) -> None:
    run, work = git_place.git.out, git_place.copy.path
    first = git_place.change(file="1\n")
    second = git_place.change(file="1\n2\n")
    forged = run("commit-tree", "-m", "forged", f"{second}^{{tree}}", cwd=work)
    run("push", "--quiet", "origin", f"{forged}:refs/replace/{second}", cwd=work)
    assert git_place.history(second, "file") == [second, first]
    assert git_place.annotate(second, "file") == [(first, b"1\n"), (second, b"2\n")]
    with git_place.open() as snapshot:
        assert list(snapshot.ids(0, None)) == [first, second]


def test_git_ends_when_the_reader_has_enough(git_place: Place) -> None:
    command = git_place.back_end.command  # type: ignore[attr-defined]
    ids = [git_place.change(file=f"{number}\n") for number in range(5)]
    lines = command.lines("rev-list", ids[-1], cwd=git_place.path)
    assert next(lines).decode().strip() == ids[-1]
    lines.close()
    with pytest.raises(VcsError, match="unknown revision"):
        list(command.lines("rev-list", "nowhere", cwd=git_place.path))
    with pytest.raises(VcsError):
        list(command.lines("rev-list", cwd=git_place.path / "nowhere"))


def test_git_does_not_take_for_ever(git_place: Place) -> None:
    script = git_place.home / "git"
    script.write_text("#!/bin/sh\necho line\nexec sleep 60\n")
    script.chmod(0o755)
    lines = git_command(str(script), git_place.home / "gitconfig").lines("x", cwd=git_place.path, timeout=2)
    assert next(lines) == b"line\n"
    with pytest.raises(VcsError, match="ended with -9"):
        next(lines)


def test_path_filters_change_nothing(git_place: Place) -> None:
    ids = [git_place.change(**{f"d{number % 3}/f": f"{number}\n"}) for number in range(9)]
    plain = [git_place.history(ids[-1], path) for path in ("d0", "d1/f", "")]
    git_place.git.run("--git-dir=.", "commit-graph", "write", "--reachable", "--changed-paths", cwd=git_place.path)
    assert plain == [ids[6::-3], ids[7::-3], ids[::-1]]
    assert plain == [git_place.history(ids[-1], path) for path in ("d0", "d1/f", "")]
