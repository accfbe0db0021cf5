# SPDX-License-Identifier: GPL-3.0-or-later
"""Gists through the API (api-users.md 9)."""

from __future__ import annotations

import time

import pytest

from tests.support.clients import Api, Person
from tests.support.servers import Server

FILES = {"ünï.txt": {"content": "hello\n", "lexer": None}, "b.py": {"content": "print()\n"}}


def test_a_gist_keeps_its_files(server: Server, ada: Person) -> None:
    made = ada.api("create_gist", files=FILES, description="some notes")
    gist = made["gist"]
    assert made["msg"] == "created new gist"
    assert gist == {
        "gist_id": gist["gist_id"],
        "type": "public",
        "access_id": str(gist["gist_id"]),
        "description": "some notes",
        "url": f"{server.url}/_admin/gists/{gist['gist_id']}",
        "expires": -1,
        "created_on": gist["created_on"],
        "modified_at": gist["created_on"],
        "content": None,
    }
    for gistid in (gist["access_id"], gist["gist_id"]):
        shown = ada.api("get_gist", gistid=gistid, content=True)
        assert shown["content"] == {"ünï.txt": "hello\n", "b.py": "print()\n"}
    assert ada.api("get_gist", gistid=gist["access_id"])["content"] is None


def test_a_private_gist_is_found_by_its_secret_only(ada: Person) -> None:
    gist = ada.api("create_gist", files=FILES, gist_type="private")["gist"]
    assert len(gist["access_id"]) == 20
    assert ada.api("get_gist", gistid=gist["access_id"])["gist_id"] == gist["gist_id"]
    assert ada.api.error("get_gist", gistid=gist["gist_id"]) == f"gist `{gist['gist_id']}` does not exist"


def test_gists_are_listed_newest_first_for_their_owner(root: Api, ada: Person) -> None:
    made = [ada.api("create_gist", files=FILES)["gist"]["gist_id"] for _ in range(3)]
    assert [gist["gist_id"] for gist in ada.api("get_gists")] == made[::-1]
    assert [gist["gist_id"] for gist in root("get_gists", userid=ada.name)] == made[::-1]
    assert ada.api.error("get_gists", userid="root") == "userid is not the same as your user"
    assert root.error("get_gists", userid="nobody-at-all") == "user `nobody-at-all` does not exist"


def test_others_do_not_see_a_gist(root: Api, ada: Person) -> None:
    gist = ada.api("create_gist", files=FILES)["gist"]["access_id"]
    other = root.new_user()
    for method in ("get_gist", "delete_gist"):
        assert other.api.error(method, gistid=gist) == f"gist `{gist}` does not exist"
    assert root("get_gist", gistid=gist)["access_id"] == gist


def test_a_deleted_gist_is_gone(server: Server, ada: Person) -> None:
    before = set((server.root / ".gists").iterdir())
    gist = ada.api("create_gist", files=FILES)["gist"]["access_id"]
    (made,) = set((server.root / ".gists").iterdir()) - before
    assert ada.api("delete_gist", gistid=gist) == {"msg": f"deleted gist ID:{gist}", "gist": None}
    assert ada.api.error("delete_gist", gistid=gist) == f"gist `{gist}` does not exist"
    assert not made.exists()


def test_a_gist_that_lives_for_no_time_is_found_by_nobody(server: Server, root: Api, ada: Person) -> None:
    before = set((server.root / ".gists").iterdir())
    for creating in (ada.api, root):
        gist = creating("create_gist", files=FILES, lifetime="0", description="gone")["gist"]
        assert gist["expires"] <= time.time()
        assert (gist["access_id"], gist["description"]) == (str(gist["gist_id"]), "gone")
        for api in (ada.api, root):
            for method in ("get_gist", "update_gist", "delete_gist"):
                said = api.error(method, gistid=gist["access_id"])
                assert said == f"gist `{gist['access_id']}` does not exist"
            assert api("get_gists", userid=ada.id if api is root else None) == []
    assert set((server.root / ".gists").iterdir()) == before
    assert server.journal("gist.create", str(gist["gist_id"]))
    lasting = ada.api("create_gist", files=FILES, lifetime=60)["gist"]
    assert lasting["expires"] > time.time()
    assert lasting["gist_id"] > gist["gist_id"]


def test_a_gist_that_has_expired_is_for_super_admins_only(server: Server, root: Api, ada: Person) -> None:
    gist = ada.api("create_gist", files=FILES, lifetime=1)["gist"]["access_id"]
    server.execute("UPDATE gists SET expires = expires - 61 WHERE access_id = ?", gist)
    assert ada.api.error("get_gist", gistid=gist) == f"gist `{gist}` does not exist"
    assert ada.api("get_gists") == []
    assert root("get_gist", gistid=gist)["access_id"] == gist


def test_only_super_admins_create_gists_for_others(root: Api, ada: Person) -> None:
    assert ada.api.error("create_gist", files=FILES, owner="root") == "failed to create gist"
    made = root("create_gist", files=FILES, owner=ada.name)["gist"]
    assert [gist["gist_id"] for gist in ada.api("get_gists")] == [made["gist_id"]]


@pytest.mark.parametrize("files", [
    {}, [], None, "x", {"a": {}}, {"a": {"content": 1}}, {"a": "x"}, {"": {"content": ""}}, {"../a": {"content": ""}},
    {"a/b": {"content": ""}}, {"a\\b": {"content": ""}}, {".": {"content": ""}}, {"..": {"content": ""}},
    {".git": {"content": ""}}, {".hgignore": {"content": ""}}, {"a\0": {"content": ""}}, {"a": {"content": "\0"}},
    {str(number): {"content": ""} for number in range(101)},
])  # fmt: skip
def test_files_that_cannot_be_kept_are_refused(server: Server, ada: Person, files: object) -> None:
    assert ada.api.error("create_gist", files=files) == "failed to create gist"
    assert ada.api("get_gists") == []


@pytest.mark.parametrize("given", [
    {"gist_type": "secret"}, {"lifetime": -2}, {"lifetime": "soon"}, {"lifetime": True}, {"owner": "nobody-at-all"},
])  # fmt: skip
def test_other_values_that_cannot_be_used_are_refused(ada: Person, given: dict[str, object]) -> None:
    assert ada.api.error("create_gist", files=FILES, **given) == "failed to create gist"


@pytest.mark.parametrize("gistid", ["nope", "", None, True, 1.5, [], {}, -1, 2**70, "\0"])
def test_what_is_no_gist_does_not_exist(ada: Person, gistid: object) -> None:
    assert ada.api.error("get_gist", gistid=gistid).endswith("does not exist")
