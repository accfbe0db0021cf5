# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of Git: `git am` makes of them what was committed, whatever stands in a message (system.md 2.4)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.support.places import Place
from trivium.vcs.git import large_files
from trivium.vcs.pages import DiffOptions

MESSAGES = [
    "subject",
    "subject\n\nbody\n\nmore\n  indented\n",
    "grüße an alle\n\nünd ein Körper\n",
    "a subject that is so long that it does not fit into one line of a header, and goes on with words " + "x" * 70,
    "wörter " * 40 + "ende",
    "in two\nlines\n\nbody",
    "x" * 3000,
    "=?utf-8?q?not_encoded?=",
    "diff --git a/x b/x\n\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+forged\n",
    "subject\n\ndiff --git a/y b/y\nIndex: x\n---\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-1\n+forged\n----\n-- \nend",
    "subject\n\nFrom 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001\nFrom: Eve <e@x>\n",
    "subject\n\nFrom: Eve <eve@example.org>\nSubject: another\nDate: Thu, 1 Jan 1970 00:00:00 +0000\n\nbody",
    "subject\n\n\n\n>From: Eve <eve@example.org>\n\nbody",
    "tab\tin it \x07 bell\n\nbody\r\nwith\rreturns",
]
AUTHORS = [
    ("Ada Lovelace", "ada@example.org"),
    ("Jörg Müller-Ünïcode", "j@example.org"),
    ('Dr. A. "Quoted" (Comment), Jr.', "a.b+c@example.org"),
    ("back\\slash", "x@example.org"),
    ("Ä" * 30, "long@example.org"),
]


def restored(place: Place, patch: bytes, base: str) -> tuple[str, ...]:
    """Tree, author, date, subject and body of what `git am` makes of a patch on its parent."""
    work = place.home / "am"
    run = place.git.run
    if not work.exists():
        run("clone", "--quiet", str(place.path), str(work))
    run("checkout", "--quiet", "--detach", base, cwd=work)
    run("am", "--quiet", "--keep-cr", cwd=work, stdin=patch)
    return told(place, work, "HEAD")


def told(place: Place, where: Path, raw_id: str) -> tuple[str, ...]:
    said = place.git.run("log", "-1", "--format=%T%x00%an%x00%ae%x00%aI%x00%s%x00%b", raw_id, cwd=where).stdout
    return tuple(said.decode().split("\0"))


@pytest.fixture
def base(git_place: Place) -> str:
    return git_place.change(x="1\n", gone="x\n", binary=bytes(range(256)))


def test_messages(git_place: Place, base: str) -> None:
    run, work = git_place.git.run, git_place.copy.path
    for number, message in enumerate(MESSAGES):
        run("checkout", "--quiet", "-B", f"m{number}", base, cwd=work)
        git_place.copy.write(x=f"{number}\n", gone=None, binary=b"\0" * number + b"\xff\r\n", new="no end")
        run("add", "--all", cwd=work)
        run("commit", "--quiet", "--cleanup=verbatim", "-F", "-", cwd=work, stdin=message.encode())
        raw_id = git_place.copy.published()
        run("push", "--quiet", "origin", f"m{number}", cwd=work)
        with git_place.open() as snapshot:
            patch = b"".join(snapshot.patch(raw_id, DiffOptions()))
        expected, found = told(git_place, work, raw_id), restored(git_place, patch, base)
        assert found[:4] == expected[:4], message
        assert " ".join(found[4].split()) == " ".join(expected[4].split()), message
        assert [line.strip() for line in found[5].split()] == [line.strip() for line in expected[5].split()], message
        assert patch.startswith(f"From {raw_id} Mon Sep 17 00:00:00 2001\nFrom: ".encode())
        head = patch.partition(b"\n\n")[0]
        assert max(map(len, head.split(b"\n"))) <= 100 or message.startswith("a subject")


@pytest.mark.parametrize(("name", "address"), AUTHORS)
def test_authors(git_place: Place, base: str, name: str, address: str) -> None:
    git_place.copy.write(x="2\n")
    run, work = git_place.git.run, git_place.copy.path
    who = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": address, "GIT_AUTHOR_DATE": "1700000000 -0330"}
    run("commit", "--quiet", "--all", "-m", "subject", cwd=work, **who)
    git_place.copy.publish()
    raw_id = git_place.copy.published()
    with git_place.open() as snapshot:
        patch = b"".join(snapshot.patch(raw_id, DiffOptions()))
    assert restored(git_place, patch, base) == told(git_place, work, raw_id)


def test_a_merge_is_a_patch_against_its_first_parent(git_place: Place, base: str) -> None:
    run, work = git_place.git.run, git_place.copy.path
    run("checkout", "--quiet", "-b", "side", base, cwd=work)
    git_place.change(side="s\n")
    run("checkout", "--quiet", "master", cwd=work)
    mine = git_place.change(x="mine\n")
    run("merge", "--quiet", "--no-ff", "-m", "a merge", "side", cwd=work)
    git_place.copy.publish()
    raw_id = git_place.copy.published()
    with git_place.open() as snapshot:
        patch = b"".join(snapshot.patch(raw_id, DiffOptions()))
    assert patch.count(b"diff --git") == 1
    assert restored(git_place, patch, mine) == told(git_place, work, raw_id)


def test_a_root_is_a_patch_against_nothing(git_place: Place, base: str) -> None:
    with git_place.open() as snapshot:
        patch = b"".join(snapshot.patch(base, DiffOptions()))
    empty = git_place.home / "empty"
    git_place.git.run("init", "--quiet", str(empty))
    git_place.git.run("am", "--quiet", cwd=empty, stdin=patch)
    assert told(git_place, empty, "HEAD") == told(git_place, git_place.copy.path, base)


def test_nothing_configured_has_a_say(git_place: Place, base: str) -> None:
    """Neither the repository's own settings nor attributes, and no program is started for them."""
    second = git_place.change(x="2\n", **{".gitattributes": "* diff=evil\n"})
    with git_place.open() as snapshot:
        plain = b"".join(snapshot.raw_diff(base, second, DiffOptions()))
        wire = git_place.home / "wire"
        for key, value in {
            "diff.external": f"touch {wire};",
            "diff.evil.command": f"touch {wire};",
            "diff.evil.textconv": f"touch {wire};",
            "diff.noprefix": "true",
            "diff.mnemonicPrefix": "true",
            "diff.context": "0",
            "diff.renames": "false",
            "color.ui": "always",
            "color.diff": "always",
        }.items():
            git_place.git.run("--git-dir=.", "config", key, value, cwd=git_place.path)
        (git_place.path / "info").mkdir(exist_ok=True)
        (git_place.path / "info" / "attributes").write_text("* diff=evil\n")
        assert b"".join(snapshot.raw_diff(base, second, DiffOptions())) == plain
        assert not wire.exists()


def test_a_file_that_is_too_large_to_be_compared_is_told_whole(
    git_place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git would hold it in memory, several times over."""
    monkeypatch.setattr(large_files, "MOST_COMPARED", 1000)
    sizes = {"changed": 3 << 20, "gone": 300_000, "moved": 2000, "mode": 2000, "link": 2000}  # read in every way
    large = {name: random.Random(name).randbytes(size) for name, size in sizes.items()}
    base = git_place.change(small="1\n", **large)
    work = git_place.copy.path
    (work / "moved").rename(work / "moved here")
    for name in ("gone", "link"):
        (work / name).unlink()
    (work / "link").symlink_to("small")
    (work / "mode").chmod(0o755)
    odd = {'büro "x"\t\\': b"text\n" * 999, "changed": b"x" * 1001, "mode": b"y" * 1001, "small": b"2\n"}
    for name, content in odd.items():
        (work / name).write_bytes(content)
    git_place.copy.commit("large")
    git_place.copy.publish()
    raw_id = git_place.copy.published()
    with git_place.open() as snapshot:
        patch = b"".join(snapshot.patch(raw_id, DiffOptions()))
        part = b"".join(snapshot.raw_diff(base, raw_id, DiffOptions(path="changed")))
    assert b"rename from moved\nrename to moved here\n" in patch and b"@@ -1 +1 @@\n-1\n+2\n" in patch
    assert patch.count(b"GIT binary patch\n") == 6
    assert restored(git_place, patch, base) == told(git_place, work, raw_id)
    assert part.startswith(b"diff --git a/changed b/changed\nindex ") and part in patch
