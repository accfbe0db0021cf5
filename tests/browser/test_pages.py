# SPDX-License-Identifier: GPL-3.0-or-later
"""The main pages in both schemes and widths: nobody is shut out, nothing moves, nothing comes from elsewhere."""

from __future__ import annotations

import pytest

from tests.browser.watch import NARROW, PHONE, WIDE, Watched
from tests.browser.world import World

READING = (
    "",
    "files/{last}/{top}",
    "files/{last}/{top}src/tide.py",
    "files/{last}/{top}README.md",
    "annotate/{last}/{top}src/tide.py",
    "changelog",
    "changeset/{last}",
    "branches",
)
# What is built alike for all systems is looked at with one of them.
ONCE = {
    "git": (
        "files/{last}/binary.dat",
        "changelog/{last}/src/tide.py",
        "changeset/{last}?layout=split",
        "compare/rev@{before}...rev@{last}",
        "diff/src/tide.py?diff1={before}&diff2={last}",
        "forks",
        "followers",
        "search?q=tide",
    ),
    "hg": ("bookmarks", "changeset/{first}...{last}", "compare", "search?q=water&type=commit"),
    "svn": ("tags", "compare/trunk...branches/spring-tide"),
}
SITE = (
    "/",
    "/harbours",
    "/_profiles/ada",
    "/_admin/gists",
    "/_admin/journal",
    "/_admin/public_journal",
    "/_admin/search?q=tide",
    "/_admin/search?q=water&type=commit",
)


EVERY_LOOK = ((WIDE, "light"), (WIDE, "dark"), (PHONE, "light"), (PHONE, "dark"))
OPPOSITES = ((WIDE, "light"), (PHONE, "dark"))


def audit(window: Watched, path: str, status: int = 200, looks: tuple[tuple[int, str], ...] = EVERY_LOOK) -> list[str]:
    """What is wrong with a page in these widths and schemes; what the window has complained of as well."""
    window.open(path, status)
    found = []
    if window.moved():
        # A machine that is busy may paint a page half come. What is wrong with the page itself moves each time.
        window.open(path, status)
        found = [f"{path} moves: {one}" for one in window.moved()]
    for width, scheme in looks:
        window.shown(width, scheme)
        found += [f"{path} {width} {scheme}: {one}" for one in window.axe()]
    for width in (PHONE, NARROW):
        window.shown(width, "light")
        found += [f"{path} {width} scrolls sideways: {one}" for one in window.sideways()]
    window.shown(WIDE, "light")
    found += [f"{path} runs: {one}" for one in window.ran()]
    wrong, window.wrong = window.wrong, []
    return found + wrong


@pytest.mark.parametrize("kind", ["git", "hg", "svn"])
def test_pages_of_a_repository(adas: Watched, world: World, kind: str) -> None:
    exhibit = world.exhibits[kind]
    looks = EVERY_LOOK if kind == "git" else OPPOSITES
    found = []
    for page in (*READING, *ONCE[kind]):
        found += audit(adas, exhibit.at(page), looks=looks)
    found += audit(adas, f"/{world.empty[kind]}", looks=looks)
    assert found == []


def test_pages_of_the_site(adas: Watched) -> None:
    assert [wrong for path in SITE for wrong in audit(adas, path)] == []
    assert audit(adas, "/nothing/here", 404) == []


def test_pages_of_somebody_unknown(window: object, world: World) -> None:
    stranger = window()  # type: ignore[operator]
    assert audit(stranger, "/_admin/register") == []
    assert audit(stranger, "/_admin/login") == []
    stranger.page.fill("#username", "ada")
    stranger.page.fill("#password", "wrong")
    stranger.page.click("main button")
    assert stranger.page.get_by_role("alert").is_visible()
    assert stranger.axe() == []
