# SPDX-License-Identifier: GPL-3.0-or-later
"""The main journey with scripts off: every action is a link or a form."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.watch import Watched
from tests.browser.world import World


@pytest.mark.parametrize("kind", ["git", "hg", "svn"])
def test_from_signing_in_to_signing_out(window: Callable[..., Watched], world: World, kind: str) -> None:
    watched = window(java_script_enabled=False)
    page, exhibit = watched.page, world.exhibits[kind]
    address = f"/{exhibit.name}"
    # A link into the site leads to the form, and from there to where it was meant to lead.
    page.goto("/")
    page.get_by_label("User name").fill(world.owner.name)
    page.get_by_label("Password").fill(world.owner.password)
    page.locator("main").get_by_role("button", name="Sign in").click()
    # Find a repository by a part of its name.
    page.locator("header.top").get_by_role("searchbox").fill(f"{kind}-tide")
    page.keyboard.press("Enter")
    page.locator(f"main a[href='{address}']").first.click()
    expect(page.locator(".head h1")).to_contain_text(f"{kind}-tide")
    # A file, line by line down the directories.
    page.get_by_role("link", name="Files", exact=True).first.click()
    if exhibit.top:
        page.locator("table.files").get_by_role("link", name="trunk", exact=True).click()
    page.locator("table.files").get_by_role("link", name="src", exact=True).click()
    page.locator("table.files").get_by_role("link", name="tide.py", exact=True).click()
    expect(page.locator("table.text tr#L7 td.lc")).to_contain_text("def height")
    assert not page.get_by_role("button", name="Copy the path").is_visible()
    # What last changed it is a link away, unless somebody has asked for it before; its history is one, too.
    page.wait_for_load_state()
    if (last := page.get_by_role("link", name="Show what last changed this file")).count():
        last.click()
    expect(page.locator(".code")).to_contain_text("The sun")
    page.locator("main").get_by_role("link", name="History", exact=True).last.click()
    page.locator(".log li").first.get_by_role("link").first.click()
    expect(page.locator("article h1")).to_have_text("The sun")
    # The changes, side by side; a file folds by itself, for it is `<details>`.
    expect(page.locator(".change").filter(has_text="sun.py").first).to_contain_text("SUN = 0.46")
    page.get_by_role("link", name="Side by side").click()
    expect(page.locator("table.diff.two").first).to_be_visible()
    fold = page.locator(".change details").first
    fold.locator("summary").click()
    assert fold.get_attribute("open") is None
    page.get_by_role("link", name="Unified").click()
    # And out again.
    page.locator("details.menu summary[aria-label='Your account']").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto(address)
    assert page.url.startswith(f"{world.server.url}/_admin/login?")
    assert watched.wrong == []
