# SPDX-License-Identifier: GPL-3.0-or-later
"""Git: objects and refs are read through libgit2, whole histories walked by git itself.

The list of commits of a repository is that of `git rev-list --date-order --branches --tags`, oldest first.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

import msgspec
import pygit2

from trivium.vcs.abilities import Abilities, Lines, Links, Numbers
from trivium.vcs.findings import found_by
from trivium.vcs.git import adoption, editing, housekeeping
from trivium.vcs.git.commit import Commit, Unclear, read_commit
from trivium.vcs.git.commit_lists import COMMITS, ID_BYTES, CommitLists
from trivium.vcs.git.index import GitIndex
from trivium.vcs.git.objects import (
    LISTED,
    SHORT,
    ZERO,
    all_refs_of,
    branch_at,
    changeset_of,
    listed,
    open_repository,
    peeled,
    refs_digest,
    refs_of,
    target_of,
)
from trivium.vcs.git.refs import REFS, SOME_REFS, KnownRefs, moved
from trivium.vcs.git.snapshot import GitSnapshot
from trivium.vcs.git.transfer import GitTransfers, choose_head
from trivium.vcs.values import Changeset, FileCommit, History, RefUpdate

_FEW: Final = 64
"""The most changed refs for which the history is extended; with more it is counted afresh."""
_SHORT_ROW: Final = 50
_LONGEST_HEAD: Final = 4096
_HEAD = re.compile(rb"ref:\s*refs/|[0-9a-f]{40}")


class _State(msgspec.Struct, frozen=True):
    """The memory of `history`: the refs it saw (as a digest), how many commits they reach, the youngest one."""

    refs: str
    count: int
    tip: str
    every: str = ""
    """The digest of all refs, also those without commits of the list; empty in states of earlier versions."""


class _Seen:
    """All refs at one moment, and their digests, each made once on demand."""

    def __init__(self, every: dict[str, str]) -> None:
        self.every = every

    @cached_property
    def listed(self) -> dict[str, str]:
        """Those whose commits belong to the list."""
        return listed(self.every)

    @cached_property
    def digest(self) -> str:
        return refs_digest(self.every)

    @cached_property
    def digest_of_listed(self) -> str:
        return self.digest if len(self.listed) == len(self.every) else refs_digest(self.listed)

    def without(self, updates: Sequence[RefUpdate]) -> _Seen:
        """The refs before these updates, if nothing else moved the same refs."""
        before = dict(self.every)
        for update in updates:
            if before.get(update.name, ZERO) == update.new:
                before[update.name] = update.old
                if update.old == ZERO:
                    del before[update.name]
        return _Seen(before)


class Git(GitTransfers):
    """The Git back end; `transfer` has the moving of whole histories, `snapshot` the reading."""

    kind: ClassVar[str] = "git"
    abilities: ClassVar[Abilities] = Abilities(
        title="Git",
        lines=Lines.POINTERS,
        numbers=Numbers.NONE,
        links=Links.SUBMODULES,
        graph=True,
        pull_requests=True,
        edits=True,
        ending=".git",
        upkeep=(
            "References were packed.",
            "Objects were packed, and those that nothing has reached for two weeks were removed.",
            "The commit graph was written.",
        ),
    )

    def empty_changeset(self) -> Changeset:
        return Changeset(ZERO, ZERO[:SHORT], -1, "", "1970-01-01T00:00:00", "", (), None)

    def is_repository(self, path: Path) -> bool:
        """A bare one: a working copy's `.git` has no place of its own in the tree."""
        try:
            with (path / "HEAD").open("rb") as stream:
                head = stream.read(_LONGEST_HEAD)
        except OSError:
            return False
        return bool(_HEAD.match(head)) and (path / "objects").is_dir() and (path / "refs").is_dir()

    def adopt(self, path: Path) -> None:
        adoption.check(self.command, path)

    def commit(
        self, path: Path, wanted: FileCommit, announce: Callable[[Sequence[RefUpdate]], None]
    ) -> list[RefUpdate]:
        update = editing.made(self.command, path, wanted)
        announce([update])
        editing.move(self.command, path, update)
        return [update]

    def settle(self, path: Path, updates: Sequence[RefUpdate]) -> None:
        """HEAD follows the first branch that is pushed when its own does not exist (api-repos.md 4)."""
        with open_repository(path) as repository:
            if not repository.head_is_unborn:
                return
            pushed = [update.name for update in updates if update.name.startswith("refs/heads/")]
            if not updates:  # it was filled in another way
                choose_head(repository, self.command.default_branch)
            for name in pushed:
                if name in repository.references:
                    repository.set_head(name)
                    return

    def history(self, path: Path, cache: Path, known: str = "", updates: Sequence[RefUpdate] = ()) -> History:
        lists = CommitLists(cache / COMMITS)
        with open_repository(path) as repository:
            now = _Seen(all_refs_of(repository))
            refs = now.listed
            before = now.without(updates)
            state = None
            with contextlib.suppress(Unclear, pygit2.GitError):  # libgit2 cannot read all that git can
                state = self._extended(repository, path, lists, now, before, known, updates)
            state = state or self._listed(path, lists, now)
            state = msgspec.structs.replace(state, every=now.digest)
            beside = _beside(KnownRefs(cache / REFS), known, now, before, updates)
            if not state.tip:
                return History(self.empty_changeset(), _encode(state), beside)
            heads = [name for name, raw_id in refs.items() if raw_id == state.tip and name.startswith("refs/heads/")]
            branch = branch_at(heads, str(repository.lookup_reference("HEAD").target))
            last = changeset_of(read_commit(repository, state.tip, self.command), state.count - 1, branch)
            return History(last, _encode(state), beside)

    def index(self, path: Path, cache: Path, state: str) -> GitIndex:
        with open_repository(path) as repository:
            refs = refs_of(repository)
        known = msgspec.json.decode(state, type=_State)
        tip = known.tip if known.refs == refs_digest(refs) else None
        return GitIndex(refs, tip, CommitLists(cache / COMMITS), self.command)

    @contextlib.contextmanager
    def open(self, path: Path, index: GitIndex) -> Iterator[GitSnapshot]:
        with open_repository(path) as repository:
            yield GitSnapshot(path, repository, index)

    @contextlib.contextmanager
    def open_with(self, path: Path, index: GitIndex, other: Path, other_index: GitIndex) -> Iterator[GitSnapshot]:
        with open_repository(path) as repository:
            yield GitSnapshot(path, repository, index, (other, other_index))

    def accepted(self, path: Path, updates: Sequence[RefUpdate], known: str = "") -> list[RefUpdate]:  # noqa: ARG002
        with open_repository(path) as repository:
            present = {
                name: target_of(repository, name) or ZERO
                for name in {update.name for update in updates}
                if pygit2.reference_is_valid_name(name)
            }
        return [update for update in updates if present.get(update.name) == update.new]

    def is_untidy(self, path: Path) -> bool:
        return housekeeping.is_untidy(path)

    def tidy(self, path: Path, *, thorough: bool, keep: int, check: Callable[[], None]) -> None:
        housekeeping.tidy(self.command, path, thorough=thorough, keep=keep, check=check)

    def verify(self, path: Path, check: Callable[[], None]) -> list[str]:
        return found_by(self.command.checking(), cwd=path, environment=self.command.environment, check=check)

    def recover(self, path: Path) -> None:
        """A killed git leaves `*.lock` files, which would refuse the next push, and quarantine directories."""
        for pattern in ("*.lock", "packed-refs.new", "refs/**/*.lock", "objects/info/**/*.lock", "objects/pack/*.lock"):
            for lock in path.glob(pattern):
                lock.unlink(missing_ok=True)
        for quarantine in path.glob("objects/tmp_objdir-*"):
            for entry in sorted(quarantine.rglob("*"), reverse=True):
                entry.rmdir() if entry.is_dir() and not entry.is_symlink() else entry.unlink()
            quarantine.rmdir()
        for leftover in [
            *path.glob("objects/pack/tmp_*"),
            *path.glob("objects/pack/.tmp-*"),
            *path.glob("objects/info/commit-graphs/tmp_*"),
            *path.glob("objects/??/tmp_obj_*"),
        ]:
            leftover.unlink(missing_ok=True)
        for keep in path.glob("objects/pack/pack-*.keep"):
            # A push or fetch protects its pack from a repack until refs point there; after a kill, for ever.
            if keep.read_bytes().startswith((b"receive-pack ", b"fetch-pack ")):
                keep.unlink()

    def _listed(self, path: Path, lists: CommitLists, now: _Seen) -> _State:
        """The state from the whole history of exactly these refs: others may appear at any moment."""
        ids = lists.of(self.command, path, now.listed)
        return _State(now.digest_of_listed, len(ids) // ID_BYTES, ids[-ID_BYTES:].hex())

    def _extended(
        self,
        repository: pygit2.Repository,
        path: Path,
        lists: CommitLists,
        now: _Seen,
        earlier: _Seen,
        known: str,
        updates: Sequence[RefUpdate],
    ) -> _State | None:
        """The state from the one before and later additions; None when these do not suffice."""
        if not known or len(updates) > _FEW:
            return None
        refs, before = now.listed, earlier.listed
        added: list[pygit2.Oid] = []
        # In the order of names, which decides between commits of the same second.
        for update in sorted(updates, key=lambda update: os.fsencode(update.name)):
            if not update.name.startswith(LISTED):
                continue
            if refs.get(update.name) != update.new:
                return None  # a later push moved it again: the push that ends last sees everything
            tip = peeled(repository, update.new)
            if tip is None:
                return None
            if update.old != ZERO:
                old = peeled(repository, update.old)
                if old is None or not (tip == old or repository.descendant_of(tip, old)):
                    return None
            added.append(tip)
        state = msgspec.json.decode(known, type=_State)
        digest = now.digest_of_listed
        if state.refs == digest:
            return state  # a push that ended later has counted this one in
        if state.refs != earlier.digest_of_listed:
            return None
        if not added:
            return _State(digest, state.count, state.tip)
        new = _appended(repository, added, set(before.values()))
        if new is None:
            new = self._new(path, added, set(before.values()))
        if not new.ids and not _ties(repository, added, state.tip):
            lists.extend(state.refs, digest, b"")
            return _State(digest, state.count, state.tip)  # names for commits that were there already
        youngest = _youngest(repository, {str(oid) for oid in added}, state.tip, set(refs.values()))
        if youngest is None:
            return None
        ends_as_git_says = new.ids[-ID_BYTES:].hex() == youngest
        if state.tip and ends_as_git_says and new.oldest > read_commit(repository, state.tip).commit_time:
            # Younger than all commits before: they come after those, whatever their parents are.
            lists.extend(state.refs, digest, new.ids)
        return _State(digest, state.count + len(new.ids) // ID_BYTES, youngest)

    def _new(self, path: Path, added: Sequence[pygit2.Oid], before: set[str]) -> _New:
        """The commits that `added` reach and `before` did not.

        libgit2's own walk is wrong here: it stops early where clocks went backwards, and counts old commits again.
        """
        asked = "\n".join([str(oid) for oid in added] + [f"^{raw_id}" for raw_id in before]).encode()
        said = self.command.run(
            "rev-list", "--date-order", "--reverse", "--timestamp", "--stdin", cwd=path, stdin=asked, only_reads=True
        )
        lines = [line.split() for line in said.decode("ascii").splitlines()]
        return _New(bytes.fromhex("".join(raw_id for _, raw_id in lines)), min((int(at) for at, _ in lines), default=0))


@dataclass(frozen=True, slots=True)
class _New:
    """Commits that a push brought."""

    ids: bytes
    """In date order, oldest first."""
    oldest: int
    """The earliest moment at which one of them was committed."""


def _appended(repository: pygit2.Repository, added: Sequence[pygit2.Oid], before: set[str]) -> _New | None:
    """The commits that a push put in a plain row on top of the only tip; None for other pushes."""
    if len(before) != 1 or len(added) != 1:
        return None
    (base,) = before
    commit = read_commit(repository, str(added[0]))
    row: list[Commit] = []
    while len(row) < _SHORT_ROW:
        if str(commit.id) == base:
            ids = b"".join(commit.id.raw for commit in reversed(row))
            return _New(ids, min((commit.commit_time for commit in row), default=0))
        if len(commit.parent_ids) != 1:
            return None
        row.append(commit)
        commit = read_commit(repository, str(commit.parent_ids[0]))
    return None


def _beside(
    kept: KnownRefs, known: str, now: _Seen, before: _Seen, updates: Sequence[RefUpdate]
) -> tuple[RefUpdate, ...]:
    """The moves since `known` that are not in `updates`; keeps all refs for the next time."""
    recognised = msgspec.json.decode(known, type=_State).every if known else ""
    if recognised == now.digest:
        return ()
    if not recognised:
        kept.write(now.digest, now.every)
        return ()
    if before.digest == recognised:
        kept.move(recognised, now.digest, updates, now.every)
        return ()
    there = kept.read(recognised)
    if there is None:
        kept.write(now.digest, now.every)
        return (SOME_REFS,)
    told = {(update.name, update.new) for update in updates}
    found = moved(there, now.every)
    kept.move(recognised, now.digest, found, now.every)
    return tuple(update for update in found if (update.name, update.new) not in told)


def _encode(state: _State) -> str:
    return msgspec.json.encode(state).decode()


def _ties(repository: pygit2.Repository, added: Iterable[pygit2.Oid], youngest: str) -> bool:
    """Whether a new name could put another commit of the same second first: then the order of names decides."""
    moment = read_commit(repository, youngest).commit_time
    return any(str(tip) != youngest and read_commit(repository, str(tip)).commit_time == moment for tip in added)


def _youngest(repository: pygit2.Repository, added: set[str], before: str, tips: set[str]) -> str | None:
    """The commit that comes first in date order, as git would say, after new commits; None: only git can tell.

    `before` was the first until then, `added` are the added tips, `tips` are all present tips.
    """
    if before and len(added) == 1:
        (new,) = (read_commit(repository, raw_id) for raw_id in added)
        old = read_commit(repository, before)
        if new.commit_time > old.commit_time:
            return str(new.id)
        if new.commit_time < old.commit_time and not repository.descendant_of(new.id, old.id):
            return before
    if len(tips) > _FEW:
        return None
    # Commits of one second, or committed before their parents: the lines of descent decide.
    commits = {tip for tip in (peeled(repository, raw_id) for raw_id in tips) if tip}
    heads = [
        read_commit(repository, str(one))
        for one in commits
        if not any(other != one and repository.descendant_of(other, one) for other in commits)
    ]
    heads.sort(key=lambda head: head.commit_time, reverse=True)
    if len(heads) > 1 and heads[0].commit_time == heads[1].commit_time:
        return None
    return str(heads[0].id)
