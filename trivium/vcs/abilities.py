# SPDX-License-Identifier: GPL-3.0-or-later
"""What tells one version-control system from another, declared: whoever is above asks this, and never for a name.

A page hides what a system has not; an operation is refused before it begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from trivium.vcs.errors import NotPossible


class Lines(StrEnum):
    """What a line of development is, which switchers and lists of branches show."""

    POINTERS = "pointers"
    """A branch points at a commit, and has on it whatever leads there."""
    NAMED = "named"
    """A changeset says which branch it is on; bookmarks point at changesets besides."""
    PATHS = "paths"
    """A branch is a directory, and a layout says which ones are (`values.Layout`)."""


class Numbers(StrEnum):
    """What numbers changesets have, where an id is written."""

    NONE = "none"
    LOCAL = "local"
    """Each repository has its own, so that a number stands beside an id and not instead of it."""
    IDS = "ids"
    """The number is the id."""


class Links(StrEnum):
    """What a link to another repository is called among the files."""

    SUBMODULES = "submodules"
    SUBREPOSITORIES = "subrepositories"
    EXTERNALS = "externals"


class Act(StrEnum):
    """What is done to whole repositories, and not by every system."""

    IMPORT = "import"
    """A new repository starts with what another server has (`BackEnd.import_from`)."""
    PULL = "pull"
    """What another server has is fetched into a repository (`BackEnd.pull`)."""
    STRIP = "strip"
    """Commits are removed (`BackEnd.strip`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What one system has."""

    title: str
    """What the system calls itself."""
    lines: Lines
    numbers: Numbers
    links: Links
    graph: bool
    """Whether a changeset can have several parents, and a history be more than one line."""
    phases: bool = False
    """Whether a changeset is draft, public or secret."""
    properties: bool = False
    """Whether files and directories have properties, which a changeset can change alone."""
    refuses: Mapping[Act, str] = field(default_factory=lambda: MappingProxyType({}))
    """The acts that the system has not, each with a sentence that everybody may read."""
    ending: str = ""
    """What names of repositories on the disk end with by custom; they are served with and without."""
    upkeep: tuple[str, ...] = ()
    """What a thorough `BackEnd.tidy` does, in sentences that say that it is done."""

    def can(self, act: Act) -> bool:
        """Whether to offer something."""
        return act not in self.refuses

    def check(self, act: Act) -> None:
        """Raise `NotPossible`, with what everybody may read, for something that the system has not."""
        if act in self.refuses:
            raise NotPossible(self.refuses[act])
