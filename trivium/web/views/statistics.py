# SPDX-License-Identifier: GPL-3.0-or-later
"""What a repository consists of and how it grew (system.md 6.2)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.vcs.errors import UnknownRevision
from trivium.web.answers import Json, Page, Part
from trivium.web.registering import view
from trivium.web.showing import statistics as found
from trivium.web.showing.sizes import size
from trivium.web.templating import templates
from trivium.web.visit import RepositoryVisit

_LONGEST_NAME = 1_000


@view("GET", "/{repository}/statistics", needs=Level.READ, word="StatisticsController:index")
def statistics(visit: RepositoryVisit) -> Page:
    """Languages and growth; where that is switched off, who can switch it on."""
    if not visit.repository.enable_statistics:
        return Page("statistics/off.html", may_administer=visit.repository.level >= Level.ADMIN)
    state = visit.now().key
    if (page := visit.page_at_hand(state)) is not None:
        return page
    return Page(
        "statistics/statistics.html",
        tag=state,
        languages=found.languages(visit),
        growth=found.growth(visit),
    )


@view(
    "GET",
    "/{repository}/repo_stats",
    "/{repository}/repo_stats/{revision}",
    needs=Level.READ,
    word="SummaryController:repo_stats",
    script_only=True,
)
def repo_stats(visit: RepositoryVisit, revision: str = "") -> Json:
    """The size of a revision's files in words, and how many there are of each ending; without these if switched off."""
    if len(revision) > _LONGEST_NAME:
        raise UnknownRevision(revision[:_LONGEST_NAME])
    told = found.composition_of(visit, revision)
    counted = found.code_stats(told) if told is not None and visit.repository.enable_statistics else {}
    return Json({"size": size(told.size if told is not None else 0, visit.language), "code_stats": counted})


@view(
    "GET",
    "/{repository}/languages",
    needs=Level.READ,
    word="StatisticsController:languages",
    script_only=True,
)
def languages(visit: RepositoryVisit) -> Part:
    """The bar of languages, for a page that did not wait for it."""
    told = found.languages(visit) if visit.repository.enable_statistics else None
    values = {"_": visit.text, "asset": "", "languages": told}
    return Part(templates().get_template("statistics/bar.html").render(values).encode("utf-8", "surrogateescape"))
