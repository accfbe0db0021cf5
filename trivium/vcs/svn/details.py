# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of a revision beside its changeset."""

from __future__ import annotations

from trivium.vcs.budget import present
from trivium.vcs.pages import CommitDetails
from trivium.vcs.svn.trees import Trees
from trivium.vcs.values import Changeset


def details_of(trees: Trees, changeset: Changeset, last: int) -> CommitDetails:
    """As `Snapshot.details`. Subversion keeps one date and one person, and the date in UTC."""
    present().check()
    number = int(changeset.raw_id)
    return CommitDetails(
        raw_id=changeset.raw_id,
        author=changeset.author,
        author_date=f"{changeset.date}+00:00",
        committer="",
        commit_date="",
        children=(str(number + 1),) if number < last else (),
        copied_from=_copied_from(trees, number),
    )


def _copied_from(trees: Trees, number: int) -> str:
    """What the only changed path was copied from, as it is when a branch or tag is made."""
    (touched,) = trees.touched(number, number)
    if len(touched) != 1:
        return ""
    (entry,) = touched.values()
    return "" if entry.source is None else f"{entry.source}@{entry.source_revision}"
