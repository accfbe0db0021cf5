# SPDX-License-Identifier: GPL-3.0-or-later
"""People answer each other on a line of a change: with the keyboard alone, and without a script."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.test_pages import OPPOSITES, audit
from tests.browser.watch import Watched
from tests.browser.world import World
from tests.support.waiting import until


def test_by_keys_a_line_is_commented_on_and_a_review_sent(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["git"]
    address = exhibit.at("changeset/{before}")
    page = adas.open(address)
    page.keyboard.press("n")
    page.keyboard.press("c")
    field = page.locator("tr.writing textarea")
    expect(field).to_be_focused()
    page.keyboard.type("Why **this**?")
    page.locator("tr.writing").get_by_role("button", name="Preview").press("Enter")
    expect(page.locator("tr.writing .preview strong")).to_have_text("this")
    assert adas.axe() == []
    # What was typed is there again after the page was left, or the browser has ended.
    page = adas.open(address)
    expect(page.locator("tr.writing textarea")).to_have_value("Why **this**?")
    expect(page.locator("tr.writing textarea")).not_to_be_focused()
    page.keyboard.press("n")
    page.keyboard.press("c")
    expect(page.locator("tr.writing textarea")).to_have_value("Why **this**?")
    page.locator("tr.writing").get_by_role("button", name="Add to review").press("Enter")
    expect(page.locator("#review")).to_contain_text("1 comment that nobody else sees yet")
    page.wait_for_load_state()  # before that nobody hears keys
    page.get_by_label("Comment on the whole changeset").fill("Good otherwise")
    page.get_by_label("Comment on the whole changeset").press("Control+Enter")
    expect(page.locator("tr.talk .remark strong").first).to_have_text("this")
    expect(page.locator(".general .remark")).to_contain_text("Good otherwise")
    expect(page.locator("#review")).to_have_count(0)
    page.wait_for_load_state()
    until(lambda: page.evaluate("Object.keys(localStorage).filter((name) => name.startsWith('draft ')).length") == 0)
    # A thread is gone to, and answered.
    page.keyboard.press("N")
    page.keyboard.press("c")
    expect(page.locator("details.reply textarea").first).to_be_focused()
    assert adas.axe() == [] and adas.wrong == []
    assert audit(adas, address, looks=OPPOSITES) == []
    said = page.locator(".remark").first.get_attribute("id").rpartition("-")[2]  # type: ignore[union-attr]
    for part in ("edit", "history", "delete"):
        assert audit(adas, f"/{exhibit.name}/comments/{said}/{part}", looks=OPPOSITES) == []
    assert audit(adas, f"/{exhibit.name}/comments/new?revision={exhibit.ids[-2]}", looks=OPPOSITES) == []


def test_two_clicks_are_one_comment_and_who_comes_back_may_send_again(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["svn"]
    page = adas.open(f"/{exhibit.name}/comments/new?revision={exhibit.ids[0]}")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_label("Your comment").fill("Twice?")
    page.get_by_role("button", name="Comment", exact=True).dblclick()
    expect(page.locator(".general .remark").filter(has_text="Twice?")).to_have_count(1)
    assert len(sent) == 1
    page.go_back()
    page.get_by_label("Your comment").fill("Once more.")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator(".general .remark").filter(has_text="Once more.")).to_have_count(1)
    assert adas.wrong == []


def test_without_a_script(window: Callable[..., Watched], world: World) -> None:
    watched = window(java_script_enabled=False)
    page, exhibit = watched.page, world.exhibits["hg"]
    page.goto(f"/_admin/login?came_from={exhibit.at('changeset/{last}')}")
    page.get_by_label("User name").fill(world.owner.name)
    page.get_by_label("Password").fill(world.owner.password)
    page.locator("main").get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Comment on a line").click()
    page.get_by_label("Your comment").fill("By *hand*")
    page.get_by_label("File").fill("src/tide.py")
    page.get_by_label("Line").fill("4")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator(".prose em")).to_have_text("hand")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("tr.talk .remark")).to_contain_text("By hand")
    page.get_by_role("link", name="Edit", exact=True).first.click()
    page.get_by_label("Your comment").fill("By machine")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("tr.talk .remark")).to_contain_text("By machine")
    page.get_by_role("link", name="edited").click()
    expect(page.locator("main")).to_contain_text("By hand")
    page.get_by_role("link", name="To the comment").click()
    page.get_by_role("link", name="Delete", exact=True).first.click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("main")).not_to_contain_text("By machine")
    # A gist of two files.
    page.goto("/_admin/gists/new")
    page.get_by_label("Text").fill("one\n")
    page.get_by_role("button", name="Another file").click()
    page.get_by_label("Text").nth(1).fill("two\n")
    page.get_by_label("Private: only whoever knows its address").check()
    page.get_by_role("button", name="Create gist").click()
    expect(page.locator("main")).to_contain_text("gistfile2.txt")
    assert watched.wrong == []


def test_pages_about_gists_and_notifications(adas: Watched, world: World) -> None:
    ben = world.server.api(world.server.admin_key).new_user()
    exhibit = world.exhibits["git"]
    ben.api("comment_commit", repoid=exhibit.name, commit_id=exhibit.ids[1], message="@ada, is this so?")
    gist = world.owner.api("create_gist", files={"a.py": {"content": "x = 1\n"}}, gist_type="private")["gist"]
    until(lambda: adas.open("/_admin/notifications").get_by_text("has mentioned you").count() > 0)
    for path in ("/_admin/notifications", "/_admin/gists/new", f"/_admin/gists/{gist['access_id']}/edit"):
        assert audit(adas, path) == []
    adas.page.goto("/_admin/notifications")
    adas.page.get_by_role("button", name=f"{ben.name} has mentioned you").click()
    expect(adas.page.locator(".remark")).to_contain_text("is this so?")
    assert adas.wrong == []
