# SPDX-License-Identifier: GPL-3.0-or-later
"""Differences as downloads have them: Mercurial's own, in Git's form, with everything in them (system.md 2.4).

Of files that are too large to be compared all is replaced (`replaced.py`); they come last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from mercurial import match, mdiff, node
from mercurial import patch as patches

from trivium.vcs.hg.server.differences import differing, matcher, wanted
from trivium.vcs.hg.server.library import published
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.reading import revision_of
from trivium.vcs.hg.server.replaced import large_ones, replaced

_BREAKS: Final = re.compile(
    rb"(?:^|(?<=\r))(?=---|diff[ \t]-|Index:|RCS file: |retrieving revision |\*\*\*[ \t]|# HG changeset patch)",
    re.MULTILINE,
)
"""Where a line of a message would end the message, or begin a diff or another patch, for whoever reads it."""


def raw_diff(
    repository: Repository, old: bytes, new: bytes, path: bytes, renames: bool, context: int, ignore_space: bool
) -> Iterator[bytes]:
    """The whole difference between two changesets; an empty `old` is the empty tree, an empty `path` everything."""
    shown = published(repository)
    before, after = (shown[revision_of(shown.changelog, raw_id or node.nullid)] for raw_id in (old, new))
    return _diff(shown, before, after, path, renames, context, ignore_space)


def patch(
    repository: Repository, raw_id: bytes, path: bytes, renames: bool, context: int, ignore_space: bool
) -> Iterator[bytes]:
    """A changeset, compared with its first parent, as `hg import` takes it."""
    shown = published(repository)
    after = shown[revision_of(shown.changelog, raw_id)]
    yield _header(after)
    yield from _diff(shown, after.p1(), after, path, renames, context, ignore_space)


def _diff(
    shown: Repository, before: Any, after: Any, path: bytes, renames: bool, context: int, ignore_space: bool
) -> Iterator[bytes]:
    options = mdiff.diffopts(git=True, context=context, ignorews=ignore_space)
    is_wanted = wanted(path)
    changes = {one: sides for one, sides in before.manifest().diff(after.manifest()).items() if is_wanted(one)}
    large = large_ones(shown, changes)
    compared = match.predicatematcher(lambda name: name not in large and is_wanted(name)) if large else matcher(path)
    yield from patches.diff(
        shown,
        before.node(),
        after.node(),
        match=compared,
        opts=options,
        copy=None if renames else {},
        copysourcematch=matcher(path),
    )
    if large:
        old = before.node() if before.rev() >= 0 else b""
        for one in differing([shown], old, after.node(), path, renames):
            if one.new_path in large or (one.old_path in large and not one.new_path):
                yield from replaced(shown, one)


def _header(changeset: Any) -> bytes:
    seconds, offset = changeset.date()
    message = _BREAKS.sub(b" ", changeset.description().strip(b"\n"))
    # A changeset that builds on nothing says so, as Mercurial lets it: `hg import --exact` asks for a parent.
    parents = [parent for parent in changeset.parents() if parent.rev() >= 0] or changeset.parents()[:1]
    # `hg import --exact` wants it, as it is a part of the changeset.
    branch = [] if changeset.branch() == b"default" else [b"# Branch %b" % changeset.branch()]
    lines = [
        b"# HG changeset patch",
        b"# User %b" % changeset.user(),
        b"# Date %d %d" % (int(seconds), offset),
        *branch,
        b"# Node ID %b" % node.hex(changeset.node()),
        *(b"# Parent  %b" % node.hex(parent.node()) for parent in parents),
        b"",
        message,
        b"",
        b"",
    ]
    return b"\n".join(lines)
