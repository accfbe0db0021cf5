# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories and groups as the first page shows them: which are wanted, and what each looks like (web.md 2.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from typing import Final

from markupsafe import Markup

from trivium.forge.groups.tree import GroupNode, GroupTree
from trivium.forge.repositories.listed import ListedRepository
from trivium.forge.repositories.pages import MOST_MOVED, RepositoryPage, Sort, moved_since, page
from trivium.names import parent_of
from trivium.render import listing, metatags
from trivium.render.listing import Branch, RepositoryRow
from trivium.render.text import named
from trivium.web.finished import digest_of
from trivium.web.static_files import static_files
from trivium.web.templating import html
from trivium.web.times import when
from trivium.web.urls import quoted
from trivium.web.visit import GroupVisit, Visit
from trivium.web.words import words_of

_WHOLE_TREE: Final = 150
"""Up to so many groups the tree is written whole; of more, what is on the way to the page's group."""
_OF_A_LEVEL: Final = 60
"""Groups directly inside one that a large tree shows; a page of the group has the others (`?groups=all`)."""
_MOST_GROUPS: Final = 5_000
_OF_SITE: Final = 0
"""Instead of the id of a repository: what is remembered is of all of them."""
_LENGTH_OF_LIST: Final = 10_000
"""Characters that a list might be told in."""
_LONGEST_QUERY: Final = 200
"""Characters of what is sought; longer than any name."""


class Show(StrEnum):
    """Which repositories a list has."""

    ALL = ""
    FOLLOWED = "followed"
    OWNED = "owned"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is asked for; all of it stands in the address."""

    query: str
    kind: str
    """Empty: of every system."""
    sort: Sort
    show: Show
    after: str
    before: str

    @property
    def plain(self) -> bool:
        """Whether it is the beginning of the whole list."""
        return not (self.query or self.show or self.after or self.before)


def wanted(visit: Visit) -> Wanted:
    """What a visit asks for; what makes no sense counts for nothing."""
    given = visit.query
    show, kind = given.get("show", ""), given.get("kind", "")
    return Wanted(
        query=given.get("query", "").strip()[:_LONGEST_QUERY],
        kind=kind if kind in visit.site.back_ends else "",
        sort=Sort.NAME if given.get("sort") == Sort.NAME else Sort.CHANGE,
        show=Show(show) if visit.signed_in and show in list(Show) else Show.ALL,
        after=given.get("after", ""),
        before=given.get("before", ""),
    )


def address(visit: Visit, asked: Wanted, **changes: str) -> str:
    """The address of the list with something else asked for; from its beginning unless that is said too."""
    changed = replace(asked, **({"after": "", "before": ""} | changes))  # type: ignore[arg-type]
    told = {
        "query": changed.query,
        "kind": changed.kind,
        "sort": "" if changed.sort == Sort.CHANGE else str(changed.sort),
        "show": str(changed.show),
        "after": changed.after,
        "before": changed.before,
    }
    if isinstance(visit, GroupVisit):
        return visit.url("home.group", visit.group.name, **told)
    return visit.url("home.home", **told)


@dataclass(frozen=True, slots=True)
class Found:
    """A list of repositories, and what it is known by."""

    page: RepositoryPage
    state: str
    """The same for the same rows."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A list that was found before."""

    found: Found
    since: tuple[str, int]
    """The row down to which it was looked whether something moves: its moment and id."""
    moved: list[tuple[object, ...]] | None
    """What had moved since then, before the list was read; None: nobody looked."""


def found(visit: Visit, asked: Wanted, tree: GroupTree) -> Found:
    """The repositories that are asked for: as they were found before, while nothing has moved that these rest on.

    To decide about each row is most of what the first page costs; to see that none has moved is a short statement.
    """
    if asked.query or asked.after or asked.before or asked.sort != Sort.CHANGE or asked.show is Show.FOLLOWED:
        return _read(visit, asked, tree)
    group = visit.group.id if isinstance(visit, GroupVisit) else 0
    key = ("list", visit.caller.user_id, visit.caller.super_admin, group, asked, visit.look.dashboard_items, tree.state)
    at_hand = visit.fragments.value(_OF_SITE, key)
    known: _Known | None = at_hand[0] if at_hand is not None else None
    moved = None
    if known is not None:
        moved = visit.ask(moved_since, known.since)  # before the rows: it may be older than these, and never newer
        if moved == known.moved:
            return known.found
    read = _read(visit, asked, tree)
    if read.page.rows:
        last = read.page.rows[-1]
        since = last.updated_on, last.id
        if known is not None and moved is not None and known.since <= since and len(moved) <= MOST_MOVED:
            known = _Known(read, known.since, moved)
        else:
            known = _Known(read, since, None)
        visit.fragments.remember(_OF_SITE, key, known, _LENGTH_OF_LIST)
    return read


def _read(visit: Visit, asked: Wanted, tree: GroupTree) -> Found:
    mine = visit.caller.user_id
    read = visit.ask(
        page,
        group=visit.group if isinstance(visit, GroupVisit) else None,
        query=asked.query,
        kind=asked.kind,
        owner_id=mine if asked.show is Show.OWNED else None,
        follower_id=mine if asked.show is Show.FOLLOWED else None,
        sort=asked.sort,
        after=asked.after,
        before=asked.before,
        readable=tree.total,
        limit=visit.look.dashboard_items,
    )
    return Found(read, digest_of((tuple(read.rows), read.newer, read.older)))


def rows(visit: Visit, repositories: Iterable[ListedRepository]) -> Markup:
    """The items of a list of repositories."""
    shown = [
        RepositoryRow(
            kind=one.kind,
            name=one.name,
            href=visit.urls.repository(one.name),
            private=one.private,
            archived=one.archived,
            locked=one.locked,
            description=one.description,
            subject=one.last.subject or visit.text("(no message)") if one.last else None,
            when=html(when(one.updated_on)),
        )
        for one in repositories
    ]
    look = visit.look
    return listing.repositories(
        shown,
        marks=listing.Marks(look.show_private_icon, look.show_public_icon),
        about=partial(metatags.described, address=visit.urls.repository) if look.stylify_metatags else named,
        icons=_icons(visit),
        words=words_of(visit.language),
    )


def tree(visit: Visit, found_tree: GroupTree) -> Markup:
    """The groups as a tree, opened as far as the group that the page is about."""
    here = visit.group.name if isinstance(visit, GroupVisit) else ""
    whole = len(found_tree.nodes) <= _WHOLE_TREE
    number, root = visit.language.number, visit.asked.root

    def branches(nodes: Sequence[GroupNode]) -> list[Branch]:
        shown = nodes if whole else _some(nodes, here)
        made = []
        for node in shown:
            on_the_way = here == node.name or here.startswith(f"{node.name}/")
            inside = branches(node.groups) if whole or on_the_way else []
            href = f"{root}/{quoted(node.name)}"
            more = f"{href}?groups=all" if len(inside) < len(node.groups) else ""
            made.append(
                Branch(
                    node.label, href, number(node.total), here == node.name, on_the_way, inside, more if inside else ""
                )
            )
        return made

    top = branches(found_tree.groups)
    more = visit.url("home.home", groups="all") if len(top) < len(found_tree.groups) else ""
    return listing.tree(top, more_href=more, icons=_icons(visit), words=words_of(visit.language))


def groups_inside(visit: Visit, found_tree: GroupTree) -> tuple[Sequence[GroupNode], int]:
    """The groups directly inside the page's, or at the top, and how many are left out."""
    if isinstance(visit, GroupVisit):
        node = found_tree.nodes.get(visit.group.id)
        inside = node.groups if node is not None else ()
    else:
        inside = found_tree.groups
    most = _MOST_GROUPS if visit.query.get("groups") == "all" else _OF_A_LEVEL
    return inside[:most], max(0, len(inside) - most)


def counts(visit: Visit, asked: Wanted, found_tree: GroupTree) -> Mapping[str, int] | None:
    """System → how many repositories the whole list has of it; None where something is sought."""
    if asked.query or asked.show:
        return None
    if not isinstance(visit, GroupVisit):
        return found_tree.kinds
    node = found_tree.nodes.get(visit.group.id)
    return node.kinds if node is not None else None


def ways(name: str) -> list[tuple[str, str]]:
    """The groups that hold one, from the top: label and full name."""
    above: list[tuple[str, str]] = []
    outer = parent_of(name)
    while outer:
        above.insert(0, (outer.rpartition("/")[2], outer))
        outer = parent_of(outer)
    return above


def _some(nodes: Sequence[GroupNode], here: str) -> list[GroupNode]:
    first = list(nodes[:_OF_A_LEVEL])
    return first + [node for node in nodes[_OF_A_LEVEL:] if here == node.name or here.startswith(f"{node.name}/")]


def _icons(visit: Visit) -> str:
    return f"{visit.asked.root}{static_files().root}/icons.svg"
