# SPDX-License-Identifier: GPL-3.0-or-later
"""Search in one repository: paths of its present state, messages and authors of its changesets (web.md 2.2).

Both are bounded, in time and in what is looked at, and say how far they came. The paths of a state are read once and
kept. Changesets are read anew, newest first; a search that ends early goes on behind the last one that it looked at.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from trivium.forge.caches.answers import Kept
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.history.pages import Logged, branch_ids, logged
from trivium.forge.history.places import TIP, landing
from trivium.forge.history.reading import History, Moment
from trivium.forge.repositories.finding import Repository
from trivium.vcs.abilities import Lines
from trivium.vcs.budget import Budget, Exhausted, spending
from trivium.vcs.errors import UnknownPath
from trivium.vcs.model import Snapshot
from trivium.vcs.values import Changeset

LONGEST: Final = 200
"""Characters of a query; what follows is not looked at."""
_MOST_WORDS: Final = 10
HITS: Final = 50
"""Hits of a page."""
MOST_PATHS: Final = 100_000
"""Paths of a repository that are looked at, and directories on the way to them."""
MOST_CHANGESETS: Final = 20_000
"""Changesets that are looked at for one page."""
SECONDS: Final = 5.0
"""For which one search reads a repository."""
_TOO_LONG: Final = 4
"""Times `SECONDS`: a single step of a search that takes so long fails."""
_AT_A_TIME: Final = 500
_TOUCHED_AT_A_TIME: Final = 100
"""Changesets of which it is found out together what they touched."""
_LARGEST_MESSAGE: Final = 64 << 10
"""Characters of a message that are looked at."""
_TRUNK: Final = "trunk"
_BETWEEN: Final = "\0"
"""Stands between paths; no path has it."""


class Sought(msgspec.Struct, frozen=True):
    """What somebody looks for."""

    words: tuple[str, ...]
    """All of these, in any order; case-folded."""
    repository: str = ""
    """Words of a repository's name, after `repo:`."""
    kind: str = ""
    """The system, after `kind:`."""
    paths: tuple[str, ...] = ()
    """Words that paths have, after `path:`; case-folded. Of changesets: that one of the files that they touch has."""

    @property
    def anything(self) -> bool:
        """Whether something is sought among paths or changesets."""
        return bool(self.words or self.paths)

    def found_in(self, text: str) -> bool:
        """Whether a case-folded text has all the words in it."""
        return all(word in text for word in self.words)

    def in_path(self, text: str) -> bool:
        """Whether a case-folded path, or a part of it, has all words in it that are sought among paths."""
        return self.found_in(text) and all(word in text for word in self.paths)

    def touches(self, paths: Iterable[str]) -> bool:
        """Whether each of the words of paths is in one of these."""
        folded = _BETWEEN.join(paths).casefold()
        return all(word in folded for word in self.paths)


def parsed(query: str) -> Sought:
    """What a query means."""
    words, repositories, paths, kind = [], [], [], ""
    for word in query[:LONGEST].split()[: 2 * _MOST_WORDS]:
        name, colon, value = word.partition(":")
        match name if colon else "":
            case "repo":
                repositories.append(value)
            case "kind":
                kind = value
            case "path":
                paths.append(value)
            case _:
                words.append(word)
    kept, among_paths = (tuple(one.casefold() for one in some if one)[:_MOST_WORDS] for some in (words, paths))
    return Sought(kept, " ".join(repositories), kind, among_paths)


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of the files of a repository's present state."""

    name: str
    """What addresses call that state."""
    paths: tuple[str, ...]
    whole: bool
    """Whether these are all."""


@dataclass(frozen=True, slots=True)
class PathHits:
    """Some of the paths that were sought."""

    name: str
    """As `Paths.name`."""
    paths: Sequence[str]
    count: int
    """How many there are in all."""
    whole: bool
    """Whether all paths were looked at."""


def paths(history: History, repository: Repository, sought: Sought, *, start: int = 0, limit: int = HITS) -> PathHits:
    """The files with these words in their paths, the best first: those with all words in their names, then the
    shortest. May raise `BeingMade`.
    """
    present = _present_paths(history, repository)
    hits = _matching(present.paths, sought)
    return PathHits(present.name, hits[start : start + limit], len(hits), present.whole)


def _matching(every: Sequence[str], sought: Sought) -> list[str]:
    if not sought.anything:
        return []
    # All at once: to fold a hundred thousand texts takes ten times as long.
    folded = _BETWEEN.join(every).casefold().split(_BETWEEN) if every else []
    found = [(path, text) for path, text in zip(every, folded, strict=True) if sought.in_path(text)]
    found.sort(key=lambda one: (not sought.in_path(one[1].rpartition("/")[2]), len(one[0]), one[0]))
    return [path for path, _ in found]


def _present_paths(history: History, repository: Repository) -> Paths:
    """The paths, kept for the present moment of the repository."""
    site, moment = history.site, history.now(repository)
    cache, key = RepositoryCache(site, repository.id), ("paths", moment.key, repository.landing_rev)
    found = cache.find(key)
    if found is None:
        with cache.only_maker(key):
            found = cache.find(key)  # perhaps somebody made it between the two looks
            if found is None:
                with cache.draft(key) as draft:
                    present, in_time = _read_paths(history, repository, moment)
                    head = json.dumps([present.name, present.whole])
                    draft.write(_BETWEEN.join((head, *present.paths)).encode("utf-8", "surrogateescape"))
                    cache.finish(draft, keep=in_time)
                    return present
    head, *rest = _bytes(found).decode("utf-8", "surrogateescape").split(_BETWEEN)
    name, whole = json.loads(head)
    return Paths(name, tuple(rest), whole)


def _bytes(found: Kept | bytes) -> bytes:
    if isinstance(found, bytes):
        return found
    try:
        return found.whole()
    finally:
        found.close()


def _read_paths(history: History, repository: Repository, moment: Moment) -> tuple[Paths, bool]:
    """The paths as far as they may be read, and whether there was time for that."""
    abilities = history.site.back_ends[repository.kind].abilities

    def look(snapshot: Snapshot) -> Paths:
        if snapshot.is_empty():
            return Paths(TIP, (), whole=True)
        name = landing(snapshot, repository)
        found: list[str] = []
        try:
            for path in _walked(snapshot, snapshot.resolve(name), in_paths=abilities.lines is Lines.PATHS):
                found.append(path)  # noqa: PERF402  # those before an error count
        except Exhausted:
            return Paths(name, tuple(found), whole=False)
        return Paths(name, tuple(found), whole=True)

    with spending(lambda: Budget(nodes=MOST_PATHS, seconds=SECONDS)) as budget:
        present = history.read(repository, look, moment)
        return present, present.whole or budget.left > 0


def _walked(snapshot: Snapshot, raw_id: str, *, in_paths: bool) -> Iterator[str]:
    """The paths of all files; where branches are directories, those of the main one first."""
    first = ""
    if in_paths:
        try:
            for entry in snapshot.files_below(raw_id, _TRUNK):
                yield entry.path
            first = f"{_TRUNK}/"
        except UnknownPath:
            pass
    for entry in snapshot.files_below(raw_id, ""):
        if not (first and entry.path.startswith(first)):
            yield entry.path


@dataclass(frozen=True, slots=True)
class ChangesetHits:
    """Some of the changesets that were sought, newest first."""

    rows: tuple[Logged, ...]
    after: str
    """The full id of the last changeset that was looked at; empty: all were."""
    looked_at: int
    until: str
    """When that last one was made, as `Changeset.date`."""


def changesets(
    history: History,
    repository: Repository,
    sought: Sought,
    *,
    branch: str = "",
    after: str = "",
    limit: int = HITS,
    most: int = MOST_CHANGESETS,
    seconds: float = SECONDS,
) -> ChangesetHits:
    """The changesets with these words in their message or author, from behind `after` on, at most `limit`: of all, or
    of a branch. With words of paths those that touched such files.

    `most` are looked at, and no more once the time is over. Raises `UnknownRevision`.
    """
    abilities = history.site.back_ends[repository.kind].abilities

    def look(snapshot: Snapshot) -> ChangesetHits:
        if snapshot.is_empty() or not sought.anything:
            return ChangesetHits((), "", 0, "")
        last = snapshot.resolve(after) if after else None
        found: list[str] = []
        looked_at, until, time_is_over = 0, "", False
        while looked_at < most and not time_is_over:
            asked = min(_TOUCHED_AT_A_TIME if sought.paths else _AT_A_TIME, most - looked_at)
            ids = branch_ids(snapshot, branch, last, asked) if branch else snapshot.page(None, last, asked)
            for changeset, is_hit in _judged(snapshot, sought, ids):
                looked_at, last, until = looked_at + 1, changeset.raw_id, changeset.date
                if is_hit:
                    found.append(changeset.raw_id)
                    if len(found) == limit:
                        break
            if len(found) == limit:
                break
            if len(ids) < asked:
                last = None
                break
            time_is_over = time.monotonic() > end
        return ChangesetHits(logged(snapshot, abilities, found), last or "", looked_at, until)

    end = time.monotonic() + seconds
    with spending(lambda: Budget(seconds=_TOO_LONG * seconds)):
        return history.read(repository, look)


def _judged(snapshot: Snapshot, sought: Sought, ids: Sequence[str]) -> Iterator[tuple[Changeset, bool]]:
    """Changesets, and whether each is one that is sought. What they touched is asked of those alone that may be."""
    found = snapshot.changesets(ids)
    if not sought.paths:
        yield from ((one, _says(one, sought)) for one in found)
        return
    every = [(one, _says(one, sought)) for one in found]
    touched = snapshot.changes([one.raw_id for one, says in every if says], None)
    for one, says in every:
        yield one, says and sought.touches(change.path for change in next(touched))


def _says(changeset: Changeset, sought: Sought) -> bool:
    return sought.found_in(f"{changeset.message[:_LARGEST_MESSAGE]}\n{changeset.author}".casefold())
