# SPDX-License-Identifier: GPL-3.0-or-later
"""What people say on lines of a change, put below these lines (web.md 2.4).

The lines are a part that all visitors share, and what is said is added when the page is sent: to all of them, or to the
pieces of many files while they are made. The addresses of lines stand in no text of a user, who cannot write a quote
into a part; so they are found without taking the part apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from trivium.forge.reviews.comments import Comment
from trivium.render.sections import address_of
from trivium.web.showing.changes import Changes
from trivium.web.templating import html

_ROW_END: Final = "</tr>"
_SECTION_END: Final = "</section>"
_FOLDED: Final = "<details>"
_LINK_END: Final = "</a>"


@dataclass(frozen=True, slots=True)
class Placed:
    """The changes of a page with what is said on their lines."""

    changes: Changes
    others: Sequence[Comment]
    """What is said on the whole, or on lines that the page does not show."""


def placed(
    changes: Changes,
    comments: Sequence[Comment],
    thread: Callable[[Sequence[Comment]], str],
    count: Callable[[int], str],
    left: Callable[[Sequence[Comment]], str],
) -> Placed:
    """Comments below their lines; `thread` writes the row of some, `count` how many a file has, for the list of files.

    Where the lines are sent while they are made, the comments are put there meanwhile, and `left` writes those that are
    on none of them.
    """
    threads: dict[str, dict[str, list[Comment]]] = {}
    for one in comments:
        if one.place is not None:
            threads.setdefault(address_of(one.place.path), {}).setdefault(one.place.line, []).append(one)
    if not threads:
        return Placed(changes, comments)
    placing = _Placing(threads, thread)
    if changes.rest is not None:
        changes.rest.put, changes.rest.end = placing.put, lambda: left(gone) if (gone := placing.left()) else ""
        numbers = {file: sum(map(len, lines.values())) for file, lines in threads.items()}
        others = [one for one in comments if one.place is None]
        return Placed(replace(changes, list=html(_counted(str(changes.list), numbers, count))), others)
    lines = placing.put(str(changes.lines))
    listed = _counted(str(changes.list), placing.numbers, count)
    others = [one for one in comments if one.id not in placing.done]
    return Placed(replace(changes, lines=html(lines), list=html(listed)), others)


class _Placing:
    """Puts threads below their lines, wherever these come by."""

    def __init__(
        self, threads: dict[str, dict[str, list[Comment]]], thread: Callable[[Sequence[Comment]], str]
    ) -> None:
        self._threads, self._thread = threads, thread
        self.done: set[int] = set()
        """Comments that have their place."""
        self.numbers: dict[str, int] = {}
        """How many of each file."""

    def put(self, lines: str) -> str:
        """The sections of some files, each of them whole, with what is said there."""
        found: list[tuple[int, int, str]] = []
        for file, threads in self._threads.items():
            start = lines.find(f'<section class="change" id="{file}"')
            if start < 0:
                continue
            end = lines.find(_SECTION_END, start)
            said = [(at, each) for line, each in threads.items() if (at := _below(lines, file, line, start, end)) >= 0]
            found += [(at, at, f"\n{self._thread(each)}") for at, each in said]
            if said:  # what is said is not to be overlooked
                fold = lines.find("<details", start)
                if lines.startswith(_FOLDED, fold):
                    found.append((fold, fold + len(_FOLDED), "<details open>"))
                self.numbers[file] = sum(len(each) for _, each in said)
                self.done.update(one.id for _, each in said for one in each)
        pieces: list[str] = []
        done = 0
        for start, end, put in sorted(found):
            pieces += (lines[done:start], put)
            done = end
        return "".join((*pieces, lines[done:]))

    def left(self) -> list[Comment]:
        """Comments on lines that did not come by."""
        every = [one for threads in self._threads.values() for each in threads.values() for one in each]
        return sorted((one for one in every if one.id not in self.done), key=lambda one: one.id)


def _below(lines: str, file: str, line: str, start: int, end: int) -> int:
    """The end of the row of a line within a section; below zero where it has none.

    A line that both sides have is addressed by its new number; its old one is text alone.
    """
    row = lines.find(f' id="{file}{line}"', start, end)
    if row < 0 and line.startswith("o"):
        row = lines.find(f'"><td class="no">{line[1:]}</td>', start, end)
    row_end = lines.find(_ROW_END, row, end) if row >= 0 else -1
    return row_end + len(_ROW_END) if row_end >= 0 else -1


def _counted(listed: str, numbers: dict[str, int], count: Callable[[int], str]) -> str:
    """The list of files, with how much is said on their lines."""
    for file, number in numbers.items():
        at = listed.find(f'href="#{file}"')
        end = listed.find(_LINK_END, at)
        if at >= 0 and end >= 0:
            listed = f"{listed[:end]}{count(number)}{listed[end:]}"
    return listed
