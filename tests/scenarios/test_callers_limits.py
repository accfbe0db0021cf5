# SPDX-License-Identifier: GPL-3.0-or-later
"""What callers of the API may send and ask for, and how fast (security.md 6)."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.clients import Api
from tests.support.raw import basic, connected, everything, exchange, status_of
from tests.support.servers import Server
from tests.support.waiting import until

MIB = 1 << 20


def call(key: str, padding: int, *, late: bool = False) -> bytes:
    """A call with so many bytes too many, before its key or after."""
    if late:
        said = b'{"padding": "%b", "id": 1, "method": "get_user", "args": {}, "api_key": "%b"}'
        return said % (b"x" * padding, key.encode())
    said = b'{"api_key": "%b", "id": 1, "method": "get_user", "args": {}, "padding": "%b"}'
    return said % (key.encode(), b"x" * padding)


def answered(api: Api, body: bytes, **headers: str) -> dict[str, object]:
    status, _, said = api.post(body, headers={name.replace("_", "-"): value for name, value in headers.items()})
    assert status == 200
    found: dict[str, object] = json.loads(said)
    return found


def test_a_key_near_the_beginning_or_in_a_header_lets_large_bodies_in(root: Api) -> None:
    assert answered(root, call(root.key, 8 * MIB))["error"] is None
    late = call(root.key, 8 * MIB, late=True)
    for headers in ({"X_Rc_Auth_Token": root.key}, {"Authorization": f"Bearer {root.key}"}):
        assert answered(root, late, **headers)["error"] is None


def test_without_one_a_large_body_is_refused_in_words(root: Api) -> None:
    refused = [
        answered(root, call(root.key, 2 * MIB, late=True)),
        answered(root, call("f" * 40, 2 * MIB)),
        answered(root, call(root.key, 2 * MIB, late=True), X_Rc_Auth_Token="f" * 40),
    ]
    for answer in refused:
        assert answer["result"] is None
        assert "names no valid key in a header or in its beginning" in str(answer["error"])
    assert answered(root, call(root.key, MIB // 2, late=True))["error"] is None


@pytest.mark.parametrize("kind", ["api", "svn"])
def test_a_body_that_drips_is_given_up(own_server: Server, kind: str) -> None:
    """Every piece comes in time, the whole of it does not."""
    own_server.start(TRIVIUM_REQUEST_TIMEOUT="1")
    line = "POST /_admin/api"
    if kind == "svn":
        line = f"PROPFIND /{own_server.api(own_server.admin_key).new_repo(kind='svn').name}"
    who = basic(own_server.admin, own_server.admin_password)
    head = f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: {who}\r\nDepth: 0\r\nContent-Length: 100000\r\n\r\n"
    with connected(own_server.url) as connection:
        connection.sendall(head.encode() + b" " * 70_000)
        connection.settimeout(0.2)
        said = b""
        for _ in range(100):
            with contextlib.suppress(ConnectionError):  # it was given up just now; what was said of that is there
                connection.sendall(b" ")
            with contextlib.suppress(TimeoutError):
                said = connection.recv(1000)
                break
    assert status_of(said) == 408


def test_who_does_not_read_a_long_answer_is_cut_off(own_server: Server) -> None:
    own_server.start()
    root = own_server.api(own_server.admin_key)
    text = "x" * (15 * MIB)
    gist = root("create_gist", files={"a.txt": {"content": text}}, gist_type="private")["gist"]["access_id"]
    body = json.dumps({"id": 1, "api_key": root.key, "method": "get_gist", "args": {"gistid": gist, "content": True}})
    head = f"POST /_admin/api HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    whole = exchange(own_server.url, (head + body).encode())
    assert len(whole) > 15 * MIB
    own_server.stop()
    # Only now: a loaded machine may need that to read and to send so much.
    own_server.start(TRIVIUM_REQUEST_TIMEOUT="1")
    target = urlsplit(own_server.url)
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect((target.hostname, target.port))
        connection.sendall((head + body).encode())
        _wait_until_cut(own_server)
        assert len(everything(connection)) < len(whole)


def _wait_until_cut(server: Server) -> None:
    """Until the server has no connection with anybody that is open."""
    port = urlsplit(server.url).port or 0
    until(lambda: not any(_is_open(line, port) for line in Path("/proc/net/tcp").read_text().splitlines()[1:]))


def _is_open(line: str, port: int) -> bool:
    words = line.split()
    return words[1].endswith(f":{port:04X}") and words[3] == "01"


def test_a_key_has_so_many_calls_a_minute_at_all_workers_together(own_server: Server) -> None:
    own_server.start("--workers", "2", TRIVIUM_API_RATE="20")
    root = own_server.api(own_server.admin_key)
    body = json.dumps({"id": 7, "api_key": root.key, "method": "get_ip", "args": {}})
    answers = [root.post(body) for _ in range(90)]  # a minute may end meanwhile
    statuses = [status for status, _, _ in answers]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) <= 40
    _, headers, said = next(answer for answer in answers if answer[0] == 429)
    assert 1 <= int(headers["retry-after"]) <= 60
    assert json.loads(said) == {"id": 7, "result": None, "error": "Too many calls with this key in a minute (api_rate)"}
    # Others are not concerned.
    other = own_server.new_token(own_server.admin, "api")
    assert own_server.api(other)("get_user")["username"] == "root"


@pytest.mark.parametrize("path", ["/_admin/api", "//_admin/api", "/_admin//api", "/_admin/api/", "//_admin//api//"])
def test_slashes_too_many_do_not_matter(root: Api, path: str) -> None:
    body = json.dumps({"id": 1, "api_key": root.key, "method": "get_user", "args": {}})
    assert json.loads(root.post(body, path=path)[2])["result"]["username"] == "root"


@pytest.mark.parametrize("path", ["/_admin/apis", "/x/_admin/api", "/_admin/api/x", "/_admin" + "/" * 80 + "api"])
def test_what_only_looks_like_the_api_is_not_it(root: Api, path: str) -> None:
    status, headers, _ = root.post(b"{}", path=path)
    # What may be a page of a repository sends a visitor to the sign-in (decisions.md W2).
    assert status in (401, 404) or (status == 302 and headers["location"].startswith("/_admin/login"))


def detail(api: Api, method: str, **args: object) -> str | None:
    answer = api.envelope(method, **args)
    assert answer["error"]
    found: str | None = answer.get("error_detail")
    return found


def test_who_asked_reads_why(root: Api) -> None:
    """The contract's text stays; the reason stands beside it."""
    answer = root.envelope("create_repo", repo_name="a/..", repo_type="git")
    assert answer["error"] == "failed to create repository `a/..`"
    assert "dot name" in answer["error_detail"]
    assert "is not allowed" in str(detail(root, "create_user", username="a b", email="x@example.org"))


def test_reasons_tell_nothing_of_what_is_hidden(root: Api) -> None:
    stranger = root.new_user().api
    hidden = root.new_repo(private=True)
    for repoid in (hidden.id, hidden.name, "nowhere-at-all"):
        assert detail(stranger, "get_repo", repoid=repoid) is None
    assert detail(root.new_user().api, "get_users") is None
