# SPDX-License-Identifier: GPL-3.0-or-later
"""Declared differences between version-control systems: the layers above ask for these, and never for a name.

A page hides what a system does not have; an operation is refused before it begins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from trivium.vcs.errors import NotPossible


class Lines(StrEnum):
    """What a line of development is; switchers and lists of branches show these lines."""

    POINTERS = "pointers"
    """A branch points at a commit, and holds that commit with its ancestors."""
    NAMED = "named"
    """A changeset says which branch it is on; bookmarks also point at changesets."""
    PATHS = "paths"
    """A branch is a directory, and a layout says which ones are (`values.Layout`)."""


class Numbers(StrEnum):
    """The numbers that changesets have beside their ids."""

    NONE = "none"
    LOCAL = "local"
    """Each repository has its own, so that a number stands beside an id and not instead of it."""
    IDS = "ids"
    """The number is the id."""


class Links(StrEnum):
    """The name for a link to another repository among the files."""

    SUBMODULES = "submodules"
    SUBREPOSITORIES = "subrepositories"
    EXTERNALS = "externals"


class Act(StrEnum):
    """Operations on whole repositories that not every system has."""

    IMPORT = "import"
    """A new repository starts with the history of another server's (`BackEnd.import_from`)."""
    PULL = "pull"
    """A repository fetches the history of another server's (`BackEnd.pull`)."""
    STRIP = "strip"
    """Commits are removed (`BackEnd.strip`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """The abilities of one system."""

    title: str
    """The system's own name."""
    lines: Lines
    numbers: Numbers
    links: Links
    graph: bool
    """Whether a changeset can have several parents, and a history be more than one line."""
    phases: bool = False
    """Whether a changeset is draft, public or secret."""
    properties: bool = False
    """Whether files and directories have properties, which a changeset can change alone."""
    pull_requests: bool = False
    """Whether somebody can ask for changes to be taken over."""
    edits: bool = False
    """Whether the server can record a change of a file by itself (`BackEnd.commit`)."""
    edits_alone: bool = False
    """Whether nobody else may work on the repository meanwhile."""
    refuses: Mapping[Act, str] = field(default_factory=lambda: MappingProxyType({}))
    """The acts that the system does not have, each with a sentence that everybody may read."""
    ending: str = ""
    """The customary ending of repositories' names on the disk; they are served with and without it."""
    upkeep: tuple[str, ...] = ()
    """The steps of a thorough `BackEnd.tidy`, in sentences that say that they are done."""

    def can(self, act: Act) -> bool:
        """Whether to offer something."""
        return act not in self.refuses

    def check(self, act: Act) -> None:
        """Raise `NotPossible`, with a text that everybody may read, for something that the system does not have."""
        if act in self.refuses:
            raise NotPossible(self.refuses[act])
