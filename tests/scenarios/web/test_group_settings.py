# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of repositories, in a browser (system.md 2.8)."""

from __future__ import annotations

import pytest

from tests.scenarios.web.test_repository_settings import filled_as, put, told
from tests.support.browser import Browser
from tests.support.clients import Api, Person, Thing, unique
from tests.support.servers import Server

GROUPS = "/_admin/repo_groups"


@pytest.fixture
def mine(root: Api, ada: Person) -> Thing:
    """A group that Ada administers."""
    group = root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.admin")
    return group


def settings(group: Thing, section: str = "") -> str:
    return f"{GROUPS}/{group.name}/edit{section}"


def test_a_group_is_made_in_one_that_somebody_administers(
    server: Server, root: Api, ada: Person, adas: Browser, mine: Thing
) -> None:
    name = unique("made")
    page = f"{GROUPS}/new?parent_group={mine.name}"
    assert [one["value"] for one in adas.get(page).page.all("option") if "selected" in one] == [mine.name]
    answer = put(adas, page, GROUPS, "POST", group_name=name, group_parent_id=mine.name, group_description="Grüße")
    assert answer.location == f"/{mine.name}/{name}" and "Grüße" in told(adas, answer)
    assert root("get_repo_group", repogroupid=f"{mine.name}/{name}")["owner"] == ada.name
    assert f"{mine.name}/{name}" in adas.get(f"{GROUPS}?query={name}").page.text
    again = put(adas, page, GROUPS, "POST", group_name=name, group_parent_id=mine.name)
    assert again.status == 422 and "exists already." in again.page.text
    others = put(adas, page, GROUPS, "POST", group_name=unique("theirs"), group_parent_id=mine.name, group_owner="root")
    assert others.status == 403
    supers = Browser(adas.url)
    supers.sign_in(server.administrator)
    for owner, status in ((unique("nobody"), 422), (ada.name, 302)):
        given = {"group_name": f"{name}-ada", "group_owner": owner}
        assert put(supers, page, GROUPS, "POST", **given).status == status
    assert root("get_repo_group", repogroupid=f"{name}-ada")["owner"] == ada.name
    locked = put(supers, page, GROUPS, "POST", group_name=f"{name}-locked", enable_locking="1")
    assert locked.status == 302
    assert root("get_repo", repoid=root.new_repo(f"{name}-locked/inner").name)["enable_locking"]
    for parent in ("", unique("nowhere")):
        refused = put(adas, page, GROUPS, "POST", group_name=unique("top"), group_parent_id=parent)
        assert refused.status in (403, 422), refused.status


def test_who_administers_none_is_refused(server: Server, root: Api, mine: Thing) -> None:
    person = root.new_user()
    browser = Browser(server.url)
    browser.sign_in(person)
    assert browser.get(f"{GROUPS}/new").status == 403
    assert mine.name not in browser.get(GROUPS).page.text
    token = browser.get("/_admin/create_repository").page.token
    hidden = root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=hidden.id, userid="default", perm="group.none")
    for section in ("", "/permissions", "/advanced"):
        assert browser.get(settings(mine, section)).status == 403
        assert browser.get(settings(hidden, section)).status == 404
        assert browser.get(f"{GROUPS}/no-such/edit{section}").status == 404
    for group, status in ((mine, 403), (hidden, 404)):
        for method, address in (("PUT", f"{GROUPS}/{group.name}"), ("DELETE", f"{GROUPS}/{group.name}")):
            assert browser.post(address, {"csrf_token": token, "_method": method}).status == status


def test_a_group_moves_with_all_that_it_holds(root: Api, ada: Person, adas: Browser, mine: Thing) -> None:
    inside = root.new_repo(f"{mine.name}/{unique('r')}", owner=ada.name)
    other = root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=other.id, userid=ada.id, perm="group.admin")
    fields = filled_as(adas.get(settings(mine)), "group_")
    name = unique("moved")
    moved = put(
        adas, settings(mine), f"{GROUPS}/{mine.name}", **fields | {"group_name": name, "group_parent_id": other.name}
    )
    assert moved.location == f"{GROUPS}/{other.name}/{name}/edit", moved.text[:2000]
    assert root("get_repo", repoid=inside.id)["repo_name"].startswith(f"{other.name}/{name}/")
    page = f"{GROUPS}/{other.name}/{name}/edit"
    into_itself = put(
        adas, page, f"{GROUPS}/{other.name}/{name}", **fields | {"group_parent_id": f"{other.name}/{name}"}
    )
    assert into_itself.status == 422 and "cannot be moved into itself" in into_itself.page.text


def test_a_right_is_given_inside_as_well_and_seen_before(
    server: Server, root: Api, ada: Person, adas: Browser, mine: Thing
) -> None:
    reader = root.new_user()
    ours = [root.new_repo(f"{mine.name}/{unique('r')}", owner=ada.name) for _ in range(2)]
    deep = root.new_repo_group(f"{mine.name}/{unique('g')}")
    root("grant_user_permission_to_repo_group", repogroupid=deep.id, userid=ada.id, perm="group.admin")
    theirs = root.new_repo(f"{deep.name}/{unique('r')}")
    page = settings(mine, "/permissions")
    asked = {"whom": reader.name, "level": "write", "recursive": "all"}
    seen = put(adas, page, page, preview="1", **asked)
    assert seen.status == 200
    assert "2 of 3 repositories" in seen.page.text and "1 of 1 groups" in seen.page.text
    assert "1 stays as it is" in seen.page.text
    assert reader.name not in root.repo_rows(ours[0]) and reader.name not in root.repo_group_rows(mine)
    assert "has the right “write” now" in told(adas, put(adas, page, page, **asked))
    assert [root.repo_rows(one).get(reader.name) for one in (*ours, theirs)] == ["repository.write"] * 2 + [None]
    assert root.repo_group_rows(deep)[reader.name] == "group.write"
    again = put(adas, page, page, preview="1", **asked)
    assert "0 of 3 repositories" in again.page.text and "0 of 1 groups" in again.page.text
    told(adas, put(adas, page, page, **asked | {"level": "remove"}))
    assert reader.name not in root.repo_rows(ours[0]) and reader.name not in root.repo_group_rows(deep)
    assert put(adas, page, page, **asked | {"recursive": "deep"}).status == 422
    own = put(adas, page, page, whom=ada.name, level="read")
    assert own.status == 422 and "You cannot give it back to yourself." in own.page.text


def test_an_empty_group_is_deleted_by_its_name(root: Api, ada: Person, adas: Browser, mine: Thing) -> None:
    page = settings(mine, "/advanced")
    inside = root.new_repo(f"{mine.name}/{unique('r')}", owner=ada.name)
    full = put(adas, page, f"{GROUPS}/{mine.name}", "DELETE", confirm_name=mine.name)
    assert full.status == 422 and "the group is not empty" in full.page.text
    root("delete_repo", repoid=inside.id)
    assert put(adas, page, f"{GROUPS}/{mine.name}", "DELETE", confirm_name="x").status == 422
    assert "was deleted" in told(adas, put(adas, page, f"{GROUPS}/{mine.name}", "DELETE", confirm_name=mine.name))
    assert adas.get(f"/{mine.name}").status == 404
