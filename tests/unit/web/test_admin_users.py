# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts, as administrators see to them (system.md 2.8)."""

from __future__ import annotations

from tests.support import rows
from tests.support.administering import account, delete, put, said
from tests.support.doors import Visitor
from tests.support.filled_forms import filled_form
from trivium.access.caller import Caller, the_system
from trivium.forge.accounts import users as accounts
from trivium.forge.site import Site


def test_users_are_found_by_parts_of_their_names_and_walked_by_pages(root: Visitor, site: Site) -> None:
    for number in range(55):
        accounts.create(
            site, the_system(), username=f"u{number:02}", email=f"m{number}@example.org", lastname="Ångström"
        )
    page = root.get("/_admin/users?query=%C3%85NG").page
    names = [one["href"] for one in page.all("a", class_="strong")]
    assert len(names) == 50
    older = page.all("a", rel="next")[0]["href"]
    following = root.get(older).page
    assert len(following.all("a", class_="strong")) == 5 and not following.all("a", rel="next")
    assert following.all("a", rel="prev")
    assert [
        one["href"] for one in root.get(following.all("a", rel="prev")[0]["href"]).page.all("a", class_="strong")
    ] == names
    assert "u07" in root.get("/_admin/users?query=m7@exa").page.text
    assert "Nobody found" in root.get("/_admin/users?query=nobody-at-all").page.text
    found = account(site, "u07")
    accounts.update_account(site, the_system(), found, accounts.UserChanges(lastname="Kelvin"))
    assert "u07" in root.get("/_admin/users?query=kelvin").page.text
    assert "Nobody found" in root.get("/_admin/users?query=ngstr%C3%B6m+u07").page.text


def test_an_account_is_made_changed_and_deleted(root: Visitor, site: Site) -> None:
    answer = root.post("/_admin/users", username="eve!", email="", password="x", password_confirmation="y")
    assert answer.status == 422 and 'value="eve!"' in answer.text and 'value="x"' not in answer.text
    fields = {"username": "eve", "email": "Eve@example.org", "password": "long enough", "active": "1"}
    answer = root.post("/_admin/users", **fields, password_confirmation="long enough?")
    assert answer.status == 422 and "not typed twice" in answer.page.text
    answer = root.post("/_admin/users", **fields, password_confirmation="long enough", password_change="1")
    made = account(site, "eve")
    assert (answer.status, answer.location) == (302, f"/_admin/users/{made.id}")
    assert made.active and not made.admin and made.email == "eve@example.org"
    answer = root.post(
        "/_admin/users", **(fields | {"email": "other@example.org"}), password_confirmation="long enough"
    )
    assert answer.status == 422 and "eve exists already." in answer.page.text
    page = root.get(f"/_admin/users/{made.id}/edit").page
    assert page.all("input", name="password_change", checked="")
    for short in ("abcdef", "eve", "eve@example.org"):
        twice = {"password": short, "new_password": short, "password_confirmation": short}
        answer = root.post("/_admin/users", **(fields | {"username": "ivy", "email": "ivy@example.org"} | twice))
        assert answer.status == (302 if short == "eve@example.org" else 422), short
        answer = put(root, f"/_admin/users/{made.id}", username="eve", email="eve@example.org", active="1", **twice)
        assert answer.status == 422 and answer.page.all("input", name="new_password", aria_invalid="true"), short
    for wrong in ("nowhere", "@example.org", "eve@", "e ve@example.org"):
        answer = root.post(
            "/_admin/users", **(fields | {"username": "ivy", "email": wrong}), password_confirmation="long enough"
        )
        assert answer.status == 422 and answer.page.all("input", name="email", aria_invalid="true"), wrong
        answer = put(root, f"/_admin/users/{made.id}", username="eve", email=wrong, active="1")
        assert answer.status == 422 and account(site, "eve").email == "eve@example.org", wrong
    answer = put(root, f"/_admin/users/{made.id}", username="eva", email="eve@example.org", firstname="Eva", active="1")
    assert answer.status == 302 and account(site, "eva").firstname == "Eva"
    assert said(site, "user.update")[-1]["was"]["username"] == "eve"
    answer = delete(root, f"/_admin/users/{made.id}", name="eve")
    assert answer.status == 422 and account(site, "eva")
    assert delete(root, f"/_admin/users/{made.id}", name="eva").status == 302
    assert root.get(f"/_admin/users/{made.id}").status == 404 and len(said(site, "user.delete")) == 1


def test_the_last_super_admin_stays_one(root: Visitor, site: Site) -> None:
    me = account(site, "root")
    answer = put(root, f"/_admin/users/{me.id}", username="root", email="root@example.org", active="1")
    assert answer.status == 422 and "must stay" in answer.page.text and account(site, "root").admin
    assert delete(root, f"/_admin/users/{me.id}", name="root").status == 422
    fields = filled_form(root.get(f"/_admin/users/{me.id}/edit"), "username")
    # Nobody can sign in to an account of another plug-in.
    answer = put(root, f"/_admin/users/{me.id}", **fields | {"extern_type": "ldap"})
    assert answer.status == 422 and account(site, "root").extern_type == "rhodecode"
    assert answer.page.all("input", name="extern_type", aria_invalid="true")
    rows.user(site, "deputy", admin=True)
    assert root.get("/_admin/users/1").status == 404 and root.get("/_admin/users/default").status == 404
    assert put(root, f"/_admin/users/{me.id}", **fields | {"extern_type": "ldap"}).status == 302


def test_what_somebody_owns_is_handed_over_before_they_go(root: Visitor, site: Site, ada: Caller, ben: Caller) -> None:
    with site.store.write() as db:
        rows.repository(db, "tide", ada)
        rows.group(db, "harbours", ada)
    page = f"/_admin/users/{ada.user_id}"
    assert "tide" in root.get(f"{page}/edit/advanced").page.text
    assert delete(root, page, name="ada").status == 422
    for heir in ("nobody", "default", "ada"):
        assert root.post(f"{page}/hand_over", heir=heir).status == 422
    assert root.post(f"{page}/hand_over", heir="ben").status == 302
    assert said(site, "user.hand_over") == [
        {"user_id": ada.user_id, "to": "ben", "moved": {"repository": 1, "group": 1, "usergroup": 0}}
    ]
    assert delete(root, page, name="ada").status == 302
