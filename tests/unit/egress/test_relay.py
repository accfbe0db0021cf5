# SPDX-License-Identifier: GPL-3.0-or-later
"""The relay leads to one server, by the addresses that were judged, for a limited time (security.md 8)."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from ipaddress import ip_address

import pytest

from trivium.egress import relay as module
from trivium.egress.relay import relay
from trivium.egress.remote import Remote, TransferLimits

HOST = "forge.invalid"
"""A name that nobody can look up."""
LIMITS = TransferLimits(30, 60)
GRANTED, REFUSED, UNREACHABLE = b"\x05\x00\x00\x01" + bytes(6), b"\x05\x02\x00\x01" + bytes(6), b"\x05\x04\x00\x01"


@contextlib.contextmanager
def serving(serve: Callable[[socket.socket], None], family: str = "127.0.0.1") -> Iterator[int]:
    """A server on the loopback; returns its port."""
    with socket.create_server((family, 0)) as listening:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    threading.Thread(target=attend, args=(connection,), daemon=True).start()

        def attend(connection: socket.socket) -> None:
            with contextlib.suppress(OSError), connection:
                serve(connection)

        threading.Thread(target=accept, daemon=True).start()
        yield int(listening.getsockname()[1])
        listening.shutdown(socket.SHUT_RDWR)


def echo(connection: socket.socket) -> None:
    while piece := connection.recv(1 << 16):
        connection.sendall(piece)


def remote(port: int, *addresses: str, host: str = HOST, scheme: str = "http") -> Remote:
    return Remote(f"{scheme}://{host}:{port}/x", addresses or ("127.0.0.1",))


@contextlib.contextmanager
def asked(port: int, request: bytes) -> Iterator[socket.socket]:
    """A connection to a relay on which something was asked."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        yield connection


def socks(host: str, port: int) -> bytes:
    try:
        address = ip_address(host).packed
        named = bytes([1 if len(address) == 4 else 4]) + address
    except ValueError:
        named = bytes([3, len(host)]) + host.encode()
    return b"\x05\x01\x00" + b"\x05\x01\x00" + named + port.to_bytes(2)


def received(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count and (piece := connection.recv(count - len(got))):
        got += piece
    return got


def to_the_end(connection: socket.socket) -> bytes:
    got = bytearray()
    while piece := connection.recv(1 << 16):
        got += piece
    return bytes(got)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE", 0)


@pytest.fixture(autouse=True)
def nobody_looks_up_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = socket.getaddrinfo

    def look_up(host: object, *args: object, **options: object) -> object:
        assert host == "127.0.0.1"
        return plain(host, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def test_the_server_that_was_judged_is_reached_in_each_way() -> None:
    with serving(echo) as port, relay(remote(port), LIMITS) as way:
        with asked(way, socks(HOST.upper(), port)) as connection:
            assert received(connection, 12) == b"\x05\x00" + GRANTED
            connection.sendall(b"hello")
            assert received(connection, 5) == b"hello"
            connection.shutdown(socket.SHUT_WR)
            assert to_the_end(connection) == b""
        with asked(way, f"CONNECT {HOST}.:{port} HTTP/1.1\r\nX: y\r\n\r\nhello".encode()) as connection:
            assert received(connection, 24) == b"HTTP/1.1 200 OK\r\n\r\nhello"
        request = f"GET http://{HOST}:{port}/x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
        with asked(way, request) as connection:
            assert received(connection, len(request)) == request


@pytest.mark.parametrize(
    ("host", "scheme", "port"), [("127.0.0.1", "http", 0), ("2130706433", "http", 0), ("[::1]", "http", 0)]
)
def test_an_address_is_asked_for_as_it_is_written_or_as_it_is(host: str, scheme: str, port: int) -> None:
    address = "::1" if host == "[::1]" else "127.0.0.1"
    with serving(echo) as port, relay(remote(port, "127.0.0.1", address, host=host), LIMITS) as way:
        with asked(way, socks(address, port)) as connection:
            assert received(connection, 12) == b"\x05\x00" + GRANTED
        with asked(way, f"CONNECT {host}:{port} HTTP/1.1\r\n\r\n".encode()) as connection:
            assert received(connection, 12) == b"HTTP/1.1 200"


def test_nothing_else_is_reached() -> None:
    visits: list[bytes] = []
    with (
        serving(lambda one: visits.append(one.recv(1))) as other,
        serving(echo) as port,
        relay(remote(port), LIMITS) as way,
    ):
        for host, at in (("127.0.0.1", other), (HOST, other), ("localhost", port), (f"x.{HOST}", port), ("", port)):
            with asked(way, socks(host, at)) as connection:
                assert to_the_end(connection) == b"\x05\x00" + REFUSED
            for line in (f"CONNECT {host}:{at}", f"GET http://{host}:{at}/"):
                with asked(way, f"{line} HTTP/1.1\r\n\r\n".encode()) as connection:
                    assert to_the_end(connection).startswith(b"HTTP/1.1 403 ")
    assert visits == []


@pytest.mark.parametrize("request_", [
    b"\x05\x01\x02", b"\x05\x01\x00\x05\x02\x00\x01\x7f\0\0\x01\x00\x50", b"\x05\x01\x00\x05\x01\x00\x09\x00\x50",
    b"\x04\x01\x00\x50\x7f\x00\x00\x01\x00\r\n\r\n", b"\r\n\r\n", b"GET http://[::1 HTTP/1.1\r\n\r\n",
    b"CONNECT x:99999 HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"x" * (1 << 17),
])  # fmt: skip
def test_what_cannot_be_understood_is_not_granted(request_: bytes) -> None:
    with serving(echo) as port, relay(remote(port), LIMITS) as way:
        with contextlib.suppress(ConnectionError), asked(way, request_) as connection:
            with contextlib.suppress(OSError):  # it may have hung up by now
                connection.shutdown(socket.SHUT_WR)
            said = to_the_end(connection)
            assert said in (b"", b"\x05\x00") or said.startswith(b"HTTP/1.1 403 ")
        with asked(way, socks(HOST, port)) as connection:
            assert received(connection, 12) == b"\x05\x00" + GRANTED


def test_the_addresses_are_tried_in_turn() -> None:
    with serving(echo) as port:
        with relay(remote(port, "127.0.0.9", "127.0.0.1"), LIMITS) as way, asked(way, socks(HOST, port)) as connection:
            assert received(connection, 12) == b"\x05\x00" + GRANTED
        with relay(remote(port, "127.0.0.9"), LIMITS) as way:
            with asked(way, socks(HOST, port)) as connection:
                assert to_the_end(connection).startswith(b"\x05\x00" + UNREACHABLE)
            with asked(way, f"CONNECT {HOST}:{port} HTTP/1.1\r\n\r\n".encode()) as connection:
                assert to_the_end(connection).startswith(b"HTTP/1.1 502 ")


def test_a_port_that_is_not_named_is_that_of_the_scheme() -> None:
    nowhere = Remote(f"https://{HOST}/x", ("127.0.0.9",))
    with relay(nowhere, LIMITS) as way:
        with asked(way, socks(HOST, 443)) as connection:
            assert to_the_end(connection).startswith(b"\x05\x00" + UNREACHABLE)
        with asked(way, socks(HOST, 80)) as connection:
            assert to_the_end(connection) == b"\x05\x00" + REFUSED


def test_a_server_that_says_nothing_is_given_up_but_not_a_program_that_takes_its_time() -> None:
    """The slow program has taken nothing when the silent server has been given up, and gets everything."""
    content = bytes(32 << 20)

    def serve(connection: socket.socket) -> None:
        if connection.recv(1) == b"a":
            connection.sendall(content)
        else:
            connection.recv(1)  # which does not come

    with serving(serve) as port, relay(remote(port), TransferLimits(1, 60)) as way:
        with asked(way, socks(HOST, port) + b"a") as slow:
            assert received(slow, 12) == b"\x05\x00" + GRANTED
            for _ in range(2):
                with asked(way, socks(HOST, port) + b"b") as silent:
                    assert to_the_end(silent) == b"\x05\x00" + GRANTED
            assert len(to_the_end(slow)) == len(content)
        with asked(way, b"GET ") as unfinished:
            assert to_the_end(unfinished) == b""


def test_it_ends_with_its_time_and_with_its_block() -> None:
    def never_end(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"x" * 1000)

    with serving(never_end) as port:
        with relay(remote(port), TransferLimits(30, 1)) as way, asked(way, socks(HOST, port)) as connection:
            with contextlib.suppress(ConnectionError):
                to_the_end(connection)
            with contextlib.suppress(ConnectionError), asked(way, socks(HOST, port)) as late:
                assert to_the_end(late) == b""
        with relay(remote(port), LIMITS) as way:
            connection = socket.create_connection(("127.0.0.1", way), timeout=60)
            connection.sendall(socks(HOST, port))
            assert received(connection, 1000)
        with connection, contextlib.suppress(ConnectionError):
            to_the_end(connection)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", way), timeout=60)


def test_many_connections_have_their_turn() -> None:
    with serving(echo) as port, relay(remote(port), LIMITS) as way, contextlib.ExitStack() as held:
        connections = [held.enter_context(asked(way, socks(HOST, port) + b"hello")) for _ in range(24)]
        for connection in connections:
            assert received(connection, 17) == b"\x05\x00" + GRANTED + b"hello"
            connection.close()
