# SPDX-License-Identifier: GPL-3.0-or-later
"""How large a head may be at which door, and how much of large ones is held at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.http.heads import HeadLimits
from trivium.settings import Settings

KIB, MIB = 1 << 10, 1 << 20


@pytest.fixture
def limits(tmp_path: Path) -> HeadLimits:
    return HeadLimits(Settings(data=tmp_path))


@pytest.mark.parametrize(
    ("method", "url"),
    [(b"GET", b"/r?cmd=known"), (b"POST", b"/r?x=y&cmd=batch"), (b"LOCK", b"/r/a.txt"), (b"POST", b"/r/!svn/me")],
)
def test_doors_whose_clients_need_it_take_large_heads(limits: HeadLimits, method: bytes, url: bytes) -> None:
    assert not limits.is_too_large(MIB, 3000, 20, method=method, url=url)
    assert limits.is_too_large(MIB + 1, 3000, 20, method=method, url=url)
    assert limits.is_too_large(MIB, 5000, 20, method=method, url=url)


@pytest.mark.parametrize("url", [b"/_admin/api", b"/r/info/refs?service=git-upload-pack", b"/r/git-receive-pack", b""])
def test_every_other_door_keeps_to_small_ones(limits: HeadLimits, url: bytes) -> None:
    assert not limits.is_too_large(32 * KIB, 100, 1, method=b"POST", url=url)
    assert limits.is_too_large(32 * KIB + 1, 1, 1, method=b"POST", url=url)
    assert limits.is_too_large(100, 101, 1, method=b"POST", url=url)


def test_a_large_head_does_not_arrive_in_crumbs(limits: HeadLimits) -> None:
    """Each piece of a line makes the parser copy what it has of that line."""
    assert not limits.is_too_large(300 * KIB, 100, 300, method=b"LOCK", url=b"/r/a")
    assert limits.is_too_large(300 * KIB, 100, 30_000, method=b"LOCK", url=b"/r/a")


def test_one_address_has_a_part_of_the_room_and_all_have_no_more_than_it(limits: HeadLimits) -> None:
    held = [limits.hold(MIB, 0, "a") for _ in range(4)]
    assert held == [MIB - 32 * KIB] * 4
    assert limits.hold(MIB, 0, "a") == -1 or limits.hold(MIB, 0, "a") == -1
    others = [limits.hold(MIB, 0, f"b{number}") for number in range(20)]
    assert others.count(-1) >= 20 - 14
    assert limits.hold(MIB, 0, "c") == -1
    assert limits.hold(32 * KIB, 0, "c") == 0  # small ones need no room


def test_room_is_given_back(limits: HeadLimits) -> None:
    for _ in range(100):
        held = limits.hold(300 * KIB, 0, "a")
        held = limits.hold(MIB, held, "a")
        assert held == MIB - 32 * KIB
        assert limits.hold(MIB, held, "a") == held
        limits.release(held, "a")
