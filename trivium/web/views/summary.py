# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page of a repository (system.md 2.3)."""

from __future__ import annotations

from typing import Any

from trivium.access.levels import Level
from trivium.forge.repositories.facts import facts
from trivium.forge.repositories.user_locks import locked_date
from trivium.forge.reviews.statuses import statuses
from trivium.web.answers import Page, Part, Redirect
from trivium.web.registering import view
from trivium.web.showing import directories, log, overview, statistics
from trivium.web.showing.directories import icons_of
from trivium.web.showing.feed_keys import feed_key
from trivium.web.showing.issues import issues_of
from trivium.web.templating import html, templates
from trivium.web.urls import without_keys
from trivium.web.visit import RepositoryVisit


@view("GET", "/{repository}", "/{repository}/summary", needs=Level.READ, word="SummaryController:index")
def summary(visit: RepositoryVisit) -> Page:
    """What the repository is, and what is in it; while it is empty, how to fill it."""
    found = overview.overview_of(visit)
    hangs = visit.ask(facts, visit.repository.id)
    key = feed_key(visit)
    issues = issues_of(visit)
    state, status = "", {}
    if found is not None:
        status = visit.ask(statuses, visit.repository, [found.latest.change.raw_id])
        rows = directories.state_of(visit, found.place, found.listing)
        told = statistics.are_languages_at_hand(visit)
        state = repr((visit.now().key, hangs, key, status, rows, told, issues.digest)) if rows else ""
        if state and (page := visit.page_at_hand(state)) is not None:
            return page
    shown = overview.glance(visit)
    common: dict[str, Any] = {
        "facts": hangs,
        "feed_key": key,
        "clone": overview.clone_of(visit, shown.overview if shown else None),
        "locked_on": locked_date(visit.repository),
        "may_write": visit.repository.level >= Level.WRITE,
        "may_administer": visit.repository.level >= Level.ADMIN,
    }
    if shown is None:
        return Page("summary/empty.html", **common)
    latest = shown.overview.latest
    return Page(
        "summary/summary.html",
        tag=state,
        overview=shown.overview,
        spot=shown.spot,
        place=shown.overview.place,
        directory=shown.directory,
        readme=shown.readme,
        latest=latest,
        issues=issues,
        latest_id=log.shown_id(visit, latest.change),
        badge=html(log.status_badge(visit, status.get(latest.change.raw_id, ""))),
        languages=statistics.languages_at_hand(visit),
        shown_id=log.shown_id,
        in_paths=log.in_paths(visit),
        **common,
    )


@view(
    "GET",
    "/{repository}/changelog_summary",
    needs=Level.READ,
    word="SummaryController:changelog_summary",
    script_only=True,
)
def changelog_summary(visit: RepositoryVisit) -> Part:
    """The newest changesets, for a script that puts them into a page."""

    def make() -> str:
        found = overview.overview_of(visit)
        rows = log.summary(visit, found.recent) if found else ""
        return templates().get_template("changelog/summary.html").render(rows=html(rows), _=visit.text)

    kept = (visit.now().key, visit.root, visit.repository.landing_rev, icons_of(visit), issues_of(visit).digest)
    return Part(visit.part("changelog summary", *kept, make=make).encode("utf-8", "surrogateescape"))


@view("GET", "/{repository}/edit", needs=Level.ADMIN, word="ReposController:edit")
def edit(visit: RepositoryVisit) -> Redirect:
    """The settings were there once (system.md 2.7)."""
    query = without_keys(visit.query)
    return Redirect(f"{visit.root}/settings{'?' if query else ''}{query}")
