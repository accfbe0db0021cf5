# SPDX-License-Identifier: GPL-3.0-or-later
"""One installation, opened: the only place that constructs back ends."""

from __future__ import annotations

from collections.abc import Callable

from trivium.access.keys import load_key_ring
from trivium.forge.site import Local, Site
from trivium.jobs.broker import broker_of
from trivium.settings import Settings
from trivium.store.engine import Store
from trivium.tree.disk import Tree
from trivium.tree.kernel_locks import WorkerIdentity
from trivium.vcs.git.back_end import Git
from trivium.vcs.git.command import git_command
from trivium.vcs.hg.back_end import Hg
from trivium.vcs.hg.client import HgProcesses
from trivium.vcs.hg.limits import limits_of
from trivium.vcs.svn.apache import SvnApache
from trivium.vcs.svn.back_end import Svn
from trivium.vcs.svn.command import svn_command


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
    in_a_file = settings.url.startswith("sqlite")
    connections = 2 * settings.threads + 2 if in_a_file else max(4, settings.database_connections // settings.workers)
    store = Store(settings.url, busy_timeout=settings.db_busy_timeout, pool_size=connections)
    broker = broker_of(settings)
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
        jobs=broker or Local(),
        ahead=_make_pages,
    )


def _make_pages(site: Site, repository_id: int, check: Callable[[], None]) -> None:
    """Parts of pages are made by the pages' own views: loaded where a job needs them, and not before."""
    from trivium.web.ahead import make_ahead

    make_ahead(site, repository_id, check)
