# SPDX-License-Identifier: GPL-3.0-or-later
"""Heads of requests: large where clients need that, small everywhere else, and not held for long (security.md 6)."""

from __future__ import annotations

import contextlib
import select
import time

import pytest

from tests.support.clients import Api
from tests.support.raw import basic, connected, everything, exchange, is_taken, status_of
from tests.support.servers import Server
from tests.support.waiting import until

CLOSE = b"Host: x\r\nConnection: close\r\n"


def signed(server: Server) -> bytes:
    return b"Authorization: " + basic(server.admin, server.admin_password).encode() + b"\r\n"


def ids(count: int) -> bytes:
    """So many ids in the lines in which old clients of Mercurial send them."""
    text = b"nodes=" + b"+".join(b"%040x" % number for number in range(1, count + 1))
    pieces = [text[at : at + 1000] for at in range(0, len(text), 1000)]
    return b"".join(b"X-HgArg-%d: %b\r\n" % (number, piece) for number, piece in enumerate(pieces, 1))


def condition(name: str) -> bytes:
    """300 KB of lock tokens in the one line in which clients of Subversion send them."""
    token = b"<http://x/%b/a.txt> (<opaquelocktoken:%036d>) "
    return b"If: " + b"".join(token % (name.encode(), number) for number in range(3_500)) + b"\r\n"


def test_thousands_of_ids_pass_at_the_door_of_mercurial(server: Server, root: Api) -> None:
    name = root.new_repo(kind="hg").name.encode()
    head = b"GET /%b?cmd=known HTTP/1.1\r\n" % name + CLOSE + signed(server) + b"Accept: application/mercurial-0.1\r\n"
    answer = exchange(server.url, head + ids(5_000) + b"\r\n")
    assert status_of(answer) == 200
    assert answer.endswith(b"0" * 5_000)


def test_thousands_of_lock_tokens_pass_at_the_door_of_subversion(server: Server, root: Api) -> None:
    name = root.new_repo(kind="svn").name
    line = condition(name)
    assert len(line) > 300_000
    head = b"PROPFIND /%b HTTP/1.1\r\n" % name.encode() + CLOSE + signed(server) + b"Depth: 0\r\n"
    assert status_of(exchange(server.url, head + line + b"\r\n")) in (207, 412)


@pytest.mark.parametrize("target", [b"/_admin/api", b"/%b/info/refs?service=git-upload-pack", b"/%b/git-upload-pack"])
def test_the_same_is_too_large_at_every_other_door(server: Server, root: Api, target: bytes) -> None:
    name = root.new_repo().name
    for lines in (ids(5_000), condition(name)):
        head = b"GET " + target.replace(b"%b", name.encode()) + b" HTTP/1.1\r\n" + CLOSE + lines + b"\r\n"
        assert status_of(exchange(server.url, head)) == 431


def test_what_is_larger_than_the_largest_is_refused_at_every_door(server: Server) -> None:
    for first in (b"GET /x?cmd=known", b"PROPFIND /x", b"PUT /x/!svn/txr/1/a"):
        head = first + b" HTTP/1.1\r\n" + CLOSE + b"X-Long: " + b"x" * (1 << 20) + b"\r\n\r\n"
        assert status_of(exchange(server.url, head)) == 431


def test_a_large_head_that_comes_in_crumbs_is_refused(server: Server) -> None:
    with connected(server.url) as connection:
        connection.setsockopt(6, 1, 1)  # each piece in a packet of its own
        connection.sendall(b"PROPFIND /x HTTP/1.1\r\n" + CLOSE + b"If: ")
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(60_000):
                connection.sendall(b"x" * 4)
                if not _ % 50:
                    time.sleep(0.001)
        assert status_of(everything(connection)) == 431


def test_one_address_holds_only_so_many_large_heads(own_server: Server) -> None:
    """Its fifth waits for no room, and small heads need none."""
    own_server.start("--workers", "1")
    with contextlib.ExitStack() as stack:
        refused = 0
        for _ in range(8):
            connection = stack.enter_context(connected(own_server.url))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(b"PROPFIND /x HTTP/1.1\r\n" + CLOSE + b"If: " + b"x" * 900_000)
            until(lambda connection=connection: is_taken(connection))
            if select.select([connection], [], [], 0)[0]:
                assert status_of(connection.recv(100)) == 503
                refused += 1
        assert refused == 4
        assert own_server.api(own_server.admin_key)("get_user")["username"] == "root"
    with connected(own_server.url) as connection:  # the others are gone
        connection.sendall(b"PROPFIND /x HTTP/1.1\r\n" + CLOSE + b"If: " + b"x" * 900_000 + b"\r\n\r\n")
        assert status_of(everything(connection)) in (400, 401, 404)
