# SPDX-License-Identifier: GPL-3.0-or-later
"""People make accounts for themselves, where the site lets them (system.md 2.8)."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, unique
from tests.support.crowd import at_once
from tests.support.servers import Server

FORM = "/_admin/register"
RIGHT = {"password": "correct horse", "password_confirmation": "correct horse"}


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory, prepared: Server) -> Iterator[Server]:
    """A server on which people may register."""
    running = prepared.copied(tmp_path_factory.mktemp("open") / "data")
    running.start(TRIVIUM_ALLOW_REGISTRATION="true", TRIVIUM_REGISTER_RATE="0")
    yield running
    running.stop()


@pytest.fixture
def visitor(open_server: Server) -> Browser:
    return Browser(open_server.url)


@pytest.fixture
def admins(open_server: Server) -> Api:
    return open_server.api(open_server.admin_key)


def send(browser: Browser, name: str, email: str = "", **given: str) -> Answer:
    fields = {"username": name, "email": email or f"{name}@example.org", **RIGHT} | given
    return browser.send(FORM, **fields)


def told(browser: Browser, answer: Answer) -> str:
    assert (answer.status, answer.location) == (302, "/_admin/login"), answer.text[:3000]
    return browser.get(answer.location).page.text


def can_sign_in(server: Server, name: str) -> bool:
    browser = Browser(server.url)
    return browser.send("/_admin/login", username=name, password=RIGHT["password"]).status == 302


def reasons(answer: Answer) -> dict[str, str]:
    """What is said beside which field."""
    assert answer.status == 422
    marked = answer.page.all("input", aria_invalid="true")
    assert all(f"{field['name']}-e" in field["aria-describedby"] for field in marked)
    assert not [field for field in answer.page.all("input", type="password") if field.get("value")]
    return {field["name"]: answer.page.text for field in marked}


def test_closed_at_first(browser: Browser, root: Api) -> None:
    """Nobody gets an account, whatever they send."""
    answer = browser.get(FORM)
    assert answer.status == 403 and "Accounts are made by administrators here" in answer.page.text
    assert FORM not in browser.get("/_admin/login").page.links
    name = unique("new")
    browser.get("/_admin/login")
    token = browser.get("/_admin/login").page.token
    fields = {"username": name, "email": f"{name}@example.org", "csrf_token": token, **RIGHT}
    assert browser.post(FORM, fields).status == 403
    assert name not in [user["username"] for user in root("get_users")]


def test_an_account_waits_for_an_administrator(open_server: Server, visitor: Browser, admins: Api) -> None:
    assert FORM in visitor.get("/_admin/login").page.links
    name = unique("new")
    answer = send(visitor, name, firstname=" Mira ", lastname="Noll")
    assert "it waits for an administrator" in told(visitor, answer)
    made = admins("get_user", userid=name)
    assert (made["active"], made["admin"], made["firstname"], made["lastname"]) == (False, False, "Mira", "Noll")
    assert made["email"] == f"{name}@example.org"
    assert not can_sign_in(open_server, name)
    admins("update_user", userid=name, active=True)
    assert can_sign_in(open_server, name)


def test_the_journal_tells_of_it(open_server: Server, visitor: Browser) -> None:
    name = unique("new")
    send(visitor, name)
    ((username, detail),) = open_server.query(
        "SELECT username, detail FROM journal WHERE action = 'user.register' AND subject = ?", name
    )
    assert username == "default" and json.loads(detail)["active"] is False
    assert RIGHT["password"] not in detail


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("username", {"username": "12345"}),
        ("username", {"username": "a b"}),
        ("username", {"username": ""}),
        ("username", {"username": "x" * 3000}),
        ("username", {"username": "default"}),
        ("password", {"password": "1234567", "password_confirmation": "1234567"}),
        ("password", {"password": "x" * 1025, "password_confirmation": "x" * 1025}),
        ("password_confirmation", {"password_confirmation": "another one"}),
        ("email", {"email": "nobody"}),
        ("email", {"email": "@"}),
        ("email", {"email": "a@b\0"}),
        ("email", {"email": "x" * 300 + "@example.org"}),
        ("firstname", {"firstname": "x" * 300}),
        ("lastname", {"lastname": "a\0b"}),
    ],
)
def test_what_cannot_be_used(visitor: Browser, admins: Api, field: str, given: dict[str, str]) -> None:
    """It is told beside its field, with what was typed; no account is made."""
    before = len(admins("get_users"))
    name = unique("new")
    answer = send(visitor, name, **given)
    assert list(reasons(answer)) == [field]
    if field != "username":
        assert [one["value"] for one in answer.page.all("input", name="username")] == [name]
    assert len(admins("get_users")) == before


def test_a_taken_name_is_told(visitor: Browser, admins: Api) -> None:
    taken = admins.new_user().name
    for name in (taken, taken.upper()):
        said = reasons(send(visitor, name, email=f"{unique('other')}@example.org"))
        assert "This user name is taken." in said["username"]


def test_nobody_learns_which_addresses_have_accounts(open_server: Server, visitor: Browser, admins: Api) -> None:
    """With one that has an account all goes on as with another: also when the same is sent again."""
    owner = admins.new_user()
    known, free = admins("get_user", userid=owner.name)["email"], f"{unique('free')}@example.org"
    answers = []
    for email in (known.upper(), free):
        name, browser = unique("new"), Browser(open_server.url)
        first = told(browser, send(browser, name, email))
        again = send(browser, name, email)
        answers.append((first, again.status, again.page.text, can_sign_in(open_server, name)))
        made = admins("get_user", userid=name)
        assert made["email"] == (free if email == free else None)
        assert made["active"] is False
    assert answers[0] == answers[1]
    assert admins("get_user", userid=owner.name)["email"] == known


def test_one_account_of_a_name(open_server: Server, admins: Api) -> None:
    name = unique("new")
    browsers = [Browser(open_server.url) for _ in range(8)]
    for browser in browsers:
        browser.get(FORM)
    said = at_once(lambda number: send(browsers[number], name, f"{name}-{number}@example.org").status)
    assert sorted(said) == [302] + [422] * 7
    assert len([user for user in admins("get_users") if user["username"] == name]) == 1


def test_no_account_without_the_token(open_server: Server, admins: Api) -> None:
    name = unique("new")
    browser = Browser(open_server.url)
    fields = {"username": name, "email": f"{name}@example.org", **RIGHT}
    for token in ("", "x", Browser(open_server.url).get(FORM).page.token):
        assert browser.post(FORM, fields | {"csrf_token": token}).status == 403
    assert name not in [user["username"] for user in admins("get_users")]


def test_whoever_has_signed_in_has_an_account(open_server: Server, admins: Api) -> None:
    person, browser = admins.new_user(), Browser(open_server.url)
    browser.sign_in(person)
    assert (browser.get(FORM).status, browser.get(FORM).location) == (302, "/")


def test_the_site_decides(own_server: Server) -> None:
    """At once, or never, as the permission of `default` says; and so many an hour."""
    own_server.start(TRIVIUM_ALLOW_REGISTRATION="true", TRIVIUM_REGISTER_RATE="4")
    set_to = ("permit", "--data", str(own_server.data), "default")
    own_server.trivium(*set_to, "hg.register.auto_activate")
    browser, name = Browser(own_server.url), unique("new")
    told(browser, send(browser, name))
    assert can_sign_in(own_server, name)
    own_server.trivium(*set_to, "hg.register.none")
    assert browser.get(FORM).status == 403
    own_server.trivium(*set_to, "hg.register.manual_activate")
    statuses = [send(browser, "1").status for _ in range(4)]
    assert statuses == [422, 422, 422, 429]
    refused = send(browser, unique("new"))
    assert refused.status == 429 and 0 < int(refused.headers["retry-after"]) <= 3600
