# SPDX-License-Identifier: GPL-3.0-or-later
"""Changesets, nodes and comments have one shape for all systems (api-repos.md 2, 3, 5)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Filled, System


def test_changesets_in_every_detail(server: Server, root: Api, system: System, ada: Person, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    first, second, third = (root("get_repo_changeset", repoid=name, revision=raw_id) for raw_id in ids)
    assert [one["revision"] for one in (first, second, third)] == [0, 1, 2]
    assert [one["raw_id"] for one in (first, second, third)] == ids
    assert [one["message"].rstrip("\n") for one in (first, second, third)] == ["one", "two", "three"]
    assert third["parents"] == [{"raw_id": ids[1]}]
    assert third["diff"] == []
    assert third["short_id"] == ids[2][:12]
    author = ada.name if system.kind == "svn" else "Ada Lovelace <ada@example.org>"
    assert {one["author"] for one in (first, second, third)} == {author}
    moment = datetime.fromisoformat(third["date"]).replace(tzinfo=UTC)
    assert abs(moment - datetime.now(UTC)) < timedelta(minutes=10)

    extended = root("get_repo_changeset", repoid=name, revision=ids[2], details="extended")
    assert {(change["filename"], change["op"]) for change in extended["diff"]} == {
        ("gone", "D"),
        ("grüße/ünïcode.txt", "A"),
    }
    assert all(change["raw_diff"] is None and change["stats"]["added"] is None for change in extended["diff"])
    assert "refs" not in extended

    full = root("get_repo_changeset", repoid=name, revision=ids[1], details="full")
    (change,) = full["diff"]
    assert (change["filename"], change["op"]) == ("docs/read me.txt", "M")
    assert change["stats"] == {"added": 2, "deleted": 1, "binary": False}
    lines = change["raw_diff"].splitlines()
    assert lines[0] == "diff --git a/docs/read me.txt b/docs/read me.txt"
    assert lines[-4:] == [" first", "-second", "+changed", "+third"]
    assert full["refs"]["tags"] == []
    assert full["refs"]["bookmarks"] == []

    whole = {change["filename"]: change for change in root.full(name, ids[0])["diff"]}
    assert {change["op"] for change in whole.values()} == {"A"}
    assert whole["image"]["stats"] == {"added": 0, "deleted": 0, "binary": True}
    assert "Binary files /dev/null and b/image differ" in whole["image"]["raw_diff"]
    assert "new file mode 100644" in whole["gone"]["raw_diff"]
    removed = {change["filename"]: change for change in root.full(name, ids[2])["diff"]}["gone"]
    assert removed["stats"] == {"added": 0, "deleted": 1, "binary": False}
    assert "deleted file mode 100644" in removed["raw_diff"]


def test_links_programs_and_files_of_every_sort(server: Server, root: Api, system: System, ada: Person) -> None:
    name = system.new_repository(root, ada)
    copy = system.checkout(server, name, ada)
    copy.write(run="#!/bin/sh\n", später="#!/bin/sh\n", crlf="a\r\nb\r\n", empty="", open="no end")
    copy.write(**{"latin": b"caf\xe9\n", "binary": b"\0\1", "place": "a file\n", "above/place": "below\n"})
    (copy.path / "run").chmod(0o755)
    (copy.path / "link").symlink_to("/etc/passwd")
    large = {"large": "a line\n" * 1_600_000, "large.bin": b"\0" * 11_000_000}
    first = copy.change("one", **large, file="x\n")
    copy.update()
    (copy.path / "link").unlink()
    (copy.path / "link").symlink_to("run")
    copy.make_executable("später")
    second = copy.change("two", crlf="a\nb\n", latin=b"caf\xe8\n", open="an end\n", empty="full\n", binary=b"\0\2")

    def of(raw_id: str) -> dict[str, tuple[str, tuple[int, int, bool], list[str] | None]]:
        found = {}
        for change in root.full(name, raw_id)["diff"]:
            stats, text = change["stats"], change["raw_diff"]
            lines = None if text is None else [line for line in text.split("\n") if not line.startswith("index ")]
            found[change["filename"]] = (change["op"], (stats["added"], stats["deleted"], stats["binary"]), lines)
        return found

    no_end = "\\ No newline at end of file"
    added = of(first)
    assert {op for op, _, _ in added.values()} == {"A"}
    assert added["large"][1:] == ((1_600_000, 0, False), None)
    assert added["large.bin"][1] == (0, 0, True)
    assert added["empty"][1:] == (
        (0, 0, False),
        ["diff --git a/empty b/empty", "new file mode 100644", "--- /dev/null", "+++ b/empty", ""],
    )
    assert [lines[1] for _, _, lines in (added["run"], added["file"], added["link"]) if lines] == [
        "new file mode 100755", "new file mode 100644", "new file mode 120000",
    ]  # fmt: skip
    assert of(second) == {
        "binary": ("M", (0, 0, True), [
            "diff --git a/binary b/binary", "Binary files a/binary and b/binary differ", ""]),
        "crlf": ("M", (2, 2, False), [
            "diff --git a/crlf b/crlf", "--- a/crlf", "+++ b/crlf",
            "@@ -1,2 +1,2 @@", "-a\r", "-b\r", "+a", "+b", ""]),
        "empty": ("M", (1, 0, False), [
            "diff --git a/empty b/empty", "--- a/empty", "+++ b/empty", "@@ -0,0 +1 @@", "+full", ""]),
        "latin": ("M", (1, 1, False), [
            "diff --git a/latin b/latin", "--- a/latin", "+++ b/latin", "@@ -1 +1 @@", "-caf\ufffd", "+caf\ufffd", ""]),
        "link": ("M", (1, 1, False), [
            "diff --git a/link b/link", "--- a/link", "+++ b/link",
            "@@ -1 +1 @@", "-/etc/passwd", no_end, "+run", no_end, ""]),
        "open": ("M", (1, 1, False), [
            "diff --git a/open b/open", "--- a/open", "+++ b/open", "@@ -1 +1 @@", "-no end", no_end, "+an end", ""]),
        "später": ("M", (0, 0, False), [
            'diff --git "a/sp\\303\\244ter" "b/sp\\303\\244ter"', "old mode 100644", "new mode 100755", ""]),
    }  # fmt: skip
    nodes = root("get_repo_nodes", repoid=name, revision=first, root_path="", details="full")
    contents = {node["name"]: node["content"] for node in nodes if node["type"] == "file"}
    assert contents.pop("large") is None
    assert contents == {
        "above/place": "below\n", "binary": None, "crlf": "a\r\nb\r\n", "empty": "", "file": "x\n",
        "large.bin": None, "latin": "caf\ufffd\n", "link": "/etc/passwd", "open": "no end", "place": "a file\n",
        "run": "#!/bin/sh\n", "später": "#!/bin/sh\n",
    }  # fmt: skip


def test_files_and_directories_that_take_each_others_place(
    server: Server, root: Api, system: System, ada: Person
) -> None:
    name = system.new_repository(root, ada)
    copy = system.checkout(server, name, ada)
    copy.change("first", **{"one": "a file\n", "other/below": "x\n", "other/deep/er": "y\n"})
    copy.remove("one", "other")
    raw_id = copy.change("second", **{"one/inside": "z\n", "other": "a file now\n"})
    diff = root("get_repo_changeset", repoid=name, revision=raw_id, details="extended")["diff"]
    assert {(change["op"], change["filename"]) for change in diff} == {
        ("D", "one"), ("A", "one/inside"), ("D", "other/below"), ("D", "other/deep/er"), ("A", "other"),
    }  # fmt: skip
    assert [node["name"] for node in root("get_repo_nodes", repoid=name, revision="tip", root_path="")] == [
        "one", "one/inside", "other",
    ]  # fmt: skip
    assert root("get_repo_nodes", repoid=name, revision="tip", root_path="other") == []
    assert system.checkout(server, name, ada).files() == {"one/inside": b"z\n", "other": b"a file now\n"}


def test_lists_of_changesets_agree_with_single_ones(root: Api, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    for details in ("basic", "extended", "full"):
        listed = root("get_repo_changesets", repoid=name, start_rev=ids[0], limit=-1, details=details)
        assert listed == [root("get_repo_changeset", repoid=name, revision=one, details=details) for one in ids]
    for start, limit, expected in ((ids[1], 1, ids[1:2]), (ids[1], "5", ids[1:]), ("tip", 3, ids[2:]), (ids[0], 0, [])):
        listed = root("get_repo_changesets", repoid=name, start_rev=start, limit=limit)
        assert [one["raw_id"] for one in listed] == expected
    for wrong in ("nowhere", "--help", "tip:0", "all()", "-1", "HEAD~1", ""):
        said = root.error("get_repo_changesets", repoid=name, start_rev=wrong, limit=1)
        assert said == "Error occurred during commit fetching"
        said = root.error("get_repo_changeset", repoid=name, revision=wrong)
        assert said == f"Commit `{wrong}` does not exist in repository `{name}`"


def test_nodes_at_each_revision(root: Api, system: System, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    listed = root("get_repo_nodes", repoid=name, revision=ids[0], root_path="/", details="full")
    by_name = {node["name"]: node for node in listed}
    assert [node["name"] for node in listed] == ["docs", "docs/read me.txt", "gone", "image"]
    assert by_name["docs"] == {
        "name": "docs",
        "type": "dir",
        **dict.fromkeys(("md5", "binary", "size", "extension", "mimetype", "lines", "content")),
    }
    text = b"first\nsecond\n"
    assert by_name["docs/read me.txt"] == {
        "name": "docs/read me.txt",
        "type": "file",
        "md5": hashlib.md5(text).hexdigest(),
        "binary": False,
        "size": len(text),
        "extension": "txt",
        "mimetype": "text/plain",
        "lines": 2,
        "content": text.decode(),
    }
    assert (by_name["image"]["binary"], by_name["image"]["content"], by_name["image"]["size"]) == (True, None, 3)

    def names(revision: str, path: str, kind: str = "all") -> list[str]:
        nodes = root("get_repo_nodes", repoid=name, revision=revision, root_path=path, ret_type=kind)
        return [node["name"] for node in nodes]

    assert names("tip", "", "dirs") == ["docs", "grüße"]
    assert names("tip", "/", "files") == ["docs/read me.txt", "grüße/ünïcode.txt", "image"]
    assert names(ids[1], "//docs//") == ["docs/read me.txt"]
    assert names("tip", "image") == []
    for revision, path in (
        ("tip", "gone"),
        ("tip", "../image"),
        ("nowhere", "/"),
        ("tip", "docs/none"),
        ("tip", "a\0b"),
    ):
        said = root.error("get_repo_nodes", repoid=name, revision=revision, root_path=path)
        assert said == f"failed to get repo: `{name}` nodes"


def test_comments_name_the_whole_id(root: Api, ada: Person, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    assert ada.api("changeset_comment", repoid=name, revision="tip", message="Good.", status="approved") == {
        "msg": f"Commented on revision `{ids[-1]}` for repo `{name}`",
        "status_change": "approved",
        "success": True,
    }
    said = ada.api.error("changeset_comment", repoid=name, revision="nowhere", message="x")
    assert said == f"failed to set comment on repository `{name}`"
