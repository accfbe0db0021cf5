# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may do what with something, as rows of a table with forms in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from trivium.render.rows import icon
from trivium.render.text import Markup, attribute, escaped, is_plain

LEVELS: Final = ("none", "read", "write", "admin")
_LOOKS: Final = {"none": "tag bad", "admin": "tag accent"}


class RightRow(NamedTuple):
    """Somebody, and what they may do."""

    face: str
    """A symbol, as HTML."""
    name: str
    label: str
    """What is shown instead of the name; empty: the name, with a link."""
    href: str
    level: str
    """One of `LEVELS`."""
    told: str
    """What it comes from, in words."""
    why: str
    """The address of the page that tells why; empty: there is none."""
    of: str
    """`user` or `group`, whose row can be changed; empty: there is no row."""
    removable: bool


@dataclass(frozen=True, slots=True)
class RightWords:
    """Plain texts, in one language. `%(name)s` stands for a name."""

    right_of: str = "Right of %(name)s"
    set_right_of: str = "Set the right of %(name)s"
    remove_row_of: str = "Remove the row of %(name)s"
    why_of: str = "Why? %(name)s"
    set: str = "Set"
    remove: str = "Remove"
    why: str = "Why?"


def rights(
    rows: Iterable[RightRow], action: str, hidden: str, words: RightWords = RightWords(), *, icons: str = "icons.svg"
) -> Markup:
    """Rows of a table. `action` is where their forms lead, `hidden` the HTML of the fields that all of them have.

    The forms send `whom`, `of` and `level`, or `take` to take a row away.
    """
    options = {
        level: "".join(f'<option value="{one}"{" selected" if one == level else ""}>{one}</option>' for one in LEVELS)
        for level in LEVELS
    }
    opened = f'method="post" action="{escaped(action)}">{hidden}<input type="hidden" name="of" value="'
    right_of, set_right_of, remove_row_of, why_of = map(
        escaped, (words.right_of, words.set_right_of, words.remove_row_of, words.why_of)
    )
    set_it, cross = escaped(words.set), icon("x", icons)
    remove, why = f"{cross}{escaped(words.remove)}", escaped(words.why)
    found = []
    for face, name, label, href, level, told, why_href, of, removable in rows:
        shown = escaped(name)
        called = shown if is_plain(name) else str(attribute(name))
        who = f'<a href="{escaped(href)}" dir="auto">{shown}</a>' if not label else escaped(label)
        asked = ""
        if why_href:
            asked = f' <a href="{escaped(why_href)}" aria-label="{_about(why_of, called)}">{why}</a>'
        acts = ""
        if of:
            acts = (
                f'<form class="acts" {opened}{of}"><input type="hidden" name="whom" value="{shown}">'
                f'<span class="by"><select class="field" name="level" aria-label="{_about(right_of, called)}">'
                f"{options[level]}</select>"
                f'<button class="button slim" aria-label="{_about(set_right_of, called)}">{set_it}</button></span>'
            )
            if removable:
                acts += (
                    '<button class="button bare slim" name="take" value="1" '
                    f'aria-label="{_about(remove_row_of, called)}">{remove}</button>'
                )
            acts += "</form>"
        found.append(
            f'<tr><td><span class="by">{face}{who}</span></td><td><span class="{_LOOKS.get(level, "tag")}">{level}'
            f'</span></td><td class="quiet">{escaped(told)}{asked}</td><td class="end">{acts}</td></tr>\n'
        )
    return Markup("".join(found))


class UseRow(NamedTuple):
    """Somebody, and what they may do with a user group."""

    face: str
    name: str
    label: str
    """What is shown: the name, or a word for everybody."""
    level: str
    """One of `LEVELS`."""
    told: str
    """What it comes from, in words."""
    of_group: bool
    has_row: bool
    """Whether there is a row that can be deleted."""


def uses(rows: Iterable[UseRow], action: str, hidden: str, levels: Mapping[str, str], delete: str) -> Markup:
    """Rows of a table. `action` is where their forms lead, `hidden` the HTML of the fields that all of them have.

    The forms send `name` and `of_group`. `levels` and `delete` are plain texts in one language.
    """
    begun = f'<form method="post" action="{escaped(action)}">{hidden}<input type="hidden" name="name" value="'
    tags = {level: f'<span class="{_LOOKS.get(level, "tag")}">{escaped(word)}</span>' for level, word in levels.items()}
    delete = escaped(delete)
    found = []
    for face, name, label, level, told, of_group, has_row in rows:
        act = ""
        if has_row:
            shown = escaped(name)
            act = (
                f'{begun}{shown}"><input type="hidden" name="of_group" value="{"1" if of_group else ""}"><button '
                f'class="button slim" aria-label="{delete} {shown}">{delete}</button></form>'
            )
        found.append(
            f'<tr><td><span class="by">{face}<span dir="auto">{escaped(label)}</span></span></td><td>{tags[level]}</td>'
            f'<td class="quiet">{escaped(told)}</td><td class="end">{act}</td></tr>\n'
        )
    return Markup("".join(found))


def _about(words: str, called: str) -> str:
    return words.replace("%(name)s", called)
