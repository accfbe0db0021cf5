# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept of the refs that were recognised."""

from __future__ import annotations

from pathlib import Path

import pytest

from trivium.vcs.git.objects import ZERO, refs_digest
from trivium.vcs.git.refs import KnownRefs, moved
from trivium.vcs.values import RefUpdate

Refs = dict[str, str]


def one(number: int) -> str:
    return f"{number:040x}"


def after(refs: Refs, *updates: RefUpdate) -> Refs:
    found = refs | {update.name: update.new for update in updates}
    return {name: raw_id for name, raw_id in found.items() if raw_id != ZERO}


@pytest.fixture
def kept(tmp_path: Path) -> KnownRefs:
    return KnownRefs(tmp_path / "cache" / "refs")


def test_every_moment_is_known_whichever_push_was_first(kept: KnownRefs) -> None:
    first = {"refs/heads/a b\u2028c": one(1), "refs/heads/\udcff": one(2), "refs/tags/x": one(3)}
    kept.write(refs_digest(first), first)
    a, b = RefUpdate("refs/heads/new", ZERO, one(4)), RefUpdate("refs/tags/x", one(3), ZERO)
    # Two that saw the same before, and one after each of them; then back to where it began.
    ways = [(first, (a,)), (first, (a, b)), (after(first, a, b), (RefUpdate("refs/tags/x", ZERO, one(3)),))]
    ways.append((after(first, a), (RefUpdate("refs/heads/new", one(4), ZERO),)))
    for before, updates in ways:
        refs = after(before, *updates)
        kept.move(refs_digest(before), refs_digest(refs), updates, refs)
        assert kept.read(refs_digest(refs)) == refs
    assert kept.read(refs_digest(first)) == first
    assert kept.read(refs_digest({"refs/heads/x": one(1)})) is None


def test_the_file_does_not_grow_without_end(kept: KnownRefs, tmp_path: Path) -> None:
    refs: Refs = {}
    for number in range(3000):
        update = RefUpdate("refs/heads/x", refs.get("refs/heads/x", ZERO), one(number + 1))
        moved_to = after(refs, update)
        kept.move(refs_digest(refs), refs_digest(moved_to), (update,), moved_to)
        refs = moved_to
    assert kept.read(refs_digest(refs)) == refs
    assert sum(path.stat().st_size for path in (tmp_path / "cache").iterdir()) < 100_000


@pytest.mark.parametrize("damage", [b"", b"\0\xff\n", b"= \n", b"= a b\nx", b"= - 00\nrefs/heads/a 1\n"])
def test_a_damaged_file_is_not_believed(kept: KnownRefs, tmp_path: Path, damage: bytes) -> None:
    refs = {"refs/heads/a": one(1)}
    kept.write(refs_digest(refs), refs)
    (tmp_path / "cache" / "refs").write_bytes(damage)
    assert kept.read(refs_digest(refs)) is None
    later = {"refs/heads/a": one(2)}
    kept.move(refs_digest(refs), refs_digest(later), moved(refs, later), later)
    assert kept.read(refs_digest(later)) in (None, later)


def test_what_moved_is_told_of_names_that_came_and_went() -> None:
    assert moved({"a": one(1), "b": one(2), "c": one(3)}, {"b": one(2), "c": one(4), "d": one(5)}) == [
        RefUpdate("a", one(1), ZERO),
        RefUpdate("c", one(3), one(4)),
        RefUpdate("d", ZERO, one(5)),
    ]
