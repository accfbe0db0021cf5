# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a client may see the objects that it wants by their ids.

With protocol v2 git gives away every object that it has, even commits that a forced push or the deletion of a branch
took away, until housekeeping removes them. Clients nearly always want the objects that refs hold, which are recognised
at once. For other commits git is asked whether a ref reaches them. For trees and files that would take too long.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Final

import pygit2
from pygit2.enums import ObjectType

from trivium.vcs.errors import VcsError
from trivium.vcs.git.command import HIDDEN, GitCommand
from trivium.vcs.git.objects import all_refs_of, open_repository, peeled

_MOST: Final = 10_000
"""Commits that one request may want beside what the refs hold."""
_UNREACHED: Final = ("rev-list", "--stdin", "--not", "--all")


class Wanted:
    """The wants of one request, piece by piece."""

    def __init__(self, command: GitCommand, *, seconds: float) -> None:
        self._command = command
        self._seconds = seconds
        self._tips: set[str] | None = None
        self._asked: set[str] = set()

    def unreachable(self, path: Path, wanted: Collection[str]) -> list[str]:
        """Those of these ids that no ref reaches; raises `VcsError`, also when the check takes too long."""
        with open_repository(path) as repository:
            if self._tips is None:
                refs = all_refs_of(repository)
                self._tips = {raw_id for name, raw_id in refs.items() if not f"{name}/".startswith(f"{HIDDEN}/")}
            others = [raw_id for raw_id in wanted if raw_id not in self._tips and raw_id not in self._asked]
            # Git itself refuses objects that do not exist.
            asked = {raw_id: str(peeled(repository, raw_id)) for raw_id in others if _is_commit(repository, raw_id)}
        if not asked:
            return []
        self._asked |= asked.keys()
        if len(self._asked) > _MOST:
            raise VcsError("too many commits are wanted by their ids")
        stdin = "\n".join(asked.values()).encode()
        missing = set(
            self._command.run(*_UNREACHED, cwd=path, stdin=stdin, timeout=self._seconds).decode("ascii").split()
        )
        return [raw_id for raw_id, commit in asked.items() if commit in missing]


def _is_commit(repository: pygit2.Repository, raw_id: str) -> bool:
    """Whether an id is that of a commit, or of a tag for one."""
    try:
        kind, _ = repository.odb.read_header(pygit2.Oid(hex=raw_id))
    except (KeyError, pygit2.GitError):
        return False
    return ObjectType(kind) in (ObjectType.COMMIT, ObjectType.TAG) and peeled(repository, raw_id) is not None
