# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever has read a repository holds nothing of it any more, without waiting for the garbage collector."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path

import pygit2
import pytest

from trivium.vcs.errors import VcsError
from trivium.vcs.git.objects import open_repository


def _alive() -> int:
    return sum(isinstance(one, pygit2.Repository) for one in gc.get_objects())


@pytest.mark.parametrize("fails", [False, True])
def test_no_repository_outlives_its_reader(tmp_path: Path, *, fails: bool) -> None:
    made = pygit2.init_repository(str(tmp_path), bare=True)
    raw_id = made.create_blob(b"content")
    del made
    gc.collect()
    gc.disable()
    try:
        before = _alive()
        for _ in range(3):
            try:
                with open_repository(tmp_path) as repository:
                    assert repository[raw_id].data == b"content"
                    assert list(repository.branches) == []
                    if fails:
                        repository["f" * 40]
            except VcsError:
                assert fails
            del repository
        assert _alive() == before
    finally:
        gc.enable()


def test_what_is_damaged_is_not_told(tmp_path: Path) -> None:
    """Ids are not computed when objects are read: they have a sum of their own."""
    made = pygit2.init_repository(str(tmp_path), bare=True)
    raw_id = str(made.create_blob(bytes(range(256)) * 40))
    file = tmp_path / "objects" / raw_id[:2] / raw_id[2:]
    sound = file.read_bytes()
    file.chmod(0o600)
    for at in range(2, len(sound), 7):
        file.write_bytes(sound[:at] + bytes([sound[at] ^ 0xFF]) + sound[at + 1 :])
        with pytest.raises(VcsError), open_repository(tmp_path) as repository:
            repository.odb.read(pygit2.Oid(hex=raw_id))


def test_what_an_account_has_configured_for_git_is_not_read(tmp_path: Path) -> None:
    pygit2.init_repository(str(tmp_path / "one"), bare=True)
    (tmp_path / ".gitconfig").write_text("[this is no configuration")
    opening = (
        "from pathlib import Path; from trivium.vcs.git.objects import open_repository\n"
        "with open_repository(Path('one')) as repository: print(repository.is_bare)"
    )
    done = subprocess.run(
        [sys.executable, "-c", opening],
        cwd=tmp_path,
        env={"HOME": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[4])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "True\n", done.stderr
