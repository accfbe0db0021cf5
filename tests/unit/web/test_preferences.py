# SPDX-License-Identifier: GPL-3.0-or-later
"""Everybody chooses how pages look: users keep it with the account, visitors in a cookie."""

from __future__ import annotations

import pytest

from tests.support import rows
from tests.support.doors import Doorway
from trivium.access.caller import Caller
from trivium.forge.site import Site

PATH = "/_admin/my_account/preferences"


def chosen(html: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in html.items() if name.startswith("data-")}


def test_a_users_choice_lasts(doorway: Doorway, ben: Caller) -> None:
    visitor = doorway.visitor(ben)
    (html,) = visitor.get(PATH).page.all("html")
    assert chosen(html) == {}
    answer = visitor.post(PATH, theme="dark", contrast="more", diff_palette="blue-orange", density="compact", locale="")
    assert (answer.status, answer.location) == (302, "/") and not answer.cookies
    page = visitor.get(PATH).page
    assert chosen(page.all("html")[0]) == {
        "data-theme": "dark",
        "data-contrast": "more",
        "data-diff": "blue-orange",
        "data-density": "compact",
        "data-keys": "off",
    }
    assert "checked" in page.all("input", name="theme", value="dark")[0]
    assert doorway.visitor(ben).get(PATH).page.all("html") == page.all("html")
    assert "Saved." not in visitor.get(PATH).page.text  # it was said once


def test_a_visitors_choice_is_kept_by_the_browser(doorway: Doorway) -> None:
    visitor = doorway.visitor()
    token = visitor.get(PATH).page.token
    answer = visitor.post(PATH, token=False, csrf_token=token, theme="light", keys="1", came_from="/_admin/login")
    assert (answer.status, answer.location) == (302, "/_admin/login")
    assert all("HttpOnly" in cookie and "SameSite=Lax" in cookie for cookie in answer.cookies)
    (html,) = visitor.get("/_admin/login").page.all("html")
    assert chosen(html) == {"data-theme": "light"}


@pytest.mark.parametrize("cookie", ["%7B", "{}", "%00", '{"theme":"evil"}', "%7B%22theme%22%3A%22x%20onload%3D1%22%7D"])
def test_a_cookie_of_somebody_else_is_no_choice(doorway: Doorway, cookie: str) -> None:
    visitor = doorway.visitor()
    visitor.cookies[f"{doorway.site.settings.session_cookie}_preferences"] = cookie
    answer = visitor.get("/_admin/login")
    assert answer.status == 200 and chosen(answer.page.all("html")[0]) == {}


def test_what_does_not_exist_is_not_chosen(doorway: Doorway, ben: Caller) -> None:
    visitor = doorway.visitor(ben)
    answer = visitor.post(PATH, theme="<script>")
    assert answer.status == 422 and b'<script>"' not in answer.body
    assert visitor.post(PATH, tab_width="99").status == 422
    assert visitor.post(PATH, token=False, theme="dark").status == 403
    assert chosen(visitor.get(PATH).page.all("html")[0]) == {}


def test_times_are_told_where_somebody_is(doorway: Doorway, site: Site, ben: Caller) -> None:
    with site.store.write() as db:
        rows.repository(db, "old", ben)  # at midnight, UTC
    visitor = doorway.visitor(ben)
    assert visitor.post(PATH, times="absolute", zone="Asia/Tokyo").status == 302
    assert "2024-01-01 09:00" in visitor.get("/").page.text
    visitor.post(PATH, zone="America/Lima", tab_width="2")
    page = visitor.get("/").page
    assert "2023-12-31 19:00" in page.text and page.all("html")[0]["data-tab"] == "2"
    assert visitor.post(PATH, zone="Mars/Base").status == 422
