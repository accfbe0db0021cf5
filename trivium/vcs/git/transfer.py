# SPDX-License-Identifier: GPL-3.0-or-later
"""Git repositories are forked, fetched into from other servers, stripped and kept in good order.

Git may only talk HTTP to another server: all else is switched off, and it reaches servers only through a relay.
"""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import pygit2

from trivium.egress.relay import relay
from trivium.egress.remote import IMPORT_MARK, Remote, TransferLimits
from trivium.errors import TriviumError
from trivium.procs.spawn import MEMORY, FirstWords, words_of
from trivium.procs.watching import wait_for, watched_group
from trivium.vcs.errors import EndedFromOutside, Killed, NotPossible, PartlyDone, UnknownRevision, VcsError
from trivium.vcs.git.blank import Blank, is_empty, read_blank, unborn
from trivium.vcs.git.command import GitCommand
from trivium.vcs.git.commit import read_commit
from trivium.vcs.git.housekeeping import PURGE
from trivium.vcs.git.objects import ZERO, open_repository, refs_of, target_of
from trivium.vcs.values import RefUpdate

_EVERYTHING: Final = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
_FETCH: Final = (
    *("fetch", "--quiet", "--force", "--no-tags", "--no-write-fetch-head"),
    *("--no-auto-maintenance", "--no-recurse-submodules", "--"),
)
_CLONE: Final = ("clone", "--quiet", "--bare", "--template=", "--reject-shallow", "--no-recurse-submodules", "--")
"""For new repositories: the refs are written into one file; a fetch would make (and sync) a file for each."""
_TRIES: Final = 5
_LONG: Final = 3600
_SOME_REFS_LEFT: Final = 1
"""How a fetch ends that has all objects. Pushes and other fetches may have files of theirs open then."""


class _RefsLeft(VcsError):
    """Git fetched everything, but could not move some of the refs."""


@dataclass(frozen=True, slots=True)
class GitTransfers:
    """The part of the back end that makes repositories and moves whole histories."""

    command: GitCommand
    _blanks: dict[tuple[int, int], Blank] = field(default_factory=dict, repr=False, compare=False)
    """What which git has made of an empty repository."""

    def create(self, path: Path) -> None:
        """An empty repository."""
        path.mkdir(mode=0o750)
        self._blank(path.parent).lay_out(path)

    def _blank(self, place: Path) -> Blank:
        """What the present git makes of an empty repository in a directory of `place`."""
        git = self.command.identity()
        known = self._blanks.get(git)
        if known is None:
            branch = f"--initial-branch={self.command.default_branch}"
            with tempfile.TemporaryDirectory(prefix="blank-", dir=place) as made:
                self.command.run("init", "--quiet", "--bare", "--template=", branch, ".", cwd=Path(made))
                known = self._blanks[git] = read_blank(Path(made))
        return known

    def fork(self, source: Path, target: Path, check: Callable[[], None] = lambda: None) -> None:
        """A copy with all branches and tags, sharing nothing with its source."""
        target.mkdir(mode=0o750)
        if is_empty(source) and (head := unborn(source)) and (blank := self._blank(target.parent)).is_like(source):
            # Git would start three programs to copy nothing.
            blank.lay_out(target, head)
            return
        # From a repository of ours: its content was checked when it came.
        settings = ("protocol.file.allow=always", "fetch.fsckObjects=false", "transfer.fsckObjects=false")
        options = [word for setting in settings for word in ("-c", setting)]
        words = [*options, *_CLONE, source.as_uri(), "."]
        self._run(words, target, self.command.environment, _LONG, check, memory=MEMORY)
        self._make_ours(target)

    def import_from(self, remote: Remote, target: Path, limits: TransferLimits) -> None:
        """A copy of a repository of another server, with its default branch."""
        target.mkdir(mode=0o750)
        with _remote(self.command, remote, limits) as (options, environment):
            self._run([*options, *_CLONE, remote.url, "."], target, environment, limits.total, limits.check)
        self._check_sizes(target)
        self._make_ours(target)

    def _check_sizes(self, path: Path) -> None:
        """Raise `VcsError` for a repository with an object larger than `max_object_bytes`.

        Git has refused those that it would have had to hold in memory (`GitCommand.receiving`).
        """
        if not self.command.max_object_bytes:
            return
        words = ("cat-file", "--batch-all-objects", "--unordered", "--buffer", "--batch-check=%(objectsize)")
        with contextlib.closing(self.command.lines(*words, cwd=path)) as sizes:
            if any(int(size) > self.command.max_object_bytes for size in sizes):
                raise VcsError("an object is larger than max_object_bytes")

    def _make_ours(self, path: Path) -> None:
        """Forget where a clone came from, and let HEAD name a branch even if it named none there."""
        self.command.run("config", "--remove-section", "remote.origin", cwd=path)
        with open_repository(path) as repository:
            if not str(repository.lookup_reference("HEAD").target).startswith("refs/heads/"):
                choose_head(repository, self.command.default_branch)

    def pull(self, remote: Remote, path: Path, limits: TransferLimits) -> list[RefUpdate]:
        """Set all branches and tags to where the remote has them, deleting none; returns what moved."""
        with open_repository(path) as repository:
            before = refs_of(repository)
        failure: Exception | None = None
        try:
            with _remote(self.command, remote, limits) as (options, environment):
                self._fetch([*options, *_FETCH, remote.url, *_EVERYTHING], path, environment, limits)
        except TriviumError as error:
            failure = error
        with open_repository(path) as repository:
            after = refs_of(repository)
        moved = [
            RefUpdate(name, before.get(name, ZERO), raw_id)
            for name, raw_id in sorted(after.items())
            if before.get(name) != raw_id
        ]
        if failure is not None and moved:
            raise PartlyDone(str(failure), moved) from failure
        if failure is not None:
            raise failure
        return moved

    def _fetch(self, arguments: list[str], path: Path, environment: dict[str, str], limits: TransferLimits) -> None:
        """Run git, and again when somebody else moved a ref at the same moment: git gives up then."""
        deadline = time.monotonic() + limits.total
        for _ in range(_TRIES - 1):
            try:
                self._run(arguments, path, environment, deadline - time.monotonic(), limits.check)
            except _RefsLeft:
                continue
            return
        self._run(arguments, path, environment, deadline - time.monotonic(), limits.check)

    def strip(self, path: Path, raw_id: str, branch: str) -> RefUpdate:
        """The change of a branch that removes a commit and what follows it there; nothing is changed yet.

        Raises `UnknownRevision` for a branch that does not exist or does not have the commit, and `VcsError` for a
        merge or root commit.
        """
        name = f"refs/heads/{branch}"
        with open_repository(path) as repository:
            head = target_of(repository, name)
            if head is None:
                raise UnknownRevision(branch)
            commit = read_commit(repository, raw_id, self.command)
            if head != raw_id:
                try:
                    self.command.run("merge-base", "--is-ancestor", raw_id, head, cwd=path)
                except VcsError:
                    raise UnknownRevision(raw_id) from None
            if len(commit.parent_ids) != 1:
                raise NotPossible("a merge or root commit cannot be stripped")
            return RefUpdate(name, head, str(commit.parent_ids[0]))

    def apply_strip(self, path: Path, update: RefUpdate, keep: Path) -> None:
        """Carry out a strip; a bundle at `keep`, which `git fetch` can read, holds the removed commits."""
        wanted = [update.name, f"^{update.new}"]
        self.command.run("bundle", "create", "--quiet", str(keep), *wanted, cwd=path)
        _sync(keep)
        self.command.run("update-ref", update.name, update.new, update.old, cwd=path)
        self.purge(path)

    def purge(self, path: Path) -> None:
        """Remove every object that no ref reaches: with protocol v2 anybody who knows its id could fetch it."""
        for words in PURGE:
            self.command.run(*words, cwd=path, timeout=_LONG)

    def _run(
        self,
        arguments: list[str],
        cwd: Path,
        environment: dict[str, str],
        seconds: float,
        check: Callable[[], None],
        *,
        memory: int | None = None,
    ) -> None:
        """Let git copy a history; it and its helpers end with us, when their time is up, and when `check` raises.

        `memory`: bytes that each may have; by default what a git needs that takes objects in.
        """
        begun_by_others = _pieces(cwd)
        process = subprocess.Popen(
            self.command.tied_with_helpers("--git-dir=.", *arguments, memory=memory or self.command.receiving_memory),
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stderr is not None
        errors = FirstWords(process.stderr)  # the other server's words may be endless

        try:
            with watched_group(process, check):
                wait_for(process, seconds)
        except subprocess.TimeoutExpired:
            raise Killed("the transfer takes too long") from None
        finally:
            errors.get()  # ends when the last helper has: they all have the same error output
        # The text may repeat the address; the credentials are not part of that.
        if process.returncode == _SOME_REFS_LEFT:
            raise _RefsLeft(f"git ended with {process.returncode}: {words_of(errors.get())}")
        if process.returncode < 0 or (process.returncode and _pieces(cwd) - begun_by_others):
            words = words_of(errors.get())
            raise EndedFromOutside(f"git or a program of its ended suddenly, with {process.returncode}: {words}")
        if process.returncode:
            raise VcsError(f"git ended with {process.returncode}: {words_of(errors.get())}")


def _pieces(path: Path) -> set[Path]:
    """The files of a repository that git, or a program that it started, removes at its end."""
    return {piece for pattern in ("pack/tmp_*", "tmp_objdir-*") for piece in (path / "objects").glob(pattern)}


def choose_head(repository: pygit2.Repository, default: str) -> None:
    """Let HEAD name a branch when nothing tells which: one that exists, if there is any."""
    branches = {name for name in refs_of(repository) if name.startswith("refs/heads/")}
    usual = [f"refs/heads/{name}" for name in (default, "main", "master")]
    repository.set_head(next((name for name in usual if name in branches), min(branches, default=usual[0])))


def _sync(path: Path) -> None:
    """Make a file and its name durable."""
    for written in (path, path.parent):
        descriptor = os.open(written, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _remote(command: GitCommand, remote: Remote, limits: TransferLimits) -> Iterator[tuple[list[str], dict[str, str]]]:
    """Options and environment for talking to exactly this remote; the credentials are in neither argv nor files."""
    parts = urlsplit(remote.url)
    environment = {**command.receiving(), "GIT_ALLOW_PROTOCOL": "http:https"}
    headers = []
    if remote.username or remote.password:
        secret = base64.b64encode(f"{remote.username}:{remote.password}".encode()).decode()
        headers.append(f"Authorization: Basic {secret}")
    if remote.mark:
        headers.append(f"{IMPORT_MARK}: {remote.mark}")
    environment["GIT_CONFIG_COUNT"] = str(len(headers))
    for number, header in enumerate(headers):
        environment[f"GIT_CONFIG_KEY_{number}"] = f"http.{parts.scheme}://{parts.netloc}/.extraHeader"
        environment[f"GIT_CONFIG_VALUE_{number}"] = header
    with relay(remote, limits) as port:
        settings = {
            "protocol.http.allow": "always",
            "protocol.https.allow": "always",
            "http.followRedirects": "false",
            "http.proxy": f"socks5h://127.0.0.1:{port}",
            "http.lowSpeedLimit": "1",
            "http.lowSpeedTime": str(limits.idle),
            "credential.helper": "",
            "core.askPass": "true",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        yield [*options, *command.loading()], environment
