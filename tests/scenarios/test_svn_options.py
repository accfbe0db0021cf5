# SPDX-License-Identifier: GPL-3.0-or-later
"""What a client is told when it asks what the server can do, again and again: it is true of that moment."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.clients import Api, Person
from tests.support.raw import basic
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url

BODY = (
    '<?xml version="1.0" encoding="utf-8"?><D:options xmlns:D="DAV:"><D:activity-collection-set></D:'
    "activity-collection-set></D:options>"
)
OFTEN = 6
"""Each worker is asked several times."""


def asked(api: Api, person: Person, path: str, body: str = BODY) -> tuple[int, dict[str, str], bytes]:
    """One OPTIONS; without the date of its answer."""
    credentials = {"Authorization": basic(person.name, person.password)}
    status, headers, said = api.post(
        body,
        method="OPTIONS",
        path=path,
        headers=credentials | {"DAV": "http://subversion.tigris.org/xmlns/dav/svn/depth"},
    )
    return status, {name: value for name, value in headers.items() if name != "date"}, said


def test_the_youngest_revision_is_told_wherever_it_was_made(server: Server, root: Api, ada: Person, svn: Svn) -> None:
    name = root.new_repo(owner=ada.name, kind="svn").name
    work = svn.checkout(svn_url(server.url, name))
    for revision in range(1, 4):
        assert svn.commit(work, **{f"file{revision}": "text"}) == revision
        for place in ("", "/file1", "/nothing"):
            answers = [asked(root, ada, f"/{name}{place}") for _ in range(OFTEN)]
            assert all(answer == answers[0] for answer in answers)
            status, headers, said = answers[0]
            assert (status, headers["svn-youngest-rev"]) == (200, str(revision))
            assert headers["svn-me-resource"] == f"/{name}/!svn/me"
            assert f"/{name}/!svn/act/".encode() in said
    subprocess.run(["svn", "mkdir", "-q", "-m", "beside", (server.root / name / "x").as_uri()], check=True)
    assert asked(root, ada, f"/{name}")[1]["svn-youngest-rev"] == "4"


def test_different_questions_get_their_own_answers(root: Api, ada: Person) -> None:
    name = root.new_repo(owner=ada.name, kind="svn").name
    for _ in range(OFTEN):
        assert "svn-youngest-rev" in asked(root, ada, f"/{name}")[1]
        assert "svn-youngest-rev" not in asked(root, ada, f"/{name}", "")[1]
        assert asked(root, ada, f"/{name}", "<nonsense>")[0] == 400
        assert "PROPFIND" not in asked(root, ada, f"/{name}/!svn/me")[1]["allow"]


def test_another_repository_of_the_same_name_is_told_of(root: Api, ada: Person) -> None:
    name = root.new_repo(owner=ada.name, kind="svn").name
    before = {asked(root, ada, f"/{name}")[1]["svn-repository-uuid"] for _ in range(OFTEN)}
    root("delete_repo", repoid=name)
    root("create_repo", repo_name=name, repo_type="svn", owner=ada.name)
    after = {asked(root, ada, f"/{name}")[1]["svn-repository-uuid"] for _ in range(OFTEN)}
    assert len(before) == len(after) == 1 and before != after


def test_who_may_not_read_any_more_is_told_nothing(root: Api, ada: Person) -> None:
    name = root.new_repo(kind="svn").name
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.read")
    assert {asked(root, ada, f"/{name}")[0] for _ in range(OFTEN)} == {200}
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.none")
    assert {asked(root, ada, f"/{name}")[0] for _ in range(OFTEN)} == {404}


@pytest.mark.parametrize("other", ["renamed", "deleted"])
def test_a_name_that_is_gone_is_not_remembered(root: Api, ada: Person, other: str) -> None:
    name = root.new_repo(owner=ada.name, kind="svn").name
    assert {asked(root, ada, f"/{name}")[0] for _ in range(OFTEN)} == {200}
    if other == "renamed":
        root("update_repo", repoid=name, name=f"{name}-now")
        assert {asked(root, ada, f"/{name}-now")[1]["svn-me-resource"] for _ in range(OFTEN)} == {
            f"/{name}-now/!svn/me"
        }
    else:
        root("delete_repo", repoid=name)
    assert {asked(root, ada, f"/{name}")[0] for _ in range(OFTEN)} == {404}
