# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates are compiled once, wherever that can be kept."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import jinja2
import pytest

from trivium.web import templating


def _load() -> jinja2.Environment:
    return templating.templates.__wrapped__()


def _refuse(*_: object, **__: object) -> NoReturn:
    raise AssertionError("compiled")


def test_what_was_compiled_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(templating, "cache_from_source", lambda _: str(tmp_path / "x.pyc"))
    names = _load().list_templates()
    with monkeypatch.context() as patch:
        patch.setattr(jinja2.Environment, "compile", _refuse)
        assert _load().list_templates() == names
        monkeypatch.setattr(jinja2, "__version__", "0")  # of another release it is of no use
        with pytest.raises(AssertionError, match="compiled"):
            _load()


def test_what_is_damaged_is_compiled_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(templating, "cache_from_source", lambda _: str(tmp_path / "x.pyc"))
    _load()
    kept = sorted(tmp_path.iterdir())
    for one in kept:
        one.write_bytes(one.read_bytes()[:-20])
    _load()
    assert sorted(tmp_path.iterdir()) == kept


def test_where_nothing_can_be_kept_templates_are_there_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templating, "cache_from_source", lambda _: "/nowhere/x.pyc")
    assert _load().list_templates()
