# SPDX-License-Identifier: GPL-3.0-or-later
"""Who is kept out of the pages of administrators, and what those cost (system.md 2.8, web.md 2.2)."""

from __future__ import annotations

from sqlalchemy import insert

from tests.support import rows
from tests.support.administering import account, said
from tests.support.doors import Doorway, Visitor
from trivium.access.caller import Caller, the_system
from trivium.access.keys import Role
from trivium.access.levels import Level
from trivium.forge.accounts import emails, tokens
from trivium.forge.groups import user_groups
from trivium.forge.site import Site
from trivium.store import tables
from trivium.web.registering import Who, every_view


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


def test_a_list_asks_nothing_for_each_of_its_rows(
    doorway: Doorway, site: Site, root: Visitor, ada: Caller, ben: Caller
) -> None:
    crew = user_groups.create(site, the_system(), name="crew", owner="ada")
    with site.store.write() as db:
        sea, tide = rows.group(db, "sea", ada), rows.repository(db, "tide", ada)

    def add(numbers: range) -> None:
        for number in numbers:
            who = rows.user(site, f"person{number}")
            user_groups.create(site, the_system(), name=f"group{number}", owner="ada")
            tokens.create_token(site, ben, ben.user_id, "ben", role=Role.API, description="", expires=-1)
            emails.add(site, the_system(), ben.user_id, "ben", f"{number}@example.org")
            with site.store.write() as db:
                rows.group(db, f"sea{number}", ada)
                rows.repository(db, f"tide{number}", ada)
                for table, what in (
                    (tables.repository_grants, tide),
                    (tables.repo_group_grants, sea),
                    (tables.user_group_grants, crew.id),
                ):
                    rows.grant(db, table, what, who.user_id, Level.WRITE)
                db.execute(insert(tables.user_group_members).values(user_group_id=crew.id, user_id=who.user_id))

    def asked(path: str) -> int:
        look = root.xhr if path.startswith("/_") and not path.startswith("/_admin") else root.get
        for _ in range(2):
            look(path)  # what is remembered is made
        with doorway.statements() as statements:
            assert look(path).status == 200, path
        return len(statements)

    lists = [f"/_admin{one}" for one in ("", "/jobs", "/permissions/overview", "/my_account/perms")]
    lists += [
        f"/_admin/{one}{query}"
        for one in ("users", "user_groups", "repos", "repo_groups")
        for query in ("", "?query=e")
    ]
    lists += [f"/_admin/users/{ben.user_id}/edit/{one}" for one in ("auth_tokens", "emails", "permissions_summary")]
    lists += [f"/_admin/user_groups/{crew.id}/edit/{one}" for one in ("members", "permissions", "permissions_summary")]
    lists += ["/tide/settings/permissions", "/_admin/repo_groups/sea/edit/permissions"]
    lists += [f"/{one}?query=e" for one in ("_users", "_user_groups", "_repos", "_goto_data")]
    add(range(3))
    few = {path: asked(path) for path in lists}
    add(range(3, 15))
    many = {path: asked(path) for path in lists}
    assert [path for path in lists if many[path] > few[path]] == []
