# SPDX-License-Identifier: GPL-3.0-or-later
"""Repositories of other servers, imported and pulled where a system can (api-repos.md 4, 5; security.md 8)."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.canary import Canary, listening
from tests.support.clients import Api, Person, unique, with_credentials
from tests.support.relay import Relay
from tests.support.repositories import ZERO, found_below
from tests.support.servers import Server
from tests.support.systems import Filled, System, new_system
from trivium.vcs.remote_trouble import Trouble


@pytest.fixture(params=["git", "hg"])
def system(request: pytest.FixtureRequest, tmp_path: Path) -> System:
    return new_system(request.param, tmp_path / "home")


@pytest.fixture
def canary() -> Iterator[Canary]:
    with listening() as canary:
        yield canary


def address(server: Server, name: str, password: str | None = None) -> str:
    return with_credentials(f"{server.url}/{name}", server.admin, password or server.admin_password)


def ids(root: Api, name: str) -> list[str]:
    return [row["raw_id"] for row in root("get_repo_changesets", repoid=name, start_rev="0", limit=-1)]


def test_an_import_from_this_server_can_be_pulled_later(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    name, target = filled.name, unique("import")
    root("update_repo", repoid=name, private=True)
    root("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(server, name))
    shown = root("get_repo", repoid=target)
    assert shown["clone_uri"] == f"{server.url.replace('://', '://root:*****@')}/{name}"
    assert shown["last_changeset"] == root("get_repo", repoid=name)["last_changeset"]
    assert ids(root, target) == filled.ids
    more = filled.copy.change("later")
    expected = {"msg": f"Pulled from `{target}`", "repository": target}
    assert root("pull", repoid=target) == root("pull", repoid=target) == expected
    assert root("get_repo", repoid=target)["last_changeset"]["raw_id"] == more
    assert ids(root, target) == [*filled.ids, more]
    system.verify(server.root / target)
    pulled = [json.loads(detail).get("refs", []) for _, _, detail in server.journal("remote.pull", target)]
    first = filled.ids[-1] if system.kind == "git" else ZERO  # of Mercurial's heads, none moves
    assert [[old, new] for refs in pulled for _, old, new in refs] == [[first, more]]


def test_the_password_of_an_address_is_kept_from_everybody(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    target = unique("import")
    root("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(server, filled.name))
    filled.copy.change("later")
    root("pull", repoid=target)
    secret = server.admin_password.encode()
    assert not [kept for kept in (server.root / target).rglob("*") if kept.is_file() and secret in kept.read_bytes()]
    assert secret not in server.log.read_bytes()
    assert not [row for row in server.query("SELECT detail FROM journal") if secret in row[0].encode()]


def test_a_pull_that_fails_says_so_and_changes_nothing(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    target, others = unique("import"), "hg" if system.kind == "git" else "git"
    root("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(server, filled.name))
    refused = f"Unable to pull changes from `{target}`"
    for wrong in (
        address(server, unique("missing")),
        address(server, root.new_repo(kind=others).name),
        "",
    ):
        root("update_repo", repoid=target, clone_uri=wrong)
        assert root.error("pull", repoid=target) == refused
    assert root("get_repo", repoid=target)["clone_uri"] == ""
    assert ids(root, target) == filled.ids


def test_nobody_gets_more_from_this_server_by_importing_than_by_cloning(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    """Whatever credentials the address has, the import is done as whoever asked for it (decisions.md W10)."""
    root("update_repo", repoid=filled.name, private=True)
    ada, target = root.new_user(), unique("import")
    assert ada.api.error("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(server, filled.name))
    root("grant_user_permission", repoid=filled.name, userid=ada.name, perm="repository.read")
    ada.api("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(server, filled.name, "wrong"))
    assert ids(root, target) == filled.ids
    root("revoke_user_permission", repoid=filled.name, userid=ada.name)
    assert ada.api.error("pull", repoid=target) == f"Unable to pull changes from `{target}`"


def test_the_address_rules_of_an_account_hold_for_its_imports_from_this_server(
    behind_proxy: Server, system: System
) -> None:
    """The request that the server makes to itself comes from its own address."""
    root = behind_proxy.api(behind_proxy.admin_key)
    ada, repository, target = root.new_user(), root.new_repo(kind=system.kind), unique("import")
    behind_proxy.allow_address(ada.name, "203.0.113.0/24")

    def imported(far: str) -> object:
        uri = with_credentials(f"{behind_proxy.url}/{repository.name}", ada.name, ada.password)
        body = {"repo_name": target, "repo_type": system.kind, "clone_uri": uri}
        call = json.dumps({"id": 1, "api_key": ada.key, "method": "create_repo", "args": body})
        return json.loads(root.post(call, headers={"X-Forwarded-For": far})[2])["error"]

    assert imported("198.51.100.1") == "Request from IP:198.51.100.1 not allowed"
    assert imported("203.0.113.5") is None


def test_an_import_that_comes_back_by_another_way_is_refused(own_server: Server, system: System) -> None:
    """The request would come from the server's own address: from a visitor, or with credentials of anybody's choice."""
    own_server.administer("public-access", "on")
    with closing(Relay()) as relay:
        own_server.start(TRIVIUM_ALLOWED_REMOTE_HOSTS=relay.address)
        root = own_server.api(own_server.admin_key)
        name, target = root.new_repo(kind=system.kind).name, unique("import")
        assert system.ask(root, name, None)[0] == 200
        plain = f"http://{relay.address}/{name}"
        args = {"repo_name": target, "repo_type": system.kind}
        for uri in (plain, with_credentials(plain, own_server.admin, own_server.admin_password)):
            relay.to(own_server.url)
            error = root.error("create_repo", **args, clone_uri=uri)
            assert error == f"failed to create repository `{target}`"
            assert relay.passed
        own_server.stop()
        own_server.start(TRIVIUM_BASE_URL=f"http://{relay.address}")
        relay.to(own_server.url)
        own_server.api(own_server.admin_key)("create_repo", **args, clone_uri=plain)


def test_an_import_that_takes_too_much_room_is_ended_while_bytes_move(own_server: Server, system: System) -> None:
    with closing(Relay()) as relay:
        own_server.start(TRIVIUM_BASE_URL=f"http://{relay.address}", TRIVIUM_MAX_REPO_BYTES=str(1 << 20))
        root = own_server.api(own_server.admin_key)
        ada, dice = root.new_user(), random.Random(1)
        name = system.new_repository(root, ada)
        copy = system.checkout(own_server, name, ada)
        copy.change(**{f"noise-{number}": dice.randbytes(100_000) for number in range(40)})
        relay.to(own_server.url, most=3_000_000)  # it never comes to its end
        uri = f"http://{relay.address}/{name}"
        answer = root.envelope("create_repo", repo_name="import", repo_type=system.kind, clone_uri=uri)
        assert answer["error"] == "failed to create repository `import`"
        assert "max_repo_bytes" in answer["error_detail"]
        assert list((own_server.root / ".staging").iterdir()) == []


def test_pulling_needs_an_administrator(server: Server, root: Api, filled: Filled, system: System) -> None:
    target, writer = unique("import"), root.new_user()
    root("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(server, filled.name))
    root("grant_user_permission", repoid=target, userid=writer.name, perm="repository.write")
    assert writer.api.error("pull", repoid=target) == f"repository `{target}` does not exist"


@pytest.mark.parametrize("uri", [
    "file:///etc", "/etc", "ext::sh -c touch% tripwire", "bundle:/etc/passwd", "static-http://example.org/x",
    "ssh://-oProxyCommand=x/y", "git://example.org/x", "http://", "--upload-pack=touch tripwire",
    "--config=hooks.x=touch tripwire", "http://a b/", "http://x\\@y/", "ftp://example.org/x", "http://[::1",
    "http://x:99999/", "http://169.254.169.254/latest", "http://10.0.0.1/x", "http://[::1]/x",
    "http://[::ffff:127.0.0.1]/x", "http://0.0.0.0/x", "http://2130706433/x", "http://localhost:1/x", "fd::17/x",
    "http://100.64.0.1/x",
])  # fmt: skip
def test_an_address_that_may_not_be_fetched_from_leaves_nothing(
    server: Server, root: Api, system: System, uri: str
) -> None:
    name = f"{unique('bad')}/x"
    error = root.error("create_repo", repo_name=name, repo_type=system.kind, clone_uri=uri)
    assert error == f"failed to create repository `{name}`"
    assert root.error("get_repo", repoid=name) == f"repository `{name}` does not exist"
    assert not (server.root / name.partition("/")[0]).exists()
    assert found_below(server.data, "tripwire") == []


def test_a_server_inside_the_network_is_not_even_asked(root: Api, system: System, canary: Canary) -> None:
    name = unique("inside")
    error = root.error("create_repo", repo_name=name, repo_type=system.kind, clone_uri=canary.url)
    assert error == f"failed to create repository `{name}`"
    assert canary.visits == []


def test_an_allowed_server_is_asked_but_its_redirects_are_not_followed(
    own_server: Server, system: System, canary: Canary
) -> None:
    own_server.start(TRIVIUM_ALLOWED_REMOTE_HOSTS=f"127.0.0.1:{canary.port}")
    root = own_server.api(own_server.admin_key)
    error = root.error("create_repo", repo_name="x", repo_type=system.kind, clone_uri=canary.url)
    assert error == "failed to create repository `x`"
    assert canary.visits
    assert {path.partition("?")[0] for path in canary.visits} <= {"/x", "/x/info/refs"}
    assert list((own_server.root / ".staging").iterdir()) == []


def test_a_server_with_a_single_thread_imports_and_pulls_from_itself(own_server: Server, system: System) -> None:
    """Whoever fetches holds no thread that the other side of the fetch needs."""
    own_server.start("--workers", "1", TRIVIUM_THREADS="1")
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    name = system.new_repository(root, ada)
    copy = system.checkout(own_server, name, ada)
    for target in ("first", "second"):
        newest = copy.change()
        root("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(own_server, name))
        assert root("get_repo", repoid=target)["last_changeset"]["raw_id"] == newest
    root("pull", repoid="first")
    assert ids(root, "first") == ids(root, "second")


def told(server: Server, action: str, subject: str) -> list[dict[str, object]]:
    return [json.loads(detail) for _, _, detail in server.journal(action, subject)]


def test_an_import_that_fails_says_why_to_its_user_and_to_the_journal(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    ada = root.new_user()
    root("update_repo", repoid=filled.name, private=True)
    for uri, words in (
        (address(server, filled.name, "s3cret-of-others"), "knows no repository"),
        (
            f"{address(server, filled.name)}/inside?key=s3cret-of-others",
            # Git asks there as a browser would, and is sent to the sign-in.
            "is not followed" if system.kind == "git" else "repository",
        ),
        ("http://169.254.169.254/x", "allowed_remote_hosts"),
        ("http://no-such-host.invalid/x", "cannot be resolved"),
    ):
        name = unique("import")
        answer = ada.api.envelope("create_repo", repo_name=name, repo_type=system.kind, clone_uri=uri)
        assert answer["error"] == f"failed to create repository `{name}`"
        assert words in answer["error_detail"], uri
        (row,) = told(server, "repository.import_failed", name)
        assert words in str(row["reason"])
        for told_to in (answer, row):
            assert "s3cret-of-others" not in str(told_to) and str(server.data) not in str(told_to)


def test_a_pull_that_fails_says_why_to_its_user_and_to_the_journal(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    ada, target, others = root.new_user(), unique("import"), "hg" if system.kind == "git" else "git"
    root("create_repo", repo_name=target, repo_type=system.kind, clone_uri=address(server, filled.name), owner=ada.name)
    other = root.new_repo(kind=others).name
    for missing in (unique("missing"), other):
        root("update_repo", repoid=target, clone_uri=address(server, missing))
        answer = ada.api.envelope("pull", repoid=target)
        assert answer["error"] == f"Unable to pull changes from `{target}`"
        assert answer["error_detail"] in set(Trouble)
        assert answer["error_detail"] != Trouble.UNKNOWN
        row = told(server, "remote.pull_failed", target)[-1]
        assert (row["reason"], row["remote"]) == (answer["error_detail"], f"{server.url}/{missing}")


def test_an_administrator_reads_the_words_of_the_system_and_no_secret(
    server: Server, root: Api, system: System, filled: Filled
) -> None:
    uri = with_credentials(f"{server.url}/{unique('missing')}", "a-token-as-a-name", "s3cret-of-others")
    answer = root.envelope("create_repo", repo_name=unique("import"), repo_type=system.kind, clone_uri=uri)
    detail = answer["error_detail"]
    assert detail.partition(":")[0] in set(Trouble)
    assert len(detail) > 1 + len(detail.partition(":")[0])
    assert "s3cret-of-others" not in detail and "a-token-as-a-name" not in detail


def test_a_server_that_redirects_or_cannot_be_reached_is_called_that(
    own_server: Server, system: System, canary: Canary
) -> None:
    own_server.start(TRIVIUM_ALLOWED_REMOTE_HOSTS="127.0.0.1")
    ada = own_server.api(own_server.admin_key).new_user()
    for uri, trouble in ((canary.url, Trouble.REDIRECT), ("http://127.0.0.1:1/x", Trouble.UNREACHABLE)):
        answer = ada.api.envelope("create_repo", repo_name=unique("x"), repo_type=system.kind, clone_uri=uri)
        assert answer["error_detail"] == trouble


def test_a_fork_that_fails_is_in_the_journal(server: Server, root: Api, system: System, ada: Person) -> None:
    name, copy, aside = system.new_repository(root, ada), unique("copy"), server.root / f".{unique('aside')}"
    (server.root / name).rename(aside)  # the disk lost it
    answer = root.envelope("fork_repo", repoid=name, fork_name=copy)
    aside.rename(server.root / name)
    assert answer["error"] == f"failed to fork repository `{name}` as `{copy}`"
    assert len(told(server, "repository.fork_failed", copy)) == 1
