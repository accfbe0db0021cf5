# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys (design: web.md 6)."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.watch import Watched
from tests.browser.world import World


def ends_at(page: Page, address: str) -> None:
    page.wait_for_url(lambda url: url.partition("//")[2].partition("/")[2].partition("?")[0] == address.lstrip("/"))


def test_help_shows_the_keys_of_the_page(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at("changeset/{last}"))
    page.keyboard.press("?")
    shown = page.locator("#keys li:visible")
    expect(page.locator("#keys")).to_be_visible()
    on_changes = shown.all_inner_texts()
    assert [text for text in on_changes if "change" in text] and not [text for text in on_changes if "Annotate" in text]
    assert adas.axe() == []
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    adas.open(exhibit.at("files/{last}/src/tide.py"))
    page.get_by_role("button", name="Keyboard").click()
    assert "Annotate" in "".join(shown.all_inner_texts())
    # Single keys can be switched off (WCAG 2.1.4), and on again by the same button.
    page.get_by_role("checkbox").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press("b")
    expect(page.locator("#keys")).to_be_hidden()
    page.get_by_role("button", name="Keyboard").click()
    page.get_by_role("checkbox").check()
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    ends_at(page, exhibit.at("annotate/{last}/src/tide.py"))
    assert adas.wrong == []


def test_ways_through_a_repository(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at())
    for keys, address in (("gf", None), ("gb", "branches"), ("gc", "changelog"), ("gs", "")):
        page.keyboard.type(keys)
        if address is None:
            expect(page.locator(".tabs [aria-current]")).to_have_text("Files")
            page.wait_for_load_state()  # before that nobody hears keys
        else:
            ends_at(page, exhibit.at(address))
    # In a list: down twice, up once, open.
    adas.open(exhibit.at("changelog"))
    page.keyboard.type("jjk")
    expect(page.locator(".log li").first.locator("a").first).to_be_focused()
    page.keyboard.press("o")
    ends_at(page, exhibit.at("changeset/{last}"))


def test_ways_through_a_file(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["hg"]
    path = exhibit.at("files/{last}/src/tide.py")
    page = adas.open(path + "#L6-8")
    expect(page.locator("tr.chosen")).to_have_count(3)
    page.locator("#L3 td.no a").click()
    page.locator("#L4 td.no a").click(modifiers=["Shift"])
    page.wait_for_url("**#L3-4")
    page.once("dialog", lambda dialog: dialog.accept("9"))
    page.keyboard.press("l")
    page.wait_for_url("**#L9")
    expect(page.locator("tr.chosen")).to_have_attribute("id", "L9")
    page.keyboard.press("u")
    ends_at(page, exhibit.at("files/{last}/src"))
    # Annotated and back.
    page = adas.open(path)
    for where in ("annotate", "files"):
        page.keyboard.press("b")
        ends_at(page, exhibit.at(where + "/{last}/src/tide.py"))
    # Nothing happens while somebody types.
    page.keyboard.press("t")
    field = page.locator("form.seek input")
    expect(field).to_be_focused()
    page.keyboard.type("bu?")
    expect(field).to_have_value("bu?")
    expect(page.locator("#keys")).to_be_hidden()
    ends_at(page, exhibit.at("files/{last}/src/tide.py"))


def test_a_file_is_found_from_every_page(adas: Watched, world: World) -> None:
    """Where a page has no field for it, the key leads to one: at the same revision, if it shows one (web.md 6)."""
    for kind, page_, leads_to in (
        ("git", "changelog", "files"),
        ("hg", "branches", "files"),
        ("svn", "changeset/{last}", "files/{last}"),
    ):
        exhibit = world.exhibits[kind]
        page = adas.open(exhibit.at(page_))
        page.keyboard.press("t")
        ends_at(page, exhibit.at(leads_to) + "#seek")
        expect(page.locator("form.seek input")).to_be_focused()
        page.keyboard.type("guide")
        page.get_by_role("option").first.wait_for()
        page.keyboard.press("Enter")
        page.wait_for_url("**/docs/guide.md")
        assert adas.wrong == []


def test_address_with_the_full_id(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at("changeset/") + exhibit.ids[-1][:12] + "?layout=split")
    page.keyboard.press("y")
    page.wait_for_url(lambda url: url.endswith(exhibit.at("changeset/{last}?layout=split")))
    adas.open(exhibit.at())
    page.keyboard.press("y")
    ends_at(page, exhibit.at("files/{last}"))


def test_ways_through_what_is_said(adas: Watched, world: World) -> None:
    """From thread to thread, through folded files as well, and on to what is said on the whole."""
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at("changeset/{first}?layout=unified"))
    first, second = page.locator("tr.talk").first, page.locator("tr.talk").nth(1)
    assert page.locator("tr.talk").count() == 2
    first.locator("xpath=ancestor::section").locator("> details > summary").click()
    expect(first).to_be_hidden()
    page.keyboard.press("N")
    expect(first).to_have_class("talk at")
    expect(first).to_be_visible()
    page.keyboard.press("N")
    expect(second).to_have_class("talk at")
    assert adas.axe() == []
    page.keyboard.press("N")
    expect(page.locator(".general .remark")).to_have_class("remark at")
    page.keyboard.press("P")
    expect(second).to_have_class("talk at")
    page.keyboard.press("?")
    assert "Next, previous comment" in "".join(page.locator("#keys li:visible").all_inner_texts())


def test_rows_are_chosen_and_compared(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at("changelog"))
    ids = [str(link.get_attribute("href"))[-40:] for link in page.locator(".log a.id").all()]
    page.keyboard.type("jxjx")
    assert page.locator(".log input:checked").count() == 2
    page.keyboard.type("xjx")  # not that one, but the next
    page.keyboard.press("c")
    page.wait_for_url("**/compare/**")
    assert page.url.endswith(f"/compare/rev@{ids[0]}...rev@{ids[2]}")


def test_ways_through_changes(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["svn"]
    page = adas.open(exhibit.at("changeset/{last}?layout=unified"))
    page.keyboard.press("n")
    first = page.locator("tr.at").inner_text()
    page.keyboard.press("n")
    assert page.locator("tr.at").inner_text() != first
    page.keyboard.press("p")
    assert page.locator("tr.at").inner_text() == first
    page.keyboard.press("]")
    at = page.locator(".change.at")
    expect(at).to_have_count(1)
    page.keyboard.press("x")
    assert at.locator("details").get_attribute("open") is None
    page.keyboard.press("m")
    expect(page.locator("table.diff.two").first).to_be_visible()
    page.keyboard.press("m")
    expect(page.locator("table.diff.one").first).to_be_visible()


def test_switcher_and_menus(adas: Watched, world: World) -> None:
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at())
    page.keyboard.press("Control+k")
    page.keyboard.type("svn-tide")
    found = page.locator("#jumps").get_by_role("option").filter(has_text="svn-tide")
    expect(found).to_have_count(1)
    assert adas.axe() == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    ends_at(page, world.exhibits["svn"].at())
    menu = page.locator("details.menu").filter(has_text="Clone")
    menu.locator("summary").first.click()
    assert adas.axe() == []
    page.keyboard.press("Escape")
    expect(menu.locator("summary").first).to_be_focused()
    assert menu.get_attribute("open") is None
    menu.locator("summary").first.click()
    page.locator("footer").click()
    assert menu.get_attribute("open") is None
    assert adas.wrong == []


def test_copied_code_is_the_code(adas: Watched, world: World) -> None:
    """Without numbers and signs, and with its empty lines; side by side from one column alone."""
    adas.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=world.server.url)
    exhibit = world.exhibits["git"]
    page = adas.open(exhibit.at("changeset/{last}?layout=unified"))
    text = """(selector) => {
        const table = [...document.querySelectorAll(".change")].find((one) => one.textContent.includes("src/tide.py")).querySelector("table");
        const range = document.createRange();
        range.selectNodeContents(table.tBodies[0]);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        return getSelection().toString();
    }"""
    copied = page.evaluate(text)
    assert "import math\nimport os\n\n\ndef height(" in copied
    assert "9" not in copied.partition("def height")[0] and "+" not in copied.partition("def height")[0]
    page.keyboard.press("m")
    expect(page.locator("table.diff.two").first).to_be_visible()
    table = page.locator(".change").filter(has_text="moon").locator("table.two")
    table.locator("td.lc").nth(1).click()
    assert "not yet the sun" in page.evaluate(text) and "moon alone" not in page.evaluate(text)
    # A button copies what stands beside it.
    adas.open(exhibit.at())
    page.locator("details.menu").filter(has_text="Clone").locator("summary").first.click()
    page.locator(".copy button").first.click()
    expect(page.locator("#said")).to_have_text("Copied")
    assert "git clone" in page.evaluate("navigator.clipboard.readText()")
