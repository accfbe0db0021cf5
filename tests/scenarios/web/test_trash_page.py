# SPDX-License-Identifier: GPL-3.0-or-later
"""What was deleted, in a browser (system.md 2.8, 3.6)."""

from __future__ import annotations

from pathlib import Path

from tests.scenarios.web.test_repository_settings import put, told
from tests.support.browser import Browser
from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.systems import new_system

TRASH = "/_admin/trash"


def address_of(browser: Browser, name: str, what: str = "restore") -> str:
    """Where the form of an entry is sent to."""
    page = browser.get(TRASH).page
    sections = [number for number, (_, one) in enumerate(page.elements) if one.get("aria-label") == name]
    assert len(sections) == 1, (name, page.text[:2000])
    forms = [one.get("action", "") for tag, one in page.elements[sections[0] :] if tag == "form"]
    return next(one for one in forms if one.endswith("/restore")).removesuffix("" if what == "restore" else "/restore")


def test_what_was_deleted_comes_back_whole(
    server: Server, root: Api, ada: Person, adas: Browser, kind: str, tmp_path: Path
) -> None:
    name = root.new_repo(owner=ada.name, kind=kind, description="Tide tables").name
    new_system(kind, tmp_path / "clients").checkout(server, name, ada).change("first")
    root("delete_repo", repoid=name)
    assert f"Deleted by root, owned by {ada.name}." in adas.get(TRASH).page.text
    # Somebody has taken the name meanwhile.
    taken = root.new_repo(name, owner=ada.name)
    address = address_of(adas, name)
    refused = put(adas, TRASH, address, "POST", name=name)
    assert refused.status == 422 and f"{name} exists already." in refused.page.text
    bad = put(adas, TRASH, address, "POST", name="x.git")
    assert bad.status == 422 and 'value="x.git"' in bad.text
    other = unique("again")
    assert f"{other} is back." in told(adas, put(adas, TRASH, address, "POST", name=other))
    assert root("get_repo", repoid=other)["description"] == "Tide tables"
    assert b"first" in adas.get(f"/{other}/changelog").body
    assert root("get_repo", repoid=name)["repo_id"] == taken.id
    assert put(adas, TRASH, address, "POST", name=other).status == 404


def test_nobody_sees_what_they_did_not_administer(server: Server, root: Api, ada: Person, adas: Browser) -> None:
    admins, writers, grouped = root.new_user(), root.new_user(), root.new_user()
    people = root.new_user_group(grouped)
    mine = root.new_repo(owner=ada.name)
    root("grant_user_permission", repoid=mine.id, userid=admins.name, perm="repository.admin")
    root("grant_user_permission", repoid=mine.id, userid=writers.name, perm="repository.write")
    root("grant_user_group_permission", repoid=mine.id, usergroupid=people.id, perm="repository.admin")
    root("delete_repo", repoid=mine.id)
    address = address_of(adas, mine.name)
    seen = {}
    for person in (admins, writers, grouped):
        browser = Browser(server.url)
        browser.sign_in(person)
        seen[person.name] = mine.name in browser.get(TRASH).text
        if not seen[person.name]:
            token = browser.get("/_admin/create_repository").page.token
            for method, path in (("POST", address), ("DELETE", address.removesuffix("/restore"))):
                answer = browser.post(path, {"csrf_token": token, "_method": method, "confirm_name": mine.name})
                assert answer.status == 404
    assert seen == {admins.name: True, writers.name: False, grouped.name: True}
    super_admin = Browser(server.url)
    super_admin.sign_in(server.administrator)
    assert mine.name in super_admin.get(TRASH).text
    assert Browser(server.url).get(TRASH).location.startswith("/_admin/login")


def test_nothing_comes_back_where_somebody_may_not_create(root: Api, ada: Person, adas: Browser) -> None:
    group = root.new_repo_group()
    name = f"{group.name}/{unique('r')}"
    root("create_repo", repo_name=name, repo_type="git", owner=ada.name)
    root("delete_repo", repoid=name)
    refused = put(adas, TRASH, address_of(adas, name), "POST", name=name)
    assert refused.status == 422 and f"There is no {group.name}, or you may not see it." in refused.page.text


def test_something_is_removed_for_good_by_its_name(server: Server, root: Api, ada: Person, adas: Browser) -> None:
    mine = root.new_repo(owner=ada.name)
    root("delete_repo", repoid=mine.id)
    address = address_of(adas, mine.name, "remove")
    assert put(adas, TRASH, address, "DELETE", confirm_name="x").status == 422
    assert put(adas, TRASH, address, "DELETE").status == 422
    assert "was removed for good" in told(adas, put(adas, TRASH, address, "DELETE", confirm_name=mine.name))
    assert mine.name not in server.administer("trash", "list")
