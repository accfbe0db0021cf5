# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody may ask of git at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from trivium.forge.sessions.endings import Declined
from trivium.forge.sessions.git import heads


async def _taken(sizes: list[int]) -> int:
    async def body() -> AsyncIterator[bytes]:
        for size in sizes:
            yield b"x" * size

    return sum([len(chunk) async for chunk in heads.bounded(body())])


def test_who_asks_for_too_much_at_once_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "_LARGEST_QUESTION", 1000)
    assert asyncio.run(_taken([400, 600])) == 1000
    with pytest.raises(Declined, match="asks for too much"):
        asyncio.run(_taken([400, 600, 1]))
