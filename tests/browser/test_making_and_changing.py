# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories and groups are made, changed and deleted: in a browser, by everybody, in both schemes and widths."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.test_pages import OPPOSITES, audit
from tests.browser.watch import Watched
from tests.browser.world import World
from tests.support.clients import Person, Thing, unique
from tests.support.waiting import until

SECTIONS = (
    "",
    "/permissions",
    "/fields",
    "/advanced",
    "/remote",
    "/vcs",
    "/issue-tracker",
    "/statistics",
    "/caches",
    "/strip",
)


@pytest.fixture
def keeper(world: World) -> Person:
    """Somebody who keeps a group with a repository in it."""
    root = world.server.api(world.server.admin_key)
    return root.new_user()


@pytest.fixture
def group(world: World, keeper: Person) -> Thing:
    root = world.server.api(world.server.admin_key)
    made = root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=made.id, userid=keeper.id, perm="group.admin")
    return made


@pytest.fixture
def tide(world: World, keeper: Person, group: Thing) -> Thing:
    root = world.server.api(world.server.admin_key)
    made = root.new_repo(f"{group.name}/tide", owner=keeper.name, description="When the water comes")
    reader = root.new_user()
    people = root.new_user_group(reader)
    root("grant_user_permission_to_user_group", usergroupid=people.id, userid="default", perm="usergroup.read")
    root("grant_user_group_permission", repoid=made.id, usergroupid=people.id, perm="repository.write")
    root("grant_user_permission", repoid=made.id, userid=reader.name, perm="repository.read")
    root("add_field_to_repo", repoid=made.id, key="ticket", label="Ticket", description="Where it is talked of")
    return made


@pytest.fixture
def keepers(window: Callable[..., Watched], keeper: Person) -> Watched:
    found = window()
    found.sign_in(keeper)
    return found


def test_pages_of_settings(keepers: Watched, group: Thing, tide: Thing) -> None:
    found = []
    for section in SECTIONS:
        found += audit(keepers, f"/{tide.name}/settings{section}", looks=OPPOSITES)
    for section in ("", "/permissions", "/advanced"):
        found += audit(keepers, f"/_admin/repo_groups/{group.name}/edit{section}", looks=OPPOSITES)
    assert found == []


def test_pages_of_creation_and_of_the_trash(keepers: Watched, world: World, tide: Thing) -> None:
    root = world.server.api(world.server.admin_key)
    gone = root.new_repo(owner=root("get_repo", repoid=tide.id)["owner"])
    root("delete_repo", repoid=gone.id)
    found = []
    for path in ("/_admin/create_repository", f"/{tide.name}/fork", "/_admin/repo_groups", "/_admin/repo_groups/new"):
        found += audit(keepers, path)
    assert found + audit(keepers, "/_admin/trash") == []


def test_pages_that_change_a_file(adas: Watched, world: World) -> None:
    name = world.exhibits["git"].name
    found = audit(adas, f"/{name}/edit/master/src/tide.py")
    for page in ("add/master/src", "delete/master/src/tide.py"):
        found += audit(adas, f"/{name}/{page}", looks=OPPOSITES)
    assert found == []


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_repository_from_its_birth_to_its_return(
    window: Callable[..., Watched], keeper: Person, group: Thing, scripts: bool
) -> None:
    """Created, given away to a group, renamed, deleted, brought back: by the forms that the pages show."""
    watched = window(java_script_enabled=scripts)
    watched.sign_in(keeper)
    page, name = watched.page, unique("born")
    watched.open(f"/_admin/create_repository?parent_group={group.name}")
    page.get_by_label("hg").check()
    page.get_by_label("Name", exact=True).fill("x.git")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_label("Name", exact=True).get_attribute("aria-invalid") == "true"
    assert page.get_by_label("hg").is_checked()
    watched.wrong.clear()  # the browser complains of the status
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.locator("main")).to_contain_text(f"{group.name}/{name} was created.")
    page.get_by_role("link", name="Settings").click()
    page.get_by_label("Name", exact=True).fill(f"{name}-2")
    page.get_by_role("button", name="Save").click()
    page.wait_for_url(f"**/{group.name}/{name}-2/settings")
    page.get_by_role("navigation", name="Settings").get_by_role("link", name="Advanced").click()
    page.get_by_label("Type the full name").fill(f"{group.name}/{name}-2")
    page.get_by_role("button", name=f"Delete {group.name}/{name}-2").click()
    expect(page.locator("main")).to_contain_text("is in the trash now")
    watched.open("/_admin/trash")
    page.locator("summary", has_text="Restore").first.click()
    page.get_by_role("button", name=f"Restore {group.name}/{name}-2").click()
    expect(page.locator("main")).to_contain_text(f"{group.name}/{name}-2 is back.")
    assert watched.wrong == []


def test_a_file_that_somebody_changes_survives_the_end_of_the_browser(keepers: Watched, tide: Thing) -> None:
    page = keepers.open(f"/{tide.name}/add/tip?filename=guide.md")
    page.locator("#content").fill("# Guide\n")
    page.get_by_role("button", name="Record the file").click()
    expect(page.locator("main > .note")).to_contain_text("Recorded.")
    kept = "Object.keys(localStorage).filter((name) => name.startsWith('form '))"
    until(lambda: page.evaluate(kept) == [])  # what is recorded is not kept any more, once its page is whole
    address = f"/{tide.name}/edit/master/guide.md"
    page = keepers.open(address)
    head = page.locator("[name=head]").input_value()
    page.locator("#content").fill("# Guide\n\nKept, whatever happens.\n")
    page.locator("#message").fill("A better guide")
    page = keepers.open(address)
    expect(page.locator("#content")).to_have_value("# Guide\n\nKept, whatever happens.\n")
    expect(page.locator("#message")).to_have_value("A better guide")
    assert page.locator("[name=head]").input_value() == head and keepers.axe() == []
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("#content")).to_have_value("# Guide\n")
    page = keepers.open(address)
    assert page.get_by_role("button", name="Discard").count() == 0 and page.evaluate(kept) == []
    assert keepers.wrong == []
