# SPDX-License-Identifier: GPL-3.0-or-later
"""From where a request comes, and from where an account may be used."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trivium.errors import Invalid
from trivium.http.addresses import ClientAddresses, is_allowed, neighbourhood, parse_network

PROXIES = (ip_network("10.0.0.0/8"), ip_network("::1"))


@pytest.mark.parametrize(
    ("address", "networks", "allowed"),
    [
        ("192.0.2.1", [], True),
        ("nonsense", [], True),
        ("192.0.2.1", ["192.0.2.1"], True),
        ("192.0.2.1", ["192.0.2.77/24"], True),
        ("192.0.3.1", ["192.0.2.0/24"], False),
        ("192.0.3.1", ["192.0.2.0/24", "192.0.3.0/24"], True),
        ("::ffff:192.0.2.1", ["192.0.2.0/24"], True),
        ("2001:db8::1", ["2001:db8::/32"], True),
        ("2001:db8::1", ["0.0.0.0/0"], False),
        ("192.0.2.1", ["::/0"], False),
        ("nonsense", ["0.0.0.0/0"], False),
        ("", ["0.0.0.0/0", "::/0"], False),
    ],
)
def test_ranges(address: str, networks: list[str], allowed: bool) -> None:
    assert is_allowed(address, networks) is allowed


@pytest.mark.parametrize("text", ["", "here", "192.0.2.1/33", "192.0.2.1-192.0.2.9", "1.2.3", "::/129"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(Invalid):
        parse_network(text)


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("192.0.2.1", [("x-forwarded-for", "203.0.113.9")], "192.0.2.1"),
        ("10.1.1.1", [], "10.1.1.1"),
        ("10.1.1.1", [("x-forwarded-for", "203.0.113.9")], "203.0.113.9"),
        ("10.1.1.1", [("x-forwarded-for", "1.1.1.1, 203.0.113.9")], "203.0.113.9"),
        ("10.1.1.1", [("x-forwarded-for", "1.1.1.1, 203.0.113.9, 10.2.2.2")], "203.0.113.9"),
        ("10.1.1.1", [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")], "203.0.113.9"),
        ("10.1.1.1", [("x-forwarded-for", "203.0.113.9, nonsense")], "10.1.1.1"),
        ("10.1.1.1", [("x-forwarded-for", "203.0.113.9:1234")], "203.0.113.9"),
        ("10.1.1.1", [("x-forwarded-for", '"[2001:db8::1]:1234"')], "2001:db8::1"),
        ("10.1.1.1", [("x-real-ip", "203.0.113.9")], "10.1.1.1"),
        ("10.1.1.1", [("x-real-ip", "1.1.1.1"), ("x-forwarded-for", "203.0.113.9")], "203.0.113.9"),
        ("::ffff:10.1.1.1", [("x-forwarded-for", "::ffff:203.0.113.9")], "203.0.113.9"),
        ("::1", [("x-forwarded-for", "203.0.113.9")], "203.0.113.9"),
    ],
)
def test_the_address_of_the_client(peer: str, headers: list[tuple[str, str]], expected: str) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    assert ClientAddresses(PROXIES, "X-Forwarded-For").behind(peer, raw) == expected


def test_another_header_is_believed_only_where_it_is_named() -> None:
    headers = [(b"x-forwarded-for", b"1.1.1.1"), (b"x-real-ip", b"203.0.113.9")]
    for sent in (headers, headers[::-1]):
        assert ClientAddresses(PROXIES, "X-Real-IP").behind("10.1.1.1", sent) == "203.0.113.9"


@given(value=st.binary(max_size=60), name=st.sampled_from([b"x-forwarded-for", b"x-real-ip"]))
def test_nobody_but_a_trusted_proxy_is_believed(value: bytes, name: bytes) -> None:
    for proxies in (PROXIES, ()):
        for header in ("X-Forwarded-For", "X-Real-IP"):
            assert ClientAddresses(proxies, header).behind("192.0.2.1", [(name, value)]) == "192.0.2.1"


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_the_neighbours_of_an_address(address: str, expected: str) -> None:
    assert neighbourhood(address) == expected


@pytest.mark.parametrize("name", [b"x-forwarded-proto", b"x-forwarded-scheme", b"x-url-scheme"])
def test_the_scheme_is_what_a_trusted_proxy_says(name: bytes) -> None:
    def scheme(client: str, value: bytes, proxies: Any = PROXIES) -> str:
        scope = {"scheme": "http", "client": (client, 1), "headers": [(b"host", b"x"), (name, value)]}
        return ClientAddresses(proxies, "").scheme_of(scope)

    assert scheme("10.1.2.3", b"https") == scheme("::1", b" HTTPS ") == "https"
    assert scheme("10.1.2.3", b"http") == scheme("10.1.2.3", b"javascript") == "http"
    assert scheme("192.0.2.1", b"https") == scheme("10.1.2.3", b"https", ()) == "http"
    assert (
        ClientAddresses(PROXIES, "").scheme_of({"scheme": "https", "client": ("10.0.0.1", 1), "headers": []}) == "https"
    )
    assert ClientAddresses(PROXIES, "").scheme_of({"scheme": "http", "client": None, "headers": []}) == "http"
