# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository can do, whatever system it belongs to, in terms of plain values.

A back end knows paths and ids, never users or names of repositories. Errors are `VcsError`; nothing that a user
sent reaches a program in option position (security.md S-1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from trivium.errors import TriviumError


class VcsError(TriviumError):
    """A version-control system could not do what was asked; the message is for the log only."""


@dataclass(frozen=True, slots=True)
class Changeset:
    """One commit (api-repos.md 2.2)."""

    raw_id: str
    short_id: str
    revision: int
    """Position in the repository's list of commits, oldest first, from 0; -1 for the empty changeset."""
    author: str
    date: str
    """ISO 8601, UTC, without zone."""
    message: str
    parents: tuple[str, ...]
    branch: str | None


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One accepted change of a push: a name that moved. An id of zeros stands for "did not exist"."""

    name: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class History:
    """What is known about the whole history at one moment."""

    last: Changeset
    """The last of the list of commits: the youngest."""
    state: str
    """What the back end needs to extend this answer after the next push; opaque to everybody else."""


class BackEnd(Protocol):
    """One version-control system."""

    kind: ClassVar[str]

    def empty_changeset(self) -> Changeset:
        """What stands for the last changeset of a repository without commits."""
        ...

    def create(self, path: Path) -> None:
        """Make an empty repository at `path`, which does not exist yet."""
        ...

    def settle(self, path: Path, updates: Sequence[RefUpdate]) -> None:
        """Put in order what a push leaves to the server, such as a default branch that does not exist."""
        ...

    def history(self, path: Path, known: str = "", updates: Sequence[RefUpdate] = ()) -> History:
        """The present state of the history.

        `known` is the `state` of an earlier answer and `updates` what happened since; with both, the cost is that
        of the update, not of the history. A state that does not fit is noticed and the history counted afresh.
        """
        ...

    def accepted(self, path: Path, updates: Sequence[RefUpdate]) -> list[RefUpdate]:
        """Those of `updates` that the repository shows: for a push whose end nobody saw."""
        ...

    def recover(self, path: Path) -> None:
        """Remove what a transfer that was killed left behind and would stop the next one."""
        ...
