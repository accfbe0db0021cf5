# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept about a repository is found again, and never grows without end."""

from __future__ import annotations

import os

import pytest

from trivium.forge import caches
from trivium.forge.caches import RepositoryCache
from trivium.forge.site import Site


def test_what_is_kept_is_found_until_it_is_cleared(site: Site) -> None:
    cache = RepositoryCache(site, 1)
    assert cache.get(("one", 1)) is None
    cache.put(("one", 1), b"content")
    cache.put(("two", 2), b"")
    assert RepositoryCache(site, 1).get(("one", 1)) == b"content"
    assert cache.get(("two", 2)) == b""
    assert RepositoryCache(site, 2).get(("one", 1)) is None
    cache.clear()
    assert cache.get(("one", 1)) is None


def test_the_oldest_makes_room(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caches, "_CHECK_EVERY", 1)
    monkeypatch.setattr(caches, "_MAX_BYTES", 10 * 4096)
    cache = RepositoryCache(site, 1)
    cache.directory.mkdir(parents=True)
    (cache.directory / "index").write_bytes(b"x" * 1_000_000)  # none of these answers
    left_over = cache.directory / ".answer-0123.1.1"  # by whoever was killed while he wrote
    left_over.write_bytes(b"half")
    os.utime(left_over, (0, 0))
    for number in range(1, 21):
        cache.put(number, b"small")
        os.utime(cache._path(number), (number, number))
    kept = [number for number in range(1, 21) if cache.get(number) is not None]
    assert kept == list(range(11, 21))
    assert not left_over.exists()
    cache.put("large", b"x" * 9 * 4096)
    assert cache.get("large") is not None
    assert cache.get(20) is not None and cache.get(19) is None
    assert (cache.directory / "index").exists()
