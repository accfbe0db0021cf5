# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of an answer leaves with what follows it at once, and does not wait for anything else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from trivium.http.protocol import _Joined


class Wire:
    """A transport that remembers each call of the system, and what was in it."""

    def __init__(self) -> None:
        self.calls: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.calls.append(data)

    def writelines(self, pieces: tuple[bytes, ...]) -> None:
        self.calls.append(b"".join(pieces))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def at_once(joined: Any, _: Wire) -> None:
    joined.write(b"head")
    joined.write(b"body")
    joined.write(b"more")


def much_later(joined: Any, _: Wire) -> None:
    joined.write(b"head")


def closed_after_it(joined: Any, wire: Wire) -> None:
    joined.write(b"head")
    joined.close()
    assert wire.closed


def lost_after_it(joined: Any, wire: Wire) -> None:
    joined.write(b"head")
    wire.closed = True


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (at_once, [b"headbody", b"more"]),
        (much_later, [b"head"]),
        (closed_after_it, [b"head"]),
        (lost_after_it, []),
    ],
)
def test_heads(told: Callable[[Any, Wire], None], expected: list[bytes]) -> None:
    async def tell() -> list[bytes]:
        wire, cycle = Wire(), SimpleNamespace(response_started=False)
        joined = _Joined(wire, cycle, asyncio.get_running_loop())
        joined.write(b"100")
        assert wire.calls == [b"100"]  # whoever waits for it sends nothing before
        cycle.response_started = True
        told(joined, wire)
        await asyncio.sleep(0)
        return wire.calls[1:]

    assert asyncio.run(tell()) == expected
