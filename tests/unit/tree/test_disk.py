# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of ours in the tree."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from trivium.tree.disk import remove_tree


def test_what_a_dying_program_writes_last_does_not_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "aside"
    (place / "deep").mkdir(parents=True)
    last_words = [place / "deep" / "one", place / "deep" / "two"]
    remove = shutil.rmtree

    def beside_a_program(path: Path, *, ignore_errors: bool) -> None:
        remove(path, ignore_errors=ignore_errors)
        if last_words:
            place.joinpath("deep").mkdir(parents=True)
            last_words.pop().touch()

    monkeypatch.setattr(shutil, "rmtree", beside_a_program)
    remove_tree(place)
    assert not place.exists() and not last_words
