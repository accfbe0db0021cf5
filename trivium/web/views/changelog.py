# SPDX-License-Identifier: GPL-3.0-or-later
"""The history: of everything, of a branch, of a path (system.md 2.3)."""

from __future__ import annotations

from trivium.access.levels import Level
from trivium.forge.history import pages, search
from trivium.forge.history.pages import LARGEST, SIZE
from trivium.vcs.errors import UnknownRevision
from trivium.web import numbers
from trivium.web.answers import Page, Part
from trivium.web.registering import view
from trivium.web.showing import found, log
from trivium.web.showing.issues import issues_of
from trivium.web.showing.places import switch_of
from trivium.web.templating import templates
from trivium.web.urls import quoted_segment
from trivium.web.visit import RepositoryVisit

_LONGEST_NAME = 1_000
_LONGEST_NUMBER = 7


def number_of(visit: RepositoryVisit, name: str, otherwise: int, most: int) -> int:
    """A number from 1 in the query; what is no such number is as if it were not there."""
    given = visit.query.get(name, "")
    return min(max(numbers.number(given, digits=_LONGEST_NUMBER, otherwise=otherwise), 1), most)


@view("GET", "/{repository}/changelog", needs=Level.READ, word="ChangelogController:index")
def changelog(visit: RepositoryVisit) -> Page:
    """All changesets, or with `branch` those of a branch, newest first; with `q` those with its words in them."""
    branch, after = visit.query.get("branch", ""), visit.query.get("after", "")
    if len(branch) > _LONGEST_NAME or len(after) > _LONGEST_NAME:
        raise UnknownRevision(branch[:_LONGEST_NAME])
    if (query := visit.query.get("q", "").strip()[: search.LONGEST]) and (sought := search.parsed(query)).anything:
        return _sought(visit, query, sought, branch, after)
    number, size = number_of(visit, "page", 1, 10**_LONGEST_NUMBER), number_of(visit, "size", SIZE, LARGEST)
    shown = log.log(visit, branch, number, after, size)
    state = repr((visit.now().key, branch, number, after, size, shown.talk, issues_of(visit).digest))
    if (page := visit.page_at_hand(state)) is not None:
        return page
    name = visit.repository.name

    def address(**query: object) -> str:
        size_ = size if size != SIZE else ""
        return visit.url("changelog.changelog", name, branch=branch, size=size_, **query)

    newer = shown.number - 1
    return Page(
        "changelog/changelog.html",
        tag=state,
        shown=shown,
        branch=branch,
        path="",
        switch=switch_of(visit),
        first=(shown.number - 1) * size + 1,
        newer=(address(page=newer if newer > 1 else "") if shown.number > 1 or after else ""),
        older=address(page=shown.number + 1, after=shown.after) if shown.after else "",
        branch_address=lambda one: log.branch_address(visit, one),
    )


def _sought(visit: RepositoryVisit, query: str, sought: search.Sought, branch: str, after: str) -> Page:
    """The changesets that are sought, as the history shows them."""
    rows, changesets = found.log_of(visit, sought, after, branch)

    def address(**other: object) -> str:
        return visit.url("changelog.changelog", visit.repository.name, branch=branch, q=query, **other)

    return Page(
        "changelog/found.html",
        query=query,
        branch=branch,
        switch=switch_of(visit),
        branch_address=lambda one: log.branch_address(visit, one),
        hits=rows,
        changesets=changesets,
        newer=address() if after else "",
        older=address(after=changesets.after) if changesets.after else "",
    )


@view(
    "GET",
    "/{repository}/changelog/{revision}",
    "/{repository}/changelog/{revision}/{path*}",
    needs=Level.READ,
    word="ChangelogController:index",
)
def changelog_of_path(visit: RepositoryVisit, revision: str, path: str = "") -> Page:
    """The changesets that touched a path, from a revision backwards."""
    if len(revision) > _LONGEST_NAME:
        raise UnknownRevision(revision[:_LONGEST_NAME])
    number, size = number_of(visit, "page", 1, 10**_LONGEST_NUMBER), number_of(visit, "size", SIZE, LARGEST)
    shown, name, path = log.log_of_path(visit, revision, path, number, size)
    state = repr((visit.now().key, name, path, number, size, shown.talk, issues_of(visit).digest))
    if (at_hand := visit.page_at_hand(state)) is not None:
        return at_hand
    given = (visit.repository.name, name, path) if path else (visit.repository.name, name)

    def address(page: int) -> str:
        size_ = size if size != SIZE else ""
        return visit.url("changelog.changelog_of_path", *given, page=page if page > 1 else "", size=size_)

    return Page(
        "changelog/changelog.html",
        tag=state,
        shown=shown,
        branch="",
        path=path,
        revision=name,
        files_address=f"{visit.root}/files/{quoted_segment(name)}",
        first=(number - 1) * size + 1,
        newer=address(number - 1) if number > 1 else "",
        older=address(number + 1) if shown.after else "",
    )


@view(
    "GET",
    "/{repository}/changelog_details/{revision}",
    needs=Level.READ,
    word="ChangelogController:changelog_details",
    script_only=True,
)
def changelog_details(visit: RepositoryVisit, revision: str) -> Part:
    """The files of one changeset, for its row."""

    def make() -> str:
        files, count = pages.touched_files(visit.history, visit.repository, revision)
        values = {"ngettext": visit.language.plural, "root": visit.root, "revision": revision}
        return templates().get_template("changelog/details.html").render(files=files, count=count, **values)

    if len(revision) > _LONGEST_NAME:
        raise UnknownRevision(revision[:_LONGEST_NAME])
    key = ("changelog details", visit.now().key, visit.root, quoted_segment(revision))
    return Part(visit.part(*key, make=make).encode("utf-8", "surrogateescape"))
