# SPDX-License-Identifier: GPL-3.0-or-later
"""Copies of repositories: forks, imports from a server, later pulls (api-repos.md 4, 5; security.md 8)."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Api, Git, unique
from tests.support.servers import Server


@pytest.fixture
def source(server: Server, root: Api, git: Git) -> tuple[str, Path, list[str]]:
    """A repository with two branches and a tag: its name, its copy here, the commits of `main`."""
    name = unique("source")
    root("create_repo", repo_name=name, repo_type="git")
    work = git.new_work(branch="main")
    commits = [git.commit(work, f"change {number}", when=1_000_000_000 + number) for number in range(3)]
    git.run("branch", "other", commits[0], cwd=work)
    git.run("tag", "-a", "-m", "one", "v1", cwd=work)
    git.run("push", "--quiet", admin_url(server, name), "main", "other", "v1", cwd=work)
    return name, work, commits


def admin_url(server: Server, name: str) -> str:
    return f"{server.url.replace('://', f'://root:{server.admin_password}@')}/{name}"


def refs(git: Git, url: str) -> str:
    return git.out("ls-remote", "--symref", url)


def test_a_fork_has_everything_and_is_independent(
    server: Server, root: Api, git: Git, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    target = f"{unique('forks')}/deep/copy"
    assert root("fork_repo", repoid=name, fork_name=target) == {
        "msg": f"Created fork of `{name}` as `{target}`",
        "success": True,
        "task": None,
    }
    shown = root("get_repo", repoid=target)
    assert (shown["fork_of"], shown["repo_type"], shown["clone_uri"]) == (name, "git", "")
    assert shown["last_changeset"]["raw_id"] == commits[-1]
    assert shown["last_changeset"]["revision"] == 2
    assert refs(git, admin_url(server, target)) == refs(git, admin_url(server, name))
    more = git.commit(work, "only in the fork")
    git.run("push", "--quiet", admin_url(server, target), "main", cwd=work)
    assert root("get_repo", repoid=name)["last_changeset"]["raw_id"] == commits[-1]
    assert root.error("get_repo_changeset", repoid=name, revision=more).startswith("Commit `")
    assert root.error("delete_repo", repoid=name) == f"failed to delete repository `{name}`"
    assert root("delete_repo", repoid=name, forks="detach")["msg"] == f"Deleted repository `{name}` Detached 1 forks"
    assert root("get_repo", repoid=target)["fork_of"] is None


def test_the_parent_is_named_to_those_only_who_may_read_it(root: Api) -> None:
    name, target = unique("hidden"), unique("fork")
    root("create_repo", repo_name=name, repo_type="git", private=True)
    root("fork_repo", repoid=name, fork_name=target, private=False)
    ada = root.new_user()
    for shown in (ada.api("get_repo", repoid=target), *ada.api("get_repos")):
        assert shown["fork_of"] != name
    assert root("get_repo", repoid=target)["fork_of"] == name
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.read")
    assert ada.api("get_repo", repoid=target)["fork_of"] == name
    assert [row["fork_of"] for row in ada.api("get_repos") if row["repo_name"] == target] == [name]


def test_an_empty_repository_can_be_forked(root: Api) -> None:
    name, target = unique("empty"), unique("fork")
    root("create_repo", repo_name=name, repo_type="git")
    root("fork_repo", repoid=name, fork_name=target, description="mine")
    shown = root("get_repo", repoid=target)
    assert (shown["last_changeset"]["revision"], shown["description"]) == (-1, "mine")


def test_forking_needs_reading_and_the_right_to_create(
    server: Server, root: Api, source: tuple[str, Path, list[str]]
) -> None:
    name = source[0]
    ada = root.new_user()
    group = unique("closed")
    root("create_repo_group", group_name=group)
    said = f"repository group `{group}` does not exist"
    assert ada.api.error("fork_repo", repoid=name, fork_name=f"{group}/x") == said
    assert ada.api.error("fork_repo", repoid=name, fork_name=unique("f"), owner="root") == (
        "Only RhodeCode admin can specify `owner` param"
    )
    mine = unique("mine")
    ada.api("fork_repo", repoid=name, fork_name=mine)
    assert root("get_repo", repoid=mine)["owner"] == ada.name
    assert ada.api.error("fork_repo", repoid=name, fork_name=mine) == f"fork `{mine}` already exist"
    assert ada.api.error("fork_repo", repoid=mine, fork_name=name) == f"repo `{name}` already exist"
    assert ada.api.error("fork_repo", repoid=name, fork_name="../x") == f"failed to fork repository `{name}` as `../x`"
    server.trivium("permit", "--data", str(server.data), ada.name, "hg.fork.none")
    assert ada.api.error("fork_repo", repoid=name, fork_name=unique("f")) == "Access was denied to this resource."
    root("update_repo", repoid=name, private=True)
    assert ada.api.error("fork_repo", repoid=name, fork_name=unique("f")) == f"repository `{name}` does not exist"


def test_a_fork_of_a_private_repository_is_private_unless_its_administrator_says_otherwise(
    root: Api, source: tuple[str, Path, list[str]]
) -> None:
    name = source[0]
    root("update_repo", repoid=name, private=True)
    reader = root.new_user()
    root("grant_user_permission", repoid=name, userid=reader.name, perm="repository.read")
    for caller, given, expected in (
        (reader.api, {}, True),
        (reader.api, {"private": False}, True),
        (root, {}, True),
        (root, {"private": False}, False),
    ):
        target = unique("fork")
        caller("fork_repo", repoid=name, fork_name=target, **given)
        assert root("get_repo", repoid=target)["private"] is expected


def test_permissions_are_copied_when_asked(root: Api, source: tuple[str, Path, list[str]]) -> None:
    name = source[0]
    ada = root.new_user()
    root("grant_user_permission", repoid=name, userid=ada.name, perm="repository.write")
    for copy in (True, False):
        target = unique("fork")
        root("fork_repo", repoid=name, fork_name=target, copy_permissions=copy)
        assert (ada.name in {row["name"] for row in root("get_repo", repoid=target)["members"]}) is copy


def test_an_import_from_this_server_can_be_pulled_later(
    server: Server, root: Api, git: Git, source: tuple[str, Path, list[str]]
) -> None:
    name, work, commits = source
    root("update_repo", repoid=name, private=True)
    target = unique("import")
    root("create_repo", repo_name=target, repo_type="git", clone_uri=admin_url(server, name))
    shown = root("get_repo", repoid=target)
    assert shown["clone_uri"] == f"{server.url.replace('://', '://root:*****@')}/{name}"
    assert shown["last_changeset"]["raw_id"] == commits[-1]
    assert refs(git, admin_url(server, target)) == refs(git, admin_url(server, name))
    more = git.commit(work, "later")
    git.run("push", "--quiet", admin_url(server, name), "main", cwd=work)
    expected = {"msg": f"Pulled from `{target}`", "repository": target}
    assert root("pull", repoid=target) == root("pull", repoid=target) == expected
    assert root("get_repo", repoid=target)["last_changeset"]["raw_id"] == more
    git.run("push", "--quiet", "--force", admin_url(server, name), f"{commits[0]}:refs/heads/main", cwd=work)
    root("pull", repoid=target)
    assert root("get_repo_changeset", repoid=target, revision="main")["raw_id"] == commits[0]
    assert root("update_repo", repoid=target, clone_uri="")["repository"]["clone_uri"] == ""
    assert root.error("pull", repoid=target) == f"Unable to pull changes from `{target}`"
    assert server.admin_password.encode() not in b"".join(
        row[0].encode() for row in server.query("SELECT detail FROM journal")
    )


def test_pulling_needs_an_administrator_and_an_address(root: Api, source: tuple[str, Path, list[str]]) -> None:
    name = source[0]
    writer = root.new_user()
    root("grant_user_permission", repoid=name, userid=writer.name, perm="repository.write")
    assert writer.api.error("pull", repoid=name) == f"repository `{name}` does not exist"
    assert root.error("pull", repoid=name) == f"Unable to pull changes from `{name}`"


@pytest.mark.parametrize("uri", [
    "file:///etc", "/etc", "ext::sh -c touch% tripwire", "ssh://-oProxyCommand=x/y", "git://example.org/x", "http://",
    "--upload-pack=touch tripwire", "http://a b/", "http://x\\@y/", "ftp://example.org/x", "http://[::1", "http://x:99999/",
    "http://169.254.169.254/latest", "http://10.0.0.1/x", "http://[::1]/x", "http://[::ffff:127.0.0.1]/x",
    "http://0.0.0.0/x", "http://2130706433/x", "http://localhost:1/x", "fd::17/x", "http://100.64.0.1/x",
])  # fmt: skip
def test_an_address_that_may_not_be_fetched_from_leaves_nothing(server: Server, root: Api, uri: str) -> None:
    name = f"{unique('bad')}/x"
    assert root.error("create_repo", repo_name=name, repo_type="git", clone_uri=uri) == (
        f"failed to create repository `{name}`"
    )
    assert root.error("get_repo", repoid=name) == f"repository `{name}` does not exist"
    assert not (server.root / name.partition("/")[0]).exists()
    assert not list(server.root.rglob("tripwire"))


class Canary(http.server.BaseHTTPRequestHandler):
    """A server inside the network that nobody should reach."""

    visits: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.visits.append(self.path)
        self.send_response(302)
        self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def canary() -> Iterator[int]:
    Canary.visits.clear()
    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canary)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield listening.server_address[1]
    listening.shutdown()


def test_a_server_inside_the_network_is_not_even_asked(root: Api, canary: int) -> None:
    assert "failed" in root.error(
        "create_repo", repo_name=unique("x"), repo_type="git", clone_uri=f"http://127.0.0.1:{canary}/x"
    )
    assert Canary.visits == []


def test_an_allowed_server_is_asked_but_its_redirects_are_not_followed(own_server: Server, canary: int) -> None:
    own_server.start(TRIVIUM_ALLOWED_REMOTE_HOSTS=f"127.0.0.1:{canary}")
    root = own_server.api(own_server.admin_key)
    assert (
        root.error("create_repo", repo_name="x", repo_type="git", clone_uri=f"http://127.0.0.1:{canary}/x")
        == "failed to create repository `x`"
    )
    assert Canary.visits
    assert all(path.startswith("/x/info/refs") for path in Canary.visits)


def test_a_server_with_a_single_thread_imports_and_pulls_from_itself(own_server: Server, git: Git) -> None:
    """Whoever fetches holds no thread that the other side of the fetch needs."""
    own_server.start("--workers", "1", TRIVIUM_THREADS="1")
    root = own_server.api(own_server.admin_key)
    root("create_repo", repo_name="core", repo_type="git")
    work = git.new_work()
    url = admin_url(own_server, "core")
    for copy in ("first", "second"):
        commit = git.commit(work)
        git.run("push", "--quiet", url, "master", cwd=work)
        root("create_repo", repo_name=copy, repo_type="git", clone_uri=url)
        assert root("get_repo", repoid=copy)["last_changeset"]["raw_id"] == commit
    root("pull", repoid="first")
    assert refs(git, admin_url(own_server, "first")) == refs(git, admin_url(own_server, "second"))
