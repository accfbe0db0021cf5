# SPDX-License-Identifier: GPL-3.0-or-later
"""Colours that the visitor's system forces, and text set wider: everything can still be told apart and read."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.watch import PHONE, WIDE, Watched
from tests.browser.world import World

PAGES = (
    "",
    "files/{last}/{top}",
    "files/{last}/{top}src/tide.py",
    "files/{last}/{top}README.md",
    "changelog",
    "changeset/{last}",
)
SITE = ("/", "/_admin/journal", "/_admin/gists")

# WCAG 2.2, 1.4.12. A sheet of a script is no inline style, which the policy of pages forbids.
SPACED = """
() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
    p { margin-block-end: 2em !important }`);
  document.adoptedStyleSheets = [sheet];
}
"""
# Text that its box does not show. Where a name is cut with dots, it stands whole in a title or behind its link.
CUT = """
() => [...document.querySelectorAll("body *")].filter((one) => {
  const look = getComputedStyle(one), box = one.getBoundingClientRect();
  if (!one.innerText?.trim() || box.width <= 1 || box.height <= 1) return false;
  const hides = (way) => way === "hidden" || way === "clip";
  const below = hides(look.overflowY) && one.scrollHeight > one.clientHeight + 1;
  const beside = hides(look.overflowX) && look.textOverflow !== "ellipsis" && one.scrollWidth > one.clientWidth + 1;
  return below || beside;
}).map((one) => one.outerHTML.slice(0, 160))
"""
# What differs by more than colours, of those elements that a page has: their lines, borders and outlines.
DRAWN = """
(chosen) => [...document.querySelectorAll(chosen)].filter((one) => one.getClientRects().length).map((one) => {
  const look = getComputedStyle(one);
  const seen = (side) => look[`border${side}Style`] !== "none" && parseFloat(look[`border${side}Width`]) > 0
    && look[`border${side}Color`] !== "rgba(0, 0, 0, 0)";
  return { html: one.outerHTML.slice(0, 120), line: look.textDecorationLine,
    border: ["Top", "Right", "Bottom", "Left"].some(seen) };
})
"""

BOXES = "main button, main .button, main input:not([type=hidden], [type=radio], [type=checkbox]), main select"


@pytest.mark.parametrize("width", [WIDE, PHONE])
def test_text_may_be_set_wider(adas: Watched, world: World, width: int) -> None:
    found = []
    for page in (*map(world.exhibits["git"].at, PAGES), *SITE):
        adas.open(page)
        adas.shown(width, "light")
        before = set(adas.page.evaluate(CUT))
        adas.page.evaluate(SPACED)
        found += [f"{page} scrolls sideways: {one}" for one in adas.sideways()]
        found += [f"{page} cuts {one}" for one in adas.page.evaluate(CUT) if one not in before]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_may_be_forced(adas: Watched, world: World, scheme: Any) -> None:
    found = []
    for page in (*map(world.exhibits["git"].at, PAGES), *SITE):
        adas.open(page)
        adas.page.emulate_media(forced_colors="active", color_scheme=scheme)
        found += [f"{page}: {one}" for one in adas.axe(colours_alone=scheme == "dark")]
        for chosen, line in ((".diff ins", "underline"), (".diff del", "line-through")):
            drawn = adas.page.evaluate(DRAWN, chosen)
            found += [f"{page}: {chosen} looks like the rest: {one}" for one in drawn if line not in one["line"]]
        boxes = adas.page.evaluate(DRAWN, BOXES)
        found += [f"{page}: nobody sees where this ends: {one['html']}" for one in boxes if not one["border"]]
    assert not found, "\n".join(found)


def test_the_focus_is_seen_in_forced_colours(adas: Watched, world: World) -> None:
    adas.open(world.exhibits["git"].at("changeset/{last}"))
    adas.page.emulate_media(forced_colors="active")
    for _ in range(8):
        adas.page.keyboard.press("Tab")
        outline = adas.page.evaluate(
            "() => { const look = getComputedStyle(document.activeElement); "
            "return [look.outlineStyle, parseFloat(look.outlineWidth), document.activeElement.outerHTML.slice(0, 120)]; }"
        )
        assert outline[0] not in ("none", "hidden") and outline[1] >= 2, outline
