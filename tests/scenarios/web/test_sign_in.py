# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing in to the pages (system.md 2.8, 2.9, security.md S-10 to S-12, decisions.md W2, W7)."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.browser import Browser
from tests.support.clients import Api, Person
from tests.support.filled_forms import filled_form
from tests.support.servers import Server


def came_from(location: str) -> str:
    """Where a redirect to the sign-in wants to go back to."""
    parts = urlsplit(location)
    assert parts.path == "/_admin/login"
    return parse_qs(parts.query)["came_from"][0]


def test_a_visitor_is_sent_to_the_form_and_back(server: Server, browser: Browser, ada: Person, project: str) -> None:
    wanted = f"/{project}/summary?a=1"
    sent = browser.get(wanted)
    assert sent.status == 302 and came_from(sent.location) == wanted
    form = browser.get(sent.location)
    assert form.status == 200 and "You need to be signed in to view this page" in form.page.text
    assert "You need to be signed in" not in browser.get(sent.location).page.text
    answer = browser.sign_in(ada, came_from(sent.location))
    assert (answer.status, answer.location) == (302, wanted)
    assert browser.get(wanted).status == 200


def test_nobody_learns_which_repositories_there_are(browser: Browser, adas: Browser, root: Api, project: str) -> None:
    hidden = root.new_repo(private=True).name
    there, missing = browser.get(f"/{hidden}"), browser.get(f"/{hidden}x")
    assert there.status == missing.status == 302
    assert came_from(there.location) == f"/{hidden}"
    assert adas.get(f"/{project}").status == 200
    there, missing = adas.get(f"/{hidden}"), adas.get(f"/{hidden}x")
    assert there.status == missing.status == 404
    assert there.page.text.split("Request")[0] == missing.page.text.split("Request")[0]


def test_all_that_is_wrong_is_told_in_the_same_words(browser: Browser, ada: Person, root: Api) -> None:
    asleep = root.new_user()
    root("update_user", userid=asleep.name, active=False)
    told = set()
    for name, password in ((ada.name, "wrong"), (ada.name + "x", "wrong"), (asleep.name, asleep.password), ("", "")):
        answer = browser.send("/_admin/login", username=name, password=password)
        assert answer.status == 200
        told.add(answer.page.text.replace(name, ""))
        assert password not in [found.get("value") for found in answer.page.all("input") if password]
    assert len(told) == 1 and "The user name or the password is wrong." in told.pop()
    assert browser.cookies.keys() == {"rhodecode_form"}


@pytest.mark.parametrize(
    "address",
    [
        "https://elsewhere.example/",
        "//elsewhere.example/",
        "/\\elsewhere.example/",
        "\\\\elsewhere.example",
        "/a\r\nSet-Cookie: b=c",
        "javascript:alert(1)",
        "http:elsewhere.example",
        "/\t/elsewhere.example",
        "x" * 5000,
    ],
)
def test_signing_in_leads_to_no_other_site(browser: Browser, ada: Person, address: str) -> None:
    answer = browser.sign_in(ada, address)
    assert (answer.status, answer.location) == (302, "/")


def test_a_session_is_a_new_cookie_that_scripts_do_not_see(server: Server, ada: Person) -> None:
    one, other = Browser(server.url), Browser(server.url)
    cookies = [
        next(cookie for cookie in browser.sign_in(ada).cookies if cookie.startswith("rhodecode="))
        for browser in (one, other)
    ]
    assert len({cookie.partition(";")[0] for cookie in cookies}) == 2
    for cookie in cookies:
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "Max-Age" not in cookie


def test_who_wants_to_be_remembered_is(server: Server, browser: Browser, ada: Person) -> None:
    answer = browser.send("/_admin/login", username=ada.name, password=ada.password, remember="1")
    cookie = next(cookie for cookie in answer.cookies if cookie.startswith("rhodecode="))
    assert "Max-Age=31536000" in cookie


def test_signing_out_ends_the_session_itself(adas: Browser, project: str) -> None:
    kept = dict(adas.cookies)
    answer = adas.post("/_admin/logout", {"csrf_token": adas.get("/").page.token})
    assert answer.status == 302 and answer.headers["clear-site-data"] == '"cache"'
    assert adas.get(f"/{project}").status == 302
    adas.cookies = kept
    assert adas.get(f"/{project}").status == 302


def test_what_was_typed_outlives_the_session(
    server: Server, adas: Browser, ada: Person, project: str, root: Api
) -> None:
    page, there = f"/{project}/settings", f"/_admin/repos/{project}"
    from_page = {"Referer": f"{server.url}{page}?a=1&api_key=x"}
    typed = filled_form(adas.get(page), "repo_name") | {"repo_description": 'Long "words" <b>\n\nof Ada'}
    sent = typed | {"_method": "PUT", "csrf_token": adas.get(page).page.token}
    # Whoever is not signed in any more comes back to the page, where the browser has what was typed.
    answer = Browser(server.url).post(there, sent, **from_page)
    assert came_from(answer.location) == f"{page}?a=1"
    for elsewhere in ("https://evil.example/", f"{server.url}.evil.example{page}", f"{server.url}{there}"):
        assert came_from(Browser(server.url).post(there, sent, Referer=elsewhere).location) == "/", elsewhere
    # Whoever has signed in again meanwhile sends it once more.
    again = Browser(server.url)
    again.sign_in(ada)
    answer = again.post(there, sent, **from_page)
    assert answer.status == 403 and "Cross-site request forgery detected" in answer.page.text
    offered = filled_form(answer, "repo_description")
    assert offered == typed and root("get_repo", repoid=project)["description"] != typed["repo_description"]
    tokens = [field["value"] for field in answer.page.all("input", name="csrf_token")]
    assert again.post(there, offered | {"_method": "PUT", "csrf_token": tokens[-1]}).status == 302
    assert root("get_repo", repoid=project)["description"] == typed["repo_description"]
    # Nothing is offered of what another site may have sent, and no password is shown.
    for headers in ({}, from_page | {"Origin": "https://evil.example"}, from_page | {"Sec_Fetch_Site": "cross-site"}):
        assert "of Ada" not in again.post(there, sent, **headers).text, headers
    secret = {"csrf_token": sent["csrf_token"], "current_password": "correct horse"}
    assert "correct horse" not in again.post("/_admin/my_account/password", secret, **from_page).text


def test_a_form_without_its_token_does_nothing(server: Server, adas: Browser, browser: Browser, project: str) -> None:
    token = adas.get("/").page.token
    browser.get("/_admin/login")
    for fields in ({}, {"csrf_token": "x" * 44}, {"csrf_token": browser.get("/_admin/login").page.token}):
        answer = adas.post("/_admin/logout", fields)
        assert answer.status == 403 and answer.page.text.count("Cross-site request forgery detected") >= 1
    for header in ({"Sec_Fetch_Site": "cross-site"}, {"Origin": "https://elsewhere.example"}):
        assert adas.post("/_admin/logout", {"csrf_token": token}, **header).status == 403
    # What is no form is not taken for an empty one: not even with the token.
    for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain", ""):
        assert adas.request("POST", "/_admin/logout", b"{}", Content_Type=kind).status == 403
        assert adas.request("POST", "/_admin/logout", b"{}", Content_Type=kind, X_CSRF_Token=token).status == 415
    assert adas.get(f"/{project}").status == 200
    assert adas.post("/_admin/logout", {"csrf_token": token}, Origin=server.url).status == 302


def test_a_key_changes_nothing(server: Server, adas: Browser, ada: Person, project: str) -> None:
    token = adas.get("/").page.token
    answer = adas.post(f"/_admin/logout?api_key={ada.key}", {"csrf_token": token})
    assert answer.status in (302, 403)
    assert adas.get(f"/{project}").status == 200


def test_wrong_passwords_count_at_all_doors(own_server: Server) -> None:
    own_server.start(TRIVIUM_LOGIN_FAILURES="3")
    ada = own_server.api(own_server.admin_key).new_user()
    browser = Browser(own_server.url)
    for _ in range(3):
        assert browser.send("/_admin/login", username=ada.name, password="wrong").status == 200
    answer = browser.sign_in(ada)
    assert answer.status == 429 and int(answer.headers["retry-after"]) > 0
    # So they do where somebody who has signed in says the present one.
    ben = own_server.api(own_server.admin_key).new_user()
    bens = Browser(own_server.url)
    assert bens.sign_in(ben).status == 302
    new = {"new_password": "another-pw-1", "new_password_confirmation": "another-pw-1"}
    for _ in range(3):
        assert bens.send("/_admin/my_account/password", current_password="wrong", **new).status == 422
    answer = bens.send("/_admin/my_account/password", current_password=ben.password, **new)
    assert answer.status == 429 and int(answer.headers["retry-after"]) > 0


def test_a_password_that_must_be_changed_comes_first(
    server: Server, browser: Browser, ada: Person, project: str
) -> None:
    server.execute("UPDATE users SET force_password_change = true WHERE id = ?", ada.id)
    answer = browser.sign_in(ada, f"/{project}")
    assert answer.location == "/_admin/my_account/password"
    assert browser.get(f"/{project}").location == "/_admin/my_account/password"
    # Somebody else may sign in all the same, in the same browser.
    assert browser.get("/_admin/login").location == "/"
    other = Browser(server.url)
    other.sign_in(ada)
    fields = {"current_password": ada.password, "new_password": "another-pw-1"}
    wrong = browser.send("/_admin/my_account/password", **fields, new_password_confirmation="another-pw-2")
    assert wrong.status == 422
    changed = browser.send("/_admin/my_account/password", **fields, new_password_confirmation="another-pw-1")
    assert changed.status == 302
    assert browser.get(f"/{project}").status == 200
    assert other.get(f"/{project}").status == 302


def test_changing_a_password_by_the_api_ends_the_sessions(adas: Browser, ada: Person, root: Api, project: str) -> None:
    root("update_user", userid=ada.name, password="another-pw-3")
    assert adas.get(f"/{project}").status == 302


def test_visitors_are_told_whether_it_is_a_right_or_an_account_that_they_lack(
    root: Api, browser: Browser, visitors: Callable[[str], None]
) -> None:
    name = root.new_repo().name
    visitors("on")
    lacking = "You need to be signed in to view this page"
    for address, said in (
        (f"/{name}/settings", lacking),
        (f"/{name}/add/tip", lacking),
        ("/_admin/users", lacking),
        (f"/{name}/fork", "You need to be a registered user to perform this action"),
        ("/_admin/my_account", "You need to be a registered user to perform this action"),
    ):
        answer = browser.get(address)
        assert answer.status == 302
        assert said in browser.get(answer.location).page.text, address
