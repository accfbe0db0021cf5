# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of a Mercurial repository page by page, and what its changesets have to do with each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from trivium.vcs.hg.reader import Reader, joined
from trivium.vcs.hg.values import Details
from trivium.vcs.pages import CommitDetails


class Graph(Reader):
    """Which changesets lead to which."""

    def details(self, raw_ids: Sequence[str]) -> list[CommitDetails]:
        """As `model.Snapshot.details`: who commits is the author, and signatures are files like others."""
        if not raw_ids:
            return []
        found = self._processes.ask(list[Details], "details", self._directory, ids=joined(raw_ids))
        return [_commit_details(one) for one in found]

    def page(self, head: str | None, after: str | None, limit: int) -> list[str]:
        """As `model.Snapshot.page`, in the order of the repository's own numbers."""
        if head is None:
            end = len(self._index) if after is None else self._index.position(after)
            return [self._index.at(position) for position in range(end - 1, max(end - 1 - limit, -1), -1)]
        asked: dict[str, Any] = {
            "head": bytes.fromhex(head),
            "after": bytes.fromhex(after or ""),
            "limit": max(limit, 0),
        }
        return _hex(self._processes.ask(list[bytes], "page", self._directory, **asked))

    def branch_page(self, branch: str, after: str | None, limit: int) -> list[str]:
        named = branch.encode("utf-8", "replace").decode()
        asked: dict[str, Any] = {"branch": named, "after": bytes.fromhex(after or ""), "limit": max(limit, 0)}
        return _hex(self._processes.ask(list[bytes], "branch_page", self._directory, **asked))

    def ancestor(self, one: str, other: str) -> str | None:
        asked: dict[str, Any] = {"one": bytes.fromhex(one), "other": bytes.fromhex(other)}
        found = self._processes.ask(bytes, "ancestor", *self._directories, **asked)
        return found.hex() or None

    def lacking(self, old: str, new: str, limit: int) -> list[str]:
        asked: dict[str, Any] = {"old": bytes.fromhex(old), "new": bytes.fromhex(new), "limit": max(limit, 0)}
        return _hex(self._processes.ask(list[bytes], "lacking", *self._directories, **asked))


def _hex(ids: list[bytes]) -> list[str]:
    return [one.hex() for one in ids]


def _commit_details(found: Details) -> CommitDetails:
    return CommitDetails(
        raw_id=found.raw_id.hex(),
        author=found.author,
        author_date=_moment(found.seconds, found.offset),
        committer="",
        commit_date="",
        phase=found.phase,
        closes_branch=found.closes_branch,
        children=tuple(_hex(found.children)),
    )


def _moment(seconds: int, offset: int) -> str:
    """A moment with its zone; one that no calendar has is the first of all, as in lists of changesets."""
    try:
        return datetime.fromtimestamp(seconds, timezone(timedelta(seconds=-offset))).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return datetime.fromtimestamp(0, UTC).isoformat(timespec="seconds")
