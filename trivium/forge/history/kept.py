# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that a repository's cache may hold: taken from there, or made and kept."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from trivium.forge.caches.answers import Draft, Kept
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.history.reading import budget_of
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.vcs.budget import spending


def kept(site: Site, repository: Repository, key: object, make: Callable[[Draft], object]) -> msgspec.Raw | Kept:
    """An answer from the repository's cache, or one that `make` writes, kept there unless something was left out.

    `make` may be called by whoever reads a repository, and so begin anew (`Draft.write_value`).
    """
    cache = RepositoryCache(site, repository.id)
    found = cache.find(key)
    if found is None:
        with spending(lambda: budget_of(site.settings)) as budget, cache.draft(key) as draft:
            make(draft)
            found = cache.finish(draft, keep=not budget.cut)
    return found if isinstance(found, Kept) else msgspec.Raw(found)
