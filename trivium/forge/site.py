# SPDX-License-Identifier: GPL-3.0-or-later
"""One installation, opened: what every operation needs, put together once per process."""

from __future__ import annotations

import queue
from dataclasses import dataclass, field
from pathlib import Path

from trivium.access.keys import KeyRing, load_key_ring
from trivium.settings import Settings
from trivium.store.disk import Tree
from trivium.store.engine import Store
from trivium.store.locks import WorkerIdentity
from trivium.vcs.git import Git
from trivium.vcs.gitcommand import git_command
from trivium.vcs.hg import Hg
from trivium.vcs.hgclient import HgProcesses
from trivium.vcs.hglimits import limits_of
from trivium.vcs.model import BackEnd
from trivium.vcs.svn import Svn
from trivium.vcs.svnapache import SvnApache
from trivium.vcs.svncommand import svn_command


@dataclass(slots=True)
class Measure:
    """How much room a repository takes."""

    room: int
    """Bytes of the disk when it was looked at."""
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
    rooms: dict[int, Measure] = field(default_factory=dict)
    """How much room repositories take, by their ids (`forge.growth`)."""
    listening: tuple[str, int] | None = None
    """Address and port of this server: one of its repositories may be fetched from another (security.md 8)."""

    def cache_of(self, repository_id: int) -> Path:
        """Where is kept what was dear to find out about a repository; it may not exist."""
        return self.settings.data / "cache" / str(repository_id)

    def close(self) -> None:
        self.hg.processes.close()
        self.store.close()
        self.worker.close()


def open_site(settings: Settings, *, listening: tuple[str, int] | None = None) -> Site:
    """Open an installation that has been set up; raises `StartRefused` with one sentence."""
    ring = load_key_ring(settings.data / "secret.key")
    tree = Tree(settings.root, min_free_bytes=settings.min_free_bytes)
    tree.prepare()
    git = Git(
        git_command(
            settings.git_path,
            settings.data / "gitconfig",
            max_input_bytes=settings.max_push_bytes,
            max_object_bytes=settings.max_object_bytes,
            default_branch=settings.default_branch,
        )
    )
    hg = Hg(HgProcesses(settings.data, timeout=settings.vcs_timeout, limits=limits_of(settings)))
    subversion = svn_command(settings)
    svn = Svn(subversion, SvnApache(settings, subversion))
    store = Store(settings.url, busy_timeout=settings.db_busy_timeout, pool_size=2 * settings.threads + 2)
    return Site(
        settings=settings,
        store=store,
        ring=ring,
        tree=tree,
        back_ends={git.kind: git, hg.kind: hg, svn.kind: svn},
        git=git,
        hg=hg,
        svn=svn,
        worker=WorkerIdentity(tree.locks),
        listening=listening,
    )
