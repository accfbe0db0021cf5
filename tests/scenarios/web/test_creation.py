# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories are made in a browser: empty, from another server, as forks (system.md 2.3, 2.8)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.systems import new_system
from tests.support.waiting import until

FORM = "/_admin/create_repository"


def create(browser: Browser, **fields: str) -> Answer:
    return browser.post("/_admin/repos", {"csrf_token": browser.get(FORM).page.token, **fields})


def arrived(browser: Browser, answer: Answer) -> Answer:
    """The page on which somebody is when a job has made it."""
    assert answer.status == 302 and "/repo_creating?task_id=" in answer.location, answer.text[:3000]
    waiting = answer.location

    pages: list[Answer] = []

    def over() -> bool:
        pages.append(browser.get(waiting))
        return pages[-1].status == 302 or "could not be created" in pages[-1].text

    until(over)
    return pages[-1]


def wrong(answer: Answer, status: int = 422) -> dict[str, str]:
    """The field → what is said beside it."""
    assert answer.status == status, answer.text[:3000]
    marked = [one for _, one in answer.page.elements if one.get("aria-invalid") == "true"]
    return {one["name"]: one.get("value", "") for one in marked}


def test_an_empty_repository_of_each_system(root: Api, adas: Browser, ada: Person, kind: str) -> None:
    name = unique("made")
    page = adas.get(FORM).page
    assert {one["value"] for one in page.all("input", name="repo_type")} == {"git", "hg", "svn"}
    answer = create(adas, repo_name=name, repo_type=kind, repo_description="Grüße <b>", repo_private="1")
    assert (answer.status, answer.location) == (302, f"/{name}")
    shown = adas.get(answer.location)
    assert f"{name} was created." in shown.page.text and "Grüße <b>" in shown.page.text
    made = root("get_repo", repoid=name)
    assert (made["repo_type"], made["owner"], made["private"]) == (kind, ada.name, True)


def test_nothing_typed_is_lost_and_reasons_stand_beside_their_fields(
    root: Api, adas: Browser, ada: Person, project: str
) -> None:
    answer = create(adas, repo_name=project, repo_description="what I typed", repo_type="hg")
    assert wrong(answer) == {"repo_name": project}
    assert f"{project} exists already." in answer.page.text and "what I typed" in answer.text
    assert [one["value"] for one in answer.page.all("input", name="repo_type") if "checked" in one] == ["hg"]
    assert wrong(create(adas, repo_name="a/b")) == {"repo_name": "a/b"}
    assert wrong(create(adas, repo_name="x.git")) == {"repo_name": "x.git"}
    assert wrong(create(adas)) == {"repo_name": ""}
    assert wrong(create(adas, repo_name=unique("r"), repo_landing_rev="main")) == {"repo_landing_rev": "main"}
    assert wrong(create(adas, repo_name=unique("r"), clone_uri="file:///etc")) == {"clone_uri": "file:///etc"}
    other = create(adas, repo_name=unique("r"), repo_type="cvs")
    assert other.status == 422 and "is not a kind of repository" in other.page.text
    hidden = root.new_repo_group()
    root("grant_user_permission_to_repo_group", repogroupid=hidden.name, userid="default", perm="group.none")
    name = unique("r")
    refused, absent = (create(adas, repo_name=name, repo_group=group) for group in (hidden.name, "no-such-group"))
    for one, group in ((refused, hidden.name), (absent, "no-such-group")):
        assert one.status == 422 and f"There is no {group}, or you may not see it." in one.page.text
    assert name not in [one["repo_name"] for one in root("get_repos")]


def test_only_groups_are_offered_in_which_one_may_create(root: Api, adas: Browser, ada: Person) -> None:
    for level in ("read", "write", "admin", "none"):
        group = root.new_repo_group(unique(level))
        root("grant_user_permission_to_repo_group", repogroupid=group.id, userid=ada.id, perm=f"group.{level}")
        page = adas.get(f"{FORM}?parent_group={group.name}").page
        offered = [one["value"] for one in page.all("option") if one["value"] == group.name]
        assert bool(offered) is (level in ("write", "admin")), level
        name = unique("in-group")
        answer = create(adas, repo_name=name, repo_group=group.name, repo_copy_permissions="1")
        assert (answer.status == 302) is bool(offered), (level, answer.text[:2000])
        if offered:
            assert [one["value"] for one in page.all("option") if "selected" in one] == [group.name]
            assert answer.location == f"/{group.name}/{name}"
    assert (
        adas.get(f"/_admin/add_repo/{group.name}/new-one").page.all("input", name="repo_name")[0]["value"] == "new-one"
    )


def test_who_may_create_nowhere_is_told_so(server: Server, root: Api) -> None:
    person = root.new_user()
    browser = Browser(server.url)
    browser.sign_in(person)
    token = browser.get(FORM).page.token
    server.administer("permit", person.name, "hg.create.none")
    assert browser.get(FORM).status == 403
    assert browser.post("/_admin/repos", {"csrf_token": token, "repo_name": unique("x")}).status == 403


@pytest.mark.parametrize("source", ["git", "hg"])
def test_an_import_is_a_job_that_ends_at_the_repository(
    server: Server, root: Api, ada: Person, adas: Browser, source: str, tmp_path: Path
) -> None:
    system = new_system(source, tmp_path / "clients")
    origin = root.new_repo(owner=ada.name, kind=source).name
    system.checkout(server, origin, ada).change("first")
    name = unique("imported")
    address = f"{server.url}/{origin}".replace("://", f"://{ada.name}:{ada.password}@")
    answer = create(adas, repo_name=name, repo_type=source, clone_uri=address)
    assert arrived(adas, answer).location == f"/{name}"
    assert b"first" in adas.get(f"/{name}/changelog").body
    failed = arrived(adas, create(adas, repo_name=unique("lost"), repo_type=source, clone_uri=f"{server.url}/no-repo"))
    assert "It could not be created." in failed.page.text
    assert ada.password not in failed.text


def test_a_fork_of_each_system(
    server: Server, root: Api, ada: Person, adas: Browser, kind: str, tmp_path: Path
) -> None:
    system = new_system(kind, tmp_path / "clients")
    origin = root.new_repo(owner=ada.name, kind=kind, private=True, description="the source").name
    system.checkout(server, origin, ada).change("first")
    page = adas.get(f"/{origin}/fork").page
    assert page.all("input", name="repo_name")[0]["value"] == origin
    assert f"/{origin}/fork" in adas.get(f"/{origin}").page.links
    name = unique("fork")
    taken = adas.send(f"/{origin}/fork", repo_name=origin)
    assert wrong(taken) == {"repo_name": origin}
    assert arrived(adas, adas.send(f"/{origin}/fork", repo_name=name, repo_private="1")).location == f"/{name}"
    assert root("get_repo", repoid=name)["fork_of"] == origin
    assert b"first" in adas.get(f"/{name}/changelog").body
