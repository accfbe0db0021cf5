# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told to who is about to push is, byte for byte, what git itself tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.forge.sessions.git.pktline import refs_told
from trivium.vcs.git import advertisement
from trivium.vcs.git.advertisement import refs_for_push
from trivium.vcs.git.command import GitCommand, git_command

AUTHOR = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")


@pytest.fixture
def command(tmp_path: Path) -> GitCommand:
    return git_command("git", tmp_path / "gitconfig")


@pytest.fixture
def repository(command: GitCommand, tmp_path: Path) -> Path:
    path = tmp_path / "repository"
    path.mkdir()
    command.run("init", "--quiet", "--bare", "--template=", ".", cwd=path)
    return path


def commit(command: GitCommand, path: Path) -> str:
    tree = command.run("hash-object", "-t", "tree", "-w", "--stdin", cwd=path).decode().strip()
    return command.run(*AUTHOR, "commit-tree", "-m", "x", tree, cwd=path).decode().strip()


def by_git(command: GitCommand, path: Path) -> bytes:
    return command.run("receive-pack", "--stateless-rpc", "--http-backend-info-refs", ".", cwd=path)


def by_us(command: GitCommand, path: Path) -> bytes:
    refs = refs_for_push(path)
    assert refs is not None
    return refs_told(refs, command.abilities_for_push())


def test_an_empty_repository(command: GitCommand, repository: Path) -> None:
    assert by_us(command, repository) == by_git(command, repository)


@pytest.mark.parametrize("packed", [False, True])
def test_refs_of_all_kinds(command: GitCommand, repository: Path, packed: bool) -> None:
    one = commit(command, repository)
    names = [
        "heads/a-b",
        "heads/a/b",
        "heads/a.b",
        "heads/Grüße",
        "tags/light",
        "notes/commits",
        "trivium/hidden",
        "z/q",
    ]
    for name in names:
        command.run("update-ref", f"refs/{name}", one, cwd=repository)
    command.run(*AUTHOR, "tag", "-a", "-m", "x", "heavy", one, cwd=repository)
    if packed:
        command.run("pack-refs", "--all", cwd=repository)
        command.run("update-ref", "refs/heads/loose", one, cwd=repository)
    (repository / "refs" / "heads" / "under-way.lock").write_text("x\n")
    told = by_us(command, repository)
    assert told == by_git(command, repository)
    command.run("symbolic-ref", "refs/heads/led", "refs/heads/a-b", cwd=repository)
    assert by_us(command, repository) == by_git(command, repository) != told
    assert b"Gr\xc3\xbc\xc3\x9fe" in told and b"hidden" not in told


def test_what_is_not_understood_git_tells_itself(
    command: GitCommand, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = commit(command, repository)
    command.run("update-ref", "refs/heads/one", one, cwd=repository)
    command.run("update-ref", "refs/heads/two", one, cwd=repository)
    assert refs_for_push(repository) is not None
    monkeypatch.setattr(advertisement, "_FEW", 1)
    assert refs_for_push(repository) is None
    monkeypatch.undo()
    for name, content in (
        ("shallow", one),
        ("objects/info/alternates", "/elsewhere"),
        ("refs/heads/round", "ref: refs/heads/round"),
        ("refs/heads/damaged", "x"),
        ("refs/heads/dangling", "1" * 40),
    ):
        file = repository / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content + "\n")
        assert refs_for_push(repository) is None, name
        file.unlink()
    assert refs_for_push(repository) is not None
