# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of administrators: what they show, what their forms change, and who is kept out (system.md 2.8, web.md 2.2)."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from sqlalchemy import func, select

from tests.support import gits, rows
from tests.support.browser import Answer
from tests.support.doors import HERE, Doorway, Visitor
from trivium.access.caller import Caller, the_system
from trivium.access.levels import Level
from trivium.forge.accounts import users as accounts
from trivium.forge.grants import global_permissions
from trivium.forge.grants.on_objects import Subject
from trivium.forge.groups import user_groups
from trivium.forge.jobs import finding, running
from trivium.forge.repositories import creation, rescans
from trivium.forge.repositories import finding as repositories
from trivium.forge.repositories import settings as repository_settings
from trivium.forge.repositories.requests import CreationRequest
from trivium.forge.site import Site
from trivium.forge.upkeep.queued_maintenance import MAINTENANCE
from trivium.jobs.carrying_out import carry_out
from trivium.store import tables
from trivium.vcs.values import Layout
from trivium.web.registering import Who, every_view


@pytest.fixture
def root(doorway: Doorway) -> Visitor:
    with doorway.site.store.read() as db:
        return doorway.visitor(accounts.first_super_admin(db).as_caller(HERE))


def put(visitor: Visitor, path: str, **fields: str) -> Answer:
    return visitor.post(path, _method="PUT", **fields)


def delete(visitor: Visitor, path: str, **fields: str) -> Answer:
    return visitor.post(path, _method="DELETE", **fields)


def said(site: Site, action: str) -> list[dict[str, Any]]:
    """What the journal has noted of a kind of act."""
    journal = tables.journal
    with site.store.read() as db:
        found = db.execute(select(journal.c.detail).where(journal.c.action == action).order_by(journal.c.id)).scalars()
        return [json.loads(one) for one in found]


def account(site: Site, name: str) -> accounts.User:
    with site.store.read() as db:
        return accounts.find(db, name)


def test_others_are_kept_out_and_forged_forms_change_nothing(
    doorway: Doorway, site: Site, root: Visitor, ben: Caller
) -> None:
    visitor, number = doorway.visitor(ben), str(ben.user_id)
    samples = {"user": number, "plugin": "rhodecode", "form": "csv"}
    for view in every_view():
        if view.name.startswith("admin_") and view.needs is Who.SUPER_ADMIN:
            path = "/".join(samples.get(one.strip("{}"), "1") if "{" in one else one for one in view.rules[0].segments)
            for method in view.methods:
                answer = visitor.get(f"/{path}") if method == "GET" else visitor.post(f"/{path}", _method=method)
                assert answer.status == 403, (method, path)
                if method != "GET":
                    assert root.post(f"/{path}", token=False, _method=method).status == 403, (method, path)
    assert account(site, "ben").active and not said(site, "user.update")


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
    assert root.get("/_admin/users/1").status == 404 and root.get("/_admin/users/default").status == 404


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


def test_everybodys_rights_on_all_that_there_is(root: Visitor, site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        for number in range(3):
            rows.repository(db, f"open{number}", ada)
        rows.repository(db, "closed", ada, private=True, default=Level.NONE)
        rows.repository(db, "written", ada, default=Level.WRITE)
        unsaid = rows.repository(db, "unsaid", ada)
        grants = tables.repository_grants
        db.execute(grants.delete().where(grants.c.object_id == unsaid))
    page = "/_admin/permissions/object"
    assert "overwriting changes 2 of 5" in root.get(page).page.text
    levels = {"default_group_perm": "group.read", "default_user_group_perm": "usergroup.none"}
    answer = root.post(page, **levels, default_repo_perm="repository.write", overwrite_default_repo="1")
    assert answer.status == 302
    assert said(site, "permission.overwrite") == [{"scope": "repository", "level": "repository.write", "count": 4}]
    with site.store.read() as db:
        counted = select(grants.c.level, func.count()).where(grants.c.user_id == 1).group_by(grants.c.level)
        assert dict(tuple(row) for row in db.execute(counted)) == {int(Level.WRITE): 5, int(Level.NONE): 1}
    assert "overwriting changes 0 of 5" in root.get(page).page.text
    with site.store.write() as db:
        rows.repository(db, "another", ada)
    assert "overwriting changes 1 of 6" in root.get(page).page.text
    assert root.post(page, **levels, default_repo_perm="group.read").status == 422


def test_who_may_come_in(root: Visitor, site: Site) -> None:
    page = "/_admin/permissions/application"
    assert root.post(page, anonymous="1", default_register="hg.register.auto_activate").status == 302
    assert said(site, "site.anonymous_access")[-1:] == [{"allowed": True, "was": {"allowed": False}}]
    assert root.post(page, default_register="hg.create.none").status == 422
    assert root.post(page, default_register="hg.register.none").status == 302
    assert root.get("/_admin/permissions").status == root.get("/_admin/permissions/overview").status == 200
    fields = {
        "default_repo_create": "hg.create.none",
        "default_repo_create_on_write": "hg.create.write_on_repogroup.false",
        "default_repo_group_create": "hg.repogroup.create.true",
        "default_user_group_create": "hg.usergroup.create.true",
        "default_fork_create": "hg.fork.none",
    }
    assert root.post("/_admin/permissions/global", **fields).status == 302
    assert root.post("/_admin/permissions/global", **(fields | {"default_fork_create": ""})).status == 422


def test_user_groups_belong_to_whoever_administers_them(
    doorway: Doorway, root: Visitor, site: Site, ben: Caller
) -> None:
    ada = rows.user(site, "adele")
    visitor = doorway.visitor(ada)
    assert visitor.get("/_admin/user_groups/new").status == 403
    assert visitor.post("/_admin/user_groups", users_group_name="crew").status == 403
    global_permissions.set_permission(
        site, the_system(), Subject("adele", user_id=ada.user_id), "hg.usergroup.create.true"
    )
    answer = visitor.post("/_admin/user_groups", users_group_name="crew", users_group_active="1")
    page = answer.location.removesuffix("/edit/members")
    assert answer.status == 302 and "crew" in visitor.get("/_admin/user_groups").page.text
    assert "crew" not in doorway.visitor(ben).get("/_admin/user_groups").page.text
    assert doorway.visitor(ben).get(page).status == 404
    assert visitor.post(f"{page}/edit/members", user="ben").status == 302
    assert visitor.post(f"{page}/edit/members", user="ben").status == 422
    assert visitor.post(f"{page}/edit/members", user="nobody").status == 422
    assert "ben" in visitor.get(f"{page}/edit/members").page.text
    assert put(visitor, f"{page}/edit/permissions", name="ben", perm="usergroup.admin").status == 302
    assert doorway.visitor(ben).get(page).status == 200
    assert put(visitor, f"{page}/edit/permissions", name="crew", perm="usergroup.read", of_group="1").status == 422
    assert delete(visitor, f"{page}/edit/permissions", name="ben", of_group="").status == 302
    assert delete(visitor, f"{page}/edit/members", user=str(ben.user_id)).status == 302
    assert visitor.get(f"{page}/edit/global_permissions").status == 403
    fields = {"users_group_name": "crew two", "user_group_description": "x", "users_group_active": "1"}
    assert put(visitor, page, **fields, user="nobody").status == 422
    assert put(visitor, page, **fields, user="adele").status == 302
    assert put(root, f"{page}/edit/global_permissions", default_fork_create="hg.fork.none").status == 302
    with site.store.write() as db:
        repository = rows.repository(db, "tide", ada)
        group = user_groups.find(db, ada, "crew two", Level.ADMIN)
        values = {"object_id": repository, "group_id": group.id, "level": int(Level.WRITE)}
        db.execute(tables.repository_grants.insert().values(**values))
    answer = delete(visitor, page, name="crew two")
    assert answer.status == 422 and "tide" in answer.page.text
    assert "tide" in root.get(f"{page}/edit/permissions_summary").page.text
    with site.store.write() as db:
        db.execute(tables.repository_grants.delete().where(tables.repository_grants.c.group_id == group.id))
    assert delete(visitor, page, name="crew two").status == 302


def test_repositories_that_one_administers(
    doorway: Doorway, root: Visitor, site: Site, ada: Caller, ben: Caller
) -> None:
    with site.store.write() as db:
        rows.repository(db, "mine", ada)
        theirs = rows.repository(db, "theirs", ben)
        rows.repository(db, "others", ben)
        rows.grant(db, tables.repository_grants, theirs, ada.user_id, Level.ADMIN)
    text = doorway.visitor(ada).get("/_admin/repos").page.text
    assert "mine" in text and "theirs" in text and "others" not in text
    assert "theirs" not in doorway.visitor(ada).get("/_admin/repos?query=mine").page.text
    assert "others" in root.get("/_admin/repos?query=oth").page.text


def test_the_audit_log_tells_old_and_new_and_leaves_as_files(root: Visitor, site: Site, ada: Caller) -> None:
    accounts.update_account(site, the_system(), account(site, "ada"), accounts.UserChanges(lastname="=1+1, née Byron"))
    accounts.update_account(site, the_system(), account(site, "ada"), accounts.UserChanges(lastname="Lovelace"))
    text = root.get("/_admin?action=user.update&subject=ada&user=trivium").page.text
    assert "=1+1, née Byron → Lovelace" in text and "made an account" not in text.partition("Until")[2]
    assert "Nothing found" in root.get("/_admin?subject=nothing").page.text
    assert "Nothing found" in root.get("/_admin?until=2001-01-01").page.text
    exported = root.get("/_admin/audit/csv?action=user.update")
    assert exported.headers["content-type"] == "text/csv; charset=utf-8"
    table = list(csv.reader(io.StringIO(exported.text)))
    assert [row[5] for row in table] == ["subject", "ada", "ada"]
    lines = [json.loads(line) for line in root.get("/_admin/audit/jsonl?subject=ada").text.splitlines()]
    assert lines[0]["detail"]["was"] == {"lastname": "=1+1, née Byron"} and lines[-1]["action"] == "user.create"
    assert root.get("/_admin/audit/xml").status == 404


def test_no_cell_of_an_export_is_a_formula(root: Visitor, site: Site) -> None:
    from trivium.forge.events import journal
    from trivium.forge.events.accounts import TokenReset

    with site.store.write(access_unchanged=True) as db:
        journal.record(db, the_system(), TokenReset(subject="=cmd|' /C calc'!A0"))
    table = list(csv.reader(io.StringIO(root.get("/_admin/audit/csv?action=token.reset").text)))
    assert table[1][5] == "'=cmd|' /C calc'!A0"


def test_the_state_of_the_installation(root: Visitor) -> None:
    for page in ("settings", "settings/configuration", "settings/email", "settings/mapping", "settings/system", "auth"):
        assert root.get(f"/_admin/{page}").status == 200, page
    assert root.get("/_admin/auth/ldap").status == 404
    answer = root.post("/_admin/settings/email", test_email="somebody@example.org")
    assert answer.status == 200 and "The mail did not leave" in answer.page.text
    assert root.post("/_admin/settings/system/undelivered", subscriber="x", event="1").status == 302
    assert root.post("/_admin/settings/email", test_email="two, addresses").status == 422


def test_what_new_repositories_begin_with(doorway: Doorway, root: Visitor, site: Site, ada: Caller) -> None:
    page = "/_admin/defaults/repositories"
    assert root.post(page, default_repo_type="cvs").status == 422
    fields = {"default_repo_type": "hg", "default_repo_private": "1", "default_repo_enable_downloads": "1"}
    assert root.post(page, **fields).status == 302 and root.post(page, **fields).status == 302
    wanted = {"kind": "hg", "private": True, "enable_downloads": True}
    before = {"kind": "git", "private": False, "enable_downloads": False}
    assert said(site, "site.settings") == [{"changes": wanted, "was": before}]
    form = doorway.visitor(ada).get("/_admin/create_repository").page
    assert form.all("input", name="repo_type", value="hg", checked="")
    assert form.all("input", name="repo_private", checked="")
    answer = doorway.visitor(ada).post("/_admin/repos", repo_name="tide", repo_type="git")
    assert answer.status == 302
    with site.store.read() as db:
        columns = (tables.repositories.c.enable_downloads, tables.repositories.c.private)
        assert tuple(db.execute(select(*columns)).one()) == (True, False)


def test_every_page_shows_what_the_site_is_called(doorway: Doorway, root: Visitor, site: Site, ada: Caller) -> None:
    adas = doorway.visitor(ada)
    assert "· Trivium</title>" in adas.get("/").text
    assert root.post("/_admin/settings/global", rhodecode_title="Tide & Time <b>").status == 302
    assert root.post("/_admin/settings/visual", **LOOK).status == 302
    for visitor in (adas, root):
        page = visitor.get("/")
        assert "· Tide &amp; Time &lt;b&gt;</title>" in page.text and "https://help.example.org/" in page.page.links
        assert "Trivium 0" not in page.page.text
    assert root.post("/_admin/settings", rhodecode_title="x" * 81).status == 422
    assert said(site, "site.settings") == [
        {"changes": {"title": "Tide & Time <b>"}, "was": {"title": ""}},
        {
            "changes": {"support_url": "https://help.example.org/", "show_version": False},
            "was": {"support_url": "", "show_version": True},
        },
    ]


LOOK = {
    "rhodecode_support_url": "https://help.example.org/",
    "rhodecode_show_private_icon": "1",
    "rhodecode_repository_fields": "1",
    "rhodecode_show_revision_number": "1",
    "rhodecode_show_sha_length": "12",
    "rhodecode_dashboard_items": "50",
    "rhodecode_admin_grid_items": "50",
}


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("rhodecode_support_url", "javascript:alert(1)"),
        ("rhodecode_show_sha_length", "5"),
        ("rhodecode_show_sha_length", "41"),
        ("rhodecode_dashboard_items", "9"),
        ("rhodecode_admin_grid_items", "201"),
        ("rhodecode_admin_grid_items", "many"),
        ("rhodecode_clone_uri_tmpl", "{scheme}://{netloc}/all"),
        ("rhodecode_clone_uri_tmpl", "{scheme}://{host}/{repo}"),
        ("rhodecode_clone_uri_tmpl", "ftp://{netloc}/{repo}"),
        ("rhodecode_clone_uri_tmpl", "{scheme}://{netloc}/{repo} --upload-pack=x"),
    ],
)
def test_a_look_that_cannot_be_is_refused_beside_its_field(root: Visitor, site: Site, field: str, wrong: str) -> None:
    answer = root.post("/_admin/settings/visual", **(LOOK | {field: wrong}))
    assert answer.status == 422 and answer.page.all("input", name=field, aria_invalid="true")
    assert not said(site, "site.settings")


def test_lists_look_as_the_site_wants(doorway: Doorway, root: Visitor, site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        for number in range(11):
            rows.repository(db, f"tide{number:02}", ada, private=number == 0)
    adas = doorway.visitor(ada)
    before = adas.get("/").page
    assert "Private" in before.text and "Public" not in before.text and not before.all("a", rel="next")
    wanted = LOOK | {
        "rhodecode_show_private_icon": "",
        "rhodecode_show_public_icon": "1",
        "rhodecode_dashboard_items": "10",
        "rhodecode_admin_grid_items": "10",
    }
    assert root.post("/_admin/settings/visual", **wanted).status == 302
    after = adas.get("/").page
    assert "Public" in after.text and "Private" not in after.text and after.all("a", rel="next")
    assert root.get("/_admin/repos").page.all("a", rel="next")


def test_marks_in_descriptions_are_tags_where_the_site_wants_them(root: Visitor, site: Site, ada: Caller) -> None:
    asked = CreationRequest(name="tide", kind="git", description="[stale] <b> [license => MIT] [requires => a/b]")
    creation.create(site, ada, asked)
    assert "[stale] <b> [license => MIT]" in root.get("/tide").page.text
    assert root.post("/_admin/settings/visual", **LOOK, rhodecode_stylify_metatags="1").status == 302
    for address in ("/tide", "/"):
        page = root.get(address).page
        assert "license MIT" in page.text and "[stale]" not in page.text and "/a/b" in page.links, address


def test_addresses_to_clone_from_look_as_the_site_wants(
    doorway: Doorway, root: Visitor, site: Site, ada: Caller, ben: Caller
) -> None:
    creation.create(site, ada, CreationRequest(name="of tide", kind="git"))
    template = "ssh://{user}@git.example.org/{repo}"
    assert root.post("/_admin/settings/visual", **LOOK, rhodecode_clone_uri_tmpl=template).status == 302
    text = doorway.visitor(ben).get("/of%20tide").page.text
    assert "ssh://ben@git.example.org/of%20tide" in text and "ssh://ben@git.example.org/_" in text


def test_what_holds_for_repositories_without_settings_of_their_own(root: Visitor, site: Site, ada: Caller) -> None:
    creation.create(site, ada, CreationRequest(name="own", kind="svn"))
    creation.create(site, ada, CreationRequest(name="other", kind="svn"))
    wanted = {"new_svn_branch": "main\nlines/*", "new_svn_tag": "marks/*"}
    assert root.post("/_admin/settings/vcs", **(wanted | {"new_svn_tag": ".."})).status == 422
    with site.store.read() as db:
        own, other = (repositories.find(db, the_system(), name, Level.ADMIN) for name in ("own", "other"))
    repository_settings.change(site, ada, own, {"hooks_outgoing_pull_logger": True, "vcs_svn_tag": ["mine/*"]})
    assert root.post("/_admin/settings/vcs", **wanted).status == 302
    with site.store.read() as db:
        assert repository_settings.without_pulls(db, {own.id, other.id}) == {other.id}
        assert [repository_settings.publishes(db, one.id) for one in (own, other)] == [False, False]
        assert repository_settings.layout_of(db, other) == Layout(("main", "lines/*"), ("marks/*",))
        assert repository_settings.layout_of(db, own) == Layout(("main", "lines/*"), ("mine/*",))
    assert said(site, "site.settings")[0]["was"]["vcs_svn_tag"] == ["tags/*"]
    assert "marks/*" in root.get("/other/settings/vcs").page.text


def test_ids_are_as_long_as_the_site_wants_and_parts_that_were_kept_follow(
    doorway: Doorway, root: Visitor, site: Site, ada: Caller
) -> None:
    with site.store.write() as db:
        rows.repository(db, "tide", ada)
    (first,) = gits.history(site.tree.path_of("tide"), {"a": "a\n"})
    adas = doorway.visitor(ada)
    for length in (12, 7, 12, 40):
        assert root.post("/_admin/settings/visual", **(LOOK | {"rhodecode_show_sha_length": str(length)})).status == 302
        words = adas.get("/tide/changelog").page.words
        assert first[:length] in words and (length == 40 or first[: length + 1] not in words)


def test_the_free_software_is_named(root: Visitor) -> None:
    text = root.get("/_admin/settings/open_source").page.text
    assert "SQLAlchemy" in text and "MIT" in text


def test_a_rescan_tells_before_it_changes(root: Visitor, site: Site) -> None:
    assert root.post("/_admin/settings/mapping", destroy="1").status == 302
    with site.store.read() as db:
        (job,) = finding.of_kind(db, the_system(), rescans.RESCAN.name, 5)
    asked = {"remove_obsolete": True, "dry": True, "even_most": False, "invalidate": False}
    assert json.loads(job.arguments) == asked
    answer = root.get("/_admin/settings/mapping")
    assert "waits" in answer.page.text and answer.headers["refresh"] == "2" and answer.page.all("progress")
    (site.tree.root / "found.git").mkdir()
    assert rescans.look(site).added == ()


def test_a_rescan_forgets_what_is_kept_and_more_than_half_when_told_so(root: Visitor, site: Site, ada: Caller) -> None:
    with site.store.write() as db:
        lost, kept = rows.repository(db, "lost", ada), rows.repository(db, "kept", ada)
        rows.repository(db, "gone", ada)
    (site.tree.root / "kept").mkdir()
    answers = [site.cache_of(one) for one in (lost, kept)]
    for one in answers:
        one.mkdir(parents=True)
        (one / "answer").write_bytes(b"kept")
    assert root.post("/_admin/settings/mapping", destroy="1", really="1").status == 302
    assert look_for_jobs(site) == ["failed"]
    assert (answers[1] / "answer").exists()
    everything = {"destroy": "1", "even_most": "1", "invalidate": "1", "really": "1"}
    assert root.post("/_admin/settings/mapping", **everything).status == 302
    assert look_for_jobs(site) == ["done", "failed"]
    assert not (answers[1] / "answer").exists()
    assert said(site, "site.invalidate_caches") == [{"count": 1}]
    assert {one["kind"] for one in said(site, "repository.delete")} == {"git"}


def do_due(site: Site) -> None:
    """Do the jobs that wait."""
    with site.store.read() as db:
        waiting = running.due(db, 10)
    for one in waiting:
        assert carry_out(site, one.id)


def look_for_jobs(site: Site) -> list[str]:
    """Do what rescans were asked for; the states of those jobs, the newest first."""
    do_due(site)
    with site.store.read() as db:
        return [job.state.value for job in finding.of_kind(db, the_system(), rescans.RESCAN.name, 5)]


def test_maintenance_of_one_and_of_all(doorway: Doorway, root: Visitor, site: Site, ada: Caller, ben: Caller) -> None:
    creation.create(site, ada, CreationRequest(name="tide", kind="git"))
    page = "/_admin/settings/maintenance"
    assert root.post(page, repository="nothing").status == 422
    assert root.post(page, repository="tide").status == root.post(page).status == 302
    assert "tide" in root.get(page).page.text and len(root.get(page).page.all("progress")) == 2
    assert put(doorway.visitor(ben), "/tide/settings/maintenance").status == 403
    assert put(doorway.visitor(ada), "/tide/settings/maintenance").status == 302
    do_due(site)
    with site.store.read() as db:
        done = finding.of_kind(db, the_system(), MAINTENANCE.name, 5)
    assert [job.state.value for job in done] == ["done", "done"] and "all are in good order" in done[0].log
    assert len(said(site, "repository.maintenance")) == 2


def test_patterns_of_the_site_lead_to_its_tracker(doorway: Doorway, site: Site, root: Visitor, ben: Caller) -> None:
    page = "/_admin/settings/issue-tracker"
    assert doorway.visitor(ben).get(page).status == 403
    assert 'name="pattern_0" value=""' in root.get(page).text
    answer = root.post(page, pattern_0=r"#(\d+", url_0="https://tracker.example.org/${id}", description_0="as typed")
    assert answer.status == 422 and 'aria-invalid="true" aria-describedby="pattern_0-e"' in answer.text
    assert 'value="as typed"' in answer.text
    assert root.post(page, pattern_0=r"#(\d+)", url_0="https://tracker.example.org/${id}").status == 302
    assert r'name="pattern_0" value="#(\d+)"' in root.get(page).text
    assert len(said(site, "site.settings")) == 1
