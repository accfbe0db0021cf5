# SPDX-License-Identifier: GPL-3.0-or-later
"""How many connections one worker holds, and whose (security.md 6).

A connection costs a descriptor, and memory for what arrives, before it is known who opened it; with the last
descriptor nobody gets in. So a worker takes as many descriptors as the system allows, keeps some for files, and gives
one network of addresses a part of the rest. Where there are too many, one goes on which nothing is under way: of the
network that has its part already, or else of the one that has most.
"""

from __future__ import annotations

import resource
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Protocol

from trivium.http.addresses import Network, neighbourhood

_MOST_DESCRIPTORS: Final = 65536
_FOR_FILES: Final = 512
_PARTS: Final = 4
_LARGEST_PART: Final = 1000
"""One network has one of so many parts of all connections, and not more than so many."""
_LOOKED_AT: Final = 1000
"""Connections of one network among which an idle one is sought."""


class Connection(Protocol):
    """What is needed of a connection."""

    @property
    def is_idle(self) -> bool:
        """Whether no request is under way."""

    def give_up(self) -> None:
        """End it at once."""


def take_descriptors() -> int:
    """Allow this process as many descriptors as it may have; returns how many that are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return _MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


class Connections:
    """The connections of one worker. Those of trusted proxies are everybody's, and have no part of their own."""

    def __init__(self, descriptors: int, proxies: Sequence[Network]) -> None:
        self._most = max(descriptors - _FOR_FILES, descriptors // 2)
        self._part = min(self._most // _PARTS, _LARGEST_PART)
        self._proxies = proxies
        self._held: defaultdict[str, dict[Connection, None]] = defaultdict(dict)
        """By network, oldest first."""
        self._count = 0

    def admit(self, connection: Connection, address: str) -> bool:
        """Hold a new connection; False when it must be closed, for its network has too many that are in use."""
        whose = self._whose(address)
        theirs = self._held[whose]
        if whose and len(theirs) >= self._part:
            if not _give_one_up(theirs):
                return False
        elif self._count >= self._most:
            _give_one_up(max((some for one, some in self._held.items() if one), key=len, default={}))
        theirs[connection] = None
        self._count += 1
        return True

    def forget(self, connection: Connection, address: str) -> None:
        """A connection has ended; one that was not admitted does no harm."""
        whose = self._whose(address)
        theirs = self._held.get(whose, {})
        if connection in theirs:
            del theirs[connection]
            self._count -= 1
        if not theirs:
            self._held.pop(whose, None)

    def _whose(self, address: str) -> str:
        """The network of an address; empty for trusted proxies."""
        peer = _read(address)
        if peer is None:
            return "unknown"
        return "" if any(peer in network for network in self._proxies) else neighbourhood(address)


@lru_cache(1024)
def _read(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None


def _give_one_up(connections: dict[Connection, None]) -> bool:
    """End the oldest on which nothing is under way; it is forgotten a moment later."""
    for connection, _ in zip(connections, range(_LOOKED_AT), strict=False):
        if connection.is_idle:
            del connections[connection]
            connections[connection] = None  # the next one to go is another
            connection.give_up()
            return True
    return False
