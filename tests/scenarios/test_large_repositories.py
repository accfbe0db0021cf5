# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories that are large, or odd in what is in them, are read and copied like any other (R-19, R-20)."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.clients import Api, Git, Thing, unique
from tests.support.servers import Server

REFS = 100_000
FILES = 10_000
DEPTH = 200
BIG = 20 << 20
WHEN = 1_200_000_000


@dataclass
class Filled:
    """A repository on the server, and where it stands there."""

    name: str
    place: Path


def filled(server: Server, root: Api, stream: Iterable[bytes]) -> Filled:
    """A repository whose content is imported on the spot: sending it would be another test."""
    thing: Thing = root.new_repo()
    place = server.root / thing.name
    importer = subprocess.Popen(["git", "fast-import", "--quiet", "--force"], cwd=place, stdin=subprocess.PIPE)
    assert importer.stdin is not None
    for piece in stream:
        importer.stdin.write(piece)
    importer.stdin.close()
    assert importer.wait() == 0
    root("get_repo", repoid=thing.name, cache=False)
    return Filled(thing.name, place)


def commit(number: int, *changes: bytes, branch: str = "master", message: bytes = b"a change", **more: bytes) -> bytes:
    """One commit for fast-import; `author`, `from_` and `merge` are taken as they are."""
    author = more.get("author", b"Ada Lovelace <ada@example.org>")
    return b"".join(
        (
            b"commit refs/heads/%s\nmark :%d\n" % (branch.encode(), number),
            b"author %s %d +0100\n" % (author, WHEN + number),
            b"committer Ada Lovelace <ada@example.org> %d +0000\n" % (WHEN + number),
            b"data %d\n%s\n" % (len(message), message),
            *(b"%s %s\n" % (word.encode(), more[f"{word}_"]) for word in ("from", "merge") if f"{word}_" in more),
            *changes,
        )
    )


def file(name: bytes, content: bytes, mode: bytes = b"100644") -> bytes:
    quoted = b'"%s"' % b"".join(
        b"\\%03o" % byte if byte > 126 or byte in b'"\\\n\t' else bytes([byte]) for byte in name
    )
    return b"M %s inline %s\ndata %d\n%s\n" % (mode, quoted, len(content), content)


@pytest.fixture(scope="module")
def many_refs(server: Server, root: Api) -> Filled:
    """A thousand commits in a row, each with a hundred branches or tags, which git keeps in one file."""
    repository = filled(server, root, (commit(number, file(b"a.txt", b"%d\n" % number)) for number in range(1, 1001)))
    listed = subprocess.run(
        ["git", "rev-list", "--reverse", "master"], cwd=repository.place, check=True, capture_output=True, text=True
    ).stdout.split()
    names = sorted((f"refs/{'tags' if n % 2 else 'heads'}/n{n:06d}", listed[n % 1000]) for n in range(REFS))
    (repository.place / "packed-refs").write_text("".join(f"{raw_id} {name}\n" for name, raw_id in names))
    root("get_repo", repoid=repository.name, cache=False)
    return repository


def test_a_hundred_thousand_refs_are_read(root: Api, many_refs: Filled) -> None:
    name = many_refs.name
    assert root("get_repo", repoid=name)["last_changeset"]["revision"] == 999
    rows = root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)
    assert [row["revision"] for row in rows] == list(range(1000))
    assert rows[999]["branch"] == "master"
    for revision, position in (("n000000", 0), ("n099999", 999), ("n012345", 345), ("master", 999), ("tip", 999)):
        assert root("get_repo_changeset", repoid=name, revision=revision)["raw_id"] == rows[position]["raw_id"]
    refs = root("get_repo_changeset", repoid=name, revision="7", details="full")["refs"]
    assert refs == {
        "branches": [],
        "bookmarks": [],
        "tags": [f"n{number:06d}" for number in range(7, REFS, 1000)],
    }
    assert root("get_repo_nodes", repoid=name, revision="n000008", root_path="")[0]["size"] == 2


def test_a_hundred_thousand_refs_are_pushed_to_stripped_and_forked(
    server: Server, root: Api, git: Git, many_refs: Filled
) -> None:
    fork = unique("fork")
    root("fork_repo", repoid=many_refs.name, fork_name=fork)
    place = server.root / fork
    assert (place / "packed-refs").read_bytes().count(b" refs/") == REFS + 1
    assert "remote" not in (place / "config").read_text()
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{fork}"
    work = git.home / "work"
    git.run("clone", "--quiet", "--depth=1", "--single-branch", "--no-tags", url, str(work))
    assert len(git.out("ls-remote", url).splitlines()) == REFS + 2
    more = git.commit(work, "one more")
    git.run("push", "--quiet", "origin", "HEAD:master", "HEAD:refs/heads/new", cwd=work)
    last = root("get_repo", repoid=fork)["last_changeset"]
    assert (last["raw_id"], last["revision"], last["branch"]) == (more, 1000, "master")
    root("strip", repoid=fork, revision=more, branch="master")
    assert root("get_repo_changeset", repoid=fork, revision="new")["raw_id"] == more
    assert root("get_repo", repoid=fork)["last_changeset"]["branch"] == "new"
    assert root("get_repo", repoid=many_refs.name)["last_changeset"]["revision"] == 999


def test_ten_thousand_files_a_deep_directory_and_a_large_file(server: Server, root: Api) -> None:
    names = [b"d%03d/f%05d.txt" % (number % 100, number) for number in range(FILES)]
    deep = b"/".join([b"deep"] * DEPTH)
    line = b"x" * (BIG - 1) + b"\n"
    repository = filled(
        server,
        root,
        [
            commit(1, *(file(name, name) for name in names)),
            commit(2, file(b"large.txt", line), file(deep + b"/end", b"end\n")),
            commit(3, b"deleteall\n", file(b"left.txt", b"left\n")),
        ],
    ).name
    nodes = root("get_repo_nodes", repoid=repository, revision="0", root_path="/")
    assert [node["type"] for node in nodes] == ["dir"] * 100 + ["file"] * FILES
    assert {node["name"]: node["md5"] for node in nodes if node["type"] == "file"} == {
        name.decode(): hashlib.md5(name).hexdigest() for name in names
    }
    for details, keys in (("extended", {"A", "D"}), ("full", {"A", "D"})):
        first, second, third = root("get_repo_changesets", repoid=repository, start_rev="0", limit=3, details=details)
        assert {change["op"] for change in first["diff"]} | {change["op"] for change in third["diff"]} == keys
        assert len(first["diff"]) == FILES
        assert len(third["diff"]) == FILES + 3
        assert {change["filename"] for change in second["diff"]} == {"large.txt", f"{deep.decode()}/end"}
    large = next(change for change in second["diff"] if change["filename"] == "large.txt")
    assert large["raw_diff"] is None, "larger than max_api_file"
    assert large["stats"] == {"added": 1, "deleted": 0, "binary": False}
    node = next(
        node
        for node in root("get_repo_nodes", repoid=repository, revision="1", root_path="", details="full")
        if node["name"] == "large.txt"
    )
    assert (node["size"], node["lines"], node["content"]) == (BIG, 1, None)
    assert node["md5"] == hashlib.md5(line).hexdigest()
    (end,) = root("get_repo_nodes", repoid=repository, revision="1", root_path=deep.decode())
    assert end["name"] == f"{deep.decode()}/end"


@pytest.fixture(scope="module")
def odd(server: Server, root: Api) -> Filled:
    """A bit of everything that a tree and a commit may have in them."""
    submodule = b"1" * 40
    return filled(
        server,
        root,
        [
            commit(
                1,
                file(b"run.sh", b"#!/bin/sh\n"),
                file(b"caf\xe9.txt", b"latin\n"),
                file("naïve/日本語.md".encode(), "# 日本\n".encode()),
                file(b'quo"te\\ tab\t.txt', b"q\n"),
                file(b"line\nbreak", b"n\n"),
                file(b"picture.png", bytes(range(256)) * 40),
                file(b"link", b"../../../etc/passwd", b"120000"),
                file(b"broken", b"nowhere\n", b"120000"),
                b"M 160000 %s lib\n" % submodule,
                file(b"old.txt", b"".join(b"line %d\n" % number for number in range(50))),
                message=b"caf\xe9 \xff\n\nthe rest\n",
                author=b"Zo\xeb <zo\xeb@example.org>",
            ),
            commit(
                2,
                file(b"run.sh", b"#!/bin/sh\n", b"100755"),
                b"R old.txt new.txt\n",
                file(b"picture.png", bytes(range(255, -1, -1)) * 40),
                b"D link\n",
                b"M 160000 %s lib\n" % (b"2" * 40),
                message=b"",
            ),
            commit(3, file(b"side.txt", b"s\n"), branch="side", message="ünï\r\n".encode(), from_=b":1"),
            commit(4, file(b"side.txt", b"s\n"), message=b"merged", from_=b":2", merge_=b":3"),
            commit(5, file(b"root.txt", b"r\n"), branch="orphan", message=b"another root"),
        ],
    )


def changes(row: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {change["filename"]: change for change in row["diff"]}


@pytest.mark.parametrize("details", ["basic", "extended", "full"])
def test_odd_commits_and_trees_are_told(root: Api, odd: Filled, details: str) -> None:
    rows = root("get_repo_changesets", repoid=odd.name, start_rev="0", limit=-1, details=details)
    assert [len(row["parents"]) for row in rows] == [0, 1, 1, 2, 0]
    assert [row["message"] for row in rows] == [
        "caf\ufffd \ufffd\n\nthe rest\n", "", "ünï\r\n", "merged", "another root",
    ]  # fmt: skip
    assert rows[0]["author"] == "Zo\ufffd <zo\ufffd@example.org>"
    assert [row["branch"] for row in rows] == [None, None, "side", "master", "orphan"]
    if details == "basic":
        return
    first, second, side, merge, orphan = (changes(row) for row in rows)
    assert {change["op"] for change in first.values()} == {"A"}
    assert set(first) == {
        "run.sh", "caf\ufffd.txt", "naïve/日本語.md", 'quo"te\\ tab\t.txt', "line\nbreak", "picture.png", "link",
        "broken", "lib", "old.txt",
    }  # fmt: skip
    assert {name: change["op"] for name, change in second.items()} == {
        "run.sh": "M", "new.txt": "M", "picture.png": "M", "link": "D", "lib": "M",
    }  # fmt: skip
    assert set(side) == set(merge) == {"side.txt"}
    assert set(orphan) == {"root.txt"}
    if details == "extended":
        return
    assert "old mode 100644\nnew mode 100755\n" in second["run.sh"]["raw_diff"]
    assert second["picture.png"]["stats"] == {"added": 0, "deleted": 0, "binary": True}
    assert "rename from old.txt\nrename to new.txt\n" in second["new.txt"]["raw_diff"]
    assert f"-Subproject commit {'1' * 40}\n+Subproject commit {'2' * 40}\n" in second["lib"]["raw_diff"]
    assert second["lib"]["new_revision"] == "2" * 40


def test_odd_nodes_are_listed(root: Api, odd: Filled) -> None:
    rows = root("get_repo_nodes", repoid=odd.name, revision="0", root_path="/", details="full")
    nodes = {row["name"]: row for row in rows}
    assert nodes["caf\ufffd.txt"]["content"] == "latin\n"
    assert nodes["naïve/日本語.md"]["content"] == "# 日本\n"
    assert nodes["link"] | {"mimetype": None} == {
        "name": "link", "type": "file", "md5": hashlib.md5(b"../../../etc/passwd").hexdigest(), "binary": False,
        "size": 19, "extension": "link", "mimetype": None, "lines": 1, "content": "../../../etc/passwd",
    }  # fmt: skip
    assert nodes["picture.png"]["binary"] is True
    assert nodes["picture.png"]["content"] is None
    assert nodes["lib"]["type"] == "submodule"
    assert nodes["lib"]["md5"] is None
    assert [row["name"] for row in rows if row["type"] == "dir"] == ["naïve"]
    for path in ("lib", "link", "broken", "picture.png"):
        assert root("get_repo_nodes", repoid=odd.name, revision="0", root_path=path) == []
    assert [row["name"] for row in root("get_repo_nodes", repoid=odd.name, revision="0", root_path="naïve")] == [
        "naïve/日本語.md"
    ]


def test_odd_histories_are_forked_and_imported(server: Server, root: Api, git: Git, odd: Filled) -> None:
    copies = [unique("fork"), unique("import")]
    root("fork_repo", repoid=odd.name, fork_name=copies[0])
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{odd.name}"
    root("create_repo", repo_name=copies[1], repo_type="git", clone_uri=url)
    expected = root("get_repo_changesets", repoid=odd.name, start_rev="0", limit=-1, details="full")
    for copy in copies:
        assert root("get_repo_changesets", repoid=copy, start_rev="0", limit=-1, details="full") == expected
        git.run("--git-dir=.", "fsck", "--full", "--no-dangling", cwd=server.root / copy)


def test_a_remote_whose_head_is_no_branch_is_imported_with_one_of_ours(server: Server, root: Api, git: Git) -> None:
    source = root.new_repo()
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{source.name}"
    work = git.new_work()
    first = git.commit(work)
    git.commit(work)
    git.run("push", "--quiet", url, "master", cwd=work)
    (server.root / source.name / "HEAD").write_text(f"{first}\n")
    for copy, method, args in (
        (unique("fork"), "fork_repo", {"repoid": source.name}),
        (unique("import"), "create_repo", {"repo_type": "git", "clone_uri": url}),
    ):
        root(method, **args, **{"fork_name" if method == "fork_repo" else "repo_name": copy})
        assert (server.root / copy / "HEAD").read_text() == "ref: refs/heads/master\n"
        assert root("get_repo", repoid=copy)["last_changeset"]["branch"] == "master"
