# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that pages ask for first, made after a push, so that the first visitor finds them.

They are the same that a page would make, in the same place of the repository's cache: what is missing there costs
time, nothing else.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec

from trivium.forge.caches.answers import Kept
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.caches.makers import BeingMade
from trivium.forge.history.colours import colours, colours_key
from trivium.forge.history.differences import Sides
from trivium.forge.history.feeds import latest
from trivium.forge.history.listing import last_changes
from trivium.forge.history.overview import overview
from trivium.forge.history.places import Place, place
from trivium.forge.history.reading import History, Moment, budget_of
from trivium.forge.history.statistics import activity, composition
from trivium.forge.repositories.finding import Repository
from trivium.vcs.budget import spending

Key = tuple[str, ...]

NEWEST: Final = 5
"""The changesets that are made ready: those of a usual push."""


def changes_key(at: Place) -> Key:
    """Under which key the last changes of a directory's entries are kept (`listing.last_changes`)."""
    return ("changes", at.stamp, at.raw_id, at.path)


def overview_key(at: Moment, repository: Repository) -> Key:
    """The same for a repository at a glance (`overview.overview`)."""
    return ("overview", at.key, repository.landing_rev)


def composition_key(at: Moment, repository: Repository, revision: str = "") -> Key:
    """The same for what a revision consists of (`statistics.composition`)."""
    return ("composition", at.key, repository.landing_rev, revision)


def activity_key(at: Moment) -> Key:
    """The same for how a repository grew (`statistics.activity`)."""
    return ("activity", at.key)


def prepare(history: History, repository: Repository) -> int:
    """Make what is missing of these for a repository; returns how many values were made. Raises `VcsError`."""
    moment = history.now(repository)
    root = place(history, repository, "", "", moment)
    if root is None:
        return 0
    made = _make(history, repository, changes_key(root), lambda: last_changes(history, repository, root))
    made += _make(history, repository, overview_key(moment, repository), lambda: overview(history, repository, moment))
    if repository.enable_statistics:
        key = composition_key(moment, repository)
        made += _make(history, repository, key, lambda: composition(history, repository, "", moment))
        made += _make(history, repository, activity_key(moment), lambda: activity(history, repository, moment))
    # What does not fit into an answer ends this: so it comes last.
    newest = latest(history, repository, moment)  # what they changed is kept with them
    for one in newest[:NEWEST]:
        changeset = one.commit.changeset
        sides = Sides(changeset.parents[0].raw_id if changeset.parents else None, changeset.raw_id)
        made += _make(history, repository, colours_key(sides), partial(colours, history, repository, sides))
    return made


def _make(history: History, repository: Repository, key: Key, make: Callable[[], object]) -> int:
    """Make a value, unless it is there or somebody else makes it."""
    site = history.site
    cache, kept_as = RepositoryCache(site, repository.id), kept_under(key)
    with contextlib.suppress(BeingMade), cache.only_maker(kept_as):
        found = cache.find(kept_as)
        if found is None:
            with spending(lambda: budget_of(site.settings)) as budget, cache.draft(kept_as) as draft:
                draft.write(written(make()).encode("utf-8", "surrogateescape"))
                found = cache.finish(draft, keep=not budget.cut)
            _close(found)
            return 1
        _close(found)
    return 0


def _close(found: Kept | bytes) -> None:
    if isinstance(found, Kept):
        found.close()


def kept_under(key: Any) -> tuple[str, Any]:
    """The key of a part of pages, or of a value that they are made from, in a repository's cache."""
    return ("part", key)


def written(value: object) -> str:
    """A value as it is kept."""
    # Not `msgspec.json`: paths may have surrogates in them (`vcs.pages.TreeEntry.path`).
    return json.dumps(msgspec.to_builtins(value), separators=(",", ":"))
