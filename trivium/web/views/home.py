# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page, and those of groups (system.md 2.8)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from trivium.forge.repositories.listed import ListedRepository, visited
from trivium.web.answers import Page
from trivium.web.registering import Who, view
from trivium.web.showing import home as lists
from trivium.web.visit import GroupVisit, Visit


@view("GET", "/", needs=Who.VISITOR, word="HomeController:index")
def home(visit: Visit) -> Page:
    """All repositories that one may read."""
    asked = lists.wanted(visit)
    return _page(visit, asked, visit.ask(visited) if asked.plain else [])


@view("GET", "/{group*}", needs=Who.VISITOR, word="HomeController:index_repo_group")
def group(visit: GroupVisit) -> Page:
    """A group and all that one may read in it."""
    return _page(visit, lists.wanted(visit), [])


def _page(visit: Visit, asked: lists.Wanted, recent: Sequence[ListedRepository]) -> Page:
    tree = visit.trees.of(visit.site.store, visit.caller)
    listed = lists.found(visit, asked, tree)
    found = listed.page
    group = visit.group if isinstance(visit, GroupVisit) else None
    state = (tree.state, group, listed.state, tuple(recent))
    if (page := visit.page_at_hand(state)) is not None:
        return page
    inside, left_out = lists.groups_inside(visit, tree)
    at = partial(lists.address, visit, asked)
    return Page(
        "home/home.html",
        tag=state,
        asked=asked,
        at=at,
        kinds=list(visit.site.back_ends),
        rows=lists.rows(visit, found.rows),
        newer=at(before=found.newer) if found.newer else "",
        older=at(after=found.older) if found.older else "",
        tree=lists.tree(visit, tree),
        total=tree.total,
        group=group,
        ways=lists.ways(group.name) if group is not None else [],
        recent=recent,
        node=tree.nodes.get(group.id) if group is not None else None,
        counts=lists.counts(visit, asked, tree),
        inside=inside if group is not None or visit.query.get("groups") == "all" else [],
        left_out=left_out,
    )
