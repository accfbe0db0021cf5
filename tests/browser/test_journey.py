# SPDX-License-Identifier: GPL-3.0-or-later
"""From an empty server to a team at work, without a terminal but for the clients: by mouse, without scripts, by keyboard.

Administrator sets it up → invites people → groups and permissions → import → repository → push → comment, to-do and vote →
reply → token → clone with it → rename → trash and back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.watch import Watched
from tests.support.clients import Person
from tests.support.servers import Server
from tests.support.systems import SvnCopy, new_system

PASSWORD = "water-and-moon-7"
KEY = re.compile(r"[0-9a-f]{40}")


class Hands:
    """Somebody at a window, who presses buttons and fills fields with the mouse."""

    def __init__(self, watched: Watched, *, scripts: bool) -> None:
        self.watched, self.page, self.scripts = watched, watched.page, scripts

    def at(self, path: str, status: int = 200) -> None:
        """Go to a page; without scripts nothing comes later."""
        if self.scripts:
            self.watched.open(path, status)
        else:
            self.watched.expected = status
            answer = self.page.goto(path)
            assert answer is not None and answer.status == status, path

    def press(self, button: str, *, form: str = "main form") -> None:
        """Send a form by one of its buttons."""
        with self.page.expect_navigation():
            self._use(self.page.locator(form).get_by_role("button", name=button, exact=True).first)

    def fill(self, *, form: str = "main form", **fields: str) -> None:
        """Type into fields, by their names; `True` of a box is a blank."""
        for name, text in fields.items():
            self._type(self.page.locator(f"{form} [name='{name}']:visible").first, text)

    def follow(self, what: str) -> None:
        """Go where something leads."""
        with self.page.expect_navigation():
            self._use(self.page.locator(what).first)

    def unfold(self, word: str) -> None:
        """Open what is folded."""
        self._use(self.page.locator("main summary").filter(has_text=word).first)

    def choose(self, name: str, value: str) -> None:
        """Choose a card or a radio button."""
        self._use(self.page.locator(f"main input[name='{name}'][value='{value}']"))

    def tick(self, name: str, *, form: str = "main form") -> None:
        """Tick a box."""
        self._tick(self.page.locator(f"{form} input[type=checkbox][name='{name}']").first)

    def select(self, name: str, word: str) -> None:
        """Choose from a list."""
        self.page.locator(f"main select[name='{name}']").last.select_option(label=word)

    def _tick(self, box: Locator) -> None:
        box.check()

    def _use(self, what: Locator) -> None:
        what.click()

    def _type(self, field: Locator, text: str) -> None:
        field.fill(text)


class Keyboard(Hands):
    """Somebody who has no mouse: whatever they use they come to by Tab."""

    def _come_to(self, what: Locator) -> None:
        expect(what).to_be_visible()
        for _ in range(200):
            if what.evaluate("one => one === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"no key leads to {what}")

    def choose(self, name: str, value: str) -> None:
        group = self.page.locator(f"main input[name='{name}']")
        self._come_to(group.and_(self.page.locator(":checked")))
        wanted = self.page.locator(f"main input[name='{name}'][value='{value}']")
        for _ in range(group.count()):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        pytest.fail(f"no arrow leads to {value}")

    def select(self, name: str, word: str) -> None:
        self._come_to(self.page.locator(f"main select[name='{name}']").last)
        self.page.keyboard.type(word)

    def _tick(self, box: Locator) -> None:
        self._come_to(box)
        self.page.keyboard.press(" ")

    def _use(self, what: Locator) -> None:
        self._come_to(what)
        self.page.keyboard.press("Enter")

    def _type(self, field: Locator, text: str) -> None:
        self._come_to(field)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)


@pytest.fixture
def fresh(tmp_path: Path, prepared: Server) -> Iterator[Server]:
    """A server that has nobody but its administrator."""
    running = prepared.copied(tmp_path / "data")
    running.start(TRIVIUM_ALLOWED_REMOTE_HOSTS="127.0.0.1")
    yield running
    running.stop()


@pytest.fixture
def seat(chromium: Browser, fresh: Server) -> Iterator[Callable[..., Hands]]:
    """Seats people at windows of their own."""
    opened: list[Watched] = []

    def new(person: Person, way: str) -> Hands:
        scripts = way != "without scripts"
        opened.append(Watched(chromium, fresh.url, java_script_enabled=scripts))
        opened[-1].sign_in(person)
        return (Keyboard if way == "by keyboard" else Hands)(opened[-1], scripts=scripts)

    yield new
    for one in opened:
        one.close()


@pytest.mark.parametrize(("kind", "way"), [("git", "by mouse"), ("hg", "without scripts"), ("svn", "by keyboard")])
def test_from_an_empty_server_to_a_team_at_work(
    fresh: Server, seat: Callable[..., Hands], tmp_path: Path, kind: str, way: str
) -> None:
    # The administrator invites people, makes a group of them, and a place for what they do.
    admin = seat(fresh.administrator, way)
    for name in ("ada", "ben"):
        admin.at("/_admin/users/new")
        admin.fill(username=name, email=f"{name}@example.org", password=PASSWORD, password_confirmation=PASSWORD)
        admin.press("Create")
        expect(admin.page.locator("main")).to_contain_text(name)
    admin.at("/_admin/user_groups/new")
    admin.fill(users_group_name="navigators")
    admin.press("Create")
    admin.follow("main a:text-is('Members')")
    admin.fill(user="ben")
    admin.press("Add")
    admin.at("/_admin/repo_groups/new")
    admin.fill(group_name="ocean")
    admin.press("Create")
    admin.at("/_admin/repo_groups/ocean/edit/permissions")
    admin.fill(whom="ada", form="main form:has([name=recursive])")
    admin.select("level", "write")
    admin.press("Save", form="main form:has([name=recursive])")
    expect(admin.page.locator("main table")).to_contain_text("ada")

    # Ada brings a repository along from an address; a history of Subversion would be loaded by a program.
    people = {name: Person(0, name, PASSWORD, "", fresh.api("")) for name in ("ada", "ben")}
    ada = seat(people["ada"], way)
    (tmp_path / "home").mkdir()
    source = new_system("git" if kind == "svn" else kind, tmp_path / "home")
    source.new_repository(fresh.api(fresh.admin_key), fresh.administrator, "elsewhere")
    source.checkout(fresh, "elsewhere", fresh.administrator).change("Written elsewhere", **{"a.txt": "a\n"})
    ada.at("/_admin/create_repository?parent_group=ocean")
    ada.choose("repo_type", source.kind)
    ada.fill(repo_name="brought", clone_uri=f"{fresh.url}/elsewhere")
    ada.press("Create")
    expect(ada.page).to_have_url(re.compile("/ocean/brought$"), timeout=60_000)
    ada.at("/ocean/brought/changelog")
    expect(ada.page.locator(".log")).to_contain_text("Written elsewhere")

    # She makes a private repository there, pushes, and lets the navigators in.
    ada.at("/_admin/create_repository?parent_group=ocean")
    ada.choose("repo_type", kind)
    ada.fill(repo_name="tide")
    ada.choose("repo_private", "1") if way != "by keyboard" else ada.fill(repo_private=" ")
    ada.press("Create")
    expect(ada.page.locator(".head h1")).to_contain_text("tide")
    system = new_system(kind, tmp_path / "home")
    copy = system.checkout(fresh, "ocean/tide", people["ada"])
    top = ""
    if isinstance(copy, SvnCopy):
        top = "trunk/"
        (copy.path / "trunk").mkdir()
    copy.change("The moon alone", **{f"{top}tide.py": "def tide(h):\n    return h\n"})
    ada.at("/ocean/tide/settings/permissions")
    ada.fill(whom="navigators", form="main form:has([name=whom])")
    ada.select("level", "write")
    ada.press("Give")
    expect(ada.page.locator("main table")).to_contain_text("navigators")

    # Ben reads it, and says what he thinks; Ada hears of that, and answers.
    ben = seat(people["ben"], way)
    ben.at("/ocean/tide/changelog")
    ben.follow(".log li a:text-is('The moon alone')")
    ben.fill(text="The sun is missing, @ada", form="main form.general")
    ben.select("changeset_status", "Rejected")
    ben.tick("comment_type", form="main form.general")
    ben.press("Comment")
    expect(ben.page.locator(".general .remark").first).to_contain_text("The sun is missing")
    expect(ben.page.locator(".commit")).to_contain_text("Rejected")
    _until_told(ada)
    ada.follow("main .told button.link")
    expect(ada.page.locator(".general .remark").first).to_contain_text("The sun is missing")
    expect(ada.page.locator(".todos")).to_contain_text("1 open to-do")
    ada.unfold("Resolve…")
    ada.fill(text="It comes tomorrow.", form=".resolve form")
    ada.press("Resolve", form=".resolve form")
    expect(ada.page.locator(".general .remark").nth(1)).to_contain_text("It comes tomorrow.")
    expect(ada.page.locator(".general .remark").first).to_contain_text("Resolved by ada")
    expect(ada.page.locator(".todos")).to_have_count(0)
    _until_told(ben)

    # With a token a program clones.
    ada.at("/_admin/my_account/auth_tokens")
    ada.fill(description="the build")
    ada.select("role", "Everything")
    ada.select("lifetime", "1 hour")
    ada.press("Make the token")
    key = KEY.search(ada.page.locator("main").inner_text())
    assert key is not None
    cloned = system.checkout(fresh, "ocean/tide", replace(people["ada"], password=key[0]))
    assert (cloned.path / f"{top}tide.py").read_text().startswith("def tide")

    # A better name; the old one leads there. Deleted, and back.
    ada.at("/ocean/tide/settings")
    ada.fill(repo_name="tides")
    ada.press("Save")
    ada.at("/ocean/tide")
    assert ada.page.url.endswith("/ocean/tides")
    ada.at("/ocean/tides/settings/advanced")
    ada.fill(confirm_name="ocean/tides")
    ada.press("Delete ocean/tides")
    ada.at("/ocean/tides", 404)
    ada.at("/_admin/trash")
    ada.unfold("Restore…")
    ada.press("Restore ocean/tides")
    ada.at("/ocean/tides/changelog")
    expect(ada.page.locator(".log")).to_contain_text("The moon alone")
    assert [*admin.watched.wrong, *ada.watched.wrong, *ben.watched.wrong] == []


def _until_told(somebody: Hands) -> None:
    """Wait until there is a notification: it is written after the event, by whoever delivers."""
    for _ in range(100):
        somebody.at("/_admin/notifications")
        if somebody.page.locator("main .told li").count():
            return
        somebody.page.wait_for_timeout(100)
    pytest.fail("nobody was told")
