# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever has read a repository holds nothing of it any more, without waiting for the garbage collector."""

from __future__ import annotations

import gc
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
