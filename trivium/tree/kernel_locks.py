# SPDX-License-Identifier: GPL-3.0-or-later
"""Locks between processes that a crash releases: kernel file locks, so none can be left behind.

A repository's lock is taken shared by pushes and exclusively by what moves or removes it. A gate in front lets
somebody who waits for exclusive use hold back newcomers, so that a stream of pushes cannot starve a rename.
The lock belongs to the open file: a child process that inherits it keeps it as long as it runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

from trivium.errors import Busy

_POLL = 0.02
_FIRST_POLL = 0.001


def _open(path: Path | str) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _try(descriptor: int, mode: int) -> bool:
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class RepositoryLock:
    """The lock of one repository, by its id: the name may change while it is held."""

    def __init__(self, directory: Path, repository_id: int) -> None:
        # Text: to make a `Path` takes longer than to open what it names.
        self._body = f"{directory}/repository-{repository_id}"
        self._gate = f"{self._body}.gate"

    def remove(self) -> None:
        """Remove the files: the repository is gone, and its number is not given to another one."""
        for path in (self._gate, self._body):
            Path(path).unlink(missing_ok=True)

    @staticmethod
    def known(directory: Path) -> set[int]:
        """The repositories of which there are files."""
        found = (path.name.removeprefix("repository-").removesuffix(".gate") for path in directory.glob("repository-*"))
        return {int(number) for number in found if number.isdigit()}

    def try_shared(self) -> int | None:
        """Take the lock shared: a descriptor to close (or to hand to a child), or None when it is not free."""
        gate = _open(self._gate)
        try:
            if not _try(gate, fcntl.LOCK_SH):
                return None
            body = _open(self._body)
            if _try(body, fcntl.LOCK_SH):
                return body
            os.close(body)
            return None
        finally:
            os.close(gate)

    def is_wanted(self) -> bool:
        """Whether somebody waits for exclusive use: those who can should let go."""
        gate = _open(self._gate)
        try:
            return not _try(gate, fcntl.LOCK_SH)
        finally:
            os.close(gate)

    @contextlib.contextmanager
    def shared(self, timeout: float) -> Iterator[None]:
        """Hold the lock as one of many; raises `Busy` when it does not get free within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while (descriptor := self.try_shared()) is None:
            if time.monotonic() > deadline:
                raise Busy("the repository is in use")
            time.sleep(_POLL)
        try:
            yield
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def exclusive(self, timeout: float) -> Iterator[None]:
        """Hold the lock alone; raises `Busy` when that takes longer than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        pause = _FIRST_POLL
        with self.claimed() as claim:
            while not claim.try_alone():
                if time.monotonic() > deadline:
                    raise Busy("the repository is in use")
                time.sleep(pause)
                pause = min(pause * 2, _POLL)
            yield

    @contextlib.contextmanager
    def claimed(self) -> Iterator[Claim]:
        """Ask for the lock alone, without waiting; whatever was got of it is given back at the end."""
        with contextlib.ExitStack() as held:
            yield Claim(self._gate, self._body, held)


class Claim:
    """Somebody's wish to hold a repository's lock alone. They wait as they like, and try again."""

    def __init__(self, gate: str, body: str, held: contextlib.ExitStack) -> None:
        self._missing = [body, gate]
        """What has to be locked yet, the next one last."""
        self._held = held
        self._descriptor: int | None = None

    def try_alone(self) -> bool:
        """Whether the lock is held alone now. Once the gate is, nobody new gets in."""
        while self._missing:
            if self._descriptor is None:
                self._descriptor = _open(self._missing[-1])
                self._held.callback(os.close, self._descriptor)
            if not _try(self._descriptor, fcntl.LOCK_EX):
                return False
            self._missing.pop()
            self._descriptor = None
        return True


@contextlib.contextmanager
def one_at_a_time(path: Path) -> Iterator[bool]:
    """Whether this is the only one of all processes inside a block with this path; nobody waits."""
    descriptor = _open(path)
    try:
        yield _try(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


class WorkerIdentity:
    """A name for this process that others can test for life; it ends with the process, however that ends."""

    def __init__(self, directory: Path) -> None:
        while True:
            self.id = secrets.token_hex(8)
            self._path = directory / f"worker-{self.id}"
            self._descriptor = _open(self._path)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            if _is_there(self._path, self._descriptor):
                break
            # Somebody took the file, not yet locked, for that of a dead process and removed it.
            os.close(self._descriptor)

    def close(self) -> None:
        """Give the name up, at the orderly end of a program."""
        self._path.unlink(missing_ok=True)
        os.close(self._descriptor)


def _is_there(path: Path, descriptor: int) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def is_alive(directory: Path, worker: str) -> bool:
    """Whether the process behind a `WorkerIdentity` still runs."""
    try:
        descriptor = os.open(directory / f"worker-{worker}", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared: two who ask at the same moment must not take each other for the worker.
        return not _try(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def remove_dead(directory: Path) -> None:
    """Remove the files of workers that ended."""
    for path in directory.glob("worker-*"):
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            # Removed under the lock: a worker that is just beginning then sees that its name is gone.
            if _try(descriptor, fcntl.LOCK_EX):
                path.unlink(missing_ok=True)
        finally:
            os.close(descriptor)
