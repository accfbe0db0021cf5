# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a repository has come is told from files, and of what is no file of a repository nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from trivium.vcs.svn.heads import head_of


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    subprocess.run(["svnadmin", "create", str(path)], check=True)
    return path


def test_the_youngest_revision_of_every_format(repository: Path) -> None:
    first = head_of(repository)
    assert first is not None and first.youngest == 0
    subprocess.run(["svn", "mkdir", "-q", "-m", "x", f"{repository.as_uri()}/x"], check=True)
    second = head_of(repository)
    assert second == first._replace(youngest=1)
    (repository / "db" / "current").write_text("12 3k 1a\n")  # as the first formats have it
    assert head_of(repository) == first._replace(youngest=12)


def test_another_identity_for_another_repository(repository: Path) -> None:
    first = head_of(repository)
    subprocess.run(["svnadmin", "setuuid", str(repository)], check=True)
    second = head_of(repository)
    assert first is not None and second is not None and first.identity != second.identity


@pytest.mark.parametrize("content", ["", "x\n", "-1\n", "12345678901\n", "12"])
def test_what_is_no_revision_is_none(repository: Path, content: str) -> None:
    (repository / "db" / "current").write_text(content)
    assert head_of(repository) is None


def test_nothing_that_leads_elsewhere_or_waits_is_read(repository: Path, tmp_path: Path) -> None:
    current = repository / "db" / "current"
    (tmp_path / "elsewhere").write_text("7\n")
    current.unlink()
    current.symlink_to(tmp_path / "elsewhere")
    assert head_of(repository) is None
    current.unlink()
    os.mkfifo(current)
    assert head_of(repository) is None
    assert head_of(tmp_path / "nothing") is None
