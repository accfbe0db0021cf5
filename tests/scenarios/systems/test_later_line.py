# SPDX-License-Identifier: GPL-3.0-or-later
"""What the later line reads from repositories, and Kallithea's names for it (api-reviews.md 5, 6, 7)."""

from __future__ import annotations

import base64
import hashlib
import threading
from typing import Any

import pytest

from tests.support.clients import Api, Person, unique
from tests.support.servers import Server
from tests.support.systems import Filled, System

IMAGE = b"\0\1\2"
TEXT = "first\nchanged\nthird\n"


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


# get_repo_file


def test_a_file_is_told_in_three_degrees(root: Api, kept: Filled) -> None:
    call = {"repoid": kept.name, "commit_id": "tip", "file_path": "docs/read me.txt"}
    minimal = {
        "name": "read me.txt",
        "type": "file",
        "binary": False,
        "size": len(TEXT),
        "extension": "txt",
        "mimetype": "text/plain",
        "path": "docs/read me.txt",
        "commit_id": kept.ids[2],
    }
    basic = minimal | {"md5": md5(TEXT.encode()), "lines": 3}
    assert root("get_repo_file", **call, details="minimal") == minimal
    assert root("get_repo_file", **call) == basic
    assert root("get_repo_file", **call, details="full") == basic | {"content": TEXT}
    old = root("get_repo_file", **call | {"commit_id": kept.ids[0]}, details="full")
    assert (old["content"], old["commit_id"]) == ("first\nsecond\n", kept.ids[0])
    slashes = root("get_repo_file", **call | {"file_path": "//docs///read me.txt"}, details="full", cache="false")
    assert slashes["content"] == TEXT


def test_a_binary_file_comes_in_base64_only(root: Api, kept: Filled) -> None:
    call = {"repoid": kept.name, "commit_id": kept.ids[2], "file_path": "image", "details": "full"}
    shown = root("get_repo_file", **call)
    assert (shown["binary"], shown["content"], shown["size"]) == (True, None, 3)
    assert base64.b64decode(root("get_repo_file", **call, encoding="base64")["content"]) == IMAGE


def test_a_file_above_the_limit_has_no_content(root: Api, kept: Filled) -> None:
    call = {"repoid": kept.name, "commit_id": "tip", "file_path": "docs/read me.txt", "details": "full"}
    assert root("get_repo_file", **call, max_file_bytes=len(TEXT))["content"] == TEXT
    for most in (len(TEXT) - 1, str(len(TEXT) - 1), 0):
        shown = root("get_repo_file", **call, max_file_bytes=most)
        assert (shown["content"], shown["md5"]) == (None, md5(TEXT.encode()))


@pytest.mark.parametrize(
    "path", ["nope", "docs", "", "/", "gone", "../docs/read me.txt", "docs/./x", "a\0b", "--help", None, 5, [], {}]
)
def test_what_is_no_file_is_said_to_be_none(root: Api, kept: Filled, path: Any) -> None:
    shown = path if isinstance(path, str) else {"None": "null"}.get(str(path), str(path))
    said = root.error("get_repo_file", repoid=kept.name, commit_id="tip", file_path=path)
    assert said == f"File `{shown}` does not exist at commit `tip`"


def test_what_cannot_be_asked_of_a_file_is_refused(root: Api, kept: Filled) -> None:
    call: dict[str, Any] = {"repoid": kept.name, "commit_id": "tip", "file_path": "image"}
    assert root.error("get_repo_file", **call, details="all") == "ret_type must be one of minimal,basic,full"
    assert root.error("get_repo_file", **call, encoding="gzip") == "encoding must be one of text,base64"
    assert root.error("get_repo_file", **call | {"commit_id": 7}) == "commit_id must be a string value"
    unknown = f"Commit `nope` does not exist in repository `{kept.name}`"
    assert root.error("get_repo_file", **call | {"commit_id": "nope"}) == unknown
    for most in ("many", -1, True, [], 1.5):
        said = root.error("get_repo_file", **call, max_file_bytes=most)
        assert said == f"failed to get file `image` of repository `{kept.name}`"


def test_a_file_beyond_the_servers_limit_is_not_read(own_server: Server, system: System) -> None:
    """Its size is known before any content is: the answer has that and nothing else."""
    own_server.start(TRIVIUM_MAX_API_FILE="1000")
    root = own_server.api(own_server.admin_key)
    name = system.new_repository(root, own_server.administrator)
    copy = system.checkout(own_server, name, own_server.administrator)
    copy.change("a large file", large="x" * 1001, small="x" * 1000)
    call = {"repoid": name, "commit_id": "tip", "details": "full"}
    large = root("get_repo_file", **call, file_path="large", encoding="base64")
    assert [large[key] for key in ("size", "binary", "md5", "lines", "content")] == [1001, None, None, None, None]
    assert len(root("get_repo_file", **call, file_path="small")["content"]) == 1000
    tree = {row["name"]: row for row in root("get_repo_fts_tree", repoid=name, commit_id="tip", root_path="")}
    assert (tree["large"]["size"], tree["large"]["md5"]) == (1001, None)
    assert tree["small"]["md5"] == md5(b"x" * 1000)


# get_repo_fts_tree


def test_the_tree_for_a_search_has_all_files_with_their_checksums(root: Api, kept: Filled) -> None:
    def file(name: str, content: bytes, extension: str) -> dict[str, Any]:
        return {
            "name": name,
            "type": "file",
            "size": len(content),
            "binary": b"\0" in content,
            "extension": extension,
            "md5": md5(content),
        }

    text = file("docs/read me.txt", TEXT.encode(), "txt")
    whole = [text, file("grüße/ünïcode.txt", "ü\n".encode(), "txt"), file("image", IMAGE, "image")]
    for path in ("", "/"):
        assert root("get_repo_fts_tree", repoid=kept.name, commit_id="tip", root_path=path) == whole
    assert root("get_repo_fts_tree", repoid=kept.name, commit_id="tip", root_path="/docs/") == [text]
    assert root("get_repo_fts_tree", repoid=kept.name, commit_id="tip", root_path="image") == []
    for given in ({"commit_id": "nope"}, {"root_path": "nope"}, {"root_path": ".."}, {"commit_id": 1}):
        call = {"repoid": kept.name, "commit_id": "tip", "root_path": ""} | given
        assert root.error("get_repo_fts_tree", **call) == f"failed to get repo: `{kept.name}` nodes"


def test_an_empty_repository_has_nothing(root: Api, system: System, ada: Person) -> None:
    name = system.new_repository(root, ada)
    assert root("get_repo_refs", repoid=name) == {"bookmarks": {}, "branches": {}, "branches_closed": {}, "tags": {}}
    assert root("get_repo_fts_tree", repoid=name, commit_id="tip", root_path="") == []
    assert root("get_changesets", repoid=name) == []
    assert root("get_repo_comments", repoid=name) == []
    said = root.error("get_repo_file", repoid=name, commit_id="tip", file_path="x")
    assert said == f"Commit `tip` does not exist in repository `{name}`"


# get_repo_refs


def test_the_names_of_a_repository(server: Server, root: Api, system: System, ada: Person) -> None:
    name = system.new_repository(root, ada)
    copy = system.checkout(server, name, ada)
    if system.kind == "git":
        one = copy.change("one")
        copy.run("tag", "-a", "-m", "annotated", "v1")
        copy.run("checkout", "-q", "-b", "side/x")
        two = copy.change("two")
        copy.run("push", "-q", "origin", "v1")
        expected = {"branches": {"master": one, "side/x": two}, "tags": {"v1": one}}
    elif system.kind == "hg":
        one = copy.change("one")
        copy.own_line("over")
        copy.change("two")
        copy.run("commit", "--close-branch", "-m", "closed")
        copy.publish()
        closed = copy.published()
        copy.run("update", "-q", "default")
        copy.run("bookmark", "mark")
        copy.write(three="3\n")
        copy.commit("three")
        copy.run("push", "-B", "mark")
        three = copy.published()
        expected = {
            "branches": {"default": three},
            "branches_closed": {"over": closed},
            "bookmarks": {"mark": three},
            "tags": {"tip": three},
        }
    else:
        layout = {"trunk/a": "a", "branches/x/a": "a", "branches/dead/a": "a", "tags/1.0/a": "a", "other/a": "a"}
        copy.change("one", **layout)
        two = copy.change("two", **{"branches/x/b": "b"})
        copy.remove("branches/dead")
        copy.commit("three")
        copy.publish()
        expected = {"branches": {"trunk": "1", "branches/x": two}, "tags": {"tags/1.0": "1"}}
    empty: dict[str, Any] = {"bookmarks": {}, "branches": {}, "branches_closed": {}, "tags": {}}
    assert root("get_repo_refs", repoid=name) == empty | expected
    shown = root("get_repo", repoid=name, with_revision_names="true")
    told = {**expected["branches"], **expected.get("branches_closed", {})}
    assert shown["branches"] == told
    assert shown["tags"] == expected["tags"]
    assert shown["bookmarks"] == expected.get("bookmarks", {})
    assert "branches" not in root("get_repo", repoid=name)
    if system.kind == "svn":
        settings = {"vcs_svn_branch": ["other", "branches/*"], "vcs_svn_tag": "*"}
        assert root("set_repo_settings", repoid=name, settings=settings) is True
        refs = root("get_repo_refs", repoid=name)
        assert refs["branches"] == {"other": "1", "branches/x": two}
        assert set(refs["tags"]) == {"trunk", "branches", "tags", "other"}


# Kallithea's names


def test_changesets_as_kallithea_tells_them(root: Api, system: System, filled: Filled, ada: Person) -> None:
    rows = root("get_changesets", repoid=filled.name)
    assert [row["raw_id"] for row in rows] == filled.ids
    for row, raw_id in zip(rows, filled.ids, strict=True):
        ours = root("get_repo_changeset", repoid=filled.name, revision=raw_id)
        keys = ("raw_id", "short_id", "author", "date", "message", "revision")
        assert row == {key: ours[key] for key in keys}
    call = {"repoid": filled.name}
    ids = lambda **given: [row["raw_id"] for row in root("get_changesets", **call, **given)]  # noqa: E731
    assert ids(start=filled.ids[1]) == filled.ids[1:]
    assert ids(end=filled.ids[1]) == filled.ids[:2]
    assert ids(start=filled.ids[2], end=filled.ids[0]) == []
    assert ids(reverse=True, max_revisions="2") == filled.ids[:0:-1]
    assert ids(max_revisions=0) == []
    assert ids(start_date="2000-01-01", end_date="9000-01-01T00:00") == filled.ids
    assert ids(end_date="2000-01-01") == ids(start_date="9000-01-01") == []
    listed = root("get_changesets", **call, with_file_list=True)
    expected = [
        {"added": ["docs/read me.txt", "gone", "image"], "changed": [], "removed": []},
        {"added": [], "changed": ["docs/read me.txt"], "removed": []},
        {"added": ["grüße/ünïcode.txt"], "changed": [], "removed": ["gone"]},
    ]
    assert [{key: sorted(row[key]) for key in ("added", "changed", "removed")} for row in listed] == expected
    branch = {"git": "master", "hg": "default"}.get(system.kind)
    if branch:
        assert ids(branch_name=branch) == filled.ids
    failed = "Error occurred during commit fetching"
    wrong = ({"branch_name": "nope"}, {"start": "nope"}, {"end": 7}, {"start_date": "soon"}, {"max_revisions": -1})
    for given in (*wrong, *([] if branch else [{"branch_name": "trunk"}])):
        assert root.error("get_changesets", **call, **given) == failed, given
    one = root("get_changeset", repoid=filled.name, raw_id=filled.ids[2])
    author = {"name": ada.name, "email": ""} if system.kind == "svn" else None
    assert one.pop("author") == (author or {"name": "Ada Lovelace", "email": "ada@example.org"})
    assert one == {key: value for key, value in listed[2].items() if key != "author"}
    unknown = f"Commit `nope` does not exist in repository `{filled.name}`"
    assert root.error("get_changeset", repoid=filled.name, raw_id="nope") == unknown


def test_a_branch_has_what_was_made_on_it_or_leads_to_it(root: Api, system: System, filled: Filled) -> None:
    if system.kind == "svn":
        return
    filled.copy.own_line("side")
    side = filled.copy.change("on the side")
    branch = {"git": "master", "hg": "default"}[system.kind]
    of = lambda name: [  # noqa: E731
        row["raw_id"] for row in root("get_changesets", repoid=filled.name, branch_name=name)
    ]
    assert of(branch) == filled.ids
    assert of("side") == ([*filled.ids, side] if system.kind == "git" else [side])


# Comments


def test_comments_on_commits(server: Server, root: Api, filled: Filled, ada: Person) -> None:
    commit = filled.ids[1]
    reader = root.new_user(firstname="Grace", lastname="Hopper")
    said = reader.api("comment_commit", repoid=filled.name, commit_id=commit, message="fine ünï", status="approved")
    number = said["comment_id"]
    assert said == {
        "msg": f"Commented on commit `{commit}` for repository `{filled.name}`",
        "status_change": "approved",
        "success": True,
        "comment_id": number,
    }
    (shown,) = root("get_repo_comments", repoid=filled.name)
    assert shown == {
        "comment_id": number,
        "comment_text": "fine ünï",
        "comment_type": "note",
        "comment_status": {"status": "approved", "status_lbl": "Approved"},
        "comment_f_path": None,
        "comment_lineno": None,
        "comment_author": {"active": True, "full_name_or_username": "Grace Hopper", "username": reader.name},
        "comment_created_on": shown["comment_created_on"],
        "comment_resolved_by": None,
        "pull_request_version": None,
        "comment_pull_request_id": None,
        "comment_commit_id": commit,
        "comment_thread_id": number,
        "comment_state": "open",
        "comment_current_lineno": None,
        "comment_edited_on": None,
    }
    call: dict[str, Any] = {"repoid": filled.name, "commit_id": filled.ids[2]}
    todo = reader.api("comment_commit", **call, message="mend", comment_type="todo", filepath="/image", lineno="3")
    done = ada.api("comment_commit", **call, message="mended", resolves_comment_id=str(todo["comment_id"]))
    first, second = root("get_repo_comments", **call)
    assert (first["comment_f_path"], first["comment_lineno"], first["comment_type"]) == ("image", "n3", "todo")
    assert (first["comment_resolved_by"], first["comment_state"]) == (done["comment_id"], "resolved")
    assert first["comment_status"] == []
    assert second["comment_thread_id"] == todo["comment_id"]
    unsolved = ada.api.error("comment_commit", **call, message="again", resolves_comment_id=todo["comment_id"])
    assert unsolved == f"Comment `{todo['comment_id']}` is not an open todo of commit `{filled.ids[2]}`"
    ids = lambda **given: [  # noqa: E731
        row["comment_id"] for row in root("get_repo_comments", repoid=filled.name, **given)
    ]
    assert ids() == [number, todo["comment_id"], done["comment_id"]]
    assert ids(comment_type="todo") == [todo["comment_id"]]
    assert ids(userid=reader.name) == [number, todo["comment_id"]]
    assert ids(after=number) == [todo["comment_id"], done["comment_id"]]
    assert root.error("get_repo_comments", repoid=filled.name, comment_type="x") == (
        "comment_type must be one of note,todo"
    )
    assert root.error("get_repo_comments", repoid=filled.name, commit_id="nope") == (
        f"Commit `nope` does not exist in repository `{filled.name}`"
    )
    reviews = root("get_changeset", repoid=filled.name, raw_id=commit, with_reviews=True, with_comments=True)
    assert [(one["reviewer"], one["status"]) for one in reviews["reviews"]] == [(reader.name, "approved")]
    assert [one["text"] for one in reviews["comments"]] == ["fine ünï"]
    inline = root("get_changeset", repoid=filled.name, raw_id=filled.ids[2], with_inline_comments=True)
    assert [(one["f_path"], one["line_no"]) for one in inline["inline_comments"]] == [("image", "n3")]


def test_comments_that_cannot_be_made(server: Server, root: Api, filled: Filled) -> None:
    reader = root.new_user()
    failed = f"failed to set comment on repository `{filled.name}`"
    call: dict[str, Any] = {"repoid": filled.name, "commit_id": filled.ids[0], "message": "x"}
    votes = "['not_reviewed', 'approved', 'rejected', 'under_review']"
    for given, text in (
        ({"message": " "}, failed),
        ({"message": None}, failed),
        ({"message": "x" * (64 * 1024 + 1)}, failed),
        ({"message": "ü" * (32 * 1024 + 1)}, failed),
        ({"commit_id": "nope"}, failed),
        ({"commit_id": 1}, failed),
        ({"filepath": "image"}, failed),
        ({"lineno": 3}, failed),
        ({"filepath": "image", "lineno": "x3"}, failed),
        ({"filepath": "image", "lineno": "3" * 50}, failed),
        ({"status": "fine"}, f"Bad status, must be on of {votes} got fine"),
        ({"comment_type": "poem"}, "comment_type must be one of note,todo"),
        ({"resolves_comment_id": 2**40}, f"Comment `{2**40}` is not an open todo of commit `{filled.ids[0]}`"),
        ({"resolves_comment_id": "x"}, f"Comment `x` is not an open todo of commit `{filled.ids[0]}`"),
        ({"userid": "root"}, "userid is not the same as your user"),
        ({"extra_recipients": {"root": 1}}, "extra_recipients must be a list of at most 100 users"),
        ({"extra_recipients": ["root"] * 101}, "extra_recipients must be a list of at most 100 users"),
    ):
        with server.unchanged():
            assert reader.api.error("comment_commit", **call | given) == text, given


def test_a_todo_is_resolved_once(root: Api, filled: Filled) -> None:
    """Whoever resolves it at the same time is refused."""
    call: dict[str, Any] = {"repoid": filled.name, "commit_id": filled.ids[0], "message": "x"}
    todo = root("comment_commit", **call, comment_type="todo")["comment_id"]
    answers: list[Any] = []
    threads = [
        threading.Thread(
            target=lambda: answers.append(root.envelope("comment_commit", **call, resolves_comment_id=todo)["error"])
        )
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(None) == 1


# Maintenance


def test_maintenance_leaves_the_repository_whole(server: Server, root: Api, system: System, filled: Filled) -> None:
    done = root("maintenance", repoid=filled.name)
    assert (done["msg"], done["repository"]) == ("executed maintenance command", filled.name)
    assert done["executed_actions"]
    assert all(action.endswith(".") for action in done["executed_actions"])
    assert system.whole(server, root, filled.name) == filled.ids
    assert filled.copy.change("after") in system.whole(server, root, filled.name)


def test_who_may_use_the_later_line(root: Api, filled: Filled, ada: Person) -> None:
    root("grant_user_permission", repoid=filled.name, userid="default", perm="repository.none")
    reader, writer, stranger = (root.new_user() for _ in range(3))
    for person, level in ((reader, "read"), (writer, "write")):
        root("grant_user_permission", repoid=filled.name, userid=person.id, perm=f"repository.{level}")
    commit = {"commit_id": filled.ids[0]}
    reading: dict[str, dict[str, Any]] = {
        "get_repo_refs": {},
        "get_repo_file": commit | {"file_path": "image"},
        "get_repo_fts_tree": commit | {"root_path": ""},
        "get_repo_comments": {},
        "comment_commit": commit | {"message": "x"},
        "get_repo_settings": {},
        "get_changesets": {},
        "get_changeset": {"raw_id": filled.ids[0]},
    }
    missing = f"repository `{filled.name}` does not exist"
    for method, args in reading.items():
        assert stranger.api.error(method, repoid=filled.name, **dict.fromkeys(args, "wrong")) == missing, method
        for person in (reader, writer, ada):
            assert person.api.envelope(method, repoid=filled.name, **args)["error"] is None, method
    administering: dict[str, dict[str, Any]] = {"maintenance": {}, "set_repo_settings": {"settings": {}}}
    for method, args in administering.items():
        for person in (stranger, reader, writer):
            assert person.api.error(method, repoid=filled.name, **args) == missing
        assert ada.api.envelope(method, repo=filled.name, **args)["error"] is None


def test_repo_names_a_repository_as_repoid_does(root: Api, kept: Filled) -> None:
    """The contract's own example sends `repo`; who sends both means `repoid`."""
    by_repoid = root("get_repo", repoid=kept.name)
    assert root("get_repo", repo=kept.name) == by_repoid
    assert root("get_repo", repo=unique("other"), repoid=kept.name) == by_repoid
    assert root("get_repo_refs", repo=by_repoid["repo_id"]) == root("get_repo_refs", repoid=kept.name)
    assert root.error("pull", repo="nope") == "repository `nope` does not exist"
    assert root.error("pull") == "Missing non optional `repoid` arg in JSON DATA"
