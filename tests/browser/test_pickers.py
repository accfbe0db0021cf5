# SPDX-License-Identifier: GPL-3.0-or-later
"""Fields for names complete them (web.md 2.2), with the keyboard and for screen readers; without a script they are fields."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.test_pages import OPPOSITES
from tests.browser.watch import Watched
from tests.browser.world import World


def typed(page: Page, field: str, text: str) -> None:
    page.locator(field).focus()
    page.keyboard.type(text)


def test_a_name_is_completed_by_keys(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["git"]
    root = world.server.api(world.server.admin_key)
    ben, group = root.new_user(firstname="Ben", lastname="Noll"), root.new_user_group(world.owner)
    page = adas.open(exhibit.at("settings/permissions"))
    field = page.locator("#whom")
    expect(field).to_have_attribute("role", "combobox")
    expect(field).to_have_attribute("aria-expanded", "false")
    typed(page, "#whom", ben.name[:-1])
    option = page.get_by_role("option", name=f"{ben.name} · Ben Noll")
    expect(option).to_be_visible()
    expect(field).to_have_attribute("aria-expanded", "true")
    assert adas.axe() == []
    for width, scheme in OPPOSITES:
        adas.shown(width, scheme)
        assert adas.sideways() == [] and adas.axe() == []
    # Nothing is chosen until an arrow says so, and Escape leaves what was typed.
    page.keyboard.press("Escape")
    expect(option).to_be_hidden()
    expect(field).to_have_value(ben.name[:-1])
    field.focus()
    page.keyboard.press("ArrowDown")
    expect(option).to_be_visible()
    while (
        page.locator("[aria-selected=true]").count() == 0
        or ben.name not in page.locator("[aria-selected=true]").inner_text()
    ):
        page.keyboard.press("ArrowDown")
    chosen = page.locator("[aria-selected=true]")
    expect(field).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    page.keyboard.press("Enter")
    expect(field).to_have_value(ben.name)
    expect(field).to_be_focused()
    expect(page.get_by_role("listbox")).to_be_hidden()
    # The mouse chooses a user group.
    field.fill("")
    typed(page, "#whom", group.name)
    expect(page.locator("#whom-picks")).to_be_hidden()  # what is there as it is typed needs no offer
    field.fill(group.name[:-1])
    page.get_by_role("option", name=group.name).click()
    expect(field).to_have_value(group.name)
    page.get_by_role("button", name="Give").click()
    expect(page.locator("main table")).to_contain_text(group.name)
    assert adas.wrong == []


def test_every_field_for_a_name_is_one(window: Callable[..., Watched], world: World) -> None:
    admin = window()
    admin.sign_in(world.server.administrator)
    exhibit = world.exhibits["git"]
    group = world.server.api(world.server.admin_key).new_user_group(world.owner)
    found = {}
    for path in (
        *(exhibit.at(f"settings{page}") for page in ("", "/permissions", "/advanced")),
        *(f"/_admin/user_groups/{group.id}/edit{page}" for page in ("", "/members", "/permissions")),
        *(f"/_admin/repo_groups/harbours/edit{page}" for page in ("", "/permissions")),
        "/_admin/why",
        "/_admin/settings/maintenance",
        "/_admin",
        exhibit.at("compare"),
    ):
        page = admin.open(path)
        fields = page.locator("input[data-picks]")
        assert fields.count() > 0, path
        for number in range(fields.count()):
            field = fields.nth(number)
            expect(field).to_have_attribute("role", "combobox")
            found[path, field.get_attribute("name")] = field.get_attribute("data-picks")
    page = admin.open("/_admin/why")
    typed(page, "#group", "harb")
    expect(page.get_by_role("option", name="harbours", exact=True)).to_be_visible()
    assert page.get_by_role("option", name="git-tide").count() == 0, "a repository is no group"
    assert admin.wrong == []


def test_without_a_script_it_is_a_field(window: Callable[..., Watched], world: World) -> None:
    watched = window(java_script_enabled=False)
    page, exhibit = watched.page, world.exhibits["hg"]
    page.goto(f"/_admin/login?came_from={exhibit.at('settings/permissions')}")
    page.get_by_label("User name").fill(world.owner.name)
    page.get_by_label("Password").fill(world.owner.password)
    page.locator("main").get_by_role("button", name="Sign in").click()
    assert page.locator("#whom").get_attribute("role") is None and page.locator(".picks").count() == 0
    ben = world.server.api(world.server.admin_key).new_user()
    page.locator("#whom").fill(ben.name)
    page.get_by_role("button", name="Give").click()
    expect(page.locator("main table")).to_contain_text(ben.name)
