# SPDX-License-Identifier: GPL-3.0-or-later
"""By what and from where an account is used, and what it may (system.md 2.8)."""

from __future__ import annotations

from sqlalchemy import select

from tests.support.administering import delete, put, said
from tests.support.doors import HERE, Visitor
from trivium.access.caller import Caller
from trivium.forge.accounts import users as accounts
from trivium.forge.grants import global_permissions
from trivium.forge.grants.on_objects import Subject
from trivium.forge.site import Site
from trivium.store import tables


def test_a_new_key_is_shown_once_and_a_deleted_one_is_gone(root: Visitor, site: Site, ada: Caller) -> None:
    page = f"/_admin/users/{ada.user_id}/edit/auth_tokens"
    made = root.post(page, description="ci", lifetime="60", role="token_role_api")
    answer = root.get(made.location)
    assert (made.status, answer.status) == (302, 200) and answer.headers["cache-control"] == "private, no-store"
    shown = [word for word in answer.page.words if len(word) == 40]
    assert len(shown) == 1 and shown[0] not in root.get(page).text + root.get(made.location).text
    assert root.post(page, lifetime="-2").status == 422
    with site.store.read() as db:
        mine = tables.tokens.c.user_id == ada.user_id
        number = db.execute(select(tables.tokens.c.id).where(mine, ~tables.tokens.c.builtin)).scalar_one()
    assert delete(root, page, del_auth_token=str(number)).status == 302
    assert delete(root, page, del_auth_token_builtin="1").status == 302
    assert len(said(site, "token.revoke")) == len(said(site, "token.reset")) == 1


def test_addresses_and_what_would_shut_oneself_out(root: Visitor, site: Site, ada: Caller) -> None:
    page = f"/_admin/users/{ada.user_id}/edit/ips"
    assert root.post(page, new_ip="10.0.0.0/8, 192.0.2.1-192.0.2.4", description="office").status == 302
    text = root.get(page).page.text
    assert "10.0.0.0/8" in text and "192.0.2.2/31" in text and "office" in text
    assert root.post(page, new_ip="nowhere").status == 422
    everybody = "/_admin/permissions/ips"
    assert root.post(everybody, new_ip="10.0.0.0/8").status == 422 and not said(site, "address.allow")[4:]
    assert root.post(everybody, new_ip=f"10.0.0.0/8, {HERE}").status == 302
    with site.store.read() as db:
        addresses = tables.user_addresses.c
        mine = select(addresses.id).where(addresses.user_id == 1, addresses.network == f"{HERE}/32")
        number = db.execute(mine).scalar_one()
    delete(root, everybody, del_ip_id=str(number))
    assert f"{HERE}/32" in root.get(everybody).page.text


def test_mail_addresses_of_an_account(root: Visitor, site: Site, ada: Caller, ben: Caller) -> None:
    page = f"/_admin/users/{ada.user_id}/edit/emails"
    assert root.post(page, new_email="Ada@work.example").status == 302
    for wrong in ("ben@example.org", "no address", ""):
        answer = root.post(page, new_email=wrong)
        assert answer.status == 422 and answer.page.all("input", name="new_email", aria_invalid="true"), wrong
    with site.store.read() as db:
        number = db.execute(select(tables.user_emails.c.id)).scalar_one()
    assert delete(root, page, del_email_id=str(number)).status == 302
    assert said(site, "email.remove") == [{"email": "ada@work.example"}]


def test_what_somebody_may_create(root: Visitor, site: Site, ada: Caller) -> None:
    page = f"/_admin/users/{ada.user_id}/edit/global_permissions"
    assert put(root, page, default_repo_create="hg.create.none").status == 302
    with site.store.read() as db:
        assert global_permissions.own_permissions(db, Subject("ada", user_id=ada.user_id)) == ["hg.create.none"]
        assert not accounts.by_id(db, ada.user_id).inherits
    assert put(root, page, default_repo_create="hg.fork.none").status == 422
    assert put(root, page, inherit_default_permissions="1").status == 302
    forgotten = said(site, "permission.global")[-1]
    assert forgotten["forgotten"] and forgotten["was"] == {"permission": "hg.create.none"}
    assert [one["changes"] for one in said(site, "user.update")] == [
        {"inherit_default_permissions": False},
        {"inherit_default_permissions": True},
    ]
