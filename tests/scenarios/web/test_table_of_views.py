# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole table of views, walked by everybody, with keys of every role, on every system (web.md 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Person
from tests.support.servers import Server
from tests.support.shelves import Shelf, new_shelf
from tests.support.systems import SYSTEMS
from trivium.access.levels import Level
from trivium.vcs.abilities import Abilities
from trivium.vcs.git.back_end import Git
from trivium.vcs.hg.back_end import Hg
from trivium.vcs.svn.back_end import Svn
from trivium.web.registering import Rule, Shape, View, Who, every_view, matching
from trivium.web.views import load

load()
VIEWS = [view for view in every_view() if view.name != "home.group"]
READ = [view for view in VIEWS if "GET" in view.methods]
WRITTEN = [view for view in VIEWS if "GET" not in view.methods]
ABILITIES: dict[str, Abilities] = {one.kind: one.abilities for one in (Git, Hg, Svn)}
TYPES = {
    Shape.PAGE: ("text/html",),
    Shape.JSON: ("application/json",),
    Shape.FEED: ("application/atom+xml", "application/rss+xml"),
    Shape.BODY: ("text/", "application/", "image/"),
}
ELSEWHERE = {
    "summary.edit",
    "sign_in.form",
    "registration.form",
    "jobs.creating",
    "repo_groups.show",
    "admin_installation.plugin",
} | {f"edits.{one}" for one in ("form", "new", "removal")}
"""Views that lead to others."""
NOT_YET = {
    "pull_requests.pull_requests",
    "pull_requests.pull_request",
    "password_reset.choosing",
    "account_emails.confirming",
    "comments.edit",
    "comments.history",
    "comments.ask_to_delete",
    "gists.edit",
    "gists.check_revision",
    "admin_reports.report",
    "notifications.notification",
}
"""Views that say that there are none, need a link from a mail, or are about something of somebody's own."""
PLAIN = {
    "server.ping",
    "server.favicon",
    "server.robots",
    "sign_in.form",
    "registration.form",
    "preferences.form",
    "password_reset.form",
}
"""What everybody sees, also where visitors may not look."""


@dataclass
class World:
    """Repositories on a server whose option lists every view."""

    server: Server
    shelves: dict[str, Shelf]
    gist: str
    group: str
    user_group: str
    """One that every owner of a shelf administers."""
    stranger: Person
    admin: Browser

    def address(self, view: View, rule: Rule, kind: str) -> str:
        """One that is right for a view."""
        shelf = self.shelves[kind]
        samples = {
            "revision": shelf.ids[1],
            "path": "src/area.py",
            "name": f"{shelf.ids[1]}.zip",
            "sides": f"rev@{shelf.ids[0]}...rev@{shelf.ids[1]}",
            "gist": self.gist,
            "report": "1",
            "username": shelf.owner.name,
            "number": "1",
            "job": "no-such-job",
            "group": self.group,
            "repository": shelf.name,
            "entry": "no-such-entry",
            "comment": "1",
            "draft": "1",
            "notification": "1",
            "user": shelf.owner.name,
            "user_group": self.user_group,
            "plugin": "rhodecode",
            "form": "csv",
        }
        if view.name.startswith("gists."):
            samples |= {"revision": "tip", "path": "a.txt"}
        if view.name.startswith("creation."):
            samples["name"] = "another"
        if view.name.startswith("file_data.node") or view.name in ("edits.new", "edits.add"):
            samples["path"] = "src"
        pieces = [samples[one.strip("{*}")] if one.startswith("{") else one for one in rule.segments]
        start = f"/{shelf.name}" if view.of_repository else ""
        query = f"?diff1={shelf.ids[0]}&diff2={shelf.ids[1]}" if view.name.startswith("differences.") else ""
        return f"{start}/{'/'.join(pieces)}{query}"

    def addresses(self, kind: str) -> Iterator[tuple[View, str]]:
        for view in READ:
            if view.name in NOT_YET:
                continue
            for rule in view.rules:
                yield view, self.address(view, rule, kind)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[World]:
    home = tmp_path_factory.mktemp("table")
    running = prepared.copied(home / "data")
    running.start(TRIVIUM_API_ACCESS_CONTROLLERS_WHITELIST="*", TRIVIUM_ALLOW_REGISTRATION="true")
    root = running.api(running.admin_key)
    shelves = {kind: new_shelf(kind, running, root, home / kind) for kind in SYSTEMS if not (home / kind).mkdir()}
    for shelf in shelves.values():
        root("update_repo", repoid=shelf.name, enable_statistics=True)
    gist = shelves["git"].owner.api("create_gist", files={"a.txt": {"content": "a\n"}}, gist_type="public")["gist"]
    stranger = root.new_user()
    group, user_group = root.new_repo_group(), root.new_user_group()
    for shelf in shelves.values():
        running.permit(shelf.owner.name, "hg.usergroup.create.true")
        root(
            "grant_user_permission_to_user_group",
            usergroupid=user_group.id,
            userid=shelf.owner.id,
            perm="usergroup.admin",
        )
        root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=shelf.owner.id, perm="group.admin")
    admin = root.new_user(admin=True)
    browser = Browser(running.url)
    assert browser.sign_in(admin).status == 302
    yield World(running, shelves, gist["access_id"], group.name, str(user_group.id), stranger, browser)
    running.stop()


def ask(browser: Browser, view: View, path: str, **headers: str) -> Answer:
    return browser.get(path, **(headers | ({"X_Requested_With": "XMLHttpRequest"} if view.script_only else {})))


def to_sign_in(answer: Answer) -> bool:
    return answer.status == 302 and answer.location.startswith("/_admin/login?came_from=")


def check_whole(view: View, path: str, answer: Answer) -> None:
    """That an answer is what a view answers."""
    if view.name in ELSEWHERE:
        assert answer.status in (200, 302), (path, answer.status)
        return
    assert answer.status == 200, (view.name, path, answer.status, answer.body[-2000:])
    assert answer.headers["content-type"].startswith(TYPES[view.shape]), (path, answer.headers)
    assert answer.headers["x-content-type-options"] == "nosniff"
    if view.shape is Shape.PAGE:
        assert "script-src 'self'" in answer.headers["content-security-policy"]


def is_possible(view: View, kind: str) -> bool:
    """Whether a system has what a view is about."""
    return view.possible is None or view.possible(ABILITIES[kind])


def test_every_view_says_what_it_needs() -> None:
    for view in VIEWS:
        assert view.methods and view.rules and view.call.__doc__, view.name
        controller, _, function = view.word.partition(":")
        assert controller.endswith("Controller") and function, view.name
        assert isinstance(view.needs, Level | Who)


@pytest.fixture(params=sorted(SYSTEMS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_whoever_may_sees_all_of_it(world: World, kind: str) -> None:
    for view, path in world.addresses(kind):
        for browser in (world.shelves[kind].browser, world.admin):
            answer = ask(browser, view, path)
            if view.needs is Who.SUPER_ADMIN and browser is not world.admin:
                assert answer.status == 403, path
            elif not is_possible(view, kind):
                assert (answer.status, answer.location) == (302, f"/{world.shelves[kind].name}"), path
            else:
                check_whole(view, path, answer)


def of_level(world: World, kind: str, level: Level) -> Browser:
    """The browser of somebody who has a right in a repository, and has signed in."""
    root = world.server.api(world.server.admin_key)
    person = root.new_user()
    perm = f"repository.{level.name.lower()}"
    root("grant_user_permission", repoid=world.shelves[kind].name, userid=person.name, perm=perm)
    browser = Browser(world.server.url)
    assert browser.sign_in(person).status == 302
    return browser


@pytest.mark.parametrize("level", [Level.READ, Level.WRITE])
def test_who_may_only_read_or_write_is_refused_the_rest(world: World, kind: str, level: Level) -> None:
    browser = of_level(world, kind, level)
    for view, path in world.addresses(kind):
        answer = ask(browser, view, path)
        if view.needs is Who.SUPER_ADMIN or (isinstance(view.needs, Level) and view.needs > level):
            assert answer.status == 403, path
        elif "{group*}" in view.rules[0].segments or view.name in ("repo_groups.new", "admin_user_groups.new"):
            assert answer.status == 403, path  # they may read the group
        elif "{user_group}" in view.rules[0].segments:
            assert answer.status == 404, path
        elif is_possible(view, kind):
            check_whole(view, path, answer)


OF_OTHERS = ("{user}", "{user_group}", "{group*}", "{entry}", "{job}", "{notification}", "{gist}")
"""What somebody needs a right on whom none of this belongs to."""


def test_nobody_sends_a_form_that_they_may_not_send(world: World, kind: str) -> None:
    visitor, stranger = Browser(world.server.url), Browser(world.server.url)
    assert stranger.sign_in(world.stranger).status == 302
    people = {
        None: visitor,
        Level.NONE: stranger,
        **{level: of_level(world, kind, level) for level in (Level.READ, Level.WRITE)},
    }
    tokens = {who: browser.get("/_admin/my_account/preferences").page.token for who, browser in people.items()}
    with world.server.unchanged():
        for view in WRITTEN:
            if view.needs is Who.ANYBODY:
                continue
            path = world.address(view, view.rules[0], kind)
            for who, browser in people.items():
                fields = {
                    "csrf_token": tokens[who],
                    "_method": view.methods[0],
                    "confirm_name": world.shelves[kind].name,
                }
                if isinstance(view.needs, Level):
                    refused = {404} if who is Level.NONE else {403} if who is not None and who < view.needs else None
                elif view.needs is Who.SUPER_ADMIN:
                    refused = {403}
                else:
                    refused = {403, 404} if any(one in OF_OTHERS for one in view.rules[0].segments) else None
                if who is None:
                    answer = browser.post(path, fields)
                    assert to_sign_in(answer), (path, answer.status)
                elif refused is not None:
                    answer = browser.post(path, fields)
                    assert answer.status in refused, (view.methods, path, who, answer.status)


def test_who_may_not_see_it_learns_nothing(world: World, kind: str) -> None:
    browser = Browser(world.server.url)
    browser.sign_in(world.stranger)
    name = world.shelves[kind].name
    for view, path in world.addresses(kind):
        answer = ask(browser, view, path)
        if view.of_repository:
            absent = ask(browser, view, path.replace(name, "no-such-repository", 1))
            assert answer.status == absent.status == 404, path
            assert b"area" not in answer.body.replace(path.encode(), b"")
        anonymous = ask(Browser(world.server.url), view, path)
        if view.name in PLAIN:
            assert anonymous.status == 200, path
        else:
            assert to_sign_in(anonymous), (path, anonymous.status)


@pytest.mark.parametrize("role", ["all", "http", "feed", "api", "vcs"])
def test_a_key_opens_what_its_role_is_for(world: World, kind: str, role: str) -> None:
    shelf = world.shelves[kind]
    key = world.server.new_token(shelf.owner.name, role)
    for view, path in world.addresses(kind):
        join = "&" if "?" in path else "?"
        answer = ask(Browser(world.server.url), view, f"{path}{join}auth_token={key}")
        assert key.encode() not in answer.body and key not in str(answer.headers), path
        assert not any("session" in cookie.lower() for cookie in answer.cookies), path
        assert answer.headers["referrer-policy"] == "no-referrer", path
        assert answer.headers["cache-control"] == "private, no-store", path
        if role in ("all", "http") or (role == "feed" and view.feed):
            if view.needs is Who.SUPER_ADMIN:
                assert answer.status == 403, path
            elif is_possible(view, kind):
                check_whole(view, path, answer)
        elif view.name in PLAIN:
            assert answer.status == 200, path
        else:
            assert to_sign_in(answer), (path, answer.status)


def test_a_key_changes_nothing(world: World) -> None:
    shelf = world.shelves["git"]
    for view in WRITTEN:
        path = world.address(view, view.rules[0], "git")
        key = world.server.admin_key if view.needs is Who.SUPER_ADMIN else shelf.owner.key
        answer = Browser(world.server.url).post(f"{path}?auth_token={key}", {"x": "y", "_method": view.methods[0]})
        assert answer.status == 403 and b"forgery" in answer.body, (path, answer.status)


OF_OTHER_SITES: tuple[dict[str, str], ...] = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Sec_Fetch_Site": "same-site"},
    {"Content_Type": "text/plain"},
)
"""How a browser tells that another site sends a form, and what such a form can be sent as."""


def test_no_other_site_and_no_other_session_sends_a_form(world: World) -> None:
    """Each view that changes something, with all rights: nothing counts but the token of the session, sent by us."""
    shelf = world.shelves["git"]
    another, visitor = Browser(world.server.url), Browser(world.server.url)
    assert another.sign_in(shelf.owner).status == 302
    tokens = {who: who.get("/_admin/my_account/preferences").page.token for who in (another, visitor, world.admin)}
    proof = {"username": shelf.owner.name, "password": shelf.owner.password, "confirm_name": shelf.name}
    with world.server.unchanged():
        for view in WRITTEN:
            path = world.address(view, view.rules[0], "git")
            fields = proof | {"_method": view.methods[0]}
            forged: list[tuple[dict[str, str], dict[str, str]]] = [
                (fields, {}),
                *((fields | {"csrf_token": tokens[who]}, {}) for who in (another, visitor)),
                *((fields | {"csrf_token": tokens[world.admin]}, headers) for headers in OF_OTHER_SITES),
            ]
            for sent, headers in forged:
                answer = world.admin.post(path, sent, **headers)
                # What is no form has no method in it, and another view may take it.
                refused = {403, 405} if "Content_Type" in headers else {403}
                assert answer.status in refused, (path, sent, headers, answer.status)
                # Where a browser does not say that our own page sent it, it is not offered once more.
                assert shelf.owner.password not in answer.text and not answer.page.all("input", name="confirm_name")
    assert world.admin.get("/_admin/users").status == 200


def test_other_methods_are_told_which_are_right(world: World) -> None:
    browser = world.shelves["git"].browser
    for view in VIEWS:
        path = world.address(view, view.rules[0], "git").partition("?")[0]
        segments = tuple(one for one in path.split("/") if one)
        if view.of_repository:
            segments = segments[len(world.shelves["git"].name.split("/")) :]
        # An address may mean several views: a comment is made at what could be a branch's name.
        meant = matching(segments, of_repository=view.of_repository)
        same = {one for other, _ in meant for one in other.methods}
        # What else WebDAV has in repositories is for another door.
        for method in (({"POST"} if view.of_repository else {"PUT", "DELETE"}) | {"GET"}) - same:
            answer = browser.request(method, path)
            assert answer.status == 405, (method, path, answer.status)
            allowed = set(answer.headers["allow"].split(", "))
            assert allowed == same | ({"HEAD"} if "GET" in same else set()), path


def test_what_is_no_method_of_pages_asks_nobody_for_a_password(world: World) -> None:
    for browser in (world.shelves["git"].browser, Browser(world.server.url)):
        for method in ("OPTIONS", "PROPFIND", "PATCH", "TRACE"):
            answer = browser.request(method, "/_admin/my_account")
            assert answer.status == 405 and "GET" in answer.headers["allow"], (method, answer.status)
            assert "www-authenticate" not in answer.headers


def test_scripts_say_that_they_are_scripts(world: World) -> None:
    browser = world.shelves["git"].browser
    for view in READ:
        if view.script_only:
            answer = browser.get(world.address(view, view.rules[0], "git"))
            assert answer.status == 400 and b"XMLHttpRequest (XHR) request" in answer.body, view.name


def test_the_head_is_that_of_the_whole(world: World, kind: str) -> None:
    browser = world.shelves[kind].browser
    for view, path in world.addresses(kind):
        headers = {"X_Requested_With": "XMLHttpRequest"} if view.script_only else {}
        head, whole = browser.request("HEAD", path, **headers), ask(browser, view, path)
        assert head.status == whole.status and not head.body, path
        assert head.headers.get("content-type") == whole.headers.get("content-type"), path
