# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates are compiled once, wherever that can be kept."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NoReturn

import jinja2
import pytest

from trivium.web import templating


def _load() -> jinja2.Environment:
    return templating.templates.__wrapped__()


def _refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("compiled")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all templates are kept compiled; tests have copies of it."""
    place = tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(templating, "cache_from_source", lambda _: str(place / "x.pyc"))
        _load()
    return place


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, compiled: Path) -> Path:
    """A place in which they are looked for, and stand."""
    place = tmp_path / "kept"
    shutil.copytree(compiled, place)
    monkeypatch.setattr(templating, "cache_from_source", lambda _: str(place / "x.pyc"))
    return place


@pytest.mark.usefixtures("kept")
def test_what_was_compiled_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    names = templating.templates().list_templates()
    with monkeypatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", _refuse)
        assert _load().list_templates() == names
        monkeypatch.setattr(jinja2, "__version__", "0")  # of another release it is of no use
        with pytest.raises(AssertionError, match="compiled"):
            _load()


def test_what_is_damaged_is_compiled_again(kept: Path) -> None:
    whole = sorted(kept.iterdir())
    damaged = {one: one.read_bytes()[:-20] for one in whole[::10]}
    for one, content in damaged.items():
        one.write_bytes(content)
    _load()
    assert sorted(kept.iterdir()) == whole
    assert [one for one, content in damaged.items() if one.read_bytes() == content] == []


def test_where_nothing_can_be_kept_templates_are_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templating, "cache_from_source", lambda _: "/nowhere/x.pyc")
    assert _load().list_templates()
