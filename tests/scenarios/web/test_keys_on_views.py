# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys on web views: every row of system.md 1.4, and what a key never does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.browser import Answer, Browser
from tests.support.clients import Api, Git, Person
from tests.support.servers import Server
from trivium.web.whitelist import entries_of

from .conftest import LISTED


@dataclass
class Case:
    """A private and an open repository with one commit each, and people."""

    server: Server
    private: str
    open: str
    tip: dict[str, str]
    owner: Person
    stranger: Person

    def ask(self, path: str, key: str = "", **headers: str) -> Answer:
        join = "&" if "?" in path else "?"
        return Browser(self.server.url).get(f"{path}{join}api_key={key}" if key else path, **headers)


@pytest.fixture(scope="module")
def case(keyed_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    server = keyed_server
    root = server.api(server.admin_key)
    owner, stranger = root.new_user(), root.new_user()
    git = Git(tmp_path_factory.mktemp("git"))
    tip = {}
    for private in (True, False):
        name = root.new_repo(owner=owner.name, private=private).name
        work = git.new_work(name)
        tip[name] = git.commit(work, "first", **{"a.txt": "content\n"})
        git.out("push", server.clone_url(name, owner), "master", cwd=work)
    private_name, open_name = tip
    server.administer("public-access", "on")
    yield Case(server, private_name, open_name, tip, owner, stranger)
    server.administer("public-access", "off")


def to_sign_in(answer: Answer) -> bool:
    return answer.status == 302 and answer.location.startswith("/_admin/login?came_from=")


def listed(case: Case, name: str) -> str:
    return f"/{name}/changeset-diff/{case.tip[name]}"


def unlisted(case: Case, name: str) -> str:
    return f"/{name}/changelog"


def test_the_example_of_the_contract_is_read_as_printed() -> None:
    assert entries_of(LISTED) == (
        "ChangesetController:changeset_patch",
        "ChangesetController:changeset_raw",
        "FilesController:raw",
        "FilesController:archivefile",
    )
    assert entries_of("a:b\n  c:d\n") == ("a:b", "c:d")


def test_a_key_opens_what_is_listed(case: Case) -> None:
    answer = case.ask(listed(case, case.private), case.owner.key)
    assert answer.status == 200 and b"+content" in answer.body
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "private, no-store"
    assert not answer.cookies


@pytest.mark.parametrize("header", ["Authorization", "X_Rc_Auth_Token"])
def test_a_key_may_come_in_a_header(case: Case, header: str) -> None:
    value = f"Bearer {case.owner.key}" if header == "Authorization" else case.owner.key
    assert case.ask(listed(case, case.private), **{header: value}).status == 200


def test_the_newer_name_of_the_parameter_wins(case: Case) -> None:
    path = listed(case, case.private)
    assert case.ask(f"{path}?auth_token={case.owner.key}").status == 200
    assert case.ask(f"{path}?auth_token={case.owner.key}", "0" * 40).status == 200
    assert to_sign_in(case.ask(f"{path}?auth_token={'0' * 40}", case.owner.key))


def test_whose_key_may_not_read_is_refused(case: Case) -> None:
    assert case.ask(listed(case, case.private), case.stranger.key).status == 403


def test_a_wrong_key_is_none(case: Case) -> None:
    assert to_sign_in(case.ask(listed(case, case.private), "0" * 40))
    assert to_sign_in(case.ask(listed(case, case.private)))
    assert case.ask(listed(case, case.open), "0" * 40).status == 200
    assert case.ask(listed(case, case.open)).status == 200


def test_a_key_does_not_open_what_is_not_listed(case: Case) -> None:
    for key in (case.owner.key, case.server.admin_key):
        assert to_sign_in(case.ask(unlisted(case, case.private), key))
    assert case.ask(unlisted(case, case.open), case.owner.key).status == 200


def test_the_way_to_the_sign_in_does_not_hold_the_key(case: Case) -> None:
    answer = case.ask(f"{unlisted(case, case.private)}?a=1&auth_token={case.owner.key}", case.owner.key)
    assert to_sign_in(answer)
    assert case.owner.key not in answer.location and "a%3D1" in answer.location


def test_a_session_is_not_looked_at_beside_a_key(case: Case) -> None:
    browser = Browser(case.server.url)
    browser.sign_in(case.owner)
    assert browser.get(listed(case, case.private)).status == 200
    assert browser.get(f"{listed(case, case.private)}?api_key={case.stranger.key}").status == 403


@pytest.mark.parametrize(
    ("role", "opens"), [("http", True), ("all", True), ("feed", False), ("api", False), ("vcs", False)]
)
def test_the_role_of_a_key_counts(case: Case, role: str, opens: bool) -> None:
    key = case.server.new_token(case.owner.name, role)
    answer = case.ask(listed(case, case.private), key)
    assert (answer.status == 200) is opens and (opens or to_sign_in(answer))


def test_an_expired_key_is_none(case: Case) -> None:
    key = case.server.new_token(case.owner.name, "all")
    case.server.execute("UPDATE tokens SET expires = ? WHERE id = (SELECT max(id) FROM tokens)", int(time.time()) - 10)
    assert to_sign_in(case.ask(listed(case, case.private), key))
    assert case.ask(listed(case, case.open), key).status == 200


def test_a_repository_that_does_not_exist(case: Case) -> None:
    """As one that is hidden (S-14)."""
    assert case.ask("/nowhere-at-all/changeset-diff/tip", case.owner.key).status == 403
    assert to_sign_in(case.ask("/nowhere-at-all/changelog", case.owner.key))
    assert to_sign_in(case.ask("/nowhere-at-all/changeset-diff/tip"))


def test_an_address_that_is_not_allowed(case: Case) -> None:
    root = case.server.api(case.server.admin_key)
    person: Person = root.new_user()
    case.server.allow_address(person.name, "192.0.2.0/24")
    answer = case.ask(listed(case, case.private), person.key)
    assert to_sign_in(answer)


def test_who_must_change_the_password_does_that_first(case: Case) -> None:
    root: Api = case.server.api(case.server.admin_key)
    person = root.new_user()
    root("grant_user_permission", repoid=case.private, userid=person.name, perm="repository.read")
    case.server.execute("UPDATE users SET force_password_change = true WHERE id = ?", person.id)
    answer = case.ask(listed(case, case.private), person.key)
    assert (answer.status, answer.location) == (302, "/_admin/my_account/password")


def test_no_key_is_logged(case: Case) -> None:
    case.ask(listed(case, case.private), case.owner.key)
    assert case.owner.key not in case.server.log.read_text()


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_key_changes_nothing_and_no_browser_asks_for_a_password(case: Case, method: str) -> None:
    path = listed(case, case.private)
    for query, headers in ((f"?api_key={case.owner.key}", {}), ("", {"Authorization": f"Bearer {case.owner.key}"})):
        answer = Browser(case.server.url).request(method, f"{path}{query}", **headers)
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        assert "www-authenticate" not in answer.headers
