# SPDX-License-Identifier: GPL-3.0-or-later
"""Forks, imports, pulls and strips of Mercurial repositories (api-repos.md 4, 5; security.md 8)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.test_forks import Canary, canary
from tests.support.clients import Api, unique
from tests.support.hg_client import Hg
from tests.support.servers import Server

__all__ = ["canary"]


def ids(root: Api, name: str) -> list[str]:
    return [row["raw_id"] for row in root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)]


@pytest.fixture
def source(server: Server, root: Api, hg: Hg) -> tuple[str, Path, list[str]]:
    """A repository of four changesets, two of which are heads: 0 - 1 - 3, 0 - 2; a bookmark on the last."""
    name = unique("source")
    root("create_repo", repo_name=name, repo_type="hg")
    hg.sign_in(server.url, server.admin, server.admin_password)
    work = hg.new_work()
    commits = [hg.commit(work, "0"), hg.commit(work, "1")]
    hg.run("update", "-r", commits[0], cwd=work)
    commits.append(hg.commit(work, "2"))
    hg.run("update", "-r", commits[1], cwd=work)
    commits.append(hg.commit(work, "3"))
    hg.run("bookmark", "-r", commits[3], "book", cwd=work)
    hg.run("push", "--force", server.clone_url(name), cwd=work)
    hg.run("push", "-B", "book", "-r", "tip", server.clone_url(name), cwd=work, check=False)
    return name, work, commits


def verify(server: Server, hg: Hg, name: str) -> None:
    assert hg.run("verify", "--quiet", "-R", str(server.root / name)).stdout == b""
    assert sorted(path.name for path in (server.root / name).iterdir()) == [".hg"]


def test_a_fork_has_everything_and_is_independent(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    target = f"{unique('forks')}/deep/copy"
    root("fork_repo", repoid=name, fork_name=target)
    shown = root("get_repo", repoid=target)
    assert (shown["fork_of"], shown["repo_type"], shown["clone_uri"]) == (name, "hg", "")
    assert ids(root, target) == ids(root, name) == commits
    assert root("get_repo_changeset", repoid=target, revision="book")["raw_id"] == commits[3]
    more = hg.commit(work, "only in the fork")
    hg.run("push", server.clone_url(target), cwd=work)
    assert ids(root, name) == commits
    assert root.error("get_repo_changeset", repoid=name, revision=more).startswith("Commit `")
    for one in (name, target):
        verify(server, hg, one)
    stored = [
        {path.stat().st_ino for path in (server.root / one).rglob("*") if path.is_file()} for one in (name, target)
    ]
    assert not stored[0] & stored[1]
    root("delete_repo", repoid=name, forks="detach")
    hg.run("clone", server.clone_url(target), "copy")


def test_an_empty_repository_can_be_forked(root: Api) -> None:
    name, target = root.new_repo(kind="hg").name, unique("fork")
    root("fork_repo", repoid=name, fork_name=target)
    assert root("get_repo", repoid=target)["last_changeset"]["revision"] == -1


def test_an_import_from_this_server_can_be_pulled_later(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    root("update_repo", repoid=name, private=True)
    target = unique("import")
    address = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    root("create_repo", repo_name=target, repo_type="hg", clone_uri=address)
    assert root("get_repo", repoid=target)["clone_uri"] == f"{server.url.replace('://', '://root:*****@')}/{name}"
    assert ids(root, target) == commits
    assert root("get_repo_changeset", repoid=target, revision="book")["raw_id"] == commits[3]
    more = hg.commit(work, "later")
    hg.run("push", server.clone_url(name), cwd=work)
    expected = {"msg": f"Pulled from `{target}`", "repository": target}
    assert root("pull", repoid=target) == root("pull", repoid=target) == expected
    assert root("get_repo", repoid=target)["last_changeset"]["raw_id"] == more
    verify(server, hg, target)
    (row,) = server.query(
        "SELECT detail FROM journal WHERE action = 'remote.pull' AND subject = ? AND detail <> ?", target, "{}"
    )
    assert ["branches/default", "0" * 40, more] in json.loads(row[0])["refs"]
    for kept in (server.root / target).rglob("*"):
        assert not kept.is_file() or server.admin_password.encode() not in kept.read_bytes()
    assert server.admin_password not in server.log.read_text()
    root("update_repo", repoid=target, clone_uri=address.replace(server.admin_password, "wrong"))
    assert root.error("pull", repoid=target) == f"Unable to pull changes from `{target}`"
    git = root.new_repo().name
    root("update_repo", repoid=target, clone_uri=address.replace(name, git))
    assert root.error("pull", repoid=target) == f"Unable to pull changes from `{target}`"
    assert ids(root, target) == [*commits, more]


def test_bookmarks_are_set_to_where_the_remote_has_them(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    """Forward, back, to another line, and none is deleted: as Git's branches are pulled."""
    name, work, commits = source
    target = unique("import")
    address = f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"
    root("create_repo", repo_name=target, repo_type="hg", clone_uri=address)
    on_server = ("-R", str(server.root / name))
    for to in (commits[1], commits[2], commits[0], commits[3], hg.commit(work, "new")):
        hg.run("push", server.clone_url(name), cwd=work, check=False)
        hg.run("bookmark", "--force", "-r", to, "book", *on_server)
        root("pull", repoid=target)
        assert root("get_repo_changeset", repoid=target, revision="book")["raw_id"] == to
    hg.run("bookmark", "--rename", "book", "novel", *on_server)
    root("pull", repoid=target)
    assert hg.out("bookmark", "-T", "{bookmark} ", "-R", str(server.root / target)) == "book novel"


@pytest.mark.parametrize("uri", [
    "file:///etc", "/etc", "bundle:/etc/passwd", "ssh://-oProxyCommand=x/y", "static-http://example.org/x",
    "--config=hooks.x=touch", "http://169.254.169.254/latest", "http://10.0.0.1/x", "http://localhost:1/x",
])  # fmt: skip
def test_an_address_that_may_not_be_fetched_from_leaves_nothing(server: Server, root: Api, uri: str) -> None:
    name = f"{unique('bad')}/x"
    error = root.error("create_repo", repo_name=name, repo_type="hg", clone_uri=uri)
    assert error == f"failed to create repository `{name}`"
    assert not (server.root / name.partition("/")[0]).exists()


def test_an_allowed_server_is_asked_but_its_redirects_are_not_followed(own_server: Server, canary: int) -> None:
    own_server.start(TRIVIUM_ALLOWED_REMOTE_HOSTS=f"127.0.0.1:{canary}")
    root = own_server.api(own_server.admin_key)
    address = f"http://127.0.0.1:{canary}/x"
    error = root.error("create_repo", repo_name="x", repo_type="hg", clone_uri=address)
    assert error == "failed to create repository `x`"
    assert Canary.visits
    assert all(path.startswith("/x?cmd=capabilities") for path in Canary.visits)
    assert list((own_server.root / ".staging").iterdir()) == []


# Strip


def test_a_changeset_goes_with_its_descendants_and_no_others(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    assert root("strip", repoid=name, revision=commits[1], branch="default") == {
        "msg": f"Stripped commit {commits[1]} from repo `{name}`",
        "repository": name,
    }
    assert ids(root, name) == [commits[0], commits[2]]
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == commits[2]
    assert root.error("get_repo_changeset", repoid=name, revision=commits[3]).startswith("Commit `")
    verify(server, hg, name)
    hg.run("clone", server.clone_url(name), "copy")
    assert hg.out("log", "-T", "{node} ", cwd=hg.home / "copy").split() == [commits[2], commits[0]]
    (bundle,) = server.root.glob(f".trash/*-{commits[1][:12]}.bundle")
    hg.run("unbundle", str(bundle), cwd=hg.home / "copy")
    assert commits[3] in hg.out("log", "-T", "{node} ", cwd=hg.home / "copy")
    hg.run("push", "--force", server.clone_url(name), cwd=work)
    assert ids(root, name) == [commits[0], commits[2], commits[1], commits[3]]
    assert [row[0] for row in server.journal("strip", name)] == ["root"]
    verify(server, hg, name)


def test_stripping_the_first_one_empties_the_repository(
    server: Server, root: Api, hg: Hg, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    root("strip", repoid=name, revision="0", branch="")
    assert root("get_repo", repoid=name)["last_changeset"]["revision"] == -1
    assert root("get_repo_nodes", repoid=name, revision="tip", root_path="") == []
    hg.run("clone", server.clone_url(name), "copy")
    hg.run("push", "--force", server.clone_url(name), cwd=work)
    assert sorted(ids(root, name)) == sorted(commits)


def test_what_cannot_be_stripped_changes_nothing(root: Api, source: tuple[str, Path, list[str]]) -> None:
    name, _, commits = source
    for revision in ("nope", "HEAD", "all()", "--all", "f" * 40, "\0", "9"):
        error = root.error("strip", repoid=name, revision=revision, branch="default")
        assert error == f"Unable to strip commit {revision} from repo `{name}`"
    assert ids(root, name) == commits


def test_a_changeset_is_commented_on(root: Api, source: tuple[str, Path, list[str]]) -> None:
    name, _, commits = source
    said = root("changeset_comment", repoid=name, revision="book", message="Well done", status="approved")
    assert said["msg"] == f"Commented on revision `{commits[3]}` for repo `{name}`"
