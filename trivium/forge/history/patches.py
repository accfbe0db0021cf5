# SPDX-License-Identifier: GPL-3.0-or-later
"""Diffs and patches of changesets and of ranges of them, as they are downloaded (system.md 2.4)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from trivium import __version__
from trivium.forge.history.comparing import between
from trivium.forge.history.reading import History
from trivium.forge.repositories.finding import Repository
from trivium.vcs.model import Snapshot
from trivium.vcs.pages import DiffOptions

RANGE = "..."
"""Stands between the first and the last revision of a range."""


class Form(StrEnum):
    """What is sent of each changeset."""

    DIFF = "diff"
    PATCH = "patch"
    """With a header, so that programs can make the same changeset of it."""


@dataclass(frozen=True, slots=True)
class Download:
    """Bytes that never change under their tag."""

    tag: str
    pieces: Iterator[bytes]
    """Read where the download is sent; nothing is cut."""


def of_revisions(history: History, repository: Repository, revisions: str, wanted: DiffOptions, form: Form) -> Download:
    """A changeset, or with `RANGE` in it several, oldest first; raises `UnknownRevision`, `NotPossible`, `Exhausted`.

    Each is told against its first parent. A range with merges in it follows their first parents, so that each patch
    fits on the one before, and the last one leads to the tree of the last changeset.
    """
    first, dots, last = revisions.partition(RANGE)
    most = history.site.settings.max_api_items

    def look(snapshot: Snapshot) -> tuple[list[str], str | None]:
        ids = _line(snapshot, between(snapshot, first, last, most)[1]) if dots else [snapshot.resolve(first)]
        return ids, snapshot.era

    ids, era = history.read(repository, look)
    write = _diff if form is Form.DIFF else _patch

    def pieces(snapshot: Snapshot) -> Iterator[bytes]:
        for raw_id in ids:
            yield from write(snapshot, raw_id, wanted)

    return Download(_tag(repository, era, form, ids, wanted), history.stream(repository, pieces))


def _diff(snapshot: Snapshot, raw_id: str, wanted: DiffOptions) -> Iterator[bytes]:
    (changeset,) = snapshot.changesets([raw_id])
    parent = changeset.parents[0].raw_id if changeset.parents else None
    return snapshot.raw_diff(parent, raw_id, wanted)


def _patch(snapshot: Snapshot, raw_id: str, wanted: DiffOptions) -> Iterator[bytes]:
    return snapshot.patch(raw_id, wanted)


def _line(snapshot: Snapshot, ids: list[str]) -> list[str]:
    """Those of a range, oldest first, that follow each other as first parents."""
    above = {one.raw_id: one.parents[0].raw_id if one.parents else "" for one in snapshot.changesets(ids)}
    found, at = [], ids[-1]
    while at in above:
        found.append(at)
        at = above[at]
    return found[::-1]


def of_file(history: History, repository: Repository, old: str | None, new: str, wanted: DiffOptions) -> Download:
    """How what is at the path of `wanted` differs between two commits, by their full ids."""
    era = history.read(repository, lambda snapshot: snapshot.era)
    tag = _tag(repository, era, Form.DIFF, [old or "", new], wanted)
    return Download(tag, history.stream(repository, lambda snapshot: snapshot.raw_diff(old, new, wanted)))


def _tag(repository: Repository, era: str | None, form: Form, ids: list[str], wanted: DiffOptions) -> str:
    parts = (__version__, repository.id, era, form, ids, wanted.context, wanted.ignore_space, wanted.path)
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
