# SPDX-License-Identifier: GPL-3.0-or-later
"""Network addresses: where a request comes from, and from where a user may come (system.md 1.7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from trivium.errors import Invalid

Network = IPv4Network | IPv6Network


@lru_cache(maxsize=4096)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


@lru_cache(maxsize=4096)
def parse_network(text: str) -> Network:
    """A range: a single address or CIDR, host bits tolerated; raises `Invalid`."""
    try:
        return ip_network(text.strip(), strict=False)
    except ValueError as error:
        raise Invalid(f"{text!r} is neither an address nor a network") from error


def is_allowed(address: str, networks: Iterable[str]) -> bool:
    """Whether somebody at `address` may use an account with these ranges; none means everywhere."""
    ranges = [parse_network(network) for network in networks]
    if not ranges:
        return True
    client = _address(address)
    return client is not None and any(client in network for network in ranges)


def _host(item: bytes) -> str:
    """The address in an item of a forwarded header, without port and brackets."""
    text = item.decode("latin-1").strip().strip('"')
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


_SCHEME_HEADERS = frozenset({b"x-forwarded-proto", b"x-forwarded-scheme", b"x-url-scheme"})


class ClientAddresses:
    """Where requests come from: the peer of the connection, or what a trusted proxy says of it (decisions.md W9).

    We believe `header` only, and only from `proxies` (S-24). A proxy that is not told to set another header passes on
    whatever the client wrote there.
    """

    def __init__(self, proxies: Sequence[Network], header: str) -> None:
        self._proxies = tuple(proxies)
        self._header = header.lower().encode("latin-1")

    def of(self, scope: Mapping[str, Any]) -> str:
        """The address behind an ASGI request."""
        client = scope.get("client")
        return self.behind(client[0] if client else "", scope["headers"])

    def behind(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The address behind a connection from `peer`.

        Of several addresses the last one that is no trusted proxy counts. Anybody may have written those before it.
        """
        client = _address(peer)
        if not self._proxies or client is None or not self._trusts(client):
            return str(client) if client else peer
        forwarded = [_host(item) for name, value in headers if name == self._header for item in value.split(b",")]
        for item in reversed(forwarded):
            address = _address(item)
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
        return str(client)

    def scheme_of(self, scope: Mapping[str, Any]) -> str:
        """By what clients reach us: the scheme of the connection, or the one that a trusted proxy says (S-24)."""
        given = str(scope.get("scheme", "http"))
        if not self._proxies:
            return given
        peer = scope.get("client")
        address = _address(peer[0]) if peer else None
        if address is None or not self._trusts(address):
            return given
        for name, value in scope["headers"]:
            if name in _SCHEME_HEADERS:
                return "https" if value.strip().lower() == b"https" else "http"
        return given

    def _trusts(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._proxies)


def neighbourhood(address: str) -> str:
    """The addresses that one client has together: an IPv4 address itself, or the /64 of an IPv6 address.

    A text that is no address stands for itself.
    """
    parsed = _address(address)
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def site_address(configured: str, scope: Mapping[str, Any], prefix: str = "") -> str:
    """The configured address of the server, or the one under which a request reached it; no slash at the end.

    `prefix` is the path below which the server is, where the address is not configured.
    """
    if configured:
        return configured.rstrip("/")
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
    return f"{scope.get('scheme', 'http')}://{host if _is_host(host) else 'localhost'}{prefix}"


_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[([0-9A-Fa-f:.]{2,45})\])(?::[0-9]{1,5})?")


def _is_host(host: str) -> bool:
    """Whether a client's `Host` can stand in an address: a name or an address, perhaps with a port."""
    found = _HOST.fullmatch(host)
    return found is not None and (found[1] is None or (":" in found[1] and _address(found[1]) is not None))
