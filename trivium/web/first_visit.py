# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first visitor of a repository would wait for after a push is made before they come (web.md 5).

That is the first page's overview, README and last changes, in each language. What is made is kept under the keys that
the page has, so that it is right or not found.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from trivium.access.caller import the_system
from trivium.access.credentials import Authenticator
from trivium.access.levels import Level
from trivium.access.throttle import Throttle
from trivium.errors import NotFound
from trivium.forge.accounts.preferences import DEFAULT
from trivium.forge.caches.makers import BeingMade
from trivium.forge.groups.tree import GroupTrees
from trivium.forge.history.reading import History
from trivium.forge.repositories import finding
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.language import KNOWN, language
from trivium.turns import Pace
from trivium.web.answers import Asked
from trivium.web.cookies import Cookies
from trivium.web.fragments import Fragments
from trivium.web.showing import overview
from trivium.web.urls import Urls
from trivium.web.visit import RepositoryVisit


def prepare(site: Site, repository_id: int) -> None:
    """Make it, where it is not there yet; nothing happens for a repository that is gone or empty."""
    try:
        with site.store.read() as db:
            repository = finding.find(db, the_system(), repository_id, Level.READ)
    except NotFound:
        return
    history = History(site)
    for code in KNOWN:
        try:
            if overview.glance(visit_of(site, history, repository, code)) is None:
                return
        except BeingMade:  # a visitor was quicker
            continue


def visit_of(
    site: Site, history: History, repository: Repository, code: str, *, pace: Pace = Pace.LONG
) -> RepositoryVisit:
    """A visit of nobody, which makes whatever its page shows."""
    settings = site.settings
    base = urlsplit(settings.base_url)
    root = base.path.rstrip("/")
    origin = f"{base.scheme}://{base.netloc}"
    asked = Asked(method="GET", segments=(), query={"changes": "1"}, address="", origin=origin, root=root)
    return RepositoryVisit(
        site=site,
        history=history,
        fragments=Fragments(site),
        trees=GroupTrees(),
        authenticator=Authenticator(site.store, site.ring, Throttle(1, 1, 1)),
        asked=asked,
        caller=the_system(),
        session=None,
        keyed=False,
        pace=pace,
        language=language(code),
        preferences=DEFAULT,
        urls=Urls(origin, root),
        cookies=Cookies(settings, secure=False, root=root),
        repository=repository,
    )
