# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences of files that are too large to be compared lead to the same tree as any other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support.clients import Git
from tests.support.places import Place
from trivium.vcs.pages import DiffOptions

NOISE = bytes(range(256)) * 3
DIFF = """
import os, sys
from trivium.vcs.hg.limits import HgLimits
from trivium.vcs.hg.server import library, patches, replaced

replaced.LARGEST_COMPARED = 100
base = library.prepare(HgLimits())
repository = library.open_repository(base, os.open(sys.argv[1], os.O_RDONLY))
old, new = (bytes.fromhex(one) for one in sys.argv[2:])
for piece in patches.raw_diff(repository, old, new, b"", True, 3, False):
    sys.stdout.buffer.write(piece)
"""


def replacing(place: Place, old: str, new: str) -> bytes:
    """The difference between two changesets by a process to which 100 bytes are too many to be compared."""
    command = [sys.executable, "-c", DIFF, str(place.path), old, new]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout


def held(tree: Path) -> dict[str, bytes]:
    files = (path for path in tree.rglob("*") if path.is_file() and ".git" not in path.parts)
    return {str(path.relative_to(tree)): path.read_bytes() for path in files}


def test_whoever_applies_it_has_the_same_tree(hg_place: Place, tmp_path: Path) -> None:
    work, run = hg_place.copy.path, hg_place.hg.run
    first = hg_place.change(**{"small": "1\n", "te xt": "line 1\n" * 50 + "no end", "noise": NOISE, "grows": "1\n"})
    (work / "noise").chmod(0o755)
    hg_place.copy.write(small="2\n", noise=NOISE[::-1], grows="x" * 200, **{"te xt": "line 2\n" * 50})
    run("rename", "te xt", "d/moved", cwd=work)
    run("copy", "noise", "copied", cwd=work)
    second = hg_place.change("changed")
    run("copy", "copied", "the same", cwd=work)
    third = hg_place.change("gone", small=None, noise=None, copied="", **{"d/moved": None})
    git = Git(tmp_path / "git")
    tree = tmp_path / "tree"
    tree.mkdir()
    git.run("init", "--quiet", cwd=tree)
    told = []
    with hg_place.open() as snapshot:
        for old, new in (("", first), (first, second), (second, third)):
            told.append(replacing(hg_place, old, new))
            (tmp_path / "diff").write_bytes(told[-1])
            git.run("apply", str(tmp_path / "diff"), cwd=tree)
            expected = {one.path: b"".join(snapshot.stream(one)) for one in snapshot.files_below(new, "")}
            assert held(tree) == expected
            if new == second:
                assert os.access(tree / "noise", os.X_OK)
    assert b"GIT binary patch\nliteral 768\n" in told[0] and b"\n\\ No newline at end of file\n" in told[0]
    assert b"@@ -1,51 +1,50 @@\n-line 1\n" in told[1]
    assert b"rename from te xt\nrename to d/moved\n" in told[1] and b"copy from noise\ncopy to copied\n" in told[1]
    # What is not too large is compared, as ever.
    assert b"--- a/small\n+++ b/small\n@@ -1,1 +1,1 @@\n-1\n+2\n" in told[1]
    assert b"copy from copied\ncopy to the same\n" in told[2] and told[2].count(b"GIT binary patch") == 2


def test_the_origin_of_a_large_copy_is_found_at_its_beginning(hg_place: Place) -> None:
    first = hg_place.change(large=b"a line\n" * (700 << 10))
    hg_place.hg.run("copy", "large", "copied", cwd=hg_place.copy.path)
    second = hg_place.rename("large", "moved")
    with hg_place.open() as snapshot:
        found = {one.new_path: one.old_path for one in snapshot.differing(first, second, DiffOptions())}
    assert found == {"moved": "large", "copied": "large"}
