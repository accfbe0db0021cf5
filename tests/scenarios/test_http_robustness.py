# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP as attackers speak it: one meaning or no answer, limits, and what every answer carries (security.md 6, 7)."""

from __future__ import annotations

import json

import pytest

from tests.support.clients import Api, Git
from tests.support.raw import basic, connected, everything, exchange, pkt, status_of
from tests.support.servers import Server

SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
PING = b"GET /_admin/ping HTTP/1.1\r\nHost: x\r\n"
CALL = b"POST /_admin/api HTTP/1.1\r\nHost: x\r\n"
CLOSE = b"Connection: close\r\n"


@pytest.mark.parametrize(
    "request_",
    [
        CALL + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CALL + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        CALL + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        CALL + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}x",
        CALL + b"Content-Length: +2\r\n\r\n{}",
        CALL + b"Content-Length: -2\r\n\r\n{}",
        CALL + b"Content-Length: 0x2\r\n\r\n{}",
        CALL + b"Content-Length: 2, 2\r\n\r\n{}",
        CALL + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n{}",
        CALL + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        CALL + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        CALL + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
        PING + b"X-Folded: one\r\n two\r\n\r\n",
        PING + b"X-Blank : one\r\n\r\n",
        PING + b" X-Blank: one\r\n\r\n",
        PING + b"X-Nul: a\0b\r\n\r\n",
        PING + b"No colon\r\n\r\n",
        PING + b"Host: y\r\n\r\n",
        b"GET /_admin/ping HTTP/1.1\r\n\r\n",
        b"GET /_admin/ping HTTP/9.9\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no TLS here\r\n\r\n",
    ],
    ids=lambda request: repr(request[-60:]),
)
def test_what_could_mean_two_things_is_refused(server: Server, request_: bytes) -> None:
    answer = exchange(server.url, request_)
    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close" in answer.lower()
    for name, value in SECURITY.items():
        assert f"{name}: {value}".encode() in answer


def test_a_smuggled_request_is_not_served(server: Server) -> None:
    inner = PING + b"\r\n"
    outer = CALL + b"Content-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" % (len(inner) + 5)
    assert exchange(server.url, outer + inner).count(b"HTTP/1.1 ") == 1


def test_two_requests_on_one_connection_are_two_requests(server: Server) -> None:
    answer = exchange(server.url, PING + b"\r\n" + PING + CLOSE + b"\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize(
    "head",
    [
        PING + b"X-Long: " + b"x" * 40000 + b"\r\n\r\n",
        PING + b"X-Long: " + b"x" * 40000,
        PING + b"".join(b"X-%d: %s\r\n" % (number, b"x" * 900) for number in range(50)) + b"\r\n",
        PING + b"".join(b"X-%d: x\r\n" % number for number in range(150)) + b"\r\n",
        b"GET /" + b"x" * 40000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["one line", "without an end", "many long lines", "many lines", "address"],
)
def test_a_head_that_is_too_large_is_refused(server: Server, head: bytes) -> None:
    assert status_of(exchange(server.url, head)) == 431


def test_a_head_below_the_limits_is_served(server: Server) -> None:
    lines = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 200) for number in range(90))
    assert status_of(exchange(server.url, PING + lines + CLOSE + b"\r\n")) == 200


def test_slow_heads_are_not_waited_for(own_server: Server) -> None:
    """Without the limit, this would wait for the time-out of the connection."""
    own_server.start(TRIVIUM_HEADER_TIMEOUT="1")
    for beginning in (b"", b"GET /_ad", PING, PING + b"X-Slow: "):
        with connected(own_server.url) as connection:
            connection.sendall(beginning)
            assert everything(connection) == b""
    with connected(own_server.url) as connection:  # the second head of a connection, too
        connection.sendall(PING + b"\r\n" + PING)
        assert everything(connection).count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_trace_and_connect_are_not_served(server: Server, method: str) -> None:
    target = "example.org:443" if method == "CONNECT" else "/_admin/ping"
    answer = exchange(
        server.url, f"{method} {target} HTTP/1.1\r\nHost: x\r\nX-Secret: s\r\n".encode() + CLOSE + b"\r\n"
    )
    assert status_of(answer) == 405
    assert b"X-Secret" not in answer


def test_every_answer_carries_the_security_headers_and_no_name_of_the_server(root: Api) -> None:
    private = root.new_repo(private=True).name
    expected = {
        ("POST", "/_admin/api"): 200,
        ("GET", "/_admin/ping"): 200,
        ("GET", f"/{private}/info/refs?service=git-upload-pack"): 401,
        ("GET", "/no/such/page"): 302,  # a visitor is sent to the sign-in (decisions.md W2)
        ("GET", "/_static/none"): 404,
        ("GET", f"/{private}/info/refs"): 403,
        ("TRACE", "/"): 405,
    }
    for (method, path), wanted in expected.items():
        status, headers, _ = root.post(b"{}", method=method, path=path)
        assert status == wanted, path
        assert SECURITY.items() <= headers.items(), path
        assert "server" not in headers


def test_addresses_are_believed_from_trusted_proxies_only(
    server: Server, own_server: Server, behind_proxy: Server
) -> None:
    def seen(by: Server, forwarded: str) -> str:
        body = json.dumps({"id": 1, "api_key": by.admin_key, "method": "get_ip", "args": {}})
        answer = json.loads(by.api("").post(body, headers={"X-Forwarded-For": forwarded})[2])
        return str(answer["result"]["server_ip_addr"])

    assert seen(server, "203.0.113.9") == "127.0.0.1"
    own_server.start(TRIVIUM_TRUSTED_PROXIES="192.0.2.1")
    assert seen(own_server, "203.0.113.9") == "127.0.0.1"
    assert seen(behind_proxy, "203.0.113.9") == "203.0.113.9"
    assert seen(behind_proxy, "198.51.100.7, 203.0.113.9, 192.0.2.1") == "203.0.113.9"


def test_no_key_and_no_password_in_the_most_talkative_log(own_server: Server, git: Git) -> None:
    own_server.start(TRIVIUM_LOG_LEVEL="debug", TRIVIUM_ACCESS_LOG="true")
    root = own_server.api(own_server.admin_key)
    ada = root.new_user(password="a-very-secret-pw")
    name = root.new_repo(owner=ada.name).name
    token = own_server.new_token(ada.name, "vcs")
    work = git.new_work()
    git.commit(work)
    for secret in (ada.password, ada.key, token):
        git.run("push", own_server.clone_url(name, ada, password=secret), f"master:b{secret[:3]}", cwd=work)
    git.refused("ls-remote", own_server.clone_url(name, ada, password="a-wrong-secret-pw"))
    who = {"Authorization": basic(ada.name, ada.password)}
    for path in (f"/{name}/info/refs?service=git-upload-pack&api_key={ada.key}", f"/nowhere?auth_token={ada.key}"):
        root.post(b"", method="GET", path=path, headers=who)
    kind = {"Content-Type": "application/x-git-receive-pack-request"}
    root.post(pkt("nonsense"), path=f"/{name}/git-receive-pack", headers=who | kind)
    root.post(b'{"api_key": "' + ada.key.encode(), headers=who)
    own_server.stop()
    log = own_server.log.read_text()
    assert f"/{name}/git-receive-pack" in log
    hidden = (ada.password, ada.key, token, "a-wrong-secret-pw", own_server.admin_key, own_server.admin_password)
    for secret in (*hidden, basic(ada.name, ada.password).split()[1]):
        assert secret not in log


def test_a_client_that_knows_no_chunks_gets_none(server: Server, root: Api) -> None:
    """Proxies speak HTTP/1.0 to what is behind them when nobody tells them otherwise."""
    who = basic(server.admin, server.admin_password).encode()
    git, svn = root.new_repo().name.encode(), root.new_repo(kind="svn").name.encode()
    for request in (
        b"GET /%s/info/refs?service=git-upload-pack HTTP/1.0\r\n" % git,
        b"PROPFIND /%s HTTP/1.0\r\nDepth: 0\r\nConnection: keep-alive\r\n" % svn,
        b"GET /%s/!svn/rvr/0/none HTTP/1.0\r\n" % svn,
    ):
        answer = exchange(server.url, request + b"Host: x\r\nAuthorization: %s\r\n\r\n" % who)
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"transfer-encoding" not in head.lower()
        assert (body and not body.startswith(b"0")) or body[:4] == b"001e"
        assert not body.endswith(b"0\r\n\r\n")
