# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of a repository a page at a time, each with the changeset that it stands for (system.md 2.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from trivium.forge.history.listing import Change, change_of
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.errors import TooLarge
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Layout, Names

PAGE: Final = 50
_LONGEST_SOUGHT: Final = 200


class NameKind(StrEnum):
    """What a name is."""

    BRANCH = "branch"
    BOOKMARK = "bookmark"
    TAG = "tag"
    CLOSED = "closed"
    """A branch on which work has ended."""


@dataclass(frozen=True, slots=True)
class Named:
    """A name, and what it stands for."""

    name: str
    change: Change


@dataclass(frozen=True, slots=True)
class NamePage:
    """A part of the names of one kind, by name."""

    rows: tuple[Named, ...]
    total: int
    """How many there are of the kind."""
    found: int
    """How many of these have what was sought."""
    more: bool
    earlier: bool
    """Whether there are names before these."""

    @property
    def after(self) -> str:
        """The key of the next page."""
        return self.rows[-1].name if self.more and self.rows else ""


def name_pages(
    history: History,
    repository: Repository,
    at: Moment,
    *,
    kinds: tuple[NameKind, ...],
    sought: str = "",
    after: str = "",
    size: int = PAGE,
) -> dict[NameKind, NamePage]:
    """A page of each of some kinds of names: those that have `sought` in them, behind the name `after`.

    Where branches are only directories, the usual layout says which ones are.
    """
    wanted = sought[:_LONGEST_SOUGHT].casefold()

    def look(snapshot: Snapshot) -> dict[NameKind, NamePage]:
        try:
            names = snapshot.names(Layout())
        except TooLarge:
            names = Names({}, {}, {})
        parts: dict[NameKind, tuple[list[tuple[str, str]], int, int, bool, bool]] = {}
        for kind in kinds:
            all_ = names_of(names, kind)
            fitting = sorted(name for name in all_ if wanted in name.casefold()) if wanted else sorted(all_)
            behind = [name for name in fitting if name > after] if after else fitting
            shown = [(name, all_[name]) for name in behind[:size]]
            parts[kind] = shown, len(all_), len(fitting), len(behind) > size, len(behind) < len(fitting)
        ids = list(dict.fromkeys(raw_id for shown, *_ in parts.values() for _, raw_id in shown))
        changes = {one.raw_id: change_of(one) for one in (snapshot.changesets(ids) if ids else ())}
        return {
            kind: NamePage(tuple(Named(name, changes[raw_id]) for name, raw_id in shown), total, found, more, earlier)
            for kind, (shown, total, found, more, earlier) in parts.items()
        }

    return history.read(repository, look, at)


def names_of(names: Names, kind: NameKind) -> Mapping[str, str]:
    """The names of one kind; `tip` is none."""
    match kind:
        case NameKind.BRANCH:
            return names.branches
        case NameKind.BOOKMARK:
            return names.bookmarks
        case NameKind.CLOSED:
            return names.closed
        case NameKind.TAG:
            return {name: raw_id for name, raw_id in names.tags.items() if name != "tip"}
