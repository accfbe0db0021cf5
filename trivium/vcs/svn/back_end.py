# SPDX-License-Identifier: GPL-3.0-or-later
"""Subversion: repositories are made with svnadmin, read through libsvn, and written by a private Apache (`apache`).

A revision's number is its id; the list of commits is the revisions from 1 on (api-repos.md 2.2).
"""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

import msgspec

from trivium.egress.remote import Remote, TransferLimits
from trivium.procs.ties import tied
from trivium.vcs.abilities import Abilities, Act, Lines, Links, Numbers
from trivium.vcs.adoption import check_self_contained
from trivium.vcs.errors import NotPossible, VcsError
from trivium.vcs.findings import found_by
from trivium.vcs.svn import editing
from trivium.vcs.svn.apache import SvnApache
from trivium.vcs.svn.command import SvnCommand
from trivium.vcs.svn.filesystem import changeset_of, open_filesystem, revision_update, youngest
from trivium.vcs.svn.snapshot import SvnSnapshot
from trivium.vcs.svn.transfer import load_history
from trivium.vcs.values import Changeset, FileCommit, History, RefUpdate

_DEAD: Final = 24 * 3600
"""Seconds after which a transaction that nobody committed belongs to a client that is gone."""
_ZERO: Final = "0" * 40
_REFUSES: Final = MappingProxyType(
    {
        Act.IMPORT: "Subversion repositories are imported by an administrator: trivium import svn",
        Act.PULL: "nothing is pulled into a Subversion repository",
        Act.STRIP: "what is committed to a Subversion repository stays there",
    }
)


class _State(msgspec.Struct, frozen=True):
    """The memory of `history`."""

    youngest: int
    unclaimed: tuple[int, ...] = ()
    """Older revisions that no push has reported yet: of two pushes that end together, the later may report first."""


@dataclass(frozen=True, slots=True)
class Svn:
    """The Subversion back end."""

    kind: ClassVar[str] = "svn"
    abilities: ClassVar[Abilities] = Abilities(
        title="Subversion",
        lines=Lines.PATHS,
        numbers=Numbers.IDS,
        links=Links.EXTERNALS,
        graph=False,
        properties=True,
        edits=True,
        edits_alone=True,
        refuses=_REFUSES,
        upkeep=("Full shards of revisions were packed.",),
    )
    command: SvnCommand
    apache: SvnApache

    def empty_changeset(self) -> Changeset:
        return Changeset(_ZERO, _ZERO[:12], -1, "", "1970-01-01T00:00:00", "", (), None)

    def is_repository(self, path: Path) -> bool:
        return (path / "format").is_file() and (path / "db" / "fs-type").is_file()

    def adopt(self, path: Path) -> None:
        """Apache would run its hooks."""
        check_self_contained(path)
        if (path / "db" / "fs-type").read_bytes().strip() != b"fsfs":
            raise VcsError("only repositories of the kind FSFS are served")
        hooks = path / "hooks"
        if hooks.is_dir() and any(hook.suffix != ".tmpl" for hook in hooks.iterdir()):
            raise VcsError("it has hooks, which would be run")
        if self.command.programs is not None:
            self.command.take_in(path)

    def create(self, path: Path) -> None:
        """A repository at revision 0, without directories."""
        self.command.admin("create", "--fs-type", "fsfs", str(path))
        # Examples and explanations are removed: each would be a file to make durable.
        for examples in (path / "hooks", path / "conf"):
            for file in examples.iterdir():
                file.unlink()
        (path / "README.txt").unlink(missing_ok=True)
        self.command.take_in(path)

    def fork(self, source: Path, target: Path, check: Callable[[], None] = lambda: None) -> None:
        """A copy with all revisions under their numbers, and an identity of its own; safe while commits arrive."""
        self.command.admin("hotcopy", str(source), str(target), check=check)
        self.command.admin("setuuid", str(target))
        shutil.rmtree(target / "db" / "locks", ignore_errors=True)  # its users' locks are on the source
        (target / "db" / "locks").mkdir()
        self.command.take_in(target)

    def load(self, remote: Remote, target: Path, limits: TransferLimits, progress: Callable[[int], None]) -> None:
        """A copy of a repository of another server, with its identity, so that working copies can follow."""
        self.create(target)
        load_history(self.command, remote, target, limits, progress)
        self.command.take_in(target)

    def import_from(self, remote: Remote, target: Path, limits: TransferLimits) -> None:
        raise NotPossible(_REFUSES[Act.IMPORT])

    def pull(self, remote: Remote, path: Path, limits: TransferLimits) -> list[RefUpdate]:
        raise NotPossible(_REFUSES[Act.PULL])

    def commit(
        self, path: Path, wanted: FileCommit, announce: Callable[[Sequence[RefUpdate]], None]
    ) -> list[RefUpdate]:
        announce(())
        return [editing.commit(self.command, path, wanted)]

    def strip(self, path: Path, raw_id: str, branch: str) -> RefUpdate:
        raise NotPossible(_REFUSES[Act.STRIP])

    def apply_strip(self, path: Path, update: RefUpdate, keep: Path) -> None:
        raise NotPossible(_REFUSES[Act.STRIP])

    def purge(self, path: Path) -> None:
        """Revisions are not removed."""

    def settle(self, path: Path, updates: Sequence[RefUpdate]) -> None:
        """A commit leaves nothing to the server."""

    def history(self, path: Path, cache: Path, known: str = "", updates: Sequence[RefUpdate] = ()) -> History:
        """The youngest revision; `updates` tells which revisions have been reported."""
        with open_filesystem(path) as filesystem:
            number = youngest(filesystem)
            last = changeset_of(filesystem, number) if number else self.empty_changeset()
        reported = {int(update.new) for update in updates}
        before = _decode(known) if known else _State(min(reported, default=number + 1) - 1)
        since = range(before.youngest + 1, number + 1) if updates else ()
        unclaimed = tuple(one for one in (*before.unclaimed, *since) if one not in reported)
        beside = tuple(map(revision_update, unclaimed)) if known else ()
        return History(last, msgspec.json.encode(_State(number, unclaimed)).decode(), beside)

    def accepted(self, path: Path, updates: Sequence[RefUpdate], known: str = "") -> list[RefUpdate]:
        """The revisions that nobody has reported. Call it while no commit is under way, as commits report their own."""
        with open_filesystem(path) as filesystem:
            number = youngest(filesystem)
        before = _decode(known)
        return [revision_update(one) for one in (*before.unclaimed, *range(before.youngest + 1, number + 1))]

    def is_untidy(self, path: Path) -> bool:
        """Whether there are commits whose clients are gone: their files take room."""
        return bool(_dead_transactions(path))

    def tidy(self, path: Path, *, thorough: bool, keep: int, check: Callable[[], None]) -> None:
        """Remove abandoned commits, and if `thorough` pack full shards of revisions into one file each."""
        self._remove_transactions(path)
        if thorough and sum(1 for shard in (path / "db" / "revs").iterdir() if shard.name.isdigit()) > 1:
            self.command.admin("pack", "--quiet", str(path), check=check)
            self.command.hand_over(path)

    def verify(self, path: Path, check: Callable[[], None]) -> list[str]:
        """Here and not by its name: a group above may be moved meanwhile."""
        words = tied([self.command.available.svnadmin, "verify", "--quiet", "--keep-going", "."], last="KILL")
        return found_by(words, cwd=path, environment=self.command.environment, check=check)

    def recover(self, path: Path) -> None:
        """Wait for the end of work that a dead worker began, and remove what nobody will finish.

        Subversion's own locks are the kernel's: they end with a process.
        """
        self.apache.await_quiet()
        _remove_unpublished(path)
        self.command.hand_over(path)  # a change in the browser may have ended between its steps
        self._remove_transactions(path)

    def _remove_transactions(self, path: Path) -> None:
        if dead := _dead_transactions(path):
            self.command.admin("rmtxns", "--quiet", str(path), *dead)
            for name in dead:
                _remove_rest(path, name)

    def index(self, path: Path, cache: Path, state: str) -> int:
        """The youngest revision."""
        with open_filesystem(path) as filesystem:
            return youngest(filesystem)

    @contextlib.contextmanager
    def open(self, path: Path, index: int) -> Iterator[SvnSnapshot]:
        with open_filesystem(path) as filesystem:
            yield SvnSnapshot(path, filesystem, index)

    def open_with(
        self, path: Path, index: int, other: Path, other_index: int
    ) -> contextlib.AbstractContextManager[SvnSnapshot]:
        raise NotPossible("two Subversion repositories cannot be compared: a number means another revision in each")


def _dead_transactions(path: Path) -> list[str]:
    """The transactions without additions for so long that their clients must be gone."""
    stale = time.time() - _DEAD
    found = []
    for transaction in path.glob("db/transactions/*.txn"):
        name = transaction.name.removesuffix(".txn")
        places = (transaction, path / "db" / "txn-protorevs" / f"{name}.rev")
        with contextlib.suppress(FileNotFoundError):  # it was committed, or given up, just now
            if max(place.stat().st_mtime for place in places) < stale:
                found.append(name)
    return found


def _remove_rest(path: Path, transaction: str) -> None:
    """Remove what svnadmin leaves of a transaction that was removed by half: it can open it no more, and says so only.

    Its files go in the order in which Subversion removes them.
    """
    shutil.rmtree(path / "db" / "transactions" / f"{transaction}.txn", ignore_errors=True)
    for ending in (".rev", ".rev-lock"):
        (path / "db" / "txn-protorevs" / f"{transaction}{ending}").unlink(missing_ok=True)


def _remove_unpublished(path: Path) -> None:
    """Remove the files of a revision whose commit was killed before it counted.

    Its properties are read-only as soon as they are written. The next commit of Subversion has to write them again and
    cannot: only root could commit any more.
    """
    try:
        lock = (path / "db" / "write-lock").open("r+b")
    except FileNotFoundError:
        return  # nobody has ever committed to it here
    with lock:
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise VcsError(f"somebody commits to {path}") from error
        with open_filesystem(path) as filesystem:
            never = youngest(filesystem) + 1
        for kind in ("revs", "revprops"):
            for file in (*path.glob(f"db/{kind}/*/{never}"), path / "db" / kind / str(never)):
                if file.is_file():  # with the same number as a revision there may be a directory of them
                    file.unlink()


def _decode(known: str) -> _State:
    return msgspec.json.decode(known, type=_State) if known else _State(0)
