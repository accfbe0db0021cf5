# SPDX-License-Identifier: GPL-3.0-or-later
"""The store of a gist: a flat directory of texts that keeps every revision. Internally a bare Git repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pygit2
from pygit2.enums import FileMode

from trivium.vcs.git.commit import read_commit
from trivium.vcs.git.objects import open_repository
from trivium.vcs.texts import text_of

_REF = "refs/heads/master"


def write_files(path: Path, files: Mapping[str, bytes], *, author: str, message: str) -> None:
    """Make a store at `path` with a first revision, or add a revision to it."""
    if not path.exists():
        pygit2.init_repository(str(path), bare=True, initial_head="master")
    with open_repository(path) as repository:
        builder = repository.TreeBuilder()
        for name, content in sorted(files.items()):
            builder.insert(name, repository.create_blob(content), FileMode.BLOB)
        who = pygit2.Signature(author or "unknown", "gist@localhost")
        parents = [] if repository.head_is_unborn else [repository.lookup_reference(_REF).target]
        repository.create_commit(_REF, who, who, message, builder.write(), parents)


def read_files(path: Path) -> dict[str, str]:
    """The files of the newest revision, as texts."""
    with open_repository(path) as repository:
        commit = read_commit(repository, str(repository.lookup_reference(_REF).target))
        tree: Any = repository[commit.tree_id]
        return {text_of(entry.raw_name or b""): text_of(repository[entry.id].read_raw()) for entry in tree}
