# SPDX-License-Identifier: GPL-3.0-or-later
"""The most common questions of doors about histories: answers are limited, made once, and kept (api-repos.md 3).

A door says what an object looks like (`Form`), and what its user's words mean. The limits of an answer, and the key
under which it is kept, are the same for all doors. Every function may raise `BeingMade`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec

from trivium.errors import Invalid
from trivium.forge.caches.answers import Draft, Kept
from trivium.forge.history.contents import Entry, FileFacts
from trivium.forge.history.kept import kept
from trivium.forge.history.reading import Details, History
from trivium.forge.repositories.finding import Repository
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Node

_NULL: Final = msgspec.Raw(b"null")

Answer = msgspec.Raw | Kept
"""JSON, at hand or in an open file."""
Where = Callable[[Snapshot], tuple[str, str]]
"""Finds the full id and the clean path that a user's words mean, in a repository that is not empty. Raises `VcsError`,
or an error of the door's own."""


class TooMany(Invalid):
    """The answer would have more items than allowed; the message names the option."""


@dataclass(frozen=True, slots=True)
class Form:
    """What something looks like at a door."""

    name: str
    """Unique among forms: an answer is kept for one form."""
    show: Callable[..., object]
    """Makes the value to be written as JSON."""


class Entries(StrEnum):
    """Which entries of a tree are wanted."""

    ALL = "all"
    DIRECTORIES = "dirs"
    FILES = "files"


def changeset(history: History, repository: Repository, revision: str, details: Details, form: Form) -> Answer:
    """One changeset: `form` shows a `Commit` with these details. Raises `UnknownRevision`."""
    moment = history.now(repository)

    def make(draft: Draft) -> None:
        draft.write_value(form.show(history.commit(repository, revision, details, moment), details))

    return kept(history.site, repository, ("changeset", form.name, moment.key, revision, details), make)


def changesets(
    history: History, repository: Repository, start: str, count: int | None, details: Details, form: Form
) -> Answer:
    """Changesets from `start` on, oldest first; `count` None means all. Raises `TooMany` (max_api_items)."""
    most = history.site.settings.max_api_items
    moment = history.now(repository)
    enough = most + 1 if count is None else min(count, most + 1)

    def look(snapshot: Snapshot, draft: Draft) -> None:
        ids = snapshot.ids(snapshot.start(start), enough)
        if len(ids) > most:
            raise TooMany(f"more than {most} changesets at once (max_api_items)")
        commits = history.described(repository, snapshot, ids, details)
        draft.write_value(form.show(commit, details) for commit in commits)

    def make(draft: Draft) -> None:
        history.read(repository, lambda snapshot: look(snapshot, draft), moment)

    return kept(history.site, repository, ("changesets", form.name, moment.key, start, count, details), make)


def nodes(
    history: History,
    repository: Repository,
    where: Where,
    wanted: Entries,
    form: Form,
    *,
    with_content: bool,
    most: int | None,
) -> Answer | list[Any]:
    """Everything below a directory: `form` shows a `Node` with its `FileFacts`, or with None if it is no file.

    `with_content` adds the content of text files: of at most `most` bytes each if that is given, and within the limits
    of a file (max_api_file) and of the answer (max_api_answer).
    """

    def look(snapshot: Snapshot) -> Answer | list[Any]:
        if snapshot.is_empty():
            return []
        raw_id, path = where(snapshot)

        def make(draft: Draft) -> None:
            found = [node for node in snapshot.nodes(raw_id, path) if _is_wanted(node, wanted)]
            shown = _shown(history, repository, snapshot, found, form, with_content=with_content, most=most)
            draft.write_value(shown)

        key = ("nodes", form.name, raw_id, path, wanted, with_content, most)
        return kept(history.site, repository, key, make)

    return history.read(repository, look)


def _is_wanted(node: Node, wanted: Entries) -> bool:
    return wanted is Entries.ALL or (node.kind == "dir") == (wanted is Entries.DIRECTORIES)


def _shown(
    history: History,
    repository: Repository,
    snapshot: Snapshot,
    found: Sequence[Node],
    form: Form,
    *,
    with_content: bool,
    most: int | None,
) -> Iterator[Any]:
    """Nodes as the answer shows them; the contents of one answer are bounded together."""
    left = history.site.settings.max_api_answer
    files = [node for node in found if node.kind == "file"]
    told = history.entries(repository, snapshot, files, form.show, form=form.name, with_content=with_content)
    for node in found:
        if node.kind != "file":
            bare = Entry(0, 0, msgspec.Raw(msgspec.json.encode(form.show(node, None))), _NULL)
            yield bare.shown(with_content=False) if with_content else bare.head
            continue
        entry = next(told)
        if not with_content:
            yield entry.head
            continue
        fits = entry.size <= left and (most is None or entry.size <= most)
        left -= entry.length if fits else 0
        yield entry.shown(with_content=fits)
    next(told, None)


def files(history: History, repository: Repository, where: Where, form: Form) -> Answer | list[Any]:
    """All files below a directory: `form` shows a `Node` with its `FileFacts`.

    A file that is too large to be shown has only its size (max_api_file). Raises `TooMany` (max_api_nodes).
    """
    settings = history.site.settings
    most = settings.max_api_nodes

    def told(facts: FileFacts) -> FileFacts:
        return facts if facts.size <= settings.max_api_file else FileFacts(None, None, facts.size, None, None)

    def look(snapshot: Snapshot) -> Answer | list[Any]:
        if snapshot.is_empty():
            return []
        raw_id, path = where(snapshot)

        def make(draft: Draft) -> None:
            found = [node for node in snapshot.nodes(raw_id, path) if node.kind == "file"]
            if len(found) > most:
                raise TooMany(f"more than {most} files at once (max_api_nodes)")
            facts = history.facts(repository, snapshot, found, with_content=False)
            draft.write_value(form.show(node, told(of_one)) for node, of_one in zip(found, facts, strict=True))

        return kept(history.site, repository, ("files", form.name, raw_id, path), make)

    return history.read(repository, look)
