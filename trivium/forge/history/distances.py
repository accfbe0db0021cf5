# SPDX-License-Identifier: GPL-3.0-or-later
"""How far branches are from the one where a repository's pages begin: what each has and the other has not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from trivium.forge.history.places import landing
from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.vcs.abilities import Lines
from trivium.vcs.budget import Budget, Exhausted, spending
from trivium.vcs.errors import UnknownPath
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Layout

COUNTED: Final = 1_000
"""Up to so many changesets are counted."""
_SECONDS: Final = 5.0
_TRUNK: Final = "trunk"


class Distance(msgspec.Struct, frozen=True):
    """How far a branch is from the main one, in changesets; `COUNTED` stands for more as well."""

    ahead: int
    behind: int


def distances(history: History, repository: Repository, names: Sequence[str]) -> dict[str, Distance]:
    """Of some branches by their names; those for which the time does not suffice are left out, and so is the main one.

    Where branches are directories the main one is `trunk`.
    """
    in_paths = history.site.back_ends[repository.kind].abilities.lines is Lines.PATHS

    def look(snapshot: Snapshot) -> dict[str, Distance]:
        found: dict[str, Distance] = {}
        if snapshot.is_empty():
            return found
        branches = snapshot.names(Layout()).branches
        main = branches.get(_TRUNK) if in_paths else snapshot.resolve(landing(snapshot, repository))
        if main is None:
            return found
        try:
            for name in names:
                raw_id = branches.get(name)
                if raw_id is not None and (name != _TRUNK if in_paths else raw_id != main):
                    of = _of_directory if in_paths else _of_branch
                    found[name] = of(snapshot, main, name, raw_id)
        except (Exhausted, UnknownPath):
            return found  # the others are left out
        return found

    with spending(lambda: Budget(seconds=_SECONDS)):
        return history.read(repository, look)


def _of_branch(snapshot: Snapshot, main: str, _: str, raw_id: str) -> Distance:
    ahead, behind = (len(snapshot.lacking(*ids, COUNTED)) for ids in ((main, raw_id), (raw_id, main)))
    return Distance(ahead, behind)


def _of_directory(snapshot: Snapshot, main: str, name: str, raw_id: str) -> Distance:
    found = snapshot.apart((_TRUNK, main), (name, raw_id), COUNTED)
    return Distance(len(found.there), len(found.here))
