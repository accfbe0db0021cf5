# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of changesets beside what every list of them shows."""

from __future__ import annotations

from typing import Any, Final

from trivium.vcs.hg.server.library import published
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.reading import MOST_AUTHOR, revision_of, shortened, split
from trivium.vcs.hg.values import Details

_NEAR: Final = 50_000
"""Changesets after one that are asked whether they build on it."""
_MOST_CHILDREN: Final = 50


def details(repository: Repository, ids: bytes) -> list[Details]:
    """Changesets by their ids."""
    shown = published(repository)
    changelog = shown.changelog
    revisions = [revision_of(changelog, raw_id) for raw_id in split(ids)]
    children = _children(changelog, set(revisions))
    return [_details(shown, revision, children[revision]) for revision in revisions]


def _details(shown: Repository, revision: int, children: list[int]) -> Details:
    changelog = shown.changelog
    entry = changelog.changelogrevision(revision)
    seconds, offset = entry.date
    return Details(
        raw_id=changelog.node(revision),
        author=shortened(entry.user, MOST_AUTHOR),
        seconds=int(seconds),
        offset=int(offset),
        phase=shown[revision].phasestr().decode("ascii"),
        closes_branch=b"close" in entry.extra,
        children=[changelog.node(child) for child in children],
    )


def _children(changelog: Any, wanted: set[int]) -> dict[int, list[int]]:
    """For each revision those that build on it, if they came soon after it."""
    found: dict[int, list[int]] = {revision: [] for revision in wanted}
    reached = -1
    for revision in sorted(wanted):
        for later in changelog.revs(max(revision, reached) + 1):
            if later > revision + _NEAR:
                break
            reached = later
            for parent in set(changelog.parentrevs(later)) & wanted:
                if len(found[parent]) < _MOST_CHILDREN:
                    found[parent].append(later)
    return found
