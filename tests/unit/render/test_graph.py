# SPDX-License-Identifier: GPL-3.0-or-later
"""Lanes of random histories join every parent that is on the page."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.growth import assert_linear
from trivium.render import graph
from trivium.render.graph import Lanes


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[str, list[str]]]:
    """A page, newest first; parents are below, on a later page, or named twice."""
    size = draw(st.integers(0, 30))
    page = []
    for place in range(size):
        below = st.integers(place + 1, size + 5).map(lambda parent: f"c{parent}")
        page.append((f"c{place}", draw(st.lists(below, max_size=4))))
    return page


def reached(rows: list[Lanes], place: int) -> set[int]:
    """The commits that the lanes out of one commit lead to."""
    found = set()
    for first in rows[place].edges:
        column = first
        for below in range(place + 1, len(rows)):
            row = rows[below]
            if row.column == column and row.begun:
                found.add(below)
                if column not in row.passing:
                    break
            else:
                assert column in row.passing
    return found


def on_page(page: list[tuple[str, list[str]]], place: int) -> set[int]:
    names = [name for name, _ in page]
    return {names.index(parent) for parent in page[place][1] if parent in names}


@given(histories())
def test_lanes_join_every_parent_and_no_other(page: list[tuple[str, list[str]]]) -> None:
    rows = graph.lanes(page, most=200)
    assert len(rows) == len(page)
    for place in range(len(page)):
        assert reached(rows, place) == on_page(page, place)
        assert len(rows[place].edges) == len(set(page[place][1]))


@given(histories(), st.integers(1, 5))
def test_folded_lanes_join_them_too(page: list[tuple[str, list[str]]], most: int) -> None:
    rows = graph.lanes(page, most=most)
    assert graph.width(rows) <= most
    for place in range(len(page)):
        assert reached(rows, place) >= on_page(page, place)


@given(histories(), st.integers(1, 12))
def test_every_row_is_an_image_of_few_paths(page: list[tuple[str, list[str]]], most: int) -> None:
    rows = graph.lanes(page, most=most)
    columns = graph.width(rows)
    for row in rows:
        image = ElementTree.fromstring(graph.svg(row, columns))
        assert [part.tag for part in image][-1] == "circle"
        assert len(image) <= 5
        assert image.attrib["width"] == f"{(6 + 16 * columns) / 16:g}em"
        assert "style" not in graph.svg(row, columns)


def test_a_row_is_that_of_the_stylesheet() -> None:
    page = [("a", ["b", "c"]), ("b", ["c"]), ("c", [])]
    rows = graph.lanes(page)
    assert rows == [Lanes(0, False, (), (0, 1)), Lanes(0, True, (1,), (1,)), Lanes(1, True, (), ())]
    assert graph.svg(rows[0], 2) == (
        '<svg class="lanes" viewBox="0 0 38 52" width="2.375em" height="3.25em" preserveAspectRatio="xMinYMid slice" '
        'aria-hidden="true">'
        '<path class="g0" d="M10 26V52"/><path class="g1" d="M10 26C10 42 26 36 26 52"/>'
        '<circle class="g0" cx="10" cy="26" r="3"/></svg>'
    )


def test_what_is_no_history_is_no_error() -> None:
    assert graph.lanes([]) == []
    assert graph.width([]) == 1
    itself = graph.lanes([("a", ["a"]), ("b", ["a"]), ("b", ["c", "c"])])
    assert [row.edges for row in itself] == [(), (), (0,)]


MANY: dict[str, Any] = {
    "a line": lambda size: [(f"{n}", [f"{n + 1}"]) for n in range(size)],
    "heads": lambda size: [(f"{n}", [f"x{n}"]) for n in range(size)],
    "forks of one": lambda size: [(f"{n}", [f"{size}"]) for n in range(size)],
    "forks of the last": lambda size: [(f"{n}", [f"{n + size // 2}"]) for n in range(size)],
    "octopuses": lambda size: [(f"{n}", [f"x{n}.{arm}" for arm in range(100)]) for n in range(size // 100)],
}


@pytest.mark.usefixtures("no_collector")
@pytest.mark.parametrize("what", MANY)
def test_time_by_the_length(what: str) -> None:
    def work(page: Any) -> None:
        rows = graph.lanes(page)
        for row in rows:
            graph.svg(row, graph.MOST_LANES)

    assert_linear(work, MANY[what], most=4_000, what=what)
