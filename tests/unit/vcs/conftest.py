# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories of all three systems, made by stock clients."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import Place, new_place


@pytest.fixture(params=["git", "hg", "svn"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with new_place(request.param, tmp_path) as made:
        yield made


@pytest.fixture
def git_place(tmp_path: Path) -> Iterator[Place]:
    with new_place("git", tmp_path) as made:
        yield made


@pytest.fixture
def svn_place(tmp_path: Path) -> Iterator[Place]:
    with new_place("svn", tmp_path) as made:
        yield made


@pytest.fixture
def hg_place(tmp_path: Path) -> Iterator[Place]:
    with new_place("hg", tmp_path) as made:
        yield made
