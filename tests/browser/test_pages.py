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
    seen: set[int] = set()
    for width, scheme in looks:
        window.shown(width, scheme)
        found += [f"{path} {width} {scheme}: {one}" for one in window.axe(colours_alone=width in seen)]
        seen.add(width)
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


ACCOUNT = (
    *("", "/password", "/auth_tokens", "/emails", "/ips", "/sessions", "/repos", "/watched", "/perms"),
    *("/perms?of=repositories", "/jobs", "/preferences"),
)


def test_pages_of_an_account(adas: Watched, world: World) -> None:
    """They are built alike: each is looked at in opposite schemes and widths."""
    why = f"/_admin/why?repository={world.exhibits['git'].name}"
    paths = (*(f"/_admin/my_account{section}" for section in ACCOUNT), why, "/_admin/why")
    assert [wrong for path in paths for wrong in audit(adas, path, looks=OPPOSITES)] == []


ADMINISTRATION = (
    "",
    "/users",
    "/users/new",
    *(f"/users/{{user}}/edit{page}" for page in ("", "/advanced", "/auth_tokens", "/global_permissions", "/ips")),
    "/users/{user}/edit/permissions_summary",
    "/users/{user}/edit/emails",
    "/user_groups",
    *(f"/user_groups/{{user_group}}/edit{page}" for page in ("", "/members", "/permissions", "/advanced")),
    "/repos",
    *(f"/permissions/{page}" for page in ("application", "global", "object", "ips", "overview")),
    *(
        f"/settings{page}"
        for page in ("", "/visual", "/vcs", "/configuration", "/email", "/mapping", "/maintenance", "/system")
    ),
    "/settings/open_source",
    "/settings/exceptions",
    "/defaults/repositories",
    "/auth",
    "/jobs",
)


def test_pages_of_administrators(window: object, world: World) -> None:
    group = world.server.api(world.server.admin_key).new_user_group(world.owner)
    admin = window()  # type: ignore[operator]
    admin.sign_in(world.server.administrator)
    paths = [f"/_admin{page}".format(user=world.owner.name, user_group=group.id) for page in ADMINISTRATION]
    assert [wrong for path in paths for wrong in audit(admin, path, looks=OPPOSITES)] == []


def test_pages_of_somebody_unknown(window: object, world: World) -> None:
    stranger = window()  # type: ignore[operator]
    assert audit(stranger, "/_admin/register") == []
    assert audit(stranger, "/_admin/login") == []
    stranger.page.fill("#username", "ada")
    stranger.page.fill("#password", "wrong")
    stranger.page.click("main button")
    assert stranger.page.get_by_role("alert").is_visible()
    assert stranger.axe() == []


def test_what_was_viewed_stays_folded(adas: Watched, world: World) -> None:
    """In this browser, on the page of these changes, and until it is taken back."""
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at("changeset/{last}"))
    page.locator("button.viewed").first.click()
    change = page.locator(".change").first
    assert change.locator("details[open]").count() == 0
    page = adas.open(exhibit.at("changeset/{last}?layout=split"))
    assert page.locator(".change").first.locator("details[open]").count() == 0
    assert page.locator(".change").nth(1).locator("details[open]").count() == 1
    assert page.locator("button.viewed").first.get_attribute("aria-pressed") == "true"
    page.keyboard.press("]")
    page.keyboard.press("]")
    page.keyboard.press("v")
    assert page.locator(".change").nth(1).locator("details[open]").count() == 0
    page.locator("button.viewed").first.click()
    page = adas.open(exhibit.at("changeset/{last}?layout=unified"))
    opened = [page.locator(".change").nth(number).locator("details[open]").count() for number in (0, 1)]
    assert opened == [1, 0]
    assert adas.wrong == []


def test_a_row_of_the_history_shows_its_files(adas: Watched, world: World) -> None:
    page = adas.open(world.exhibits["git"].at("changelog"))
    button = page.locator("button.more").first
    button.click()
    page.locator(".details li").first.wait_for()
    assert "tide.py" in page.locator(".details").first.inner_text()
    assert button.get_attribute("aria-expanded") == "true" and adas.axe() == []
    button.click()
    assert page.locator(".details").first.is_hidden() and adas.wrong == []
