# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses of other servers may be fetched from (security.md 8).

We resolve the host here, judge every address it has, and pin the connection to those addresses. So we use what we
checked, whatever the name server says a second later.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from trivium.egress.remote import Remote
from trivium.errors import Invalid
from trivium.settings import Settings

_MAX_URL: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}
_NAT64: Final = IPv6Network("64:ff9b::/96")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,252})")


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """An address as it is stored: without the password, which stands apart."""

    url: str
    """Without user name and password."""
    username: str
    password: str

    @property
    def shown(self) -> str:
        """As users see it: a password is five stars."""
        if not self.username and not self.password:
            return self.url
        parts = urlsplit(self.url)
        user = quote(self.username, safe="") + (":*****" if self.password else "")
        return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))


def parse_remote(given: str) -> RemoteUrl:
    """Take an address apart without a look-up; raises `Invalid` for one that can never be fetched from."""
    if len(given) > _MAX_URL or any(ord(character) <= 32 or ord(character) == 127 for character in given):
        raise Invalid("the address is too long, or has blanks or control characters", about="clone_uri")
    try:
        parts = urlsplit(given)
        port = parts.port
    except ValueError as error:
        raise Invalid("the address cannot be understood", about="clone_uri") from error
    host = parts.hostname or ""
    if parts.scheme not in _PORTS or not given.lower().startswith(f"{parts.scheme}://"):
        raise Invalid("only http and https addresses can be fetched from", about="clone_uri")
    if not host or not (_HOST.fullmatch(host) or _literal(host)) or "\\" in given or parts.fragment:
        raise Invalid("the address has no usable host", about="clone_uri")
    netloc = f"[{host}]" if ":" in host else host
    if port is not None:
        netloc += f":{port}"
    url = urlunsplit((parts.scheme, netloc, parts.path, parts.query, ""))
    return RemoteUrl(url, unquote(parts.username or ""), unquote(parts.password or ""))


@dataclass(frozen=True, slots=True)
class Myself:
    """The server itself, as a remote: one of its repositories may be fetched from another (decisions.md W10)."""

    listening: tuple[str, int] | None
    """Address and port, where they are known."""
    mark: str
    """Every import carries it, so that the server notices an import that comes back (`access.errands`)."""
    username: str
    password: str
    """Credentials that stand for the user who asked; those in the address are not used."""

    def is_at(self, address: str, port: int) -> bool:
        """Whether the server listens there."""
        if self.listening is None or port != self.listening[1]:
            return False
        host = ip_address(self.listening[0])
        return address == str(host) or (host.is_unspecified and _is_of_this_machine(address))


def admit_remote(
    settings: Settings, remote: RemoteUrl, *, myself: Myself | None = None, must_resolve: bool = True
) -> Remote:
    """Decide whether an address may be fetched from now, and pin it; raises `Invalid`.

    An address that is only stored may have a host that is not known yet (`must_resolve` false). Without `myself` this
    server's own addresses are like any others.
    """
    parts = urlsplit(remote.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    allowed = _is_listed(settings.allowed_remote_hosts, host, port, None)
    if settings.remote_hosts_only and not allowed:
        raise Invalid("the host is not among allowed_remote_hosts", about="clone_uri")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        if must_resolve:
            raise Invalid("the host cannot be resolved", about="clone_uri") from error
        found = []
    addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
    base = urlsplit(settings.base_url) if settings.base_url else None
    own_name = base is not None and (base.hostname, base.port or _PORTS.get(base.scheme)) == (host, port)
    own = own_name or any(myself.is_at(address, port) for address in addresses) if myself else False
    for address in addresses:
        if allowed or own_name or (myself is not None and myself.is_at(address, port)):
            continue
        if not (_is_public(address) or _is_listed(settings.allowed_remote_hosts, host, port, address)):
            raise Invalid("the address is not reachable from here by policy (allowed_remote_hosts)", about="clone_uri")
    mark = myself.mark if myself else ""
    if own and myself is not None:
        return Remote(remote.url, addresses, myself.username, myself.password, mark)
    return Remote(remote.url, addresses, remote.username, remote.password, mark)


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _is_of_this_machine(address: str) -> bool:
    """Whether one of this machine's interfaces has an address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as trying:
        try:
            trying.bind((address, 0))
        except OSError:
            return False
    return True


def _is_public(text: str) -> bool:
    """Whether an address belongs to the public internet; forms that carry an IPv4 address are judged by that."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if embedded is None and address in _NAT64:
            embedded = IPv4Address(int(address) & 0xFFFFFFFF)
        if embedded is not None:
            address = embedded
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_listed(items: tuple[str, ...], host: str, port: int, address: str | None) -> bool:
    """Whether an item of `allowed_remote_hosts` names this host, or this address of it."""
    for item in items:
        name, item_port = _split(item)
        if item_port is not None and item_port != port:
            continue
        if name == "*" or name.lower() == host.lower():
            return True
        if name.startswith("*.") and host.lower().endswith(name[1:].lower()):
            return True
        for candidate in (address, host):
            try:
                if candidate and ip_address(candidate) in ip_network(name, strict=False):
                    return True
            except ValueError:
                continue
    return False


def _split(item: str) -> tuple[str, int | None]:
    """An item's host (or range) and port."""
    if item.startswith("["):
        host, _, rest = item[1:].partition("]")
        return host, int(rest[1:]) if rest.startswith(":") and rest[1:].isdigit() else None
    if item.count(":") == 1:
        host, _, port = item.partition(":")
        return host, int(port) if port.isdigit() else None
    return item, None
