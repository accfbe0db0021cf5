# SPDX-License-Identifier: GPL-3.0-or-later
"""Who builds on a repository, and who follows it (system.md 2.3)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.forge.repositories import followers as following
from trivium.forge.repositories import pages
from trivium.web.answers import Page
from trivium.web.registering import view
from trivium.web.visit import RepositoryVisit


@view("GET", "/{repository}/forks", needs=Level.READ, word="ForksController:forks")
def forks(visit: RepositoryVisit) -> Page:
    """The forks that the visitor may read, what changed last first."""
    query, name = visit.query, visit.repository.name
    after, before = query.get("after", ""), query.get("before", "")
    found = visit.ask(pages.forks, visit.repository.id, after=after, before=before)
    return Page(
        "forks/forks.html",
        found=found,
        first=not after and not before,
        newer=visit.url("forks.forks", name, before=found.newer) if found.newer else "",
        older=visit.url("forks.forks", name, after=found.older) if found.older else "",
    )


@view("GET", "/{repository}/followers", needs=Level.READ, word="FollowersController:followers")
def followers(visit: RepositoryVisit) -> Page:
    """Who follows the repository, by name."""
    name, after = visit.repository.name, visit.query.get("after", "")
    found = visit.ask(following.followers, visit.repository.id, after=after)
    return Page(
        "forks/followers.html",
        found=found,
        followed=visit.ask(following.follows, visit.repository.id),
        newer=visit.url("forks.followers", name) if after else "",
        older=visit.url("forks.followers", name, after=found.older) if found.older else "",
    )
