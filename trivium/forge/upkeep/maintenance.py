# SPDX-License-Identifier: GPL-3.0-or-later
"""Maintenance of one repository on request (api-reviews.md 6): what was done, in sentences; its cache."""

from __future__ import annotations

from collections.abc import Callable

from trivium.access.caller import Caller
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.events import journal
from trivium.forge.events.repositories import CacheInvalidated, RepositoryMaintained
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.forge.upkeep import housekeeping


def carry_out(
    site: Site, caller: Caller, repository: Repository, check: Callable[[], None] = lambda: None
) -> list[str]:
    """Run the maintenance of a repository's system, beside readers and pushes; returns what was done.

    Raises `Interrupted` when somebody wants the repository alone, what `check` raises, and `VcsError`. Recovery removes
    the remains of a killed server, as after a push.
    """
    housekeeping.tidy(site, repository.id, thorough=True, check=check)
    with site.store.write(access_unchanged=True) as db:
        journal.record(db, caller, RepositoryMaintained(subject=repository.name, repository_id=repository.id))
    return list(site.back_ends[repository.kind].abilities.upkeep)


def invalidate_cache(site: Site, caller: Caller, repository: Repository) -> None:
    """Forget what is kept about a repository to answer faster; it is never wrong, so that this costs time alone."""
    RepositoryCache(site, repository.id).clear()
    with site.store.write(access_unchanged=True) as db:
        journal.record(db, caller, CacheInvalidated(subject=repository.name, repository_id=repository.id))
