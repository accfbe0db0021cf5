# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of tables and lists: files, lines of a file, who wrote them, the log.

They are written here and not in templates because pages have them by the hundred: 100 rows take tens of microseconds.
What is typed `Markup` is HTML already: times, faces and states come finished from the page, for they depend on who
looks, and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from trivium.render.text import Markup, attribute, escaped, named
from trivium.render.words import ENGLISH, Words
from trivium.vcs.pages import EntryKind

_NOTHING: Final = Markup()
_CUT: Final = 16
"""Names as long as this are shown whole, wherever they are."""
LINE: Final = '<td class="lc">'
"""Stands before each line in `lines`."""
LINE_END: Final = "\n</td>"
"""Stands behind it; no line has it in it."""
_CLASSES: Final = {
    EntryKind.FILE: ("file", "file"),
    EntryKind.EXECUTABLE: ("file", "file"),
    EntryKind.SYMLINK: ("link", "link"),
    EntryKind.DIRECTORY: ("dir", "folder"),
    EntryKind.LINK: ("module", "module"),
}
"""Of each kind the class of its cell and its symbol."""
WAITING: Final = Markup('<span class="waiting"></span>')
"""Stands where a last change will be."""


def icon(symbol: str, icons: str = "icons.svg") -> Markup:
    """A symbol of the file of symbols, whose address is `icons`."""
    return Markup(f'<svg class="i" aria-hidden="true"><use href="{escaped(icons)}#{escaped(symbol)}"/></svg>')


class FileRow(NamedTuple):
    """One entry of a directory."""

    kind: EntryKind
    name: str
    """What is shown: the last part of the path, or several where directories hold nothing else."""
    href: str
    what: str | None = None
    """The subject of the last change; None: it is not known yet."""
    what_href: str = ""
    when: Markup = _NOTHING
    """A `<time>`."""
    size: str = ""
    """In words."""
    target: str = ""
    """What a link leads to: a path, or the id of a commit in the other repository."""


def files(rows: Iterable[FileRow], *, sizes: bool = False, icons: str = "icons.svg", words: Words = ENGLISH) -> Markup:
    """The rows of a table of files (`<table class="files">`), without the table."""
    heads = {
        kind: f'<tr><td class="name {of_cell}"><div>{icon(symbol, icons)}'
        f'<span class="sr">{escaped(words.of_kind(kind))}</span><a href="'
        for kind, (of_cell, symbol) in _CLASSES.items()
    }
    found = []
    for kind, shown, href, what, what_href, when, size, target in rows:
        label = named(shown)
        aim = f'<span class="quiet small mono">{_aim(kind, target)}</span>' if target else ""
        if what is None:
            subject: str = WAITING
        else:
            subject = named(what)
            if what_href:
                subject = f'<a href="{escaped(what_href)}">{subject}</a>'
        weight = f'<td class="when num">{escaped(size)}</td>' if sizes else ""
        found.append(
            f'{heads[kind]}{escaped(href)}">{label}</a>{aim}</div></td><td class="what">{subject}</td>'
            f'{weight}<td class="when">{when}</td></tr>\n'
        )
    return Markup("".join(found))


def _aim(kind: EntryKind, target: str) -> str:
    return f"@ {named(target)}" if kind is EntryKind.LINK else f"→ {named(target)}"


def changed_files(files: Iterable[tuple[str, str, str, int]], *, icons: str = "icons.svg") -> Markup:
    """The files that a changeset changes, by directory; of each its path, letter, address and number of comments."""
    found, folder = [], None
    said = icon("comment", icons)
    for path, op, href, comments in files:
        above, _, last = path.rpartition("/")
        if above != folder:
            folder = above
            found.append(f'<p class="folder">{named(above) or "/"}</p>')
        talk = f'{said}<span class="num small quiet">{comments}</span>' if comments else ""
        letter = escaped(op)
        found.append(
            f'<a href="{escaped(href)}"><span class="op {letter}">{letter}</span>'
            f'<span class="cut">{named(last)}</span>{talk}</a>'
        )
    return Markup("".join(found))


def lines(shown: Iterable[str], *, first: int = 1, chosen: range = range(0), anchor: str = "L") -> Markup:
    """Rows of a file: each line (HTML, as `highlight` makes it) with its number, which is its address as well: `#L10`.

    `chosen` are the numbers of lines that are marked.
    """
    found = [
        f'<tr id="{anchor}{number}"><td class="no"><a href="#{anchor}{number}" tabindex="-1">{number}</a></td>'
        f"{LINE}{line}{LINE_END}</tr>\n"
        for number, line in enumerate(shown, first)
    ]
    for number in chosen:
        if first <= number < first + len(found):
            at = number - first
            found[at] = found[at].replace(f'id="{anchor}{number}"', f'id="{anchor}{number}" class="chosen"', 1)
    return Markup("".join(found))


def text_table(rows: Markup, label: str, *, authors: bool = False, words: Words = ENGLISH) -> Markup:
    """The table around `lines`, or around `annotated` with `authors`; `label` is the name of the file."""
    region = attribute(words.lines_of.replace("{name}", label))
    first = '<col class="whocol">' if authors else ""
    return Markup(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{region}"><table class="diff text">'
        f'<colgroup>{first}<col class="no"><col></colgroup><tbody>\n{rows}</tbody></table></div>'
    )


class Block(NamedTuple):
    """Lines that follow each other and come from one commit."""

    lines: int
    age: int
    """From 0, the oldest, to 4."""
    id: str
    """Short, as it is shown."""
    href: str
    subject: str
    author: str
    when: Markup
    before_href: str = ""
    """Where the file is as it was before this commit."""


def _who(block: Block, earlier: str) -> str:
    """Who wrote a block, and when; `earlier` is the title of the way to what was there before."""
    _, _, short, href, subject, author, when, before = block
    up = f' <a href="{escaped(before)}" title="{earlier}">↑</a>' if before else ""
    link = f'<a href="{escaped(href)}" title="{attribute(subject)}">{escaped(short)}</a>'
    # The name comes last: where there is no room for all of it, when it was can still be read.
    return f"{link}{up} {when}, {named(author)}"


def annotated(shown: Sequence[str], blocks: Iterable[Block], *, words: Words = ENGLISH) -> Markup:
    """Rows of a file as `lines`, and before each block who wrote it."""
    found: list[str] = []
    number = 0
    earlier = attribute(words.before_this_change)
    known: dict[tuple[object, ...], str] = {}
    """Blocks of one commit are alike."""
    for block in blocks:
        alike = block[1:]
        who = known.get(alike)
        if who is None:
            who = known[alike] = _who(block, earlier)
        step = min(max(block.age, 0), 4)
        start = ' class="start"'
        for line in shown[number : number + block.lines]:
            number += 1
            found.append(
                f'<tr id="L{number}"{start}><td class="who age{step}">{who}</td><td class="no"><a href="#L{number}" '
                f'tabindex="-1">{number}</a></td><td class="lc">{line}\n</td></tr>\n'
            )
            who = start = ""
    return Markup("".join(found))


class Ref(NamedTuple):
    """A name of a changeset."""

    kind: str
    """`branch`, `bookmark` or `tag`; also its symbol. Empty: that there are more of them."""
    name: str
    href: str = ""
    current: bool = False


def refs(names: Iterable[Ref], *, icons: str = "icons.svg") -> Markup:
    """The names of a changeset, one badge each."""
    found = []
    for kind, shown, href, current in names:
        # What is cut is told whole; a name without a kind is no name, but how many more there are.
        inside = f'{icon(kind, icons)}<span class="cut">{named(shown)}</span>' if kind else named(shown)
        look = ("tag ref accent" if current else "tag ref") if kind else "tag"
        whole = f' title="{attribute(shown)}"' if len(shown) > _CUT else ""
        found.append(
            f'<a class="{look}" href="{escaped(href)}"{whole}>{inside}</a>'
            if href
            else f'<span class="{look}"{whole}>{inside}</span>'
        )
    return Markup("".join(found))


class LogRow(NamedTuple):
    """One changeset in the log."""

    id: str
    """As it is shown."""
    href: str
    subject: str
    author: str
    when: Markup
    lanes: Markup = _NOTHING
    """Of `graph.svg`."""
    face: Markup = _NOTHING
    refs: Sequence[Ref] = ()
    status: Markup = _NOTHING
    """A badge with the state of the review."""
    files_href: str = ""
    mark: Markup = _NOTHING
    """What chooses the row for a comparison."""
    title: Markup = _NOTHING
    """The subject with links of its own; nothing: it is text, and leads to `href`."""


def log(rows: Iterable[LogRow], *, icons: str = "icons.svg", words: Words = ENGLISH) -> Markup:
    """The items of a log (`<ol class="log">`), without the list."""
    details = (
        '<button type="button" class="button bare slim square scripted wide-only more" aria-expanded="false" '
        f'aria-label="{attribute(words.changed_files)}">{icon("more", icons)}</button>'
    )
    folder = f'aria-label="{attribute(words.files_here)}">{icon("folder", icons)}</a>'
    found = []
    for short, href, subject, author, when, lanes, face, names, status, files_href, mark, title in rows:
        address = escaped(href)
        shown: str = title or f'<a class="plain strong cut" href="{address}" dir="auto">{named(subject)}</a>'
        browse = (
            f'<a class="button bare slim square wide-only" href="{escaped(files_href)}" {folder}' if files_href else ""
        )
        found.append(
            f'<li>{mark}{lanes}<div class="grow"><div class="bar nowrap">{shown}'
            f"{refs(names, icons=icons) if names else ''}{status}</div>"
            f'<div class="small quiet by">{face}<span class="cut"><bdi>{named(author)}</bdi>, {when}</span></div></div>'
            f'<a class="id wide-only" href="{address}">{escaped(short)}</a>'
            f"{details if mark else ''}{browse}</li>\n"
        )
    return Markup("".join(found))
