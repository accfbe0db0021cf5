# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts: every number has its bar, and nothing of a name gets out of its text."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from trivium.render.chart import bars, shares

SVG = "{http://www.w3.org/2000/svg}"
TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=20)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


@given(st.lists(st.tuples(TEXTS, st.integers(0, 10**6)), max_size=60), TEXTS)
def test_bars_are_as_high_as_their_numbers(values: list[tuple[str, int]], label: str) -> None:
    found = parsed(bars(values, label))
    rects = found.findall("rect")
    assert len(rects) == len(values)
    heights = [int(rect.attrib["height"]) for rect in rects]
    assert all((height == 0) == (count == 0) for height, (_, count) in zip(heights, values, strict=True))
    order = sorted(range(len(values)), key=lambda at: values[at][1])
    assert [heights[at] for at in order] == sorted(heights)
    assert all(
        int(rect.attrib["y"]) + height == int(found.attrib["viewBox"].rpartition(" ")[2])
        for rect, height in zip(rects, heights, strict=True)
    )
    titles = [rect.findtext("title") or "" for rect in rects]
    assert [title.rpartition(": ")[2] for title in titles] == [str(count) for _, count in values]


def test_only_the_latest_bars_are_drawn() -> None:
    found = parsed(bars([(str(number), number) for number in range(1000)], "many"))
    assert len(found.findall("rect")) == 130
    assert (found.findall("rect")[-1].findtext("title") or "").startswith("999: ")


def test_shares_follow_each_other() -> None:
    found = parsed(shares([("Python", 50.5), ("C", 20.0), ("Shell", 19.5), ("Rust", 6), ("Other", 4)], 'a "b" <c>'))
    assert found.attrib["aria-label"] == 'a "b" <c>'
    rects = found.findall("rect")
    assert [rect.attrib["class"] for rect in rects] == ["l1", "l2", "l3", "l4", "l4"]
    assert [float(rect.attrib["x"]) for rect in rects] == [0, 50.5, 70.5, 90, 96]
