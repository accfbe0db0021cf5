# SPDX-License-Identifier: GPL-3.0-or-later
"""Network addresses: where a request comes from, and from where a user may come (system.md 1.7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

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


def client_address(peer: str, headers: Iterable[tuple[bytes, bytes]], trusted_proxies: Sequence[Network]) -> str:
    """The address a request comes from. Forwarded headers count only when a trusted proxy sent them (S-24).

    Of `X-Forwarded-For` the last item that is not itself a trusted proxy counts: what stands before it was
    written by somebody we do not know.
    """
    client = _address(peer)
    if not trusted_proxies or client is None or not any(client in network for network in trusted_proxies):
        return str(client) if client else peer
    forwarded: list[str] = []
    real = ""
    for name, value in headers:
        if name == b"x-forwarded-for":
            forwarded += [_host(item) for item in value.split(b",")]
        elif name == b"x-real-ip":
            real = _host(value)
    if real and _address(real):
        return str(_address(real))
    for item in reversed(forwarded):
        address = _address(item)
        if address is None:
            break
        client = address
        if not any(address in network for network in trusted_proxies):
            break
    return str(client)
