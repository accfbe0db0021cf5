# SPDX-License-Identifier: GPL-3.0-or-later
"""What the feed of a repository tells: its latest changesets (system.md 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trivium.forge.history.reading import Commit, Details, History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Refs

_MOST_FILES: Final = 200
"""Files of one changeset that an entry names."""


@dataclass(frozen=True, slots=True)
class Latest:
    """One of the latest changesets."""

    commit: Commit
    refs: Refs
    diff: str
    """As much of it as the site wants in feeds (`rss_include_diff`, `rss_cut_off_limit`)."""
    more_files: int
    """How many files it changed besides those that are told."""


def latest(history: History, repository: Repository, at: Moment) -> list[Latest]:
    """The latest changesets, newest first: as many as the site's feeds have (`rss_items_per_page`)."""
    settings = history.site.settings

    def look(snapshot: Snapshot) -> list[Latest]:
        if snapshot.is_empty() or settings.rss_items_per_page == 0:
            return []
        ids = snapshot.page(None, None, settings.rss_items_per_page)
        found = []
        for commit in history.described(repository, snapshot, ids, Details.FULL):
            diff = ""
            if settings.rss_include_diff:
                whole = "".join(change.diff or "" for change in commit.changes)
                diff = whole.encode("utf-8", "replace")[: settings.rss_cut_off_limit].decode("utf-8", "ignore")
            changes = commit.changes[:_MOST_FILES]
            shown = Commit(commit.changeset, changes)
            refs = snapshot.refs_at(commit.changeset.raw_id)
            found.append(Latest(shown, refs, diff, len(commit.changes) - len(changes)))
        return found

    return history.read(repository, look, at)
