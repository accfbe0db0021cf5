# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of pages that are made before somebody asks for them: after a push, those that are looked at first.

A page is made ahead by its own view, for a visitor whom nobody sees. So its parts are those that a visit would make,
under the same keys, whatever a view does; what is made of them for one visitor, and sent, is not made.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Final

import structlog

from trivium.access.caller import anonymous, the_system
from trivium.access.credentials import Authenticator
from trivium.access.levels import Level
from trivium.access.throttle import Throttle
from trivium.errors import TriviumError
from trivium.forge.accounts.failed_sign_ins import journal_failure
from trivium.forge.accounts.preferences import DEFAULT
from trivium.forge.caches.makers import BeingMade
from trivium.forge.groups.tree import GroupTrees
from trivium.forge.history.prepared import NEWEST
from trivium.forge.history.reading import History
from trivium.forge.repositories import finding
from trivium.forge.repositories.finding import Repository
from trivium.forge.site import Site
from trivium.language import SOURCE, Language, language
from trivium.turns import Pace, connection_at
from trivium.web.answers import Asked, Page, Refused
from trivium.web.cookies import Cookies
from trivium.web.fragments import Fragments
from trivium.web.pieces import close
from trivium.web.registering import named
from trivium.web.showing.changes import Changes
from trivium.web.urls import Urls
from trivium.web.views import load
from trivium.web.visit import RepositoryVisit

_log = structlog.get_logger(__name__)

_FIRST: Final = ("summary.summary", "changelog.changelog", "feeds.atom")
"""Views of a repository that are looked at soon after a push."""
_CHANGESET: Final = "changesets.changeset"
_MOST_FILES: Final = 100
"""Of a changeset whose lines are made ahead; of more, whoever looks has the first of them soon."""
_PATIENCE: Final = 5.0
"""Seconds of the processor for all of them together."""


def make_ahead(site: Site, repository_id: int, check: Callable[[], None]) -> None:
    """Make what is missing of the parts of a repository's first pages, as visitors of the site see them.

    `check` is asked between two pages whether to go on, and raises what ends it. Raises `NotFound` when there is no
    such repository.
    """
    load()
    with site.store.read() as db:
        repository = finding.find(db, the_system(), repository_id, Level.READ)
    maker = _Maker(site, repository)
    # What most visitors read comes first. Others who look there find what is the same for them.
    for code in dict.fromkeys((site.settings.lang, SOURCE)):
        for view, given in maker.pages():
            check()
            if maker.is_over:
                return
            maker.make(view, given, language(code))


class _Maker:
    """Makes the parts of one repository's pages."""

    def __init__(self, site: Site, repository: Repository) -> None:
        self._site = site
        self._repository = repository
        self._history = History(site)
        self._fragments = Fragments(site)
        self._end = time.thread_time() + _PATIENCE

    @property
    def is_over(self) -> bool:
        return time.thread_time() > self._end

    def pages(self) -> Iterator[tuple[str, dict[str, str]]]:
        """Names of views and what is given to them, the most wanted first."""
        newest = self._history.read(
            self._repository, lambda snapshot: [] if snapshot.is_empty() else snapshot.page(None, None, NEWEST)
        )
        for raw_id in newest[:1]:
            yield _CHANGESET, {"revision": raw_id}
        for view in _FIRST if newest else ():
            yield view, {}
        for raw_id in newest[1:]:
            yield _CHANGESET, {"revision": raw_id}

    def make(self, view: str, given: dict[str, str], spoken: Language) -> None:
        """Make a page's parts; what goes wrong is told to whoever visits the page."""
        visit = self._visit(view, given, spoken)
        try:
            with connection_at(self._site.store, Pace.LONG), self._history.sitting():
                answer = self._site.store.again(lambda: named(view).call(visit, **given))
            if isinstance(answer, Page) and answer.rest is not None:
                self._make_rest(answer)
        except (TriviumError, Refused, BeingMade) as error:
            _log.info("a page was not made ahead", page=visit.asked.raw_path, why=str(error))
        except Exception:
            # Nobody waits for it. The others may be whole, and what else the job does is done.
            _log.exception("a page was not made ahead", page=visit.asked.raw_path)

    def _make_rest(self, page: Page) -> None:
        """Make the lines of many files, which are kept as they are made; whole parts alone."""
        changes = page.values.get("changes")
        if not isinstance(changes, Changes) or changes.listing.files > _MOST_FILES or page.rest is None:
            return
        pieces = iter(page.rest)
        try:
            for _ in pieces:
                if self.is_over:
                    return
        finally:
            close(pieces)

    def _visit(self, view: str, given: dict[str, str], spoken: Language) -> RepositoryVisit:
        """A visit by somebody who has not signed in, and prefers nothing."""
        site, root = self._site, self._site.settings.prefix
        urls = Urls("", root)
        asked = Asked(
            method="GET",
            segments=(),
            query={},
            address="local",
            origin="",
            root=root,
            raw_path=urls.to(view, self._repository.name, *given.values()).removeprefix(root),
        )
        settings = site.settings
        throttle = Throttle(settings.login_failures, settings.login_ip_failures, settings.login_lock_seconds)
        return RepositoryVisit(
            site=site,
            history=self._history,
            fragments=self._fragments,
            trees=GroupTrees(),
            authenticator=Authenticator(site.store, site.ring, throttle, journal_failure),
            asked=asked,
            caller=anonymous(asked.address),
            session=None,
            keyed=False,
            pace=Pace.LONG,
            language=spoken,
            preferences=DEFAULT,
            urls=urls,
            cookies=Cookies(settings, secure=False, root=root),
            repository=self._repository,
        )
