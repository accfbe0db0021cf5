# SPDX-License-Identifier: GPL-3.0-or-later
"""Branches, bookmarks and tags as pages show them (web.md 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from trivium.forge.history import distances as counted
from trivium.forge.history.distances import Distance
from trivium.forge.history.names import NameKind, NamePage, name_pages, names_of
from trivium.vcs.abilities import Lines
from trivium.vcs.errors import TooLarge
from trivium.vcs.values import Layout, Names
from trivium.web.showing import log
from trivium.web.showing.keeping import json_of, kept
from trivium.web.showing.places import address
from trivium.web.urls import quoted_segment
from trivium.web.visit import RepositoryVisit

_MOST_OFFERED: Final = 500
"""Names of one kind that a switcher is told of."""
_MAIN: Final = "trunk"
_TYPES: Final = {NameKind.BRANCH: "branch", NameKind.CLOSED: "branch", NameKind.BOOKMARK: "book", NameKind.TAG: "tag"}
"""What comparisons call these kinds."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A name with the ways that lead on from it."""

    name: str
    files: str
    history: str
    compare: str
    """Empty for what cannot be compared, or would be compared with itself."""
    id: str
    raw_id: str
    subject: str
    author: str
    date: str


@dataclass(frozen=True, slots=True)
class NameList:
    """A part of the names of one kind."""

    kind: str
    rows: list[Shown]
    total: int
    found: int
    page: NamePage


def lists(visit: RepositoryVisit, kinds: tuple[NameKind, ...], sought: str, after: str) -> list[NameList]:
    """The names of some kinds, each with what it stands for."""
    moment = visit.now()
    found: dict[NameKind, NamePage] = kept(
        visit,
        dict[NameKind, NamePage],
        *("names", moment.key, *(kind.value for kind in kinds), quoted_segment(sought), quoted_segment(after)),
        make=lambda: name_pages(visit.history, visit.repository, moment, kinds=kinds, sought=sought, after=after),
    )
    against = compared_with(visit)
    return [
        NameList(kind.value, _rows(visit, kind, page, against), page.total, page.found, page)
        for kind, page in found.items()
    ]


def compared_with(visit: RepositoryVisit) -> str:
    """What branches are compared with, as an address names it: where the repository's pages begin."""
    if visit.abilities.lines is Lines.PATHS:
        return f"branch@{_MAIN}"
    kind, _, name = visit.repository.landing_rev.partition(":")
    return f"{kind if kind in ('branch', 'book', 'tag') else 'rev'}@{name}" if name else "rev@tip"


def _rows(visit: RepositoryVisit, kind: NameKind, page: NamePage, against: str) -> list[Shown]:
    rows = []
    in_paths = visit.abilities.lines is Lines.PATHS
    for one in page.rows:
        change = one.change
        side = f"{_TYPES[kind]}@{one.name}"
        compare = ""
        if against and side != against:
            compare = visit.url("compare.compare", visit.repository.name, f"{against}...{side}")
        rows.append(
            Shown(
                name=one.name,
                files=address(visit, "tip", one.name) if in_paths else address(visit, one.name, ""),
                history=log.branch_address(visit, one.name),
                compare=compare,
                id=log.shown_id(visit, change),
                raw_id=change.raw_id,
                subject=change.subject,
                author=change.author,
                date=change.date,
            )
        )
    return rows


def distances(visit: RepositoryVisit, shown: list[NameList]) -> dict[str, str]:
    """Branch → how far it is from the main one, in words; raises `TakesLong` where that has to be found out."""
    names = [row.name for one in shown if one.kind in (NameKind.BRANCH, NameKind.CLOSED) for row in one.rows]
    key = ("distances", visit.now().key, visit.repository.landing_rev, *map(quoted_segment, names))
    found: dict[str, Distance] = kept(
        visit,
        dict[str, Distance],
        *key,
        make=lambda: counted.distances(visit.history, visit.repository, names),
    )
    # What is no UTF-8 cannot be told in JSON.
    return {name: _far(visit, one) for name, one in found.items() if name.isprintable()}


def _far(visit: RepositoryVisit, distance: Distance) -> str:
    numbers = [
        visit.language.number(count) + ("+" if count >= counted.COUNTED else "")
        for count in (distance.ahead, distance.behind)
    ]
    return visit.text("%(ahead)s ahead, %(behind)s behind", ahead=numbers[0], behind=numbers[1])


def data(visit: RepositoryVisit, page: str) -> msgspec.Raw:
    """The names as switchers of RhodeCode's pages take them: groups with children (system.md 2.3)."""
    key = ("refs-data", page, visit.now().key, visit.root)
    return json_of(visit, *key, make=lambda: _data(visit, page))


def _data(visit: RepositoryVisit, page: str) -> dict[str, Any]:
    try:
        names = visit.history.names(visit.repository, Layout())
    except TooLarge:
        names = Names({}, {}, {})
    in_paths = visit.abilities.lines is Lines.PATHS
    kinds = [(NameKind.BRANCH, "Branches"), (NameKind.BOOKMARK, "Bookmarks"), (NameKind.CLOSED, "Closed Branches")]
    if page == "files":
        kinds.insert(2, (NameKind.TAG, "Tags"))
    results, more = [], False
    for kind, title in kinds:
        all_ = names_of(names, kind)
        more = more or len(all_) > _MOST_OFFERED
        children = [
            {
                "id": name,
                "text": name,
                "raw_id": all_[name],
                "type": _TYPES[kind],
                "files_url": address(visit, "tip", name) if in_paths else address(visit, name, ""),
                "changelog_url": log.branch_address(visit, name),
            }
            for name in sorted(all_)[:_MOST_OFFERED]
        ]
        if children:
            results.append({"text": visit.text(title), "children": children})
    return {"more": more, "results": results}
