# SPDX-License-Identifier: GPL-3.0-or-later
"""What people say on lines of a change, put below these lines (web.md 2.4).

The lines are a part that all visitors share, and what is said is added when the page is sent. The addresses of lines
stand in no text of a user, who cannot write a quote into a part; so they are found without taking the part apart.
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
) -> Placed:
    """Comments below their lines; `thread` writes the row of some, `count` how many a file has, for the list of files.

    Where the lines are sent while they are made, what is said on them stands with the rest.
    """
    threads: dict[tuple[str, str], list[Comment]] = {}
    for one in comments:
        if one.place is not None:
            threads.setdefault((address_of(one.place.path), one.place.line), []).append(one)
    if not threads or changes.rest is not None:
        return Placed(changes, comments)
    lines, listed = str(changes.lines), str(changes.list)
    gone: set[int] = set()
    numbers: dict[str, int] = {}
    for (file, line), said in threads.items():
        row = lines.find(f'id="{file}{line}"')
        end = lines.find(_ROW_END, row)
        if row < 0 or end < 0:
            continue
        end += len(_ROW_END)
        lines = f"{lines[:end]}\n{thread(said)}{lines[end:]}"
        gone.update(one.id for one in said)
        numbers[file] = numbers.get(file, 0) + len(said)
    for file, number in numbers.items():
        lines = _unfolded(lines, file)
        listed = _counted(listed, file, count(number))
    others = [one for one in comments if one.id not in gone]
    return Placed(replace(changes, lines=html(lines), list=html(listed)), others)


def _unfolded(lines: str, file: str) -> str:
    """The section of a file open: what is said on its lines is not to be overlooked."""
    at = lines.find(f'<section class="change" id="{file}"')
    fold = lines.find("<details", at)
    if at < 0 or not lines.startswith(_FOLDED, fold):
        return lines
    return f"{lines[:fold]}<details open>{lines[fold + len(_FOLDED) :]}"


def _counted(listed: str, file: str, number: str) -> str:
    at = listed.find(f'href="#{file}"')
    end = listed.find(_LINK_END, at)
    return listed if at < 0 or end < 0 else f"{listed[:end]}{number}{listed[end:]}"
