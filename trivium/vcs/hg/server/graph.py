# SPDX-License-Identifier: GPL-3.0-or-later
"""Which changesets lead to which, in one repository or in two that have a part of their history in common.

Of two repositories each shows its own changesets: a secret one of the first is not known by what the second has.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from mercurial import node

from trivium.vcs.errors import UnknownRevision
from trivium.vcs.hg.server.library import published, text_of
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.reading import revision_of


def page(repository: Repository, head: bytes, after: bytes, limit: int) -> list[bytes]:
    """Ids of the changesets that `head` leads to, newest first; those that come after `after`, if it is not empty."""
    changelog = published(repository).changelog
    ancestors = iter(changelog.ancestors([revision_of(changelog, head)], inclusive=True))
    return _page(changelog, ancestors, after, limit)


def branch_page(repository: Repository, branch: str, after: bytes, limit: int) -> list[bytes]:
    """The same of the changesets that carry the name of a branch; raises `UnknownRevision`."""
    shown = published(repository)
    changelog, branches = shown.changelog, shown.branchmap()
    names = {name for name in branches if text_of(name) == branch}
    if not names:
        raise UnknownRevision(branch)
    last = max(changelog.rev(head) for name in names for head in branches.branchheads(name, closed=True))
    # Where it stands is kept in a file: a changeset need not be read for it.
    branch_of = repository.revbranchcache().branchinfo
    hidden = changelog.filteredrevs
    begin = min(last, revision_of(changelog, after) - 1) if after else last
    revisions = (one for one in range(begin, -1, -1) if branch_of(one)[0] in names and one not in hidden)
    return [changelog.node(revision) for revision in itertools.islice(revisions, limit)]


def _page(changelog: Any, revisions: Iterator[int], after: bytes, limit: int) -> list[bytes]:
    if after:
        before = revision_of(changelog, after)
        revisions = itertools.dropwhile(lambda revision: revision >= before, revisions)
    return [changelog.node(revision) for revision in itertools.islice(revisions, limit)]


def ancestor(repositories: Sequence[Repository], one: bytes, other: bytes) -> bytes:
    """The best common ancestor of two changesets; nothing if there is none."""
    first, second = holding(repositories, one, other)
    # What an unlike repository has of the other's history is known by where that history enters it.
    known = [other] if first is second else list(_entries(second, other, first))
    changelog = first.changelog
    common = {changelog.ancestor(one, raw_id) for raw_id in known} - {node.nullid}
    return max(common, key=changelog.rev, default=b"")


def lacking(repositories: Sequence[Repository], old: bytes, new: bytes, limit: int) -> list[bytes]:
    """Ids of the changesets that `new` leads to and `old` does not, newest first."""
    first, second = holding(repositories, old, new)
    known = [old] if first is second else list(_entries(first, old, second))
    missing: list[bytes] = second.changelog.findmissing(known or [node.nullid], [new])
    return missing[: -limit - 1 : -1] if limit > 0 else []


def holding(repositories: Sequence[Repository], *ids: bytes) -> list[Repository]:
    """For each id a repository that shows it, the same for all if there is one; raises `UnknownRevision`."""
    shown = [published(repository) for repository in repositories]
    for one in shown:
        if all(_has(one, raw_id) for raw_id in ids):
            return [one] * len(ids)
    return [_first(shown, raw_id) for raw_id in ids]


def _first(shown: Iterable[Repository], raw_id: bytes) -> Repository:
    for one in shown:
        if _has(one, raw_id):
            return one
    raise UnknownRevision(raw_id.hex())


def _has(shown: Repository, raw_id: bytes) -> bool:
    try:
        revision_of(shown.changelog, raw_id)
    except UnknownRevision:
        return False
    return True


def _entries(source: Repository, raw_id: bytes, target: Repository) -> Iterator[bytes]:
    """The first changesets on the way back from one that another repository has as well."""
    changelog = source.changelog
    waiting = [-changelog.rev(raw_id)]
    seen = {-waiting[0], node.nullrev}
    while waiting:
        revision = -heapq.heappop(waiting)
        if _has(target, changelog.node(revision)):
            yield changelog.node(revision)
            continue
        for parent in changelog.parentrevs(revision):
            if parent not in seen:
                seen.add(parent)
                heapq.heappush(waiting, -parent)
