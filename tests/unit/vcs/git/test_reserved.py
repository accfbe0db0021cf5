# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that are taken for git's own are those that git itself refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.clients import Git
from trivium.vcs.git.reserved import is_dot_git

NAMES = (
    *(".git", ".GIT", ".git.", ".git ", ".git. .", ".git::$INDEX_ALLOCATION", "git~1", "GIT~1", "git~1.", "git~2"),
    *(".g\u200cit", "\ufeff.git", ".gi\u206ft", ".gıt", "git", ".gitx", ".git x", ".git:", ".github", "git~11"),
)


@pytest.mark.parametrize("name", NAMES)
def test_git_refuses_what_is_taken_for_its_own_and_nothing_else(git: Git, name: str) -> None:
    work = git.home / "work"
    git.run("init", "-q", str(work))
    file = Path(work, "one")
    file.write_text("x")
    blob = git.out("hash-object", "-w", str(file), cwd=work).strip()

    def refuses(mode: str, path: str) -> bool:
        guarded = ("-c", "core.protectNTFS=true", "-c", "core.protectHFS=true")
        entry = f"{mode},{blob},{path}"
        return (
            git.run(
                *guarded, "update-index", "--add", "--replace", "--cacheinfo", entry, cwd=work, check=False
            ).returncode
            != 0
        )

    assert is_dot_git(name) == refuses("100644", f"{name}/x")
