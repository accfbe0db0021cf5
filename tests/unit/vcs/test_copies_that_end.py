# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy that nobody wants any more is ended in the middle, with all its processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.held import held_program, held_repository
from tests.support.places import Place
from tests.support.processes import are_gone, tree
from tests.support.waiting import until
from trivium.errors import Cancelled
from trivium.vcs.git.back_end import Git
from trivium.vcs.model import BackEnd
from trivium.vcs.svn.back_end import Svn


@contextlib.contextmanager
def _held(place: Place, directory: Path) -> Iterator[BackEnd]:
    """A back end whose copies of the place do not go on."""
    own = place.back_end
    if isinstance(own, Git):
        program, _, go = held_program("git", directory)
        yield Git(replace(own.command, program=str(program)))
        go.touch()
    elif isinstance(own, Svn):
        program, _, go = held_program("svnadmin", directory)
        yield Svn(replace(own.command, programs=replace(own.command.available, svnadmin=str(program))), own.apache)
        go.touch()
    else:
        with held_repository(place.path):
            yield own


def test_a_copy_ends_in_the_middle(place: Place, tmp_path: Path) -> None:
    place.change(a="b")
    before = set(tree(os.getpid()))
    begun: set[int] = set()

    def check() -> None:
        begun.update(set(tree(os.getpid())) - before)
        if begun:
            raise Cancelled

    with _held(place, tmp_path) as back_end:
        with pytest.raises(Cancelled):
            back_end.fork(place.path, tmp_path / "copy", check)
        until(lambda: are_gone(begun))
    place.back_end.fork(place.path, tmp_path / "another")
    assert place.back_end.is_repository(tmp_path / "another")
