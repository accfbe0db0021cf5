# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept about a repository is found again, and never grows without end."""

from __future__ import annotations

import os

import pytest

from trivium.forge.caches import files as caches
from trivium.forge.caches.answers import Kept
from trivium.forge.caches.files import RepositoryCache
from trivium.forge.site import Site


def _put(cache: RepositoryCache, key: object, content: bytes) -> None:
    with cache.draft(key) as draft:
        draft.write(content)
        answer = cache.finish(draft)
        if isinstance(answer, Kept):
            answer.close()


def _get(cache: RepositoryCache, key: object) -> bytes | None:
    found = cache.find(key)
    return found.whole() if isinstance(found, Kept) else found


def test_what_is_kept_is_found_until_it_is_cleared(site: Site) -> None:
    cache = RepositoryCache(site, 1)
    assert _get(cache, ("one", 1)) is None
    _put(cache, ("one", 1), b"content")
    _put(cache, ("two", 2), b"")
    assert _get(RepositoryCache(site, 1), ("one", 1)) == b"content"
    assert _get(cache, ("two", 2)) == b""
    assert _get(RepositoryCache(site, 2), ("one", 1)) is None
    cache.clear()
    assert _get(cache, ("one", 1)) is None


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
        _put(cache, number, b"small")
        os.utime(cache._path(number), (number, number))
    kept = [number for number in range(1, 21) if cache.find(number) is not None]
    assert kept == list(range(11, 21))
    assert not left_over.exists()
    _put(cache, "large", b"x" * (9 * 4096 - 8))
    assert cache.find("large") is not None
    assert cache.find(20) is not None and cache.find(19) is None
    assert (cache.directory / "index").exists()
