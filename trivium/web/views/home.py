# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page, and those of groups (system.md 2.8)."""

from __future__ import annotations

from functools import partial
from typing import Any

from trivium.forge.repositories.listed import visited
from trivium.web.answers import Page
from trivium.web.registering import Who, view
from trivium.web.showing import home as lists
from trivium.web.visit import GroupVisit, Visit


@view("GET", "/", needs=Who.VISITOR, word="HomeController:index")
def home(visit: Visit) -> Page:
    """All repositories that one may read."""
    asked = lists.wanted(visit)
    return _page(visit, asked, recent=visit.ask(visited) if asked.plain else [])


@view("GET", "/{group*}", needs=Who.VISITOR, word="HomeController:index_repo_group")
def group(visit: GroupVisit) -> Page:
    """A group and all that one may read in it."""
    return _page(visit, lists.wanted(visit), group=visit.group, ways=lists.ways(visit.group.name), recent=[])


def _page(visit: Visit, asked: lists.Wanted, **more: Any) -> Page:
    tree = visit.trees.of(visit.site.store, visit.caller)
    found = lists.found(visit, asked, tree)
    inside, left_out = lists.groups_inside(visit, tree)
    at = partial(lists.address, visit, asked)
    return Page(
        "home/home.html",
        asked=asked,
        at=at,
        kinds=list(visit.site.back_ends),
        rows=lists.rows(visit, found.rows),
        newer=at(before=found.newer) if found.newer else "",
        older=at(after=found.older) if found.older else "",
        tree=lists.tree(visit, tree),
        total=tree.total,
        node=tree.nodes.get(visit.group.id) if isinstance(visit, GroupVisit) else None,
        inside=inside if isinstance(visit, GroupVisit) or visit.query.get("groups") == "all" else [],
        left_out=left_out,
        **({"group": None} | more),
    )
