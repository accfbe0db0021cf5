# SPDX-License-Identifier: GPL-3.0-or-later
"""Files for pages and downloads: their bytes, and the commits that their lines come from (web.md 2.2)."""

from __future__ import annotations

import contextlib
import itertools
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from trivium.forge.history.listing import Change, change_of
from trivium.forge.history.places import Place, check_path, place_in
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.errors import UnknownPath
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Changeset


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that follow each other and come from one commit."""

    count: int
    change: Change
    before: str
    """The full id of the commit's first parent; empty where the file was not there yet, or was called otherwise."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """A file and where its lines come from."""

    content: bytes
    blocks: list[Block]


def beginning(history: History, repository: Repository, place: Place, most: int) -> bytes:
    """The first bytes of a file: all of them when there are at most `most`."""

    def look(snapshot: Snapshot) -> bytes:
        return b"".join(_part(snapshot.stream(place.entry), 0, most))

    return history.read(repository, look)


def content(
    history: History, repository: Repository, place: Place, start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """The bytes of a file in pieces, from `start` up to, not including, `end`; never whole in memory."""
    return history.stream(repository, lambda snapshot: _part(snapshot.stream(place.entry), start, end))


def with_content(
    history: History, repository: Repository, revision: str, path: str, most: int, at: Moment | None = None
) -> tuple[Place | None, bytes | None]:
    """What is at a path (`places.place`), and the bytes of a file of at most `most`: both in one look."""
    check_path(path)
    moment = at or history.now(repository)

    def look(snapshot: Snapshot) -> tuple[Place | None, bytes | None]:
        place = place_in(history, snapshot, repository, moment, revision, path)
        if place is None or not place.is_file or place.size is None or place.size > most:
            return place, None
        return place, b"".join(snapshot.stream(place.entry))

    return history.read(repository, look, moment)


def _part(pieces: Iterator[bytes], start: int, end: int | None) -> Iterator[bytes]:
    at = 0
    try:
        for piece in pieces:
            if end is not None and at >= end:
                break
            wanted = piece[max(0, start - at) : None if end is None else end - at]
            at += len(piece)
            if wanted:
                yield wanted
            if end is not None and at >= end:
                break
    finally:
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def annotated(history: History, repository: Repository, place: Place, most: int) -> Annotated:
    """A file with the commits that its lines come from; raises `NotText`, and `TooLarge` above `most` bytes."""

    def look(snapshot: Snapshot) -> Annotated:
        lines = snapshot.annotate(place.raw_id, place.path, most)
        ids = list(dict.fromkeys(line.raw_id for line in lines))
        commits = {changeset.raw_id: changeset for changeset in snapshot.changesets(ids)}
        changes = {raw_id: change_of(changeset) for raw_id, changeset in commits.items()}
        before = _parents_with(snapshot, commits.values(), place.path)
        blocks = [
            Block(sum(1 for _ in run), changes[raw_id], before.get(raw_id, ""))
            for raw_id, run in itertools.groupby(lines, key=lambda line: line.raw_id)
        ]
        return Annotated(b"".join(line.content for line in lines), blocks)

    return history.read(repository, look)


def _parents_with(snapshot: Snapshot, commits: Iterable[Changeset], path: str) -> dict[str, str]:
    """Commits → their first parents, as far as a file is called so there.

    Only some are looked at: what is there before a commit is taken to be there before each later one.
    """
    first = {one.raw_id: one.parents[0].raw_id for one in sorted(commits, key=attrgetter("revision")) if one.parents}
    ids = list(first)

    def is_there(raw_id: str) -> bool:
        with contextlib.suppress(UnknownPath):
            snapshot.file(first[raw_id], path)
            return True
        return False

    return {raw_id: first[raw_id] for raw_id in ids[bisect_left(ids, True, key=is_there) :]}
