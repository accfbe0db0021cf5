# SPDX-License-Identifier: GPL-3.0-or-later
"""A Git repository with one commit after the other, made without a client, for a site without a server."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pygit2

_WHO = pygit2.Signature("Ada", "ada@example.org", 1_700_000_000, 0)


def history(place: Path, *commits: Mapping[str, str]) -> list[str]:
    """Make a bare repository whose commits have these files, by name and content; returns their full ids."""
    repository = pygit2.init_repository(str(place), bare=True, initial_head="main")
    made: list[str] = []
    for number, files in enumerate(commits):
        tree = repository.TreeBuilder()
        for name, content in files.items():
            tree.insert(name, repository.create_blob(content.encode()), pygit2.enums.FileMode.BLOB)
        parents = made[-1:]
        made.append(
            str(repository.create_commit("refs/heads/main", _WHO, _WHO, f"Commit {number}", tree.write(), parents))
        )
    return made
