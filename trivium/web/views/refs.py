# SPDX-License-Identifier: GPL-3.0-or-later
"""Branches, bookmarks and tags: pages and what switchers offer (system.md 2.3)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.forge.history.names import NameKind
from trivium.web.answers import Json, Page
from trivium.web.registering import view
from trivium.web.showing import names
from trivium.web.visit import RepositoryVisit

_LONGEST = 1_000


@view("GET", "/{repository}/branches", needs=Level.READ, word="BranchesController:index")
def branches(visit: RepositoryVisit) -> Page:
    """All names; with a key or something sought the branches alone."""
    asked = any(visit.query.get(one) for one in ("after", "q", "all"))
    kinds = (NameKind.BRANCH, NameKind.CLOSED) if asked else tuple(NameKind)
    return _page(visit, "branches", kinds)


@view("GET", "/{repository}/tags", needs=Level.READ, word="TagsController:index")
def tags(visit: RepositoryVisit) -> Page:
    """The tags."""
    return _page(visit, "tags", (NameKind.TAG,))


@view("GET", "/{repository}/bookmarks", needs=Level.READ, word="BookmarksController:index")
def bookmarks(visit: RepositoryVisit) -> Page:
    """The bookmarks."""
    return _page(visit, "bookmarks", (NameKind.BOOKMARK,))


def _page(visit: RepositoryVisit, here: str, kinds: tuple[NameKind, ...]) -> Page:
    sought, after = visit.query.get("q", "").strip()[:_LONGEST], visit.query.get("after", "")[:_LONGEST]
    state = repr((visit.now().key, here, kinds, sought, after, bool(visit.query.get("ahead"))))
    if (page := visit.page_at_hand(state)) is not None:
        return page
    lists = names.lists(visit, kinds, sought, after)
    wanted = {"q": sought, "after": after, "all": "1" if len(kinds) < len(NameKind) else ""}
    return Page(
        "refs/refs.html",
        tag=state,
        here=here,
        lists=lists,
        sought=sought,
        after=after,
        far=names.distances(visit, lists) if visit.query.get("ahead") else {},
        distances=visit.url("refs.distances", visit.repository.name, **wanted) if here == "branches" else "",
        with_distances=visit.url("refs.branches", visit.repository.name, ahead="1", **wanted),
        compared_with=names.compared_with(visit),
        alone=len(kinds) < len(NameKind),
        first=visit.url(f"refs.{here}", visit.repository.name, q=sought, all="1" if not sought else ""),
    )


@view("GET", "/{repository}/refs-distances", needs=Level.READ, word="BranchesController:distances", script_only=True)
def distances(visit: RepositoryVisit) -> Json:
    """How far the branches of a page are from the main one: what the page does not wait for."""
    sought, after = visit.query.get("q", "").strip()[:_LONGEST], visit.query.get("after", "")[:_LONGEST]
    kinds = (NameKind.BRANCH, NameKind.CLOSED) if visit.query.get("all") else tuple(NameKind)
    return Json(names.distances(visit, names.lists(visit, kinds, sought, after)))


@view("GET", "/{repository}/refs-data", needs=Level.READ, word="RefsController:refs_data")
def refs_data(visit: RepositoryVisit) -> Json:
    """The names for a switcher of files."""
    return Json(names.data(visit, "files"))


@view("GET", "/{repository}/refs-data-changelog", needs=Level.READ, word="RefsController:refs_data_changelog")
def refs_data_changelog(visit: RepositoryVisit) -> Json:
    """The names for a switcher of the history: those that have one of their own."""
    return Json(names.data(visit, "changelog"))
