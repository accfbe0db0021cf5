# SPDX-License-Identifier: GPL-3.0-or-later
"""Search, in one repository and in all that one may read (system.md 2.3).

What is sought among contents has its address already; its page says that there is no index yet.
"""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from typing import Final

from trivium.access.levels import Level
from trivium.forge.history import search
from trivium.forge.history.search import HITS, Sought, parsed
from trivium.forge.history.site_search import changesets_everywhere, paths_everywhere
from trivium.forge.repositories.pages import page
from trivium.vcs.errors import UnknownRevision
from trivium.web import numbers
from trivium.web.answers import Page
from trivium.web.registering import Who, view
from trivium.web.showing import found
from trivium.web.showing import home as lists
from trivium.web.visit import RepositoryVisit, Visit

_LONGEST_KEY: Final = 200
_LARGEST_PAGE: Final = 9_999


class Type(StrEnum):
    """Among what something is sought."""

    REPOSITORY = "repository"
    PATH = "path"
    COMMIT = "commit"
    CONTENT = "content"


_EVERYWHERE: Final = tuple(Type)
_INSIDE: Final = (Type.PATH, Type.COMMIT, Type.CONTENT)


@view("GET", "/_admin/search", needs=Who.VISITOR, word="SearchController:index")
def everywhere(visit: Visit) -> Page:
    """In all repositories that one may read: among names all of them, else those that changed last."""
    query, wanted = _query(visit), _type(visit, _EVERYWHERE)
    sought = parsed(query)
    shown = partial(
        Page,
        "search/site.html",
        query=query,
        wanted=wanted,
        types=_EVERYWHERE,
        kinds=list(visit.site.back_ends),
        at=lambda **changes: visit.url("search.everywhere", **({"q": query, "type": wanted} | changes)),
    )
    if wanted is Type.REPOSITORY:
        return _repositories(visit, sought, shown)
    if not sought.anything or wanted is Type.CONTENT:
        return shown(hits=[])
    visit.take_time()
    if wanted is Type.PATH:
        paths = paths_everywhere(visit.history, visit.caller, sought)
        return shown(hits=[found.paths(visit, one) for one in paths.found], looked=paths)
    changesets = changesets_everywhere(visit.history, visit.caller, sought)
    return shown(hits=[found.changesets(visit, one) for one in changesets.found], looked=changesets)


def _repositories(visit: Visit, sought: Sought, shown: partial[Page]) -> Page:
    words = " ".join((*sought.words, sought.repository)).strip()
    if not words and not sought.kind:
        return shown(hits=[])
    after, before = (visit.query.get(name, "")[:_LONGEST_KEY] for name in ("after", "before"))
    listed = visit.ask(page, query=words, kind=sought.kind, after=after, before=before)
    at = shown.keywords["at"]
    return shown(
        hits=lists.rows(visit, listed.rows),
        newer=at(before=listed.newer) if listed.newer else "",
        older=at(after=listed.older) if listed.older else "",
    )


@view("GET", "/{repository}/search", needs=Level.READ, word="SearchController:index")
def inside(visit: RepositoryVisit) -> Page:
    """In one repository: among the paths of its present state, or all its changesets."""
    query, wanted = _query(visit), _type(visit, _INSIDE)
    sought = parsed(query)
    name = visit.repository.name
    at = partial(_address, visit, query, wanted)
    shown = partial(Page, "search/repository.html", query=query, wanted=wanted, types=_INSIDE, at=at)
    if not sought.anything or wanted is Type.CONTENT:
        return shown(hits=[])
    if wanted is Type.PATH:
        visit.take_time()
        number = _number(visit)
        paths = search.paths(visit.history, visit.repository, sought, start=(number - 1) * HITS)
        return shown(
            hits=found.addressed(visit, name, paths),
            paths=paths,
            first=(number - 1) * HITS + 1,
            newer=at(page=number - 1 if number > 2 else "") if number > 1 else "",
            older=at(page=number + 1) if number * HITS < paths.count else "",
        )
    after = visit.query.get("after", "")
    if len(after) > _LONGEST_KEY:
        raise UnknownRevision(after[:_LONGEST_KEY])
    shown_rows, changesets = found.log_of(visit, sought, after)
    return shown(
        hits=shown_rows,
        changesets=changesets,
        newer=at() if after else "",
        older=at(after=changesets.after) if changesets.after else "",
    )


def _address(visit: RepositoryVisit, query: str, wanted: Type, **changes: object) -> str:
    return visit.url("search.inside", visit.repository.name, **({"q": query, "type": wanted} | changes))


def _query(visit: Visit) -> str:
    return visit.query.get("q", "").strip()[: search.LONGEST]


def _type(visit: Visit, types: tuple[Type, ...]) -> Type:
    """What is asked for; what makes no sense counts for nothing."""
    given = visit.query.get("type", "")
    return Type(given) if given in types else types[0]


def _number(visit: Visit) -> int:
    return min(numbers.number(visit.query.get("page", ""), digits=5) or 1, _LARGEST_PAGE)
