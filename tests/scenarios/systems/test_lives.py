# SPDX-License-Identifier: GPL-3.0-or-later
"""From the first push to the deletion, a repository works the same whatever its system."""

from __future__ import annotations

import json

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Filled, System


def test_an_empty_repository(server: Server, root: Api, system: System, ada: Person) -> None:
    name = system.new_repository(root, ada)
    shown = root("get_repo", repoid=name)
    assert shown["repo_type"] == system.kind
    assert shown["last_changeset"] == {
        "raw_id": "0" * 40,
        "short_id": "0" * 12,
        "revision": -1,
        "message": "",
        "author": "",
        "date": "1970-01-01T00:00:00",
        "parents": [],
        "branch": None,
    }
    assert root("get_repo_nodes", repoid=name, revision="tip", root_path="/") == []
    said = root.error("get_repo_changesets", repoid=name, start_rev="tip", limit=1)
    assert said == "Error occurred during commit fetching"
    said = root.error("get_repo_changeset", repoid=name, revision="tip")
    assert said == f"Commit `tip` does not exist in repository `{name}`"
    assert system.checkout(server, name, ada).files() == {}
    system.verify(server.root / name)


def test_what_is_published_is_seen_by_everybody_at_once(
    server: Server, root: Api, system: System, ada: Person, filled: Filled
) -> None:
    name, copy, ids = filled.name, filled.copy, filled.ids
    last = root("get_repo", repoid=name)["last_changeset"]
    assert (last["raw_id"], last["revision"], last["message"].rstrip("\n")) == (ids[-1], 2, "three")
    other = system.checkout(server, name, ada)
    assert (
        other.files()
        == copy.files()
        == {
            "docs/read me.txt": b"first\nchanged\nthird\n",
            "grüße/ünïcode.txt": "ü\n".encode(),
            "image": b"\0\1\2",
        }
    )
    newer = other.change("four")
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == newer
    copy.update()
    assert copy.files() == other.files()
    system.verify(server.root / name)


def test_a_push_is_journalled_with_who_and_what(server: Server, root: Api, ada: Person, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    rows = server.journal("push", name)
    assert [row[:2] for row in rows] == [(ada.name, "127.0.0.1")] * 3
    brought = [{new for _, _, new in json.loads(detail)["refs"]} for _, _, detail in rows]
    assert all(raw_id in new for raw_id, new in zip(ids, brought, strict=True))
    assert server.under_way(root("get_repo", repoid=name)["repo_id"]) == []


def test_a_clone_is_journalled_as_a_pull(own_server: Server, system: System) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = system.new_repository(root, ada)
    system.checkout(own_server, name, ada).change()
    ben = root.new_user()
    system.checkout(own_server, name, ben)
    own_server.stop()  # what is noted is written at the latest now
    assert (ben.name, "127.0.0.1") in [row[:2] for row in own_server.journal("pull", name)]
