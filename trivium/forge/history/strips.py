# SPDX-License-Identifier: GPL-3.0-or-later
"""Commits are removed from a repository (api-repos.md 5, strip)."""

from __future__ import annotations

from trivium.access.caller import Caller
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.history.reading import History
from trivium.forge.pushes import settling as pushes
from trivium.forge.repositories import user_locks
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.names import is_clean_text
from trivium.store.tables import now
from trivium.tree.kernel_locks import RepositoryLock
from trivium.vcs.abilities import Act
from trivium.vcs.errors import UnknownRevision


def strip(site: Site, history: History, caller: Caller, repository: Repository, revision: str, branch: str) -> None:
    """Remove a commit and what follows it; a bundle in the trash keeps them.

    Raises `VcsError`, `Locked` by somebody else, or `Busy`, with nothing changed. Like a push it is recorded before it
    begins: after a crash the branch is where it was or where it should be, and the journal says which.
    """
    if not is_clean_text(branch) or not is_clean_text(revision):
        raise UnknownRevision(revision)
    user_locks.check(caller, repository, writes=True)
    back_end = site.back_ends[repository.kind]
    back_end.abilities.check(Act.STRIP)
    with RepositoryLock(site.tree.locks, repository.id).exclusive(site.settings.exclusive_timeout):
        with history.open(repository) as snapshot:
            raw_id = snapshot.resolve(revision)
        path = site.tree.path_of(history.now(repository).name)
        update = back_end.strip(path, raw_id, branch)
        bundle = site.tree.trash / f"{now().replace(':', '')}-{repository.id}-{raw_id[:12]}.bundle"
        push = pushes.begin(site, caller, repository.id, [update], action=pushes.STRIP)
        try:
            back_end.apply_strip(path, update, bundle)
        except BaseException:
            pushes.recover_alone(site, push)
            raise
        finally:
            RepositoryCache(site, repository.id).clear()  # it has answers about the removed commits
        pushes.finish(site, push, [update])
