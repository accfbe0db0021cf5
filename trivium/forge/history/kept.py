# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers that a repository's cache may hold: taken from there, or made and kept, by one maker at a time.

Fifty requests for the same diff at once would make it fifty times and slow each other down. So one makes it. The others
let go of all they hold, wait at their door (`BeingMade`) and find it kept. If the maker failed, or made an incomplete
answer that is not kept, one of the others makes it next.
"""

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
    """An answer from the repository's cache, or one that `make` writes; it is kept there unless it is incomplete.

    Raises `BeingMade` while another caller makes it. The caller must have the right to read the repository, which is
    checked again when it comes back. `make` may read the repository several times, and so begin anew
    (`Draft.write_value`).
    """
    cache = RepositoryCache(site, repository.id)
    found = cache.find(key)
    if found is None:
        with cache.only_maker(key):
            found = cache.find(key)  # perhaps somebody made it between the two looks
            if found is None:
                with spending(lambda: budget_of(site.settings)) as budget, cache.draft(key) as draft:
                    make(draft)
                    found = cache.finish(draft, keep=not budget.cut)
    return found if isinstance(found, Kept) else msgspec.Raw(found)
