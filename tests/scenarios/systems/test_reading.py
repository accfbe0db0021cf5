# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd files, and what takes the place of something else, are told of alike for all systems (api-repos.md 2, 3, 5)."""

from __future__ import annotations

from tests.support.clients import Api, Person
from tests.support.servers import Server
from tests.support.systems import Filled, System


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


def test_comments_name_the_whole_id(root: Api, ada: Person, filled: Filled) -> None:
    name, ids = filled.name, filled.ids
    assert ada.api("changeset_comment", repoid=name, revision="tip", message="Good.", status="approved") == {
        "msg": f"Commented on revision `{ids[-1]}` for repo `{name}`",
        "status_change": "approved",
        "success": True,
    }
    said = ada.api.error("changeset_comment", repoid=name, revision="nowhere", message="x")
    assert said == f"failed to set comment on repository `{name}`"
