# SPDX-License-Identifier: GPL-3.0-or-later
"""Mercurial: everything is done by processes of their own, which alone import it (`server`).

The list of changesets has the repository's own order; secret and hidden changesets are not part of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import msgspec

from trivium.egress.relay import relay
from trivium.egress.remote import Remote, TransferLimits
from trivium.procs.behind import LONGEST
from trivium.vcs.abilities import Abilities, Lines, Links, Numbers
from trivium.vcs.adoption import check_self_contained, check_without
from trivium.vcs.findings import findings
from trivium.vcs.hg.client import HgProcesses, opened
from trivium.vcs.hg.index import HgIndex
from trivium.vcs.hg.snapshot import HgSnapshot
from trivium.vcs.hg.values import BOOKMARK, BRANCH, MOST_IDS, ZERO, Index, State
from trivium.vcs.paths import clean_path
from trivium.vcs.values import Changeset, FileCommit, History, RefUpdate

_LONG: Final = 24 * 3600.0
"""Copies inside the server may take as long as the disk needs."""
_MARGIN: Final = 30.0


_PROBES: Final = frozenset({"checklink", "checklink-target"})
"""Files with which clients find out whether symbolic links are supported; they keep them."""
_LOCKS: Final = frozenset({"wlock", "store/lock", "store/wlock"})
"""Links whose target is no path but names the lock's holder; `recover` removes those of dead processes."""


def _is_leaving(place: str, target: str) -> bool:
    """Whether a link is one that clients leave behind: its place below `.hg`, and where it leads to."""
    directory, _, name = place.rpartition("/")
    return place in _LOCKS or (directory in ("cache", "wcache") and name in _PROBES and target in _PROBES)


def _moved_beside(before: State, now: State, updates: Sequence[RefUpdate]) -> list[RefUpdate]:
    """Bookmarks that stand neither where they stood nor where one of `updates` put them."""
    told = {(update.name, update.new) for update in updates}
    found = (
        RefUpdate(f"{BOOKMARK}{name}", before.bookmarks.get(name, ZERO), now.bookmarks.get(name, ZERO))
        for name in sorted(before.bookmarks.keys() | now.bookmarks.keys())
    )
    return [one for one in found if one.old != one.new and (one.name, one.new) not in told]


class Hg:
    """The Mercurial back end."""

    kind: ClassVar[str] = "hg"
    abilities: ClassVar[Abilities] = Abilities(
        title="Mercurial",
        lines=Lines.NAMED,
        numbers=Numbers.LOCAL,
        links=Links.SUBREPOSITORIES,
        graph=True,
        pull_requests=True,
        edits=True,
        phases=True,
        upkeep=("Caches were brought up to date.",),
    )

    def __init__(self, processes: HgProcesses) -> None:
        self.processes = processes

    def empty_changeset(self) -> Changeset:
        return Changeset(ZERO, ZERO[:12], -1, "", "1970-01-01T00:00:00", "", (), None)

    def is_repository(self, path: Path) -> bool:
        return (path / ".hg" / "store").is_dir()

    def adopt(self, path: Path) -> None:
        """Files beside `.hg` are somebody's working copy, and of no interest.

        Files that clients leave in it are of none either: caches, the state of a working copy, an undo, a configuration
        (`hgrc`), which is never read. Some of these are links by nature; they are allowed, and nobody follows them.
        """
        control = path / ".hg"
        check_self_contained(control, harmless=_is_leaving)
        check_without(control, "sharedpath")

    def create(self, path: Path) -> None:
        path.mkdir(mode=0o750)
        self.processes.ask(type(None), "create", path)

    def fork(self, source: Path, target: Path, check: Callable[[], None] = lambda: None) -> None:
        target.mkdir(mode=0o750)
        self.processes.watch(type(None), "fork", source, target, timeout=_LONG, check=check)

    def import_from(self, remote: Remote, target: Path, limits: TransferLimits) -> None:
        target.mkdir(mode=0o750)
        self._fetch(type(None), "import", remote, target, limits)

    def pull(self, remote: Remote, path: Path, limits: TransferLimits) -> list[RefUpdate]:
        found = self._fetch(list[tuple[str, str, str]], "pull", remote, path, limits)
        return [RefUpdate(*update) for update in found]

    def _fetch(self, shape: Any, what: str, remote: Remote, path: Path, limits: TransferLimits) -> Any:
        with relay(remote, limits) as port:
            return self.processes.watch(
                shape,
                what,
                path,
                timeout=limits.total + _MARGIN,
                check=limits.check,
                url=remote.url,
                relay=port,
                username=remote.username,
                password=remote.password,
                mark=remote.mark,
                idle=limits.idle,
                total=limits.total,
            )

    def commit(
        self, path: Path, wanted: FileCommit, announce: Callable[[Sequence[RefUpdate]], None]
    ) -> list[RefUpdate]:
        announce(())
        found = self.processes.ask(
            list[tuple[str, str, str]],
            "commit",
            path,
            branch=wanted.branch.encode(),
            parent=bytes.fromhex(wanted.parent),
            path=clean_path(wanted.path).encode(),
            content=wanted.content,
            user=f"{wanted.author} <{wanted.email}>".encode(),
            message=wanted.message.encode(),
            publishes=wanted.publishes,
        )
        return [RefUpdate(*update) for update in found]

    def strip(self, path: Path, raw_id: str, branch: str) -> RefUpdate:  # noqa: ARG002
        """The removal of a changeset with its descendants; the branch is always that of the changeset itself."""
        (changeset,) = self.processes.ask(list[Changeset], "changesets", path, ids=bytes.fromhex(raw_id))
        return RefUpdate(f"{BRANCH}{changeset.branch}", raw_id, ZERO)

    def apply_strip(self, path: Path, update: RefUpdate, keep: Path) -> None:
        raw_id = bytes.fromhex(update.old)
        self.processes.ask(type(None), "strip", path, keep.parent, timeout=_LONG, raw_id=raw_id, name=keep.name)

    def purge(self, path: Path) -> None:
        """A strip leaves nothing behind."""

    def settle(self, path: Path, updates: Sequence[RefUpdate]) -> None:
        """Nothing is left to the server."""

    def index(self, path: Path, cache: Path, state: str) -> HgIndex:  # noqa: ARG002
        return HgIndex(self.processes.ask(Index, "index", path))

    @contextlib.contextmanager
    def open(self, path: Path, index: HgIndex) -> Iterator[HgSnapshot]:
        with opened([path]) as directories:
            yield HgSnapshot(self.processes, index, *directories)

    @contextlib.contextmanager
    def open_with(self, path: Path, index: HgIndex, other: Path, other_index: HgIndex) -> Iterator[HgSnapshot]:  # noqa: ARG002
        """Each repository answers for itself, and what they have in common is known by its ids."""
        with opened([path, other]) as directories:
            yield HgSnapshot(self.processes, index, *directories)

    def history(
        self,
        path: Path,
        cache: Path,  # noqa: ARG002
        known: str = "",
        updates: Sequence[RefUpdate] = (),
    ) -> History:
        """The present state. It is read afresh: Mercurial has the order of its changesets at hand."""
        state, last = self._state(path)
        beside: tuple[RefUpdate, ...] = ()
        if known and not any(update.name.startswith(BRANCH) and update.new == ZERO for update in updates):
            # Except after a strip, which removes later changesets too, and moves bookmarks.
            before = msgspec.json.decode(known, type=State)
            beside = (*self._came_beside(path, before, state, updates), *_moved_beside(before, state, updates))
        return History(last or self.empty_changeset(), msgspec.json.encode(state).decode(), beside)

    def _came_beside(self, path: Path, before: State, now: State, updates: Sequence[RefUpdate]) -> list[RefUpdate]:
        """Changesets that came to the list, or went from it, without a push that told of them.

        Their number says whether a look is worth while: a change of phases brings some into the list as well.
        """
        told = {update.new: update for update in updates if not update.name.startswith(BOOKMARK)}
        if before.digest == now.digest or now.count == before.count + len(told):
            return []
        if len(told) >= MOST_IDS:
            return []  # a push brought more than it told
        added = self.processes.ask(list[tuple[str, str]], "added", path, tip=before.tip)
        found = [RefUpdate(f"{BRANCH}{branch}", ZERO, raw_id) for raw_id, branch in added if raw_id not in told]
        return found[:MOST_IDS] or [RefUpdate(BRANCH, ZERO, ZERO)]

    def _state(self, path: Path) -> tuple[State, Changeset | None]:
        return self.processes.ask(tuple[State, Changeset | None], "state", path)

    def accepted(self, path: Path, updates: Sequence[RefUpdate], known: str = "") -> list[RefUpdate]:
        """Without `updates`, compare with the state before: Mercurial's clients do not announce their changesets."""
        if updates:
            return self._present(path, updates)
        before = msgspec.json.decode(known, type=State) if known else State("", 0, "", {})
        after, _ = self._state(path)
        added = self.processes.ask(list[tuple[str, str]], "added", path, tip=before.tip)
        found = [RefUpdate(f"{BRANCH}{branch}", ZERO, raw_id) for raw_id, branch in added]
        names = sorted(before.bookmarks.keys() | after.bookmarks.keys())
        moves = ((name, before.bookmarks.get(name, ZERO), after.bookmarks.get(name, ZERO)) for name in names)
        return found + [RefUpdate(f"{BOOKMARK}{name}", old, new) for name, old, new in moves if old != new]

    def _present(self, path: Path, updates: Sequence[RefUpdate]) -> list[RefUpdate]:
        """Those of `updates` that the repository shows."""
        state, _ = self._state(path)
        asked = [update.old if update.new == ZERO else update.new for update in updates]
        there = self.processes.ask(list[bool], "present", path, ids=bytes.fromhex("".join(asked)))
        return [
            update
            for update, is_there in zip(updates, there, strict=True)
            if (
                state.bookmarks.get(update.name.removeprefix(BOOKMARK), ZERO) == update.new
                if update.name.startswith(BOOKMARK)
                else is_there == (update.new != ZERO)
            )
        ]

    def is_untidy(self, path: Path) -> bool:  # noqa: ARG002
        """Never: Mercurial's files only grow, and stay fast."""
        return False

    def tidy(
        self,
        path: Path,
        *,
        thorough: bool,
        keep: int,  # noqa: ARG002
        check: Callable[[], None],
    ) -> None:
        """Mercurial's caches are made anew, if `thorough`; there is nothing else to do."""
        if thorough:
            self.processes.watch(type(None), "warm", path, timeout=_LONG, check=check)

    def verify(self, path: Path, check: Callable[[], None]) -> list[str]:
        return findings(self.processes.watch(bytes, "verify", path, timeout=LONGEST, check=check))

    def recover(self, path: Path) -> None:
        """A killed process leaves a transaction that is not complete, and locks."""
        self.processes.ask(type(None), "recover", path)
