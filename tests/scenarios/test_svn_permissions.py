# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may read and commit with Subversion, and what no request may reach (system.md 3.2, security.md S-4, S-7)."""

from __future__ import annotations

import contextlib
import select
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.clients import Api, Person, Thing, unique
from tests.support.raw import basic, connected, exchange, status_of
from tests.support.servers import Server
from tests.support.svn_client import Svn, svn_url

UPDATE = (
    '<S:update-report send-all="true" xmlns:S="svn:"><S:src-path>{}</S:src-path>'
    '<S:target-revision>0</S:target-revision><S:entry rev="0" start-empty="true"></S:entry></S:update-report>'
)


def ask(api: Api, method: str, path: str, who: tuple[str, str] | None = None, body: str = "", **headers: str) -> int:
    """The status of one request of a Subversion client."""
    given = {"User-Agent": "SVN/1.14.2"} | ({"Authorization": basic(*who)} if who else {})
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return api.post(body, method=method, path=path, headers=given)[0]


@pytest.fixture(scope="module")
def ada(root: Api) -> Person:
    return root.new_user()


@pytest.fixture(scope="module")
def repository(root: Api, ada: Person) -> Thing:
    """An empty repository of Ada's, for requests that change nothing."""
    return root.new_repo(owner=ada.name, kind="svn")


def test_a_reader_is_told_why_he_cannot_commit(server: Server, root: Api, tmp_path: Path) -> None:
    ada, ben = root.new_user(), root.new_user()
    name = root.new_repo(owner=ada.name, kind="svn").name
    url = svn_url(server.url, name)
    reader = Svn(tmp_path / "ben", ben)
    work = reader.checkout(url)
    (work / "a.txt").write_text("1\n")
    reader.run("add", "a.txt", cwd=work)
    assert f"You may read the repository `{name}` but not push to it." in reader.refused("commit", "-m", "x", cwd=work)
    assert "not push to it" in reader.refused("mkdir", "-m", "x", f"{url}/d")
    reader.refused("lock", f"{url}/a.txt")
    assert root("get_repo", repoid=name)["last_changeset"]["revision"] == -1


def test_hidden_and_missing_repositories_are_answered_alike(root: Api) -> None:
    ada, stranger = root.new_user(), root.new_user()
    private = root.new_repo(owner=ada.name, private=True, kind="svn").name
    missing, other = unique("missing"), root.new_repo(owner=stranger.name).name
    who = (stranger.name, stranger.password)
    for method in ("OPTIONS", "PROPFIND", "REPORT", "GET", "MKCOL", "MERGE", "LOCK"):
        for path in ("", "/trunk", "/!svn/me"):
            answers = {ask(root, method, f"/{name}{path}", who) for name in (private, missing, other)}
            assert answers == {404}, (method, path)
            assert {ask(root, method, f"/{name}{path}") for name in (private, missing, other)} == {401}


def test_git_requests_do_not_reach_a_subversion_repository(root: Api, ada: Person, repository: Thing) -> None:
    headers = {"Authorization": basic(ada.name, ada.password)}
    path = f"/{repository.name}/info/refs?service=git-upload-pack"
    assert root.post(b"", method="GET", path=path, headers=headers)[0] == 404


def test_visitors_read_where_they_may_and_never_write(
    server: Server, root: Api, tmp_path: Path, visitors: Callable[[str], None]
) -> None:
    public, private = root.new_repo(kind="svn"), root.new_repo(kind="svn", private=True)
    visitor = Svn(tmp_path / "visitor")
    assert "Authentication failed" in visitor.refused("info", svn_url(server.url, public.name))
    visitors("on")
    visitor.checkout(svn_url(server.url, public.name))
    assert ask(root, "PROPFIND", f"/{private.name}") == ask(root, "PROPFIND", "/missing") == 401
    root("grant_user_permission", repoid=public.id, userid="default", perm="repository.write")
    assert ask(root, "POST", f"/{public.name}/!svn/me", None, "( create-txn )") == 401
    assert "Authentication failed" in visitor.refused("mkdir", "-m", "x", f"{svn_url(server.url, public.name)}/d")


@pytest.mark.parametrize("dots", [
    "..", "%2e%2e", ".%2e", "%2E.", "..%2f", "%2e%2e%2f", ".", "%2e", "%00", "a%00b", "x%2f..%2f", "%2f..",
])  # fmt: skip
@pytest.mark.parametrize("method", ["PROPFIND", "GET", "REPORT", "MKCOL"])
def test_dot_segments_lead_nowhere(root: Api, ada: Person, repository: Thing, dots: str, method: str) -> None:
    other = root.new_repo(kind="svn", private=True).name
    who = (ada.name, ada.password)
    for path in (f"/{repository.name}/{dots}/{other}", f"/{dots}/{other}", f"/{repository.name}/!svn/{dots}/{other}"):
        assert ask(root, method, path, who, Depth="0") == 400, path


@pytest.mark.parametrize("name", [
    "%252e%252e", "%25252e%25252e", "..%5c", "%2e%2e%5C", "%252e", "..%252f", "%5c..", "%25%32%65%25%32%65", "a%2500b",
])  # fmt: skip
@pytest.mark.parametrize("method", ["PROPFIND", "GET", "MKCOL"])
def test_what_looks_like_an_escape_after_decoding_is_the_name_of_nothing_else(
    root: Api, ada: Person, repository: Thing, name: str, method: str
) -> None:
    other = root.new_repo(kind="svn").name
    who = (ada.name, ada.password)
    for path in (f"/{repository.name}/{name}/{other}", f"/{name}/{other}", f"/{repository.name}/!svn/{name}/{other}"):
        assert ask(root, method, path, who, Depth="0") in (403, 404), path


def test_an_encoded_slash_is_a_slash(root: Api, ada: Person) -> None:
    group = root.new_repo_group()
    root("create_repo", repo_name=f"{group.name}/core", repo_type="svn", owner=ada.name)
    who = (ada.name, ada.password)
    assert ask(root, "PROPFIND", f"/{group.name}%2Fcore", who, Depth="0") == 207
    assert ask(root, "PROPFIND", f"//{group.name}//core/", who, Depth="0") == 207


def test_nothing_leads_from_one_repository_into_another(
    server: Server, root: Api, ada: Person, repository: Thing, tmp_path: Path
) -> None:
    private = root.new_repo(kind="svn", private=True)
    svn = Svn(tmp_path / "root", Person(1, server.admin, server.admin_password, "", root))
    svn.run("mkdir", "-m", "secret", f"{svn_url(server.url, private.name)}/secret")
    (link,) = [path.name for path in (server.data / "svn" / "links").glob(f"{private.id}-*")]
    who, mine = (ada.name, ada.password), f"/{repository.name}"
    begin = {"Content_Type": "application/vnd.svn-skel"}  # so that there is a transaction to write into
    assert ask(root, "POST", f"{mine}/!svn/me", who, "( create-txn )", **begin) == 201
    for theirs in (
        f"/{private.name}",
        f"/{link}",
        f"/_{private.id}",
        f"http://x/{private.name}",
        f"http://apache/{link}",
    ):
        for method in ("COPY", "MOVE"):
            destination = f"{theirs}/!svn/txr/1-1/x"
            assert ask(root, method, f"{mine}/!svn/rvr/0/x", who, Destination=destination) == 409
        assert ask(root, "REPORT", f"{mine}/!svn/me", who, UPDATE.format(theirs)) == 400
        merge = f'<D:merge xmlns:D="DAV:"><D:source><D:href>{theirs}/!svn/txn/1-1</D:href></D:source></D:merge>'
        assert ask(root, "MERGE", mine, who, merge) == 400
        assert ask(root, "LOCK", f"{mine}/a", who, If=f"<{theirs}/secret> (<opaquelocktoken:x>)") == 400
    assert ask(root, "PROPFIND", f"/{link}", who) == 404
    assert ask(root, "REPORT", f"{mine}/!svn/me", who, UPDATE.format(f"http://x{mine}")) == 200


def test_only_subversion_s_methods_and_only_in_transactions(
    server: Server, root: Api, ada: Person, repository: Thing
) -> None:
    who, path = (ada.name, ada.password), f"/{repository.name}"
    for method in ("PATCH", "SEARCH", "BIND", "ACL", "VERSION-CONTROL", "LABEL", "BASELINE-CONTROL"):
        status, headers, _ = root.post(b"", method=method, path=path, headers={"Authorization": basic(*who)})
        assert status in (400, 405), method  # the server's own parser does not know all of them
        if status == 405:
            assert "PROPFIND" in headers["allow"]
    with server.unchanged():
        for method in ("PUT", "DELETE", "MKCOL", "PROPPATCH", "MKACTIVITY"):
            for target in ("", "/a", "/!svn/bc/0/a", "/!svn/rev/0", "/!svn/vcc/default"):
                assert ask(root, method, path + target, who, "x") == 403, (method, target)
        for method in ("COPY", "MOVE"):
            for target in ("/b", "/!svn/bc/0/b", "/!svn/rev/0"):
                assert ask(root, method, f"{path}/a", who, Destination=f"http://x{path}{target}") == 403
    assert (
        status_of(exchange(server.url, f"TRACE {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()))
        == 405
    )


def test_what_clients_say_about_themselves_is_not_believed(root: Api, ada: Person, repository: Thing) -> None:
    assert ask(root, "PROPFIND", f"/{repository.name}", None, X_Trivium_Secret="x", X_Trivium_User="root") == 401
    status, headers, body = root.post(
        b"",
        method="GET",
        path=f"/{repository.name}/",
        headers={"Authorization": basic(ada.name, ada.password), "User-Agent": "SVN/1"},
    )
    assert status == 200
    assert "apache" not in str(headers).lower() + body.decode().lower()


def test_slow_bodies_of_one_user_do_not_hold_up_others(
    server: Server, root: Api, ada: Person, repository: Thing
) -> None:
    slow, path = root.new_user(), f"/{repository.name}"
    root("grant_user_permission", repoid=repository.id, userid=slow.id, perm="repository.read")
    head = (
        f"PROPFIND {path} HTTP/1.1\r\nHost: x\r\nUser-Agent: SVN/1\r\nContent-Length: 1000\r\n"
        f"Authorization: {basic(slow.name, slow.password)}\r\n\r\n<a>"
    )
    with contextlib.ExitStack() as held:
        slow_ones = [held.enter_context(connected(server.url)) for _ in range(140)]  # more than Apache takes at once
        for connection in slow_ones:
            connection.sendall(head.encode())
        assert ask(root, "PROPFIND", path, (ada.name, ada.password), Depth="0") == 207
        assert select.select(slow_ones, [], [], 0)[0] == [], "they are waited for longer than that"


@pytest.mark.parametrize("xml", [
    '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><D:propfind xmlns:D="DAV:">&b;</D:propfind>',
    '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x"><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
    '<D:propfind xmlns:D="DAV:"><D:prop>' + "<a>" * 99 + "</a>" * 99 + "</D:prop></D:propfind>",
    '<?xml version="1.0" encoding="iso-8859-1"?><D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>',
    '<D:propfind xmlns:D="DAV:"><D:allprop/></D:propfind>'.encode("utf-16").decode("latin-1"),
    "no XML at all",
    '<D:propfind xmlns:D="DAV:"><D:allprop/>',
])  # fmt: skip
def test_only_plain_xml_reaches_apache(root: Api, ada: Person, repository: Thing, xml: str) -> None:
    who, path = (ada.name, ada.password), f"/{repository.name}"
    body = xml.encode("latin-1")
    for method in ("PROPFIND", "REPORT"):
        headers = {"Authorization": basic(*who), "User-Agent": "SVN/1.14.2", "Depth": "0"}
        assert root.post(body, method=method, path=path, headers=headers)[0] == 400
