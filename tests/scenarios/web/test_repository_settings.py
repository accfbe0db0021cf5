# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a repository, in a browser (system.md 2.7)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Person, Thing, unique
from tests.support.servers import Server
from tests.support.systems import new_system
from tests.support.waiting import until

SECTIONS = ("", "/permissions", "/fields", "/advanced", "/caches", "/statistics", "/vcs", "/issue-tracker")


@pytest.fixture
def mine(root: Api, ada: Person, kind: str) -> Thing:
    """A repository of Ada, of each system."""
    return root.new_repo(owner=ada.name, kind=kind)


def put(browser: Browser, page: str, address: str, method: str = "PUT", **fields: str) -> Answer:
    """Send a form that stands on a page."""
    return browser.post(address, {"csrf_token": browser.get(page).page.token, "_method": method, **fields})


def told(browser: Browser, answer: Answer) -> str:
    assert answer.status == 302, answer.text[:3000]
    return browser.get(answer.location).page.text


def filled(answer: Answer) -> dict[str, str]:
    """What the general form would send as it is."""
    return filled_as(answer, "repo_")


def filled_as(answer: Answer, prefix: str) -> dict[str, str]:
    """The same of fields whose names begin so: lines and boxes."""
    page = answer.page
    boxes = {one["name"]: "1" for one in page.all("input", type="checkbox") if {"name", "checked"} <= one.keys()}
    lines = {one["name"]: one["value"] for one in page.all("input", type="text") if one["name"].startswith(prefix)}
    return lines | boxes


def test_every_section_is_there_for_whoever_administers(server: Server, root: Api, adas: Browser, mine: Thing) -> None:
    assert f"/{mine.name}/settings" in adas.get(f"/{mine.name}").page.links
    writer = root.new_user()
    root("grant_user_permission", repoid=mine.id, userid=writer.id, perm="repository.write")
    others = Browser(server.url)
    others.sign_in(writer)
    assert f"/{mine.name}/settings" not in others.get(f"/{mine.name}").page.links
    for section in SECTIONS:
        page = adas.get(f"/{mine.name}/settings{section}")
        assert page.status == 200, page.text[:3000]
        assert [one for one in page.page.all("a", aria_current="page") if "/settings" in one["href"]]
        assert others.get(f"/{mine.name}/settings{section}").status == 403


def test_what_is_saved_is_there_and_what_is_not_is_told(root: Api, ada: Person, adas: Browser, mine: Thing) -> None:
    root("add_field_to_repo", repoid=mine.id, key="ticket", label="Ticket")
    page = f"/{mine.name}/settings"
    fields = filled(adas.get(page)) | {"repo_description": "Tide tables", "repo_enable_downloads": "1"}
    assert "Saved." in told(adas, put(adas, page, f"/_admin/repos/{mine.name}", **fields, ex_ticket="T-1"))
    found = root("get_repo", repoid=mine.id)
    assert (found["description"], found["enable_downloads"], found["ex_ticket"]) == ("Tide tables", True, "T-1")
    fields["repo_owner"] = unique("nobody")
    refused = put(adas, page, f"/_admin/repos/{mine.name}", **fields, ex_ticket="T-2")
    assert refused.status == 422 and f"There is no {fields['repo_owner']}" in refused.page.text
    assert "T-2" in refused.text
    (marked,) = [one for _, one in refused.page.elements if one.get("aria-invalid") == "true"]
    assert marked["name"] == "repo_owner"
    assert root("get_repo", repoid=mine.id)["ex_ticket"] == "T-1"


def test_nobody_undoes_what_somebody_else_has_saved_meanwhile(root: Api, adas: Browser, mine: Thing) -> None:
    page = f"/{mine.name}/settings"
    shown = adas.get(page)
    fields = filled(shown) | {"repo_description": "Mine", "seen": shown.page.all("input", name="seen")[0]["value"]}
    root("update_repo", repoid=mine.id, private=True, description="Theirs")
    refused = put(adas, page, f"/_admin/repos/{mine.name}", **fields)
    assert refused.status == 409 and "changed this to “Theirs” meanwhile" in refused.page.text
    assert "switched this on meanwhile" in refused.page.text and "Mine" in refused.text
    stored = root("get_repo", repoid=mine.id)
    assert (stored["description"], stored["private"]) == ("Theirs", True)
    again = fields | {"repo_private": "1", "seen": refused.page.all("input", name="seen")[0]["value"]}
    assert put(adas, page, f"/_admin/repos/{mine.name}", **again).status == 302
    stored = root("get_repo", repoid=mine.id)
    assert (stored["description"], stored["private"]) == ("Mine", True)


def test_nor_what_they_have_typed_into_an_extra_field(root: Api, adas: Browser, mine: Thing) -> None:
    root("add_field_to_repo", repoid=mine.id, key="ticket", label="Ticket")
    page, address = f"/{mine.name}/settings", f"/_admin/repos/{mine.name}"
    shown = adas.get(page)
    fields = filled(shown) | {"seen": shown.page.all("input", name="seen")[0]["value"]}
    assert put(adas, page, address, **fields, ex_ticket="T-1").status == 302
    refused = put(adas, page, address, **fields, ex_ticket="T-2")
    assert refused.status == 409 and "changed this to “Ticket: T-1” meanwhile" in refused.page.text
    assert root("get_repo", repoid=mine.id)["ex_ticket"] == "T-1" and "T-2" in refused.text
    again = fields | {"seen": refused.page.all("input", name="seen")[0]["value"]}
    assert put(adas, page, address, **again, ex_ticket="T-2").status == 302
    assert root("get_repo", repoid=mine.id)["ex_ticket"] == "T-2"


def test_a_rename_and_a_move(root: Api, ada: Person, adas: Browser, mine: Thing) -> None:
    group = root.new_repo_group()
    page = f"/{mine.name}/settings"
    fields = filled(adas.get(page))
    assert put(adas, page, f"/_admin/repos/{mine.name}", **fields | {"repo_group": group.name}).status == 422
    root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm="group.write")
    name = unique("renamed")
    answer = put(adas, page, f"/_admin/repos/{mine.name}", **fields | {"repo_group": group.name, "repo_name": name})
    assert answer.location == f"/{group.name}/{name}/settings"
    assert root("get_repo", repoid=mine.id)["repo_name"] == f"{group.name}/{name}"
    assert adas.get(f"/{mine.name}").location == f"/{group.name}/{name}"
    taken = root.new_repo(f"{group.name}/{unique('taken')}", owner=ada.name)
    page = f"/{group.name}/{name}/settings"
    fields = filled(adas.get(page)) | {"repo_group": group.name, "repo_name": taken.name.rpartition("/")[2]}
    refused = put(adas, page, f"/_admin/repos/{group.name}/{name}", **fields)
    assert refused.status == 422 and f"{taken.name} exists already." in refused.page.text


def test_rows_of_rights_say_what_they_come_from(
    server: Server, root: Api, ada: Person, adas: Browser, mine: Thing
) -> None:
    page = f"/{mine.name}/settings/permissions"
    reader = root.new_user()
    people = root.new_user_group(reader)
    for whom, level in ((people.name, "write"), (reader.name, "read")):
        if whom == people.name:
            root("grant_user_permission_to_user_group", usergroupid=people.id, userid=ada.id, perm="usergroup.read")
        assert f"{whom} has the right “{level}” now." in told(adas, put(adas, page, page, whom=whom, level=level))
    shown = adas.get(page).page.text
    assert "administers the site" in shown and "default: who has no row" in shown
    assert f"it replaces “write” of {people.name}" in shown
    assert root.repo_rows(mine) == {
        "default": "repository.read",
        reader.name: "repository.read",
        people.name: "repository.write",
    }
    told(adas, put(adas, page, page, whom=reader.name, of="user", level="write", take="1"))
    assert reader.name not in root.repo_rows(mine)
    wrong = put(adas, page, page, whom=unique("nobody"), level="read")
    assert wrong.status == 422 and "There is no nobody" in wrong.page.text
    assert put(adas, page, page, whom=reader.name, level="owner").status == 422
    # Nobody takes their own right away by mistake.
    told(adas, put(adas, page, page, whom=reader.name, level="admin"))
    readers = Browser(server.url)
    readers.sign_in(reader)
    asked = put(readers, page, page, whom=reader.name, level="read")
    assert asked.status == 422 and "You cannot give it back to yourself." in asked.page.text
    assert root.repo_rows(mine)[reader.name] == "repository.admin"
    told(readers, put(readers, page, page, whom=reader.name, level="read", sure="1"))
    assert root.repo_rows(mine)[reader.name] == "repository.read"
    # Nor when it comes from a user group.
    told(adas, put(adas, page, page, whom=people.name, of="group", level="admin"))
    told(adas, put(adas, page, page, whom=reader.name, level="remove"))
    root("grant_user_permission_to_user_group", usergroupid=people.id, userid=reader.id, perm="usergroup.read")
    asked = put(readers, page, page, whom=people.name, of="group", level="admin", take="1")
    assert asked.status == 422 and "You cannot give it back to yourself." in asked.page.text
    sent = {name: asked.page.all("input", type="hidden", name=name)[0]["value"] for name in ("level", "take", "of")}
    assert sent == {"level": "admin", "take": "1", "of": "group"}
    told(readers, put(readers, page, page, whom=people.name, sure="1", **sent))
    assert people.name not in root.repo_rows(mine)


def test_extra_fields_come_and_go(root: Api, adas: Browser, mine: Thing) -> None:
    page = f"/{mine.name}/settings/fields"
    assert "ticket was added" in told(adas, put(adas, page, f"{page}/new", new_field_key="ticket"))
    assert put(adas, page, f"{page}/new", new_field_key="ticket").status == 422
    for key in ("a b", "ab", "a.bc"):
        refused = put(adas, page, f"{page}/new", new_field_key=key)
        assert refused.status == 422 and refused.page.all("input", name="new_field_key", value=key, aria_invalid="true")
    actions = {one.get("action", "") for one in adas.get(page).page.all("form")}
    (address,) = {one for one in actions if one.startswith(f"{page}/")} - {f"{page}/new"}
    assert "ticket was removed" in told(adas, put(adas, page, address, "DELETE"))
    assert "ex_ticket" not in root("get_repo", repoid=mine.id)
    assert put(adas, page, address, "DELETE").status == 404


def test_locks_the_journal_and_the_archive(server: Server, root: Api, ada: Person, adas: Browser, mine: Thing) -> None:
    page = f"/{mine.name}/settings/advanced"
    assert "You hold the lock now." in told(adas, put(adas, page, f"{page}/locking", set_lock="1"))
    held = root("lock", repoid=mine.id)
    assert (held["locked_by"], held["lock_reason"]) == (ada.name, "lock_web")
    writer = root.new_user()
    root("grant_user_permission", repoid=mine.id, userid=writer.id, perm="repository.write")
    writers = Browser(server.url)
    writers.sign_in(writer)
    toggled = put(writers, f"/{mine.name}", f"{page}/locking_toggle", "POST")
    assert toggled.status == 403 and f"locked by user `{ada.name}`" in toggled.page.text
    told(adas, put(adas, page, f"{page}/locking", set_unlock="1"))
    assert "You hold the lock now." in told(writers, put(writers, f"/{mine.name}", f"{page}/locking_toggle", "POST"))
    assert "Nobody holds" in told(writers, put(writers, f"/{mine.name}", f"{page}/locking_toggle", "POST"))
    told(adas, put(adas, page, f"{page}/journal", public="1"))
    assert "is told in the public journal" in adas.get(page).page.text
    told(adas, put(adas, page, f"{page}/archive", archived="1"))
    assert "Archived" in adas.get(f"/{mine.name}").page.text
    for address, field in (("journal", "public"), ("archive", "archived")):
        assert put(adas, page, f"{page}/{address}", **{field: "perhaps"}).status == 422
    assert "Archived" in adas.get(f"/{mine.name}").page.text
    told(adas, put(adas, page, f"{page}/archive"))
    assert "Archived" not in adas.get(f"/{mine.name}").page.text


def test_a_parent_is_set_and_no_circle(root: Api, ada: Person, adas: Browser, mine: Thing, kind: str) -> None:
    page, parent = f"/{mine.name}/settings/advanced", root.new_repo(owner=ada.name, kind=kind)
    told(adas, put(adas, page, f"{page}/fork", id_fork_of=parent.name))
    assert root("get_repo", repoid=mine.id)["fork_of"] == parent.name
    circle = f"/{parent.name}/settings/advanced"
    refused = put(adas, circle, f"{circle}/fork", id_fork_of=mine.name)
    assert refused.status == 422 and "not a fork of its own forks" in refused.page.text
    told(adas, put(adas, page, f"{page}/fork", id_fork_of=""))
    assert root("get_repo", repoid=mine.id)["fork_of"] is None


def test_a_repository_is_deleted_by_its_name(root: Api, ada: Person, adas: Browser, mine: Thing) -> None:
    page, address = f"/{mine.name}/settings/advanced", f"/_admin/repos/{mine.name}"
    fork = unique("fork")
    root("fork_repo", repoid=mine.id, fork_name=fork, owner=ada.name)
    assert put(adas, page, address, "DELETE").status == 422
    assert put(adas, page, address, "DELETE", confirm_name="another").status == 422
    without = put(adas, page, address, "DELETE", confirm_name=mine.name)
    assert without.status == 422 and "still has forks" in without.page.text
    assert put(adas, page, address, "DELETE", confirm_name=mine.name, forks="burn").status == 422
    hidden = root.new_user()
    root("fork_repo", repoid=mine.id, fork_name=unique("hidden"), owner=hidden.name)
    refused = put(adas, page, address, "DELETE", confirm_name=mine.name, forks="delete_forks")
    assert refused.status == 422 and "You may not delete all of its forks." in refused.page.text
    gone = put(adas, page, address, "DELETE", confirm_name=mine.name, forks="detach_forks")
    assert "is in the trash now" in told(adas, gone)
    assert adas.get(f"/{mine.name}").status == 404
    assert root("get_repo", repoid=fork)["fork_of"] is None
    page = f"/{fork}/settings/advanced"
    told(adas, put(adas, page, f"/_admin/repos/{fork}", "DELETE", confirm_name=fork))


def test_only_who_administers_changes_anything(server: Server, root: Api, mine: Thing) -> None:
    writer = root.new_user()
    root("grant_user_permission", repoid=mine.id, userid=writer.id, perm="repository.write")
    browser = Browser(server.url)
    browser.sign_in(writer)
    token = browser.get("/_admin/create_repository").page.token
    for address in (
        f"/_admin/repos/{mine.name}",
        f"/{mine.name}/settings/permissions",
        f"/{mine.name}/settings/caches",
    ):
        assert browser.post(address, {"csrf_token": token, "_method": "PUT", "whom": writer.name}).status == 403
    assert browser.post("/_admin/repos/no-such", {"csrf_token": token, "_method": "DELETE"}).status == 404
    stranger = Browser(server.url)
    answer = stranger.post(f"/_admin/repos/{mine.name}", {"_method": "DELETE", "confirm_name": mine.name})
    assert answer.status == 302 and answer.location.startswith("/_admin/login")
    assert root("get_repo", repoid=mine.id)


def test_a_form_is_read_whatever_its_method_says(root: Api, adas: Browser, mine: Thing) -> None:
    """Scripts send what the table of addresses says; browsers have `_method` for that."""
    page = f"/{mine.name}/settings/permissions"
    other = root.new_user().name
    token = adas.get(page).page.token
    kind = "application/x-www-form-urlencoded"

    def send(method: str, address: str, **fields: str) -> Answer:
        return adas.request(method, address, urlencode({"csrf_token": token, **fields}).encode(), Content_Type=kind)

    def rights() -> dict[str, str]:
        return {one["name"]: one["permission"] for one in root("get_repo", repoid=mine.id)["members"]}

    assert send("PUT", page, whom=other, level="write", of="user").status == 302
    assert rights()[other] == "repository.write"
    # It was read: what is wrong in it is told, and the other method that is written in it does not count.
    assert send("PUT", page, whom=other, level="everything", of="user").status == 422
    assert send("PUT", page, whom=other, level="read", of="robot").status == 422
    assert send("PUT", page, whom=other, level="read", of="user", _method="DELETE").status == 302
    assert send("PUT", page, csrf_token="forged", whom=other, level="admin").status == 403
    assert rights()[other] == "repository.read"
    address = f"/_admin/repos/{mine.name}"
    assert send("DELETE", address, confirm_name="another").status == 422
    assert adas.request("DELETE", f"{address}?confirm_name={mine.name}", X_CSRF_Token=token).status == 422
    assert send("DELETE", address, confirm_name=mine.name).status == 302
    assert root.error("get_repo", repoid=mine.id)


def test_what_is_kept_and_what_is_set_about_the_system(root: Api, adas: Browser, mine: Thing, kind: str) -> None:
    page = f"/{mine.name}/settings/caches"
    assert "Forgotten." in told(adas, put(adas, page, page))
    page = f"/{mine.name}/settings/statistics"
    root("update_repo", repoid=mine.id, enable_statistics=True)
    assert "Forgotten." in told(adas, put(adas, page, page))
    page = f"/{mine.name}/settings/vcs"
    fields = {"vcs_svn_branch": "trunk\nlines/*", "vcs_svn_tag": "tags/*"}
    told(adas, put(adas, page, page, "POST", **fields))
    stored = root("get_repo_settings", repoid=mine.id)
    assert stored["hooks_outgoing_pull_logger"] is False
    if kind == "svn":
        assert stored["vcs_svn_branch"] == ["trunk", "lines/*"]
        refused = put(adas, page, page, "POST", **fields | {"vcs_svn_tag": "../x"})
        assert refused.status == 422 and "a path is expected" in refused.page.text
    told(adas, put(adas, page, page, "DELETE"))
    assert root("get_repo_settings", repoid=mine.id)["hooks_outgoing_pull_logger"] is True


def test_a_strip_shows_what_goes_before_it_goes(
    server: Server, root: Api, ada: Person, adas: Browser, mine: Thing, kind: str, tmp_path: Path
) -> None:
    page = f"/{mine.name}/settings/strip"
    if kind == "svn":
        assert adas.get(page).status == 302
        return
    copy = new_system(kind, tmp_path / "clients").checkout(server, mine.name, ada)
    ids = [copy.change(f"number {number}") for number in range(3)]
    branch = {"branch": "master"} if kind == "git" else {}
    asked = put(adas, page, page, revision=ids[1], **branch)
    assert asked.status == 200 and "2 changesets go" in asked.page.text and "number 2" in asked.page.text
    assert "number 0" not in asked.page.text
    assert put(adas, page, page, revision="nothing", **branch).status == 422
    assert put(adas, page, page, revision=ids[1], confirm_id=ids[0], **branch).status == 422
    assert "Removed." in told(adas, put(adas, page, page, revision=ids[1], confirm_id=ids[1], **branch))
    assert [one["raw_id"] for one in root("get_repo_changesets", repoid=mine.id, start_rev="0", limit=-1)] == ids[:1]


@pytest.mark.parametrize("kind", ["git", "hg"])
def test_a_pull_now_is_a_job_that_the_page_follows(
    server: Server, root: Api, ada: Person, adas: Browser, mine: Thing, kind: str, tmp_path: Path
) -> None:
    page, source = f"/{mine.name}/settings/remote", root.new_repo(owner=ada.name, kind=kind)
    new_system(kind, tmp_path / "clients").checkout(server, source.name, ada).change("from elsewhere")
    assert "It has no remote address." in adas.get(page).page.text
    assert put(adas, page, page).status == 422
    refused = put(adas, page, page, clone_uri="file:///etc/passwd")
    assert refused.status == 422 and "only http and https" in refused.page.text
    address = f"{server.url}/{source.name}".replace("://", f"://{ada.name}:{ada.password}@")
    told(adas, put(adas, page, page, clone_uri=address))
    assert ada.password not in adas.get(page).text and source.name in adas.get(page).page.text
    assert "It is being pulled." in told(adas, put(adas, page, page))
    until(lambda: "The last pull" in adas.get(page).page.text)
    assert "The last pull ended well" in adas.get(page).page.text
    assert b"from elsewhere" in adas.get(f"/{mine.name}/changelog").body
    told(adas, put(adas, page, page, clone_uri=f"{server.url}/no-such-repository"))
    told(adas, put(adas, page, page))
    until(lambda: "The last pull failed" in adas.get(page).page.text)


def test_issues_lead_to_their_tracker(root: Api, adas: Browser, mine: Thing) -> None:
    page = f"/{mine.name}/settings/issue-tracker"
    fields = {"pattern_0": r"#(\d+)", "url_0": "https://tracker.example/${id}", "description_0": "Tracker"}
    tried = put(adas, page, f"{page}/test", "POST", **fields, test_text="<b> closes #12")
    assert tried.status == 200 and '<a href="https://tracker.example/12" rel="nofollow">#12</a>' in tried.text
    assert "&lt;b&gt; closes" in tried.text and "tracker.example" not in adas.get(page).text
    told(adas, put(adas, page, f"{page}/save", "POST", **fields))
    assert "https://tracker.example/${id}" in adas.get(page).text
    for wrong in ({"pattern_0": r"#(\d+"}, {"url_0": "javascript:alert(1)"}):
        refused = put(adas, page, f"{page}/save", "POST", **fields | wrong)
        assert refused.status == 422
        assert [one["name"] for _, one in refused.page.elements if one.get("aria-invalid") == "true"] == list(wrong)
    told(adas, put(adas, page, f"{page}/delete", "DELETE"))
    assert "tracker.example" not in adas.get(page).text
