# SPDX-License-Identifier: GPL-3.0-or-later
"""Bodies that come slowly, in pieces, or after an offer to speak something else (security.md S-27, R-17)."""

from __future__ import annotations

import json

import pytest

from tests.support.clients import Api
from tests.support.crowd import at_once
from tests.support.raw import connected, everything, exchange, signed_in, status_of
from tests.support.servers import Server

PING = b"GET /_admin/ping HTTP/1.1\r\nHost: x\r\n"
CALL = b"POST /_admin/api HTTP/1.1\r\nHost: x\r\n"


def test_a_body_that_stops_coming_is_not_waited_for(own_server: Server) -> None:
    own_server.start(TRIVIUM_BODY_IDLE_TIMEOUT="1")
    root = own_server.api(own_server.admin_key)
    ada = root.new_user()
    repository = root.new_repo(owner=ada.name)
    signed = "".join(f"{name}: {value}\r\n" for name, value in signed_in(ada).items()).encode()
    beginnings = [
        CALL + b'Content-Length: 100\r\n\r\n{"id": 1, ',
        CALL + b"Content-Length: 100\r\n\r\n",
        CALL + b'Transfer-Encoding: chunked\r\n\r\n3\r\n{"i\r\n',
    ]
    for service in (b"git-upload-pack", b"git-receive-pack"):
        head = b"POST /%s/%s HTTP/1.1\r\nHost: x\r\n" % (repository.name.encode(), service) + signed
        head += b"Content-Type: application/x-%s-request\r\n" % service
        beginnings += [head + b"Content-Length: 100\r\n\r\n00", head + b"Content-Length: 100\r\n\r\n"]
    for answer in at_once(lambda number: exchange(own_server.url, beginnings[number]), times=len(beginnings)):
        assert status_of(answer) == 408, answer
        assert b"connection: close" in answer
        assert b"x-content-type-options: nosniff" in answer
    assert own_server.under_way() == []
    assert root("get_user")["username"] == "root"


@pytest.mark.parametrize(
    "body",
    [b"Content-Length: %d\r\n\r\n%s", b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n"],
    ids=["length", "chunks"],
)
@pytest.mark.parametrize("cut", [0, 30, 120])
def test_who_offers_another_protocol_is_answered_in_this_one(server: Server, root: Api, body: bytes, cut: int) -> None:
    """Some clients offer HTTP/2 with every first request; its body must not be lost."""
    call = json.dumps({"id": 1, "api_key": root.key, "method": "get_user", "args": {}}).encode()
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"
    request = CALL + offer + body % (len(call), call) + PING + b"Connection: close\r\n\r\n"
    with connected(server.url) as connection:
        connection.sendall(request[:cut])
        connection.sendall(request[cut:])
        answer = everything(connection)
    assert answer.count(b"HTTP/1.1 200") == 2
    assert b'"username":"root"' in answer
    assert b"pong[" in answer


def test_a_request_that_offers_a_websocket_is_answered_too(server: Server) -> None:
    offer = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    answer = exchange(server.url, PING + offer + b"\r\n" + PING + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200") == 2


@pytest.mark.parametrize("chunk", [b"+2", b"0x2", b"2 ", b"-2", b"2\n", b"fffffffffffffffff"])
def test_a_chunk_whose_size_is_none_ends_the_request(server: Server, chunk: bytes) -> None:
    answer = exchange(server.url, CALL + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + b"\r\n{}\r\n0\r\n\r\n")
    assert status_of(answer) == 400
    assert answer.count(b"HTTP/1.1 ") == 1


def test_what_follows_a_request_is_not_its_answer(server: Server, root: Api) -> None:
    """Something unreadable behind a good request: the good one is answered, or nothing; never with the other's 400."""
    call = json.dumps({"id": 1, "api_key": root.key, "method": "get_repos", "args": {}}).encode()
    answer = exchange(server.url, CALL + b"Content-Length: %d\r\n\r\n" % len(call) + call + b"\x00\x01 rubbish\r\n\r\n")
    assert answer == b"" or (status_of(answer) == 200 and answer.count(b"HTTP/1.1 ") == 1)


def test_a_body_is_asked_for_only_when_it_is_wanted(server: Server, root: Api) -> None:
    waiting = b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
    call = json.dumps({"id": 1, "api_key": root.key, "method": "get_user", "args": {}}).encode()
    with connected(server.url) as connection:
        connection.sendall(CALL + b"Connection: close\r\n" + waiting % len(call))
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(call)
        assert b'"username":"root"' in everything(connection)
    private = root.new_repo(private=True).name
    with connected(server.url) as connection:
        connection.sendall(
            f"POST /{private}/git-receive-pack HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
            + b"Content-Type: application/x-git-receive-pack-request\r\n"
            + waiting % (1 << 30)
        )
        answer = everything(connection)
    assert status_of(answer) == 401
    assert b"100 Continue" not in answer
