# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories as a list, and groups as a tree: what the first page of a site consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from trivium.render.rows import icon
from trivium.render.text import Markup, attribute, escaped, named
from trivium.render.words import ENGLISH, Words


class RepositoryRow(NamedTuple):
    """A repository in a list."""

    kind: str
    name: str
    """The full name with groups."""
    href: str
    private: bool
    archived: bool
    locked: bool
    description: str
    subject: str | None
    """Of the last change; None while it is empty."""
    when: Markup
    """A `<time>`: of the last change."""


class Marks(NamedTuple):
    """Which repositories a list marks by who may see them."""

    private: bool = True
    public: bool = False


_PRIVATE: Final = Marks()


def repositories(
    rows: Iterable[RepositoryRow],
    *,
    marks: Marks = _PRIVATE,
    about: Callable[[str], str] = named,
    icons: str = "icons.svg",
    words: Words = ENGLISH,
) -> Markup:
    """The items of a list of repositories (`<ul class="repos">`), without the list; `about` writes descriptions."""
    private = f'<span class="tag">{icon("lock", icons)}{escaped(words.private)}</span>' if marks.private else ""
    public = f'<span class="tag">{icon("globe", icons)}{escaped(words.public)}</span>' if marks.public else ""
    archived = f'<span class="tag warn">{icon("archive", icons)}{escaped(words.archived)}</span>'
    locked = f'<span class="tag warn">{icon("lock", icons)}{escaped(words.locked)}</span>'
    found = []
    for kind, name, href, is_private, is_archived, is_locked, description, subject, when in rows:
        group, slash, last = name.rpartition("/")
        tags = f"{private if is_private else public}{archived if is_archived else ''}{locked if is_locked else ''}"
        # Who says nothing about a repository gets its name for a description.
        says = description if description not in (name, last) else ""
        told = f'<p class="cut" dir="auto">{about(says)}</p>' if says else ""
        change = escaped(words.empty) if subject is None else named(subject)
        found.append(
            f'<li><span><span class="kind {escaped(kind)}">{escaped(kind)}</span></span><div class="grow">'
            f'<div class="title"><a href="{escaped(href)}" aria-label="{attribute(name)}" dir="auto">'
            f'{named(group)}{slash}<b>{named(last)}</b></a>{tags}</div>{told}</div><p class="last">'
            f'<span class="cut wide-only block" dir="auto">{change}</span><span class="quiet">{when}</span></p></li>\n'
        )
    return Markup("".join(found))


class Branch(NamedTuple):
    """A group in the tree."""

    label: str
    href: str
    held: str
    """How many repositories are in it, in words."""
    here: bool
    """Whether this is the group that the page is about."""
    open: bool
    """Whether its groups are shown at once."""
    groups: Sequence[Branch]
    more_href: str = ""
    """Where all its groups are, when some are left out."""


def tree(groups: Iterable[Branch], *, more_href: str = "", icons: str = "icons.svg", words: Words = ENGLISH) -> Markup:
    """The items of a tree of groups (`<ul>` in `<nav class="tree">`), without the list around them.

    `more_href` is where all groups at the top are, when some are left out.
    """
    folder, right = icon("folder", icons), icon("right", icons)
    inside = words.groups_in
    found: list[str] = []

    def write_more(href: str) -> None:
        if href:
            found.append(f'<li><a class="quiet" href="{escaped(href)}">{escaped(words.more)}</a></li>')

    def write(branch: Branch) -> None:
        label = named(branch.label)
        here = ' aria-current="page"' if branch.here else ""
        found.append(
            f'<li{" class=parent" if branch.groups else ""}><a href="{escaped(branch.href)}"{here}>{folder}'
            f'<span class="cut" dir="auto">{label}</span><span class="num">{escaped(branch.held)}</span></a>'
        )
        if branch.groups:
            named_so = attribute(inside.replace("{name}", branch.label))
            found.append(
                f'<details{" open" if branch.open else ""}><summary aria-label="{named_so}">{right}</summary><ul>'
            )
            for one in branch.groups:
                write(one)
            write_more(branch.more_href)
            found.append("</ul></details>")
        found.append("</li>\n")

    for branch in groups:
        write(branch)
    write_more(more_href)
    return Markup("".join(found))
