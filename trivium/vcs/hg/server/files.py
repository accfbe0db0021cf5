# SPDX-License-Identifier: GPL-3.0-or-later
"""The histories of files in a Mercurial repository."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator
from typing import Any

from trivium.vcs.errors import NotText, TooLarge, UnknownPath
from trivium.vcs.hg.server.library import published
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.reading import COPIED_FROM, revision_of, size_of
from trivium.vcs.hg.values import Annotated


def path_history(repository: Repository, raw_id: bytes, path: bytes, start: int, limit: int) -> list[bytes]:
    """The ids of the changesets that touched a file, or something below a directory, newest first."""
    shown = published(repository)
    context = shown[revision_of(shown.changelog, raw_id)]
    if not path:
        found: Iterator[int] = iter(shown.changelog.ancestors([context.rev()], inclusive=True))
    elif path in context.manifest():
        found = _of_file(context[path])
    elif _holds(context, path + b"/"):
        found = _of_directory(shown, context.rev(), path + b"/")
    else:
        raise UnknownPath(_shown(path))
    return [shown.changelog.node(revision) for revision in itertools.islice(found, start, start + limit)]


def _of_file(file: Any) -> Iterator[int]:
    """The revisions that made the versions of a file, by its own history, which ignores other files."""
    first = file.introfilectx()
    waiting = [(-first.rev(), first.filenode(), first)]
    seen = {first.filenode()}
    last = None
    while waiting:
        _, _, version = heapq.heappop(waiting)
        if version.rev() != last:
            last = version.rev()
            yield last
        for parent in version.parents():
            if parent.path() == file.path() and parent.filenode() not in seen:
                seen.add(parent.filenode())
                heapq.heappush(waiting, (-parent.introrev(), parent.filenode(), parent))


def _of_directory(shown: Repository, revision: int, prefix: bytes) -> Iterator[int]:
    """The revisions that touched a directory, as long as it has existed without a break."""
    changelog = shown.changelog
    waiting = [-revision]
    seen = {revision, -1}
    while waiting:
        present = -heapq.heappop(waiting)
        touched = [name for name in changelog.readfiles(changelog.node(present)) if name.startswith(prefix)]
        if touched:
            if not _holds(shown[present], prefix):
                continue  # the directory was deleted here: an older one is another directory
            yield present
        for parent in changelog.parentrevs(present):
            if parent not in seen:
                seen.add(parent)
                heapq.heappush(waiting, -parent)


def _holds(context: Any, prefix: bytes) -> bool:
    return any(name.startswith(prefix) for name in context.manifest().iterkeys())


def annotate(repository: Repository, raw_id: bytes, path: bytes, limit: int) -> Annotated:
    """A file with the changesets that its lines come from; raises what `model.Snapshot.annotate` does."""
    shown = published(repository)
    context = shown[revision_of(shown.changelog, raw_id)]
    if path not in context.manifest():
        raise UnknownPath(_shown(path))
    file = context[path]
    if size_of(file) > limit + COPIED_FROM:
        raise TooLarge(_shown(path))
    content = bytes(file.data())
    if len(content) > limit:
        raise TooLarge(_shown(path))
    if b"\0" in content:
        raise NotText(_shown(path))
    node = shown.changelog.node
    return Annotated(content, [node(line.fctx.rev()) for line in file.annotate(follow=True)])


def _shown(path: bytes) -> str:
    return path.decode("utf-8", "replace")
