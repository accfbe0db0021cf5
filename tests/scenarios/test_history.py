# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading repositories through the API: changesets, what they changed, and nodes (api-repos.md 2.2-2.5, 3)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


@dataclass
class Project:
    """A repository with a little history on the server, and its copy here."""

    name: str
    work: Path
    commits: list[str]


@pytest.fixture(scope="module")
def project(server: Server, root: Api, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that is only read."""
    return make_project(server, root, Git(tmp_path_factory.mktemp("home")))


@pytest.fixture
def own_project(server: Server, root: Api, git: Git) -> Project:
    """A project of one test alone."""
    return make_project(server, root, git)


def make_project(server: Server, root: Api, git: Git) -> Project:
    name = unique("history")
    root("create_repo", repo_name=name, repo_type="git")
    work = git.new_work()
    (work / "docs" / "a").mkdir(parents=True)
    (work / "docs" / "a" / "deep.txt").write_text("deep\n")
    (work / "data.bin").write_bytes(b"\0\1\2")
    (work / "latin.txt").write_bytes(b"caf\xe9\r\nend")
    (work / "empty").touch()
    (work / "link").symlink_to("docs/a/deep.txt")
    first = git.commit(work, "first", when=1_000_000_000, **{"ünï côde.md": "# Ünï\n"})
    (work / "data.bin").write_bytes(b"\0changed")
    (work / "empty").unlink()
    git.run("mv", "docs/a/deep.txt", "docs/a/moved.txt", cwd=work)
    second = git.commit(work, "second\n\nwith a body", when=1_000_000_100, **{"latin.txt": "plain\n"})
    git.run("checkout", "--quiet", "-b", "side/line", first, cwd=work)
    side = git.commit(work, "on the side", when=1_000_000_200, **{"side.txt": "1\n2\n"})
    git.run("checkout", "--quiet", "master", cwd=work)
    git.run(
        "merge",
        "--quiet",
        "--no-ff",
        "-m",
        "merged",
        "side/line",
        cwd=work,
        GIT_AUTHOR_DATE="1000000300 +0000",
        GIT_COMMITTER_DATE="1000000300 +0000",
    )
    merge = git.out("rev-parse", "HEAD", cwd=work)
    git.run("tag", "-a", "v1", "-m", "annotated", first, cwd=work)
    git.run("tag", "light", second, cwd=work)
    url = server.url.replace("://", f"://root:{server.admin_password}@")
    git.run("push", "--quiet", f"{url}/{name}", "--all", cwd=work)
    git.run("push", "--quiet", f"{url}/{name}", "--tags", cwd=work)
    return Project(name, work, [first, second, side, merge])


def test_every_form_of_a_revision_finds_its_commit(root: Api, project: Project) -> None:
    first, second, side, merge = project.commits
    for revision, expected in {
        "tip": merge,
        "HEAD": merge,
        "head": merge,
        "master": merge,
        "side/line": side,
        "v1": first,
        "light": second,
        first: first,
        first[:7]: first,
        first[:12]: first,
        second[:39]: second,
        "0": first,
        "1": second,
        "3": merge,
    }.items():
        found = root("get_repo_changeset", repoid=project.name, revision=revision)
        assert found["raw_id"] == expected, revision


@pytest.mark.parametrize("revision", [
    "", "nope", "4", "99999999999", "-1", "--help", "-rtip", "HEAD~1", "HEAD..", "@{upstream}", "master^",
    "refs/heads/master", "0" * 40, "a" * 40, "g" * 40, "\0", "../..", "master:docs", "ünknown", "reverse(all())",
])  # fmt: skip
def test_what_is_no_revision_is_said_to_be_none(root: Api, project: Project, revision: str) -> None:
    error = root.error("get_repo_changeset", repoid=project.name, revision=revision)
    assert error == f"Commit `{revision}` does not exist in repository `{project.name}`"
    assert root.error("get_repo_changesets", repoid=project.name, start_rev=revision, limit=1) == (
        "Error occurred during commit fetching"
    )
    assert root.error("get_repo_nodes", repoid=project.name, revision=revision, root_path="") == (
        f"failed to get repo: `{project.name}` nodes"
    )


@pytest.mark.parametrize("revision", [1, None, True, 1.5, [], {}])
def test_a_revision_is_a_text(root: Api, project: Project, revision: object) -> None:
    said = "commit_id must be a string value"
    assert root.error("get_repo_changeset", repoid=project.name, revision=revision) == said
    assert root.error("get_repo_changesets", repoid=project.name, start_rev=revision, limit=1) == said


def test_a_basic_changeset_has_the_documented_shape(root: Api, project: Project) -> None:
    first, second, _, _ = project.commits
    assert root("get_repo_changeset", repoid=project.name, revision="light") == {
        "raw_id": second,
        "short_id": second[:12],
        "revision": 1,
        "author": "Ada Lovelace <ada@example.org>",
        "date": "2001-09-09T01:48:20",
        "message": "second\n\nwith a body\n",
        "parents": [{"raw_id": first}],
        "branch": None,
        "diff": [],
    }


def test_the_list_of_changesets_is_in_order_and_limited(root: Api, project: Project) -> None:
    def ids(start: str, limit: object) -> list[str]:
        return [row["raw_id"] for row in root("get_repo_changesets", repoid=project.name, start_rev=start, limit=limit)]

    assert ids("0", -1) == project.commits
    assert ids("0", "2") == project.commits[:2]
    assert ids(project.commits[1], 2) == project.commits[1:3]
    assert ids("tip", 10) == project.commits[3:]
    assert ids("0", 0) == ids("0", -2) == []
    for limit in ("x", None, 1.5, True, []):
        assert root.error("get_repo_changesets", repoid=project.name, start_rev="0", limit=limit) == (
            "Error occurred during commit fetching"
        )


@pytest.mark.parametrize("details", ["basic", "extended", "full"])
def test_each_of_the_list_is_what_is_shown_alone(root: Api, project: Project, details: str) -> None:
    listed = root("get_repo_changesets", repoid=project.name, start_rev="0", limit=-1, details=details)
    alone = [
        root("get_repo_changeset", repoid=project.name, revision=commit, details=details) for commit in project.commits
    ]
    assert listed == alone
    assert [row["revision"] for row in listed] == [0, 1, 2, 3]


def test_extended_details_name_the_files(root: Api, project: Project) -> None:
    first, second, side, merge = (
        {
            (change["op"], change["filename"])
            for change in root("get_repo_changeset", repoid=project.name, revision=commit, details="extended")["diff"]
        }
        for commit in project.commits
    )
    assert first == {
        ("A", name) for name in ("docs/a/deep.txt", "data.bin", "latin.txt", "empty", "link", "ünï côde.md")
    }
    assert second == {("M", "data.bin"), ("D", "empty"), ("M", "docs/a/moved.txt"), ("M", "latin.txt")}
    assert side == merge == {("A", "side.txt")}


def test_full_details_carry_diffs_counts_and_names(root: Api, project: Project) -> None:
    shown = root("get_repo_changeset", repoid=project.name, revision="light", details="full")
    changes = {change["filename"]: change for change in shown["diff"]}
    assert changes["data.bin"]["stats"] == {"added": 0, "deleted": 0, "binary": True}
    assert changes["empty"]["new_revision"] is None
    assert changes["latin.txt"]["stats"] == {"added": 1, "deleted": 2, "binary": False}
    assert "-caf\ufffd\r\n-end\n" in changes["latin.txt"]["raw_diff"]
    assert changes["docs/a/moved.txt"]["raw_diff"].startswith("diff --git a/docs/a/deep.txt b/docs/a/moved.txt\n")
    assert shown["refs"] == {"branches": [], "bookmarks": [], "tags": ["light"]}
    tip = root("get_repo_changeset", repoid=project.name, revision="tip", details="full")
    assert tip["refs"] == {"branches": ["master"], "bookmarks": [], "tags": []}
    tagged = root("get_repo_changeset", repoid=project.name, revision="0", details="full")
    assert tagged["refs"]["tags"] == ["v1"]


def test_details_have_three_names(root: Api, project: Project) -> None:
    said = "ret_type must be one of basic,extended,full"
    assert root.error("get_repo_changeset", repoid=project.name, revision="tip", details="more") == said
    assert root.error("get_repo_changesets", repoid=project.name, start_rev="0", limit=1, details=1) == said


def test_nodes_are_listed_with_their_facts(root: Api, project: Project) -> None:
    nodes = {row["name"]: row for row in root("get_repo_nodes", repoid=project.name, revision="v1", root_path="/")}
    assert list(nodes)[:2] == ["docs", "docs/a"]
    assert nodes["docs"] == {
        "name": "docs", "type": "dir", "md5": None, "binary": None, "size": None, "extension": None,
        "mimetype": None, "lines": None,
    }  # fmt: skip
    assert nodes["docs/a/deep.txt"] == {
        "name": "docs/a/deep.txt", "type": "file", "md5": hashlib.md5(b"deep\n").hexdigest(), "binary": False,
        "size": 5, "extension": "txt", "mimetype": "text/plain", "lines": 1,
    }  # fmt: skip
    assert nodes["data.bin"]["binary"] is True
    assert nodes["link"]["type"] == "file"
    assert nodes["empty"] | {"mimetype": None} == {
        "name": "empty", "type": "file", "md5": hashlib.md5(b"").hexdigest(), "binary": False,
        "size": 0, "extension": "empty", "mimetype": None, "lines": 0,
    }  # fmt: skip


def test_full_nodes_carry_the_content_of_texts(root: Api, project: Project) -> None:
    def contents(**more: object) -> dict[str, str | None]:
        rows = root("get_repo_nodes", repoid=project.name, revision="v1", root_path="", details="full", **more)
        return {row["name"]: row["content"] for row in rows}

    assert contents() == {
        "docs": None, "docs/a": None, "docs/a/deep.txt": "deep\n", "data.bin": None, "empty": "",
        "latin.txt": "caf\ufffd\r\nend", "link": "docs/a/deep.txt", "ünï côde.md": "# Ünï\n",
    }  # fmt: skip
    assert contents(max_file_bytes=5)["latin.txt"] is None
    assert contents(max_file_bytes=5)["docs/a/deep.txt"] == "deep\n"


def test_a_directory_can_be_listed_by_kind(root: Api, project: Project) -> None:
    def names(path: str, kind: str = "all") -> list[str]:
        rows = root("get_repo_nodes", repoid=project.name, revision="v1", root_path=path, ret_type=kind)
        return [row["name"] for row in rows]

    assert names("docs") == names("//docs//") == ["docs/a", "docs/a/deep.txt"]
    assert names("docs", "files") == ["docs/a/deep.txt"]
    assert names("/", "dirs") == ["docs", "docs/a"]
    assert names("latin.txt") == names("link") == []


@pytest.mark.parametrize("path", ["nope", "..", "docs/..", "docs/../docs", "docs\0", ".", None, 1])
def test_a_path_that_is_none_is_refused(root: Api, project: Project, path: object) -> None:
    error = root.error("get_repo_nodes", repoid=project.name, revision="tip", root_path=path)
    assert error == f"failed to get repo: `{project.name}` nodes"


def test_bad_choices_of_nodes_are_named(root: Api, project: Project) -> None:
    call = {"repoid": project.name, "revision": "tip", "root_path": ""}
    assert root.error("get_repo_nodes", **call, ret_type="links") == "ret_type must be one of all,dirs,files"
    assert root.error("get_repo_nodes", **call, details="extended") == "ret_type must be one of basic,full"


def test_an_empty_repository_has_no_commits_and_no_nodes(root: Api) -> None:
    name = unique("empty")
    root("create_repo", repo_name=name, repo_type="git")
    assert root("get_repo_nodes", repoid=name, revision="whatever", root_path="..") == []
    assert root.error("get_repo_changeset", repoid=name, revision="tip") == (
        f"Commit `tip` does not exist in repository `{name}`"
    )
    assert root.error("get_repo_changesets", repoid=name, start_rev="0", limit=1) == (
        "Error occurred during commit fetching"
    )


def test_a_push_shows_at_once_and_what_no_name_holds_is_gone(
    server: Server, root: Api, git: Git, own_project: Project
) -> None:
    url = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{own_project.name}"
    assert root("get_repo_changeset", repoid=own_project.name, revision="tip")["raw_id"] == own_project.commits[-1]
    more = git.commit(own_project.work, "one more", when=1_000_000_400)
    git.run("push", "--quiet", url, "master", cwd=own_project.work)
    assert root("get_repo_changeset", repoid=own_project.name, revision="tip")["raw_id"] == more
    git.run("push", "--quiet", "--force", url, f"{own_project.commits[1]}:refs/heads/master", cwd=own_project.work)
    assert root.error("get_repo_changeset", repoid=own_project.name, revision=more).startswith("Commit `")
    assert root("get_repo_changeset", repoid=own_project.name, revision="master")["raw_id"] == own_project.commits[1]


def test_reading_needs_the_permission_to_read(root: Api, own_project: Project) -> None:
    stranger = root.new_user()
    root("update_repo", repoid=own_project.name, private=True)
    said = f"repository `{own_project.name}` does not exist"
    assert stranger.api.error("get_repo_changeset", repoid=own_project.name, revision="tip") == said
    assert stranger.api.error("get_repo_changesets", repoid=own_project.name, start_rev="0", limit=1) == said
    assert stranger.api.error("get_repo_nodes", repoid=own_project.name, revision="tip", root_path="") == said
    root("grant_user_permission", repoid=own_project.name, userid=stranger.name, perm="repository.read")
    assert stranger.api("get_repo_changeset", repoid=own_project.name, revision="0")["revision"] == 0
