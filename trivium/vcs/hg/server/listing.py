# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of a changeset, level by level: what is in them, how large it is, and what changed it last."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from trivium.vcs.hg.server import stored
from trivium.vcs.hg.server.objects import Repository
from trivium.vcs.hg.server.sizes import exact_size
from trivium.vcs.hg.server.tree import Tree
from trivium.vcs.hg.values import Listed

_AT_A_TIME: Final = 0.1
"""Seconds for which files are listed before they are told."""
_WALKING: Final = 0.7
"""Part of the time that is spent on what changesets say of themselves."""
_LOOK_EVERY: Final = 128
"""Changesets between two looks at the clock."""


def entry(repository: Repository, raw_id: bytes, path: bytes) -> Listed:
    """What is called so; raises `UnknownPath`."""
    tree = Tree(repository, raw_id)
    return _sized(tree.shown, tree.entry(path))


def children(repository: Repository, raw_id: bytes, path: bytes) -> list[Listed]:
    """One level of a directory; raises `UnknownPath`."""
    tree = Tree(repository, raw_id)
    return [_sized(tree.shown, one) for one in tree.children(path)]


def files_below(repository: Repository, raw_id: bytes, path: bytes, after: bytes) -> tuple[list[Listed], bool]:
    """Files below a directory that come after a path, and whether these are all; raises `UnknownPath`."""
    tree = Tree(repository, raw_id)
    end = time.monotonic() + _AT_A_TIME
    found = []
    for one in tree.files(path, after):
        found.append(_sized(tree.shown, one))
        if time.monotonic() > end:
            return found, False
    return found, True


def subrepositories(repository: Repository, raw_id: bytes) -> list[Listed]:
    """The subrepositories of a changeset, ordered by path."""
    return Tree(repository, raw_id).links


def stream(repository: Repository, path: bytes, file_id: bytes) -> Iterator[bytes]:
    """The content of a file, however large it is."""
    return stored.content(repository.file(path), file_id)


def last_changes(
    repository: Repository, raw_id: bytes, path: bytes, seconds: float, most: int
) -> tuple[dict[bytes, bytes], bool]:
    """Name → id of the changeset that last touched an entry of a directory, and whether that was cut short.

    First changesets are asked, newest first, for what they say that they touched: `most` of them, and as long as there
    is time. Files that are left are told by their own history, which knows nothing of flags; directories are left out
    then. Raises `UnknownPath`.
    """
    began = time.monotonic()
    tree = Tree(repository, raw_id)
    changelog = tree.shown.changelog
    prefix = path + b"/" if path else b""
    left = {one.path[len(prefix) :]: one for one in tree.children(path) if one.flags != b"r"}
    found: dict[bytes, bytes] = {}
    ancestors = changelog.ancestors([tree.context.rev()], inclusive=True)
    for number, revision in enumerate(itertools.islice(ancestors, most)):
        if not left or (number % _LOOK_EVERY == 0 and time.monotonic() - began > seconds * _WALKING):
            break
        for touched in changelog.readfiles(revision):
            if touched.startswith(prefix):
                name = touched[len(prefix) :].partition(b"/")[0]
                if left.pop(name, None) is not None:
                    found[name] = changelog.node(revision)
    cut = bool(left)
    for name, one in left.items():
        if time.monotonic() - began > seconds:
            break
        if one.flags != b"d" and (made := _made_by(tree.shown, one)) in ancestors:
            found[name] = changelog.node(made)
    return found, cut


def _made_by(shown: Repository, one: Listed) -> int:
    """The revision that first stored this version of a file, which may be on another line of development."""
    log: Any = shown.file(one.path)
    return int(log.linkrev(log.rev(one.file_id)))


def _sized(shown: Repository, one: Listed) -> Listed:
    if one.flags in (b"d", b"r"):
        return one
    return msgspec.structs.replace(one, size=exact_size(shown.file(one.path), one.file_id))
