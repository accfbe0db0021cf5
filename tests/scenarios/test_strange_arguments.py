# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that an argument is not meant for, for each argument of each method of the later line (api-reviews.md).

Whatever is wrong with a call has words of its own, or those of the method: nobody reads of an internal error, and what
was refused has left nothing behind.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server
from tests.support.values import NOBODY

LATER: dict[str, dict[str, Any]] = {
    "comment_commit": {
        "repoid": "REPO",
        "commit_id": "tip",
        "message": "x",
        "status": None,
        "comment_type": "note",
        "resolves_comment_id": None,
        "extra_recipients": None,
        "userid": None,
        "send_email": True,
        "filepath": "README",
        "lineno": 1,
    },
    "edit_comment": {"comment_id": "COMMENT", "message": "x"},
    "delete_comment": {"comment_id": "no-such"},
    "get_repo_comments": {"repoid": "REPO", "commit_id": None, "comment_type": None, "userid": None, "after": None},
    "set_commit_status": {
        "repoid": "REPO",
        "commit_id": "tip",
        "context": "ci",
        "state": "success",
        "url": "",
        "description": "",
    },
    "get_commit_status": {"repoid": "REPO", "commit_id": "tip"},
    "file_store_add": {"filename": "a", "content": "YQ=="},
    "get_repo_refs": {"repoid": "REPO"},
    "get_repo_file": {
        "repoid": "REPO",
        "commit_id": "tip",
        "file_path": "README",
        "max_file_bytes": None,
        "details": "basic",
        "cache": True,
        "encoding": "text",
    },
    "get_repo_fts_tree": {"repoid": "REPO", "commit_id": "tip", "root_path": ""},
    "get_repo_settings": {"repoid": "REPO", "key": None},
    "set_repo_settings": {"repoid": "REPO", "settings": {}},
    "maintenance": {"repoid": "REPO"},
    "delete_repo_group": {"repogroupid": "no-such"},
    "get_user_audit_logs": {"userid": None, "after": None},
    "get_user_locks": {"userid": None},
    "get_method": {"pattern": "get_*"},
    "cleanup_sessions": {"older_then": 60},
    "store_exception": {"exc_data_json": "{}", "prefix": "x"},
    "set_license_key": {"key": "x"},
    "update_gist": {"gistid": "GIST", "description": None, "lifetime": None, "files": None, "owner": None},
    "get_changesets": {
        "repoid": "REPO",
        "start": None,
        "end": None,
        "start_date": None,
        "end_date": None,
        "branch_name": None,
        "reverse": False,
        "with_file_list": False,
        "max_revisions": None,
    },
    "get_changeset": {
        "repoid": "REPO",
        "raw_id": "tip",
        "with_reviews": False,
        "with_comments": False,
        "with_inline_comments": False,
    },
}
STRANGE = [*(value for value in NOBODY if value != "x" * 100_000), {"root": {"content": []}}, [None] * 200, "a\u202eb"]
LARGE = "x" * (10 << 20)


@pytest.fixture(scope="module")
def names(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    git = Git(tmp_path_factory.mktemp("strange"))
    work = git.new_work()
    git.commit(work, README="hello\n")
    name = root.new_repo(unique("strange")).name
    git.run("push", "--quiet", server.clone_url(name, server.administrator), "master", cwd=work)
    comment = root("comment_commit", repoid=name, commit_id="tip", message="x")["comment_id"]
    gist = root("create_gist", files={"a": {"content": "x"}})["gist"]["access_id"]
    return {"REPO": name, "COMMENT": str(comment), "GIST": gist}


def _said(answer: dict[str, Any]) -> None:
    assert answer["error"] is None or "nternal server error" not in answer["error"], answer
    assert "Traceback" not in json.dumps(answer)


@pytest.mark.parametrize("method", LATER)
def test_no_value_is_an_internal_error(root: Api, names: dict[str, str], method: str) -> None:
    usual = {key: names.get(str(value), value) for key, value in LATER[method].items()}
    for argument in usual:
        for value in STRANGE:
            _said(root.envelope(method, **usual | {argument: value}))


@pytest.mark.parametrize("method", LATER)
def test_what_is_very_long_is_refused_in_words(root: Api, names: dict[str, str], method: str) -> None:
    usual = {key: names.get(str(value), value) for key, value in LATER[method].items()}
    for argument in usual:
        _said(root.envelope(method, **usual | {argument: LARGE}))


def test_every_method_of_the_later_line_is_tried(root: Api) -> None:
    """With all its arguments: `rpc.discover` tells which there are."""
    told = {method["name"]: {one["name"] for one in method["params"]} for method in root("rpc.discover")["methods"]}
    assert {name: set(args) for name, args in LATER.items()} == {name: told[name] for name in LATER}
    contract = set(told) - set(LATER)
    assert contract & {"get_repo", "create_user"} and not {name for name in contract if "comment" in name} - {
        "changeset_comment"
    }
