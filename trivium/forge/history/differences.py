# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two changesets, as pages show it: which files, and file by file how (design: web.md 2.4)."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import islice
from typing import Final

from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.settings import Settings
from trivium.vcs.budget import Budget, spending
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import MOST_CONTEXT, DiffOptions, FileDifference

MOST_FILES: Final = 1_000
"""Files that one page shows (security.md 6)."""
AT_ONCE: Final = 20
"""Files of a page that is made before it is sent; of more, the lines of so many are kept together."""
_ALL_OF_FILE: Final = 1 << 20
_ALL: Final = 16 << 20
"""Bytes of hunks that even a page shows which is asked for all."""


@dataclass(frozen=True, slots=True)
class Sides:
    """Two commits beside each other, by their full ids."""

    old: str | None
    """None: the empty tree."""
    new: str
    other: Repository | None = None
    """Where `new` is, if it is in another repository."""
    old_path: str | None = None
    """As `DiffOptions.old_path`."""


@dataclass(frozen=True, slots=True)
class Listed:
    """The files that differ."""

    files: tuple[FileDifference, ...]
    """At most `MOST_FILES`; compared, where there are few (`AT_ONCE`)."""
    more: int
    """Files beyond those."""
    compared: bool


def options(
    settings: Settings,
    *,
    context: int = 3,
    ignore_space: bool = False,
    path: str = "",
    old_path: str | None = None,
    full: bool = False,
) -> DiffOptions:
    """What is wanted of the differences on a page: within the limits of the site, or with `full` as much as goes."""
    return DiffOptions(
        context=min(max(context, 0), MOST_CONTEXT),
        ignore_space=ignore_space,
        path=path,
        old_path=old_path,
        per_file=_ALL_OF_FILE if full else settings.cut_off_limit_file,
        total=_ALL if full else settings.cut_off_limit_diff,
    )


def listed(history: History, repository: Repository, sides: Sides, wanted: DiffOptions) -> Listed:
    """The files that differ between two commits, ordered by path; where there are few, compared."""

    def look(snapshot: Snapshot) -> Listed:
        found = snapshot.differing(sides.old, sides.new, wanted)
        if len(found) <= AT_ONCE:
            found = list(snapshot.differences(sides.old, sides.new, wanted))
            return Listed(tuple(found), 0, compared=True)
        return Listed(tuple(found[:MOST_FILES]), max(len(found) - MOST_FILES, 0), compared=False)

    if sides.other is None:
        return history.read(repository, look)
    return history.read_both(repository, sides.other, look)


def streamed(
    history: History, repository: Repository, sides: Sides, wanted: DiffOptions, after: int
) -> Generator[tuple[FileDifference, bool], None, None]:
    """The files compared, one by one, without the first `after`; and whether nothing was left out so far.

    The repository stays open in the thread that takes them. A reader may be slow: only the work has an end.
    """
    settings = history.site.settings
    with (
        spending(lambda: Budget(nodes=settings.max_api_nodes, comparing=settings.diff_timeout)) as budget,
        _opened(history, repository, sides) as snapshot,
    ):
        for one in islice(snapshot.differences(sides.old, sides.new, wanted), after, MOST_FILES):
            yield one, not budget.cut


def _opened(history: History, repository: Repository, sides: Sides) -> AbstractContextManager[Snapshot]:
    if sides.other is None:
        return history.opened(repository)
    return history.opened_with(repository, sides.other)


def of_file(
    history: History, repository: Repository, old: str | None, new: str, wanted: DiffOptions
) -> FileDifference | None:
    """How the file at the path of `wanted` differs; None: it does not, or is on neither side."""

    def look(snapshot: Snapshot) -> FileDifference | None:
        return next(iter(snapshot.differences(old, new, wanted)), None)

    return history.read(repository, look)
