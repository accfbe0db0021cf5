# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of commits and files that a push left as they were says the same as what is read anew."""

from __future__ import annotations

from typing import Any

from tests.support.clients import Api
from tests.support.servers import Server
from tests.support.systems import Filled


def _everything(root: Api, name: str) -> list[Any]:
    lists = [
        root("get_repo_changesets", repoid=name, start_rev="0", limit=-1, details=details)
        for details in ("basic", "extended", "full")
    ]
    trees = [
        root("get_repo_nodes", repoid=name, revision="tip", root_path="/", details=details, **more)
        for details in ("basic", "full")
        for more in ({}, {"max_file_bytes": 3}, {"ret_type": "files"})
    ]
    tree = root("get_repo_fts_tree", repoid=name, commit_id="tip", root_path="")
    return [lists, trees, tree, root("get_repo_changeset", repoid=name, revision="tip", details="full")]


def test_lists_after_a_push_are_those_of_an_empty_cache(server: Server, root: Api, filled: Filled) -> None:
    _everything(root, filled.name)
    for number, change in enumerate(
        (
            {"docs/read me.txt": "other\n", "new": "2\n"},
            {"image": b"\0\2", "new": None},
            {"copy": "ü\n", "large": "x\n" * 200_000},
        )
    ):
        filled.copy.change(f"more {number}", **change)
        seen = _everything(root, filled.name)
        assert list((server.data / "cache").glob("*/pieces.db"))
        root("invalidate_cache", repoid=filled.name)
        assert _everything(root, filled.name) == seen
        assert _everything(root, filled.name) == seen
