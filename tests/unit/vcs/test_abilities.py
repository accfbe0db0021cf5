# SPDX-License-Identifier: GPL-3.0-or-later
"""What one system has and another has not is declared, and nobody above the back ends goes by a system's name."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import trivium
from tests.support.places import Place
from trivium.egress.remote import Remote, TransferLimits
from trivium.vcs.abilities import Act, Lines
from trivium.vcs.errors import NotPossible
from trivium.vcs.model import BackEnd

SYSTEMS = {"git", "hg", "svn"}
ABOVE = ("access", "api", "forge", "web")


def asked(back_end: BackEnd, path: Path) -> dict[Act, Callable[[], object]]:
    """Each act, asked of the back end itself."""
    remote: Any = Remote
    limits = TransferLimits(1, 1, lambda: None)
    return {
        Act.IMPORT: lambda: back_end.import_from(remote, path, limits),
        Act.PULL: lambda: back_end.pull(remote, path, limits),
        Act.STRIP: lambda: back_end.strip(path, "0" * 40, "none"),
    }


def test_what_is_refused_is_refused_by_the_back_end_in_the_same_words(place: Place) -> None:
    abilities = place.back_end.abilities
    for act, ask in asked(place.back_end, place.path).items():
        if abilities.can(act):
            abilities.check(act)
            continue
        with pytest.raises(NotPossible) as said:
            abilities.check(act)
        with pytest.raises(NotPossible) as done:
            ask()
        assert str(said.value) == str(done.value) == abilities.refuses[act] == said.value.public


def test_lines_of_development_are_what_a_changeset_says(place: Place) -> None:
    raw_id = place.change(file="text")
    with place.open() as snapshot:
        (changeset,) = snapshot.changesets([raw_id])
        names = snapshot.names()
    assert (changeset.branch is None) == (place.back_end.abilities.lines is Lines.PATHS)
    assert bool(names.branches) == (place.back_end.abilities.lines is not Lines.PATHS)


def test_what_is_declared_cannot_be_changed(place: Place) -> None:
    abilities: Any = place.back_end.abilities
    with pytest.raises(dataclasses.FrozenInstanceError):
        abilities.graph = not abilities.graph
    with pytest.raises(TypeError):
        abilities.refuses[Act.STRIP] = "no"


def compared(source: str) -> Iterator[int]:
    """The lines in which something is compared with the name of a system."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.Compare, ast.MatchValue)):
            names = {
                one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
            if names & SYSTEMS:
                yield node.lineno if isinstance(node, ast.Compare) else node.value.lineno


def test_a_comparison_with_a_name_is_found() -> None:
    assert list(compared('if kind == "svn": ...')) == [1]
    assert list(compared('if kind in ("git", "hg"): ...')) == [1]
    assert not list(compared('back_end = back_ends["git"]'))


def test_nobody_above_goes_by_the_name_of_a_system() -> None:
    home = Path(trivium.__file__).parent
    files = [file for room in ABOVE for file in (home / room).rglob("*.py")]
    assert len(files) > 50
    found = [f"{file.relative_to(home)}:{line}" for file in files for line in compared(file.read_text())]
    assert not found
