# SPDX-License-Identifier: GPL-3.0-or-later
"""The graph beside the log: lanes of one page of commits, and an SVG for each row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from heapq import heappop, heappush
from typing import Final, NamedTuple

from trivium.render.text import Markup

MOST_LANES: Final = 12
"""Columns that are drawn; the lanes of all others lie upon each other in the last one."""
_STEP, _FIRST, _HEIGHT = 16, 10, 52
_COLOURS: Final = 4


class Lanes(NamedTuple):
    """One row of the graph."""

    column: int
    """Of the commit, from 0."""
    begun: bool
    """Whether a lane comes to it from above."""
    passing: tuple[int, ...]
    """Columns whose lanes pass by."""
    edges: tuple[int, ...]
    """Columns to which lanes lead from the commit, below it: one for each parent."""


def lanes(commits: Sequence[tuple[str, Sequence[str]]], *, most: int = MOST_LANES) -> list[Lanes]:
    """The lanes of a page: of each commit its id and those of its parents, newest first.

    A lane leads from each commit to each of its parents below it; to those that come on a later page, it leads out at
    the bottom as long as there are columns left. Parents that stand above their children are left out.
    """
    places: dict[str, int] = {}
    for place, (commit, _) in enumerate(commits):
        places.setdefault(commit, place)
    table = _Columns(most)
    found = []
    for place, (commit, parents) in enumerate(commits):
        begun = commit in table.of
        column = table.end(commit) if begun else table.free()
        passing = table.taken()
        edges: list[int] = []
        for parent in dict.fromkeys(parents):
            where = places.get(parent)
            if where is not None and where <= place:
                continue
            if parent not in table.of:
                wanted = column if column not in edges and table.is_free(column) else table.free()
                if where is None and wanted == most - 1 and edges:
                    continue  # an octopus whose arms nobody sees
                table.begin(parent, wanted)
            edges.append(table.of[parent])
        table.leave(column)
        found.append(Lanes(column, begun, passing, tuple(dict.fromkeys(edges))))
    return found


class _Columns:
    """Which commit each lane waits for. In the last column there may be any number of lanes."""

    def __init__(self, most: int) -> None:
        self.of: dict[str, int] = {}
        self._last = most - 1
        self._lanes = [0] * most
        self._free = list(range(most))

    def free(self) -> int:
        """The first column in which there is nothing, else the last one."""
        while self._free and self._lanes[self._free[0]]:
            heappop(self._free)
        return self._free[0] if self._free else self._last

    def is_free(self, column: int) -> bool:
        return column == self._last or not self._lanes[column]

    def taken(self) -> tuple[int, ...]:
        return tuple(column for column, count in enumerate(self._lanes) if count)

    def begin(self, commit: str, column: int) -> None:
        self.of[commit] = column
        self._lanes[column] += 1

    def end(self, commit: str) -> int:
        column = self.of.pop(commit)
        self._lanes[column] -= 1
        return column

    def leave(self, column: int) -> None:
        """A commit stood there: if no lane goes on from it, the column is free."""
        if not self._lanes[column] and column not in self._free:
            heappush(self._free, column)


def width(rows: Sequence[Lanes]) -> int:
    """How many columns a page needs: all its rows are drawn with the same number, so that their texts are aligned."""
    return 1 + max((max(row.column, *row.passing, *row.edges, 0) for row in rows), default=0)


@lru_cache(512)
def svg(row: Lanes, columns: int) -> Markup:
    """A row of the graph: one path for each colour, and the commit; larger where there is no merge.

    Most rows of most histories look like others.
    """
    paths: dict[int, list[str]] = {}

    def draw(column: int, path: str) -> None:
        paths.setdefault(column % _COLOURS, []).append(path)

    middle, here = _HEIGHT // 2, _x(row.column)
    for column in row.passing:
        draw(column, f"M{_x(column)} 0V{_HEIGHT}")
    if row.begun:
        draw(row.column, f"M{here} 0V{middle}")
    for column in row.edges:
        if column == row.column:
            draw(column, f"M{here} {middle}V{_HEIGHT}")
        else:
            there = _x(column)
            path = f"M{here} {middle}C{here} {middle + 16} {there} {middle + 10} {there} {_HEIGHT}"
            draw(max(column, row.column), path)
    lines = "".join(f'<path class="g{colour}" d="{"".join(parts)}"/>' for colour, parts in sorted(paths.items()))
    wide = _x(columns - 1) + 12
    return Markup(
        f'<svg class="lanes" viewBox="0 0 {wide} {_HEIGHT}" width="{wide / 16:g}em" height="{_HEIGHT / 16:g}em" '
        f'preserveAspectRatio="xMinYMid slice" aria-hidden="true">{lines}'
        f'<circle class="g{row.column % _COLOURS}" cx="{here}" cy="{middle}" '
        f'r="{3 if len(row.edges) > 1 else 4}"/></svg>'
    )


def _x(column: int) -> int:
    return _FIRST + _STEP * column
