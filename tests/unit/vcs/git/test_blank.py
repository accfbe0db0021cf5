# SPDX-License-Identifier: GPL-3.0-or-later
"""An empty repository that git did not make itself is the one that it would have made."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.vcs.git.back_end import Git
from trivium.vcs.git.command import git_command


@pytest.fixture(scope="module")
def back_end(tmp_path_factory: pytest.TempPathFactory) -> Git:
    place = tmp_path_factory.mktemp("git")
    back_end = Git(git_command("git", place / "gitconfig", default_branch="trunk"))
    back_end.create(place / "first")
    return back_end


def all_of(path: Path) -> dict[str, tuple[int, bytes]]:
    """What a repository is made of."""
    return {
        str(one.relative_to(path)): (one.lstat().st_mode, one.read_bytes() if one.is_file() else b"")
        for one in path.rglob("*")
    }


def made_by_git(back_end: Git, path: Path) -> Path:
    path.mkdir()
    back_end.command.run("init", "--quiet", "--bare", "--template=", "--initial-branch=trunk", ".", cwd=path)
    return path


def test_a_new_repository_is_what_git_makes(back_end: Git, tmp_path: Path) -> None:
    back_end.create(tmp_path / "new")
    assert all_of(tmp_path / "new") == all_of(made_by_git(back_end, tmp_path / "theirs"))
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("new", "theirs")] == []


def test_a_fork_of_an_empty_repository_is_what_git_makes(
    back_end: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    back_end.create(source)
    back_end.command.run("symbolic-ref", "HEAD", "refs/heads/later", cwd=source)
    back_end.fork(source, tmp_path / "ours")
    monkeypatch.setattr("trivium.vcs.git.transfer.is_empty", lambda _: False)
    back_end.fork(source, tmp_path / "theirs")
    assert all_of(tmp_path / "ours") == all_of(tmp_path / "theirs")
    assert (tmp_path / "ours" / "HEAD").read_text() == "ref: refs/heads/later\n"


def test_what_is_not_empty_is_copied(back_end: Git, tmp_path: Path) -> None:
    tagged = made_by_git(back_end, tmp_path / "tagged")
    blob = back_end.command.run("hash-object", "-w", "--stdin", cwd=tagged, stdin=b"text").decode().strip()
    back_end.command.run("update-ref", "refs/tags/deep/inside", blob, cwd=tagged)
    back_end.fork(tagged, tmp_path / "one")
    assert back_end.command.run("cat-file", "-p", "refs/tags/deep/inside", cwd=tmp_path / "one") == b"text"
    back_end.command.run("pack-refs", "--all", cwd=tagged)
    back_end.fork(tagged, tmp_path / "two")
    assert back_end.command.run("cat-file", "-p", "refs/tags/deep/inside", cwd=tmp_path / "two") == b"text"
