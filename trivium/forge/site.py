# SPDX-License-Identifier: GPL-3.0-or-later
"""One installation, opened: what every operation needs, put together once per process."""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from trivium.access.keys import KeyRing
from trivium.settings import Settings
from trivium.store.engine import Store
from trivium.tree.disk import Tree
from trivium.tree.kernel_locks import WorkerIdentity
from trivium.vcs.git.back_end import Git
from trivium.vcs.hg.back_end import Hg
from trivium.vcs.model import BackEnd
from trivium.vcs.svn.back_end import Svn


class JobQueue(Protocol):
    """Who is told that a job waits (`forge/jobs/submission.py`)."""

    wake: Callable[[], None]
    """Makes this process look for jobs itself, where it does any."""
    seen: Callable[[bool], None]
    """Told whether the other programs could be told, whenever that changes."""

    @property
    def elsewhere(self) -> bool:
        """Whether other programs run the jobs: a broker is configured, and could be reached when last seen."""
        ...

    def tell(self, job: str) -> bool:
        """Say that a job waits; returns whether another program was told. Never raises; takes two seconds at most."""
        ...

    def close(self) -> None: ...


class Local:
    """Where there is no queue: a server does its jobs itself, and finds those of other programs by and by."""

    elsewhere = False

    def __init__(self) -> None:
        self.wake: Callable[[], None] = lambda: None
        self.seen: Callable[[bool], None] = lambda _: None

    def tell(self, job: str) -> bool:  # noqa: ARG002
        return False

    def close(self) -> None:
        pass


class Ahead(Protocol):
    """Makes parts of a repository's pages before somebody asks for them.

    Pages belong to a door, which nothing here knows: whoever opens an installation says who makes them. It asks `check`
    between two of them, which raises what ends it. Raises `NotFound` when there is no such repository.
    """

    def __call__(self, site: Site, repository_id: int, check: Callable[[], None]) -> None: ...


def no_pages(site: Site, repository_id: int, check: Callable[[], None]) -> None:
    """Where there are no pages none is made."""


@dataclass(slots=True)
class Measure:
    """How much room a repository takes."""

    room: int
    """Bytes on the disk when it was measured."""
    at: float
    """When that was, by the monotonic clock."""
    came: int = 0
    """Bytes that have come in since, as far as this process knows."""


@dataclass(frozen=True, slots=True)
class Site:
    """The pieces of an installation. Cheap to pass around; safe to share between threads."""

    settings: Settings
    store: Store
    ring: KeyRing
    tree: Tree
    back_ends: dict[str, BackEnd]
    """Kind of repository → what serves it; a kind that is missing cannot be hosted."""
    git: Git
    hg: Hg
    svn: Svn
    worker: WorkerIdentity
    pushed: queue.SimpleQueue[int] = field(default_factory=queue.SimpleQueue)
    """Ids of repositories that changed through this process and may want tidying (`housekeeping`)."""
    left: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    """Intents of this process that could not be settled while the database was away (`upkeep.recovery`)."""
    rooms: dict[int, Measure] = field(default_factory=dict)
    """How much room repositories take, by their ids (`forge.repositories.growth`)."""
    listening: tuple[str, int] | None = None
    """Address and port of this server: one of its repositories may be fetched from another (security.md 8)."""
    jobs: JobQueue = field(default_factory=Local)
    """Who is told of new jobs."""
    ahead: Ahead = no_pages
    """Makes the first pages of a repository after a push (`upkeep.after_pushes`)."""

    def cache_of(self, repository_id: int) -> Path:
        """The directory of a repository's cache; it may not exist."""
        return self.settings.data / "cache" / str(repository_id)

    def archives_of(self, repository_id: int) -> Path | None:
        """Where the archives of a repository are kept that were made before; None: nowhere (archive_cache_dir)."""
        option = self.settings.archive_cache_dir
        if option == "off":
            return None
        # Under the id: two names may lead to one file name, `a/b` and `a_b`.
        return (Path(option) if option else self.settings.data / "archives") / str(repository_id)

    def close(self) -> None:
        self.jobs.close()
        self.hg.processes.close()
        self.store.close()
        self.worker.close()
