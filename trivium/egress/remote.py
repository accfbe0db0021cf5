# SPDX-License-Identifier: GPL-3.0-or-later
"""Another server, as the back ends are handed it: judged, its addresses pinned, with limits (security.md 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

IMPORT_MARK: Final = "X-Trivium-Import"
"""The header by which a server notices that it fetches from itself (decisions.md W10)."""


@dataclass(frozen=True, slots=True)
class Remote:
    """Where to fetch from. That is already allowed, and the addresses are pinned (security.md 8)."""

    url: str
    """Without credentials."""
    addresses: tuple[str, ...]
    """The addresses that were checked: connections go there and nowhere else."""
    username: str = ""
    password: str = ""
    mark: str = ""
    """Sent in the header `IMPORT_MARK` of every request, if there is one."""


@dataclass(slots=True)
class Received:
    """How much of a transfer has come so far."""

    size: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class TransferLimits:
    """How long a transfer from another server may take, in seconds, and how much room."""

    idle: int
    """Without a byte."""
    total: int
    check: Callable[[], None] = lambda: None
    """To be called again and again while bytes move; raises when there must not be more of them."""
    received: Received = field(default_factory=Received)
    """Where the relay counts them."""
